//! What is acknowledged stands in every view, on every replica; what a crash left is healed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use http::StatusCode;
use registry_core::storage::{Get, Key, Memory, PutMode, Storage};
use registry_testkit::{Fault, Faulty};

use crate::{faulty, service, writer};

async fn keys(storage: &dyn Storage, prefix: &str) -> Vec<Key> {
    let prefix = Key::new(prefix).unwrap();
    storage
        .list(Some(&prefix), None)
        .map(|entry| entry.unwrap().key)
        .collect()
        .await
}

async fn content(storage: &dyn Storage, key: &Key) -> Bytes {
    match storage.get(key, Default::default()).await.unwrap() {
        Get::Found(found) => found.body.collect(1 << 20).await.unwrap(),
        Get::NotModified => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_on_one_replica_is_listed_on_another_at_once() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let replicas = [
        writer(storage.clone()),
        writer(storage.clone()),
        writer(storage),
    ];
    for n in 0..60 {
        let name = format!("/toy/b{n}/x");
        assert_eq!(
            replicas[n % 3].put(&name, "1").await.status,
            StatusCode::CREATED
        );
        let listed = replicas[(n + 1) % 3].get("/toy/-/boxes").await.json();
        assert_eq!(listed.as_array().unwrap().len(), n + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_survive_a_store_that_fails_and_lies() {
    for fault in [Fault::Lost, Fault::Unanswered, Fault::Retried, Fault::Slow] {
        for storage in faulty() {
            let clients = [
                writer(Arc::new(storage.clone())),
                writer(Arc::new(storage.clone())),
            ];
            for n in 0..6 {
                storage.tell("/log/", fault);
                let name = format!("/toy/b{n}/x");
                assert_eq!(
                    clients[n % 2].put(&name, "1").await.status,
                    StatusCode::CREATED
                );
            }
            for client in &clients {
                let listed = client.get("/toy/-/boxes").await.json();
                assert_eq!(listed.as_array().unwrap().len(), 6, "{fault:?}");
            }
        }
    }
}

/// GCS answers 429 to a second write of one object within a second.
#[tokio::test(flavor = "multi_thread")]
async fn changes_wait_for_a_store_that_takes_one_write_a_second() {
    let storage = Faulty::new(Arc::new(Memory::default()))
        .remote()
        .paced(Duration::from_secs(1));
    let replicas = [
        writer(Arc::new(storage.clone())),
        writer(Arc::new(storage.clone())),
    ];
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..24 {
        let client = replicas[n % 2].clone();
        let name = if n < 12 { "hot" } else { &format!("b{n}") };
        let path = format!("/toy/{name}/x{n}");
        tasks.spawn(async move { client.put(&path, "1").await.status });
    }
    while let Some(status) = tasks.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::CREATED);
    }
    for client in &replicas {
        let boxes = client.get("/toy/-/boxes").await.json();
        assert_eq!(boxes.as_array().unwrap().len(), 13);
        let hot = client.get("/toy/hot").await.json();
        assert_eq!(hot.as_object().unwrap().len(), 12);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_sealed_in_chunks_and_restarted_from_a_checkpoint() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let replicas = [writer(storage.clone()), writer(storage.clone())];
    let long = "n".repeat(150);
    let mut expected = BTreeSet::new();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..9000 {
        let client = replicas[n % 2].clone();
        let name = format!("{long}{n}");
        expected.insert(name.clone());
        tasks.spawn(async move { client.put(&format!("/toy/{name}/x"), "1").await.status });
        if n % 256 == 0 {
            while let Some(status) = tasks.join_next().await {
                assert_eq!(status.unwrap(), StatusCode::CREATED);
            }
            // A replica that looks now and then writes the checkpoints.
            replicas[0].get("/toy/-/boxes").await;
        }
    }
    while let Some(status) = tasks.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::CREATED);
    }
    replicas[0].get("/toy/-/boxes").await;
    let chunks = keys(&*storage, "toy/log").await;
    assert!(chunks.len() > 40, "{}", chunks.len());
    while keys(&*storage, "toy/log/checkpoint").await.is_empty() {
        tokio::task::yield_now().await;
    }
    // A checkpoint that was not written to its end is passed over.
    let torn = Key::new("toy/log/checkpoint/boxes/9999999999-torn").unwrap();
    storage
        .put(&torn, "{\"name\":\"x\"".into(), PutMode::Create)
        .await
        .unwrap();
    let fresh = writer(storage.clone()).get("/toy/-/boxes").await.json();
    let fresh: BTreeSet<String> = serde_json::from_value(fresh).unwrap();
    assert_eq!(fresh, expected);
    // It really starts there: the chunks before it are not needed.
    let first = Key::new("toy/log/0000000000").unwrap();
    storage.delete(&first).await.unwrap();
    let again = writer(storage.clone()).get("/toy/-/boxes").await.json();
    assert_eq!(again.as_array().unwrap().len(), expected.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn much_to_say_does_not_wedge_the_log() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let client = writer(storage.clone());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..60 {
        let name = ["long", "short", "endless"][n % 3];
        let client = client.clone();
        tasks.spawn(async move {
            let answer = client.put(&format!("/toy/{name}-{n}/x"), "1").await;
            (name, answer.status)
        });
    }
    while let Some(end) = tasks.join_next().await {
        let (name, status) = end.unwrap();
        assert_eq!(status == StatusCode::CREATED, name != "endless", "{status}");
    }
    for client in [client, writer(storage)] {
        let listed = client.get("/toy/-/boxes").await.json();
        assert_eq!(listed.as_array().unwrap().len(), 40);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_looks_for_the_end_of_the_log_once() {
    let [storage, _] = faulty();
    let client = writer(Arc::new(storage.clone()));
    client.put("/toy/a/x", "1").await;
    storage.calls();
    for n in 0..5 {
        client.put(&format!("/toy/a/i{n}"), "1").await;
    }
    let calls = storage.calls();
    assert!(
        !calls.iter().any(|call| call.starts_with("list ")),
        "{calls:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_is_passed_over_and_healed() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let client = writer(storage.clone());
    client.put("/toy/a/x", "1").await;
    let first = Key::new("toy/log/0000000000").unwrap();
    storage
        .put(&first, "{\"name\":\"a\",\n".into(), PutMode::Replace)
        .await
        .unwrap();
    let client = writer(storage.clone());
    client.put("/toy/b/x", "1").await;
    assert_eq!(client.get("/toy/-/boxes").await.text(), "[\"b\"]");
    assert!(service(storage).verify(true).await.unwrap().is_sound());
    assert_eq!(client.get("/toy/-/boxes").await.text(), "[\"a\",\"b\"]");
}

/// A replica that trusts what it has read for an hour.
fn trusting(storage: Arc<dyn Storage>) -> registry_testkit::Client {
    let options = registry_core::protocol::Options {
        metadata_max_age: Duration::from_secs(3600),
        ..Default::default()
    };
    let auth = registry_testkit::TestAuth::new(None);
    let builder = registry_core::protocol::Builder::new(storage, auth, options);
    let toy = registry_core::protocol::Mount::new(registry_testkit::toy::Toy);
    registry_testkit::Client::new(builder.mount(toy).build().unwrap()).token("writer")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_entry_is_never_older_than_its_document() {
    let inner: Arc<dyn Storage> = Arc::new(Memory::default());
    let slow = registry_testkit::Faulty::new(inner.clone());
    let replicas = [trusting(Arc::new(slow.clone())), writer(inner.clone())];
    replicas[0].put("/toy/a/x", "1").await;
    // The first replica's append loses its race against another's of a newer document.
    slow.tell("toy/log/", Fault::Slow);
    let first = tokio::spawn({
        let replica = replicas[0].clone();
        async move { replica.put("/toy/a/y", "1").await.status }
    });
    while replicas[1].get("/toy/a/y").await.status != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    replicas[1].put("/toy/a/z", "1").await;
    assert_eq!(first.await.unwrap(), StatusCode::CREATED);
    let chunk = Key::new("toy/log/0000000000").unwrap();
    let bytes = content(&*inner, &chunk).await;
    let last = String::from_utf8_lossy(&bytes)
        .lines()
        .last()
        .map(str::to_owned);
    assert!(last.unwrap().contains("\"revision\":3"), "{bytes:?}");
}

/// A store in which a box was committed and the process died before it told the log.
async fn crashed() -> Arc<dyn Storage> {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let client = writer(storage.clone());
    client.put("/toy/a/x", "1").await;
    client.put("/toy/b/x", "1").await;
    for key in keys(&*storage, "toy/log").await {
        storage.delete(&key).await.unwrap();
    }
    storage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_heals_the_log() {
    let client = writer(crashed().await);
    assert_eq!(client.get("/toy/-/boxes").await.text(), "[]");
    assert_eq!(client.put("/toy/a/x", "1").await.status, StatusCode::OK);
    assert_eq!(client.get("/toy/-/boxes").await.text(), "[\"a\"]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_heals_the_log_after_a_while() {
    let client = writer(crashed().await);
    client.get("/toy/a/x").await;
    assert_eq!(client.get("/toy/-/boxes").await.text(), "[]");
    tokio::time::sleep(Duration::from_millis(5100)).await;
    client.get("/toy/a/x").await;
    while client.get("/toy/-/boxes").await.text() != "[\"a\"]" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_was_put_back_is_told_anew() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let client = writer(storage.clone());
    client.put("/toy/a/x", "1").await;
    let index = Key::new("toy/boxes/a/box.jsonl").unwrap();
    let backup = content(&*storage, &index).await;
    client.put("/toy/a/y", "1").await;
    assert!(
        service(storage.clone())
            .verify(true)
            .await
            .unwrap()
            .is_sound()
    );
    storage.put(&index, backup, PutMode::Replace).await.unwrap();
    let report = service(storage.clone()).verify(false).await.unwrap();
    assert!(
        report.to_string().contains("the log does not know"),
        "{report}"
    );
    assert!(
        service(storage.clone())
            .verify(true)
            .await
            .unwrap()
            .is_sound()
    );
    let report = service(storage).verify(false).await.unwrap();
    assert!(report.problems.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_what_is_wrong_and_repairs_the_log() {
    let storage = crashed().await;
    let registry = service(storage.clone());
    let report = registry.verify(false).await.unwrap();
    assert_eq!(
        (report.documents, report.artifacts, report.problems.len()),
        (2, 2, 2)
    );
    assert!(!report.is_sound());
    assert!(registry.verify(true).await.unwrap().is_sound());
    assert!(registry.verify(false).await.unwrap().problems.is_empty());

    let files = keys(&*storage, "toy/boxes/a").await;
    let bytes = files
        .iter()
        .find(|key| key.as_str().ends_with(".bin"))
        .unwrap();
    storage
        .put(bytes, "2".into(), PutMode::Replace)
        .await
        .unwrap();
    let report = registry.verify(true).await.unwrap();
    assert!(report.to_string().contains("hashes to"), "{report}");
    storage.delete(bytes).await.unwrap();
    let report = registry.verify(true).await.unwrap();
    assert!(report.to_string().contains("is missing"), "{report}");
    assert!(!report.is_sound());
}

#[tokio::test(flavor = "multi_thread")]
async fn gc_takes_what_nothing_names_and_is_old_enough() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let registry = service(storage.clone());
    writer(storage.clone()).put("/toy/a/x", "1").await;
    let orphan = |name: &str| Key::new(format!("toy/boxes/{name}")).unwrap();
    let orphans = [orphan("a/x.0000000000000000.bin"), orphan("nobody/y.bin")];
    for key in &orphans {
        storage.put(key, "1".into(), PutMode::Create).await.unwrap();
    }
    let hour = Duration::from_secs(3600);
    let report = registry.gc(hour, false).await.unwrap();
    assert_eq!((report.collected.len(), report.young), (0, 2));
    let report = registry.gc(Duration::ZERO, true).await.unwrap();
    assert_eq!(
        report
            .collected
            .iter()
            .map(|(key, _)| key)
            .collect::<Vec<_>>(),
        orphans.iter().collect::<Vec<_>>()
    );
    assert_eq!(
        registry
            .gc(Duration::ZERO, false)
            .await
            .unwrap()
            .collected
            .len(),
        2
    );
    assert_eq!(
        registry
            .gc(Duration::ZERO, false)
            .await
            .unwrap()
            .collected
            .len(),
        0
    );
    assert_eq!(writer(storage).get("/toy/a/x").await.text(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn gc_spares_what_is_named_beside_a_folder_below() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let client = writer(storage.clone());
    for item in ["a", "x"] {
        client.put(&format!("/toy/a/{item}"), "1").await;
    }
    let stray = Key::new("toy/boxes/a/kept/aside").unwrap();
    storage
        .put(&stray, "1".into(), PutMode::Create)
        .await
        .unwrap();
    let registry = service(storage);
    let report = registry.gc(Duration::ZERO, false).await.unwrap();
    assert_eq!(report.collected, [(stray, 1)]);
    assert_eq!(client.get("/toy/a/x").await.text(), "1");
}
