use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory};

use super::*;
use crate::storage::conformance;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_keeps_the_promises() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    conformance::run(Arc::new(ObjectStorage::from(store)), &key("suite")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_keeps_the_promises_below_a_prefix_to_a_single_writer() {
    let store = Arc::new(InMemory::new());
    store.put(&"outside".into(), "x".into()).await.unwrap();
    let storage = ObjectStorage::new(store.clone())
        .with_prefix(key("our/own"))
        .single_writer(true);
    assert!(!storage.profile().conditional_writes);
    let storage = Arc::new(storage);
    conformance::run(storage.clone(), &key("suite")).await;
    let all: Vec<_> = store.list(None).try_collect().await.unwrap();
    let outside = all
        .iter()
        .filter(|found| !found.location.as_ref().starts_with("our/own/suite/"));
    assert_eq!(outside.count(), 1);
    let ours: Vec<_> = storage.list(None, None).try_collect().await.unwrap();
    assert_eq!(ours.len(), all.len() - 1);
}

#[tokio::test]
async fn a_probe_finds_conditional_writes_and_leaves_nothing() {
    let store = Arc::new(InMemory::new());
    assert!(ObjectStorage::new(store.clone()).probe().await.unwrap());
    let left: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}
