//! Hooks see manifests as they see blobs, and may refuse them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use http::{Method, StatusCode};
use registry_core::{
    Body,
    auth::Action,
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::{Inspector, Operation, StorageHook, Veto},
};
use registry_oci::Oci;
use registry_testkit::{Client, TestAuth};
use tokio::sync::{Barrier, Notify};

use crate::fixture::{IMAGE, Manifest, assert_refused, push, push_blob};

/// Writes down what happens to manifests; no `secret` may be in one, and none may be read or deleted
/// in a repository of that name.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<String>>>);

impl Witness {
    fn note(&self, what: &str, operation: &Operation) {
        if operation.content_type == IMAGE {
            let (resource, size) = (&operation.resource, operation.size.unwrap_or_default());
            let line = format!("{what} {resource} {size}");
            self.0.lock().unwrap().push(line);
        }
    }

    fn judge(operation: &Operation) -> Result<(), Veto> {
        if operation.content_type == IMAGE && &*operation.resource == "secret" {
            return Err(Veto("it is secret".into()));
        }
        Ok(())
    }
}

struct NoSecrets;

impl Inspector for NoSecrets {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Veto> {
        if String::from_utf8_lossy(bytes).contains("a secret") {
            return Err(Veto("no secrets here".into()));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Veto> {
        Ok(())
    }
}

#[async_trait]
impl StorageHook for Witness {
    async fn before_put(&self, operation: &Operation) -> Result<Option<Box<dyn Inspector>>, Veto> {
        self.note("before_put", operation);
        Ok(Some(Box::new(NoSecrets)))
    }

    async fn after_put(&self, operation: &Operation) {
        self.note("after_put", operation);
    }

    async fn before_get(&self, operation: &Operation) -> Result<(), Veto> {
        self.note("before_get", operation);
        Self::judge(operation)
    }

    async fn after_get(&self, operation: &Operation) {
        self.note("after_get", operation);
    }

    async fn before_delete(&self, operation: &Operation) -> Result<(), Veto> {
        self.note("before_delete", operation);
        Self::judge(operation)
    }

    async fn after_delete(&self, operation: &Operation) {
        self.note("after_delete", operation);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_seen_and_may_be_refused() {
    let witness = Witness::default();
    let auth = TestAuth::new(Some(Action::Read));
    let service = Builder::new(Arc::new(Memory::default()), auth, Options::default())
        .hook(Arc::new(witness.clone()))
        .mount(Mount::new(Oci::default()).at("/v2"))
        .build()
        .unwrap();
    let client = Client::new(service).token("writer");
    let said = || std::mem::take(&mut *witness.0.lock().unwrap());
    let image = push(&client, "a", "latest", "layer").await;
    let size = image.text().len();
    let both = |what: &str| {
        [
            format!("before_{what} a {size}"),
            format!("after_{what} a {size}"),
        ]
    };
    assert_eq!(said(), both("put"));
    // What is there already is not put again.
    image.put(&client, "a", "again").await;
    assert_eq!(said(), [""; 0]);
    for method in [Method::GET, Method::HEAD] {
        client
            .send(method, "/v2/a/manifests/latest", Body::empty())
            .await;
        assert_eq!(said(), both("get"));
    }
    client.delete("/v2/a/manifests/again").await;
    assert_eq!(said(), [""; 0]);
    client
        .delete(&format!("/v2/a/manifests/{}", image.digest()))
        .await;
    assert_eq!(said(), both("delete"));
    let secret = Manifest::image("layer").with("annotation", "a secret");
    let refused = secret.put(&client, "a", "secret").await;
    assert_refused(&refused, 403, "DENIED");
    assert!(
        refused.text().contains("no secrets here"),
        "{}",
        refused.text()
    );
    let path = format!("/v2/a/manifests/{}", secret.digest());
    assert_eq!(client.get(&path).await.status, StatusCode::NOT_FOUND);
    push_blob(&client, "secret", "x").await;
    let image = push(&client, "secret", "latest", "layer").await;
    let path = format!("/v2/secret/manifests/{}", image.digest());
    assert_refused(&client.get(&path).await, 403, "DENIED");
    assert_refused(&client.delete(&path).await, 403, "DENIED");
    assert_refused(
        &client.get("/v2/secret/manifests/latest").await,
        403,
        "DENIED",
    );
}

/// Lets manifests in when as many as it waits for are about to be written.
struct Gate(Barrier);

#[async_trait]
impl StorageHook for Gate {
    async fn before_put(&self, operation: &Operation) -> Result<Option<Box<dyn Inspector>>, Veto> {
        if operation.content_type == IMAGE {
            self.0.wait().await;
        }
        Ok(None)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_that_want_a_tag_for_themselves_one_gets_it() {
    let all = 4;
    let auth = TestAuth::new(Some(Action::Read));
    let service = Builder::new(Arc::new(Memory::default()), auth, Options::default())
        .hook(Arc::new(Gate(Barrier::new(all))))
        .mount(Mount::new(Oci::default()).at("/v2"))
        .build()
        .unwrap();
    let client = Client::new(service).token("writer");
    push_blob(&client, "a", "{}").await;
    let mut pushes = tokio::task::JoinSet::new();
    for n in 0..all {
        let layer = format!("layer {n}");
        push_blob(&client, "a", &layer).await;
        let client = client.header("if-none-match", "*");
        pushes.spawn(async move {
            let image = Manifest::image(&layer);
            let put = image.put(&client, "a", "latest").await;
            (put.status, image.text())
        });
    }
    let ended = pushes.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = ended
        .into_iter()
        .partition(|(status, _)| *status == StatusCode::CREATED);
    let lost = lost
        .iter()
        .filter(|(status, _)| *status == StatusCode::PRECONDITION_FAILED);
    assert_eq!((won.len(), lost.count()), (1, all - 1));
    let pulled = client.get("/v2/a/manifests/latest").await;
    assert_eq!(pulled.text(), won[0].1);
}

/// Holds up the first manifest between its document and its tag.
#[derive(Default)]
struct Pause {
    first: AtomicBool,
    reached: Notify,
    goes_on: Notify,
}

#[async_trait]
impl StorageHook for Pause {
    async fn after_put(&self, operation: &Operation) {
        if operation.content_type == IMAGE && !self.first.swap(true, Ordering::SeqCst) {
            self.reached.notify_one();
            self.goes_on.notified().await;
        }
    }
}

/// Deleted and pushed again while the first push has yet to set its tag: both were told that the tag
/// names it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_keeps_the_later_life_of_its_manifest() {
    let pause = Arc::new(Pause::default());
    let service = Builder::new(
        Arc::new(Memory::default()),
        TestAuth::new(Some(Action::Read)),
        Options::default(),
    )
    .hook(pause.clone())
    .mount(Mount::new(Oci::default()).at("/v2"))
    .build()
    .unwrap();
    let client = Client::new(service).token("writer");
    for blob in ["{}", "layer"] {
        push_blob(&client, "a", blob).await;
    }
    let push = |client: Client| async move {
        let put = Manifest::image("layer").put(&client, "a", "latest").await;
        put.status
    };
    let first = tokio::spawn(push(client.clone()));
    pause.reached.notified().await;
    let digest = Manifest::image("layer").digest();
    let deleted = client.delete(&format!("/v2/a/manifests/{digest}")).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    assert_eq!(push(client.clone()).await, StatusCode::CREATED);
    pause.goes_on.notify_one();
    assert_eq!(first.await.unwrap(), StatusCode::CREATED);
    let pulled = client.get("/v2/a/manifests/latest").await;
    assert_eq!(pulled.status, StatusCode::OK, "{}", pulled.text());
}
