//! Collection and verification of what was pushed.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use registry_core::{
    auth::Action,
    protocol::{Builder, Mount, Options, RegistryService},
    storage::{Get, GetOptions, Key, Memory, PutMode, Storage},
};
use registry_oci::Oci;
use registry_testkit::{Client, Faulty, TestAuth};

use crate::fixture::{Manifest, digest, push, push_blob};

fn registry() -> (Arc<Memory>, RegistryService, Client) {
    let storage = Arc::new(Memory::default());
    let (service, client) = over(storage.clone());
    (storage, service, client)
}

fn over(storage: Arc<dyn Storage>) -> (RegistryService, Client) {
    let auth = TestAuth::new(Some(Action::Read));
    let options = Options {
        grace: Duration::ZERO,
        ..Options::default()
    };
    let service = Builder::new(storage, auth, options)
        .mount(Mount::new(Oci::default()).at("/v2"))
        .build()
        .unwrap();
    let client = Client::new(service.clone()).token("writer");
    (service, client)
}

async fn status(client: &Client, path: &str) -> StatusCode {
    client.get(path).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_names_is_kept_and_the_rest_is_collected() {
    let (_, service, client) = registry();
    let image = push(&client, "a", "latest", "layer").await;
    push_blob(&client, "a", "unused").await;
    let dry = service.gc(Duration::ZERO, true).await.unwrap();
    assert_eq!(dry.released.len(), 1, "{dry}");
    let collected = service.gc(Duration::ZERO, false).await.unwrap();
    assert_eq!(collected.released.len(), 1, "{collected}");
    let blob = |bytes: &str| format!("/v2/a/blobs/{}", digest(bytes));
    assert_eq!(
        status(&client, &blob("unused")).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(status(&client, &blob("layer")).await, StatusCode::OK);
    assert_eq!(status(&client, &blob("{}")).await, StatusCode::OK);
    assert_eq!(
        client.get("/v2/a/manifests/latest").await.text(),
        image.text()
    );
    // Once the manifest is gone its blobs are needed no more.
    client
        .delete(&format!("/v2/a/manifests/{}", image.digest()))
        .await;
    let collected = service.gc(Duration::ZERO, false).await.unwrap();
    assert_eq!(collected.released.len(), 2, "{collected}");
    assert_eq!(status(&client, &blob("layer")).await, StatusCode::NOT_FOUND);
    let refused = image.put(&client, "a", "latest").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    push(&client, "a", "latest", "layer").await;
    assert_eq!(
        client.get("/v2/a/manifests/latest").await.text(),
        image.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_sound_and_damage_is_told() {
    let (storage, service, client) = registry();
    let image = push(&client, "a/b", "latest", "layer").await;
    let referrer = Manifest::image("layer").with("subject", image.descriptor());
    referrer.put(&client, "a/b", "referrer").await;
    client.delete("/v2/a/b/manifests/referrer").await;
    let report = service.verify(false).await.unwrap();
    assert!(report.is_sound(), "{report}");
    // A letter of a manifest's text is another.
    let path = image.digest().replace(':', "/");
    let key = Key::new(format!("oci/repositories/a/b/_manifests/{path}")).unwrap();
    let Get::Found(object) = storage.get(&key, GetOptions::default()).await.unwrap() else {
        panic!("the manifest is not there");
    };
    let bytes = object.body.collect(1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let damaged = text.replace("schemaVersion", "schemaversion");
    storage
        .put(&key, damaged.into(), PutMode::Replace)
        .await
        .unwrap();
    let report = service.verify(false).await.unwrap();
    assert_eq!(report.problems.len(), 1, "{report}");
    assert!(
        report.to_string().contains("its content hashes to"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_can_be_made_anew() {
    let (storage, _, client) = registry();
    push(&client, "a/b", "one", "one").await;
    push(&client, "a/b", "two", "two").await;
    push(&client, "c", "latest", "three").await;
    client.delete("/v2/a/b/manifests/one").await;
    storage
        .delete(&Key::new("oci/log/0000000000").unwrap())
        .await
        .unwrap();
    let service = Builder::new(
        storage,
        TestAuth::new(Some(Action::Read)),
        Options::default(),
    )
    .mount(Mount::new(Oci::default()).at("/v2"))
    .build()
    .unwrap();
    let report = service.verify(true).await.unwrap();
    assert!(
        report.problems.iter().all(|problem| problem.repaired),
        "{report}"
    );
    let client = Client::new(service);
    let tags = client.get("/v2/a/b/tags/list").await;
    assert_eq!(tags.text(), r#"{"name":"a/b","tags":["two"]}"#);
    let catalog = client.get("/v2/_catalog").await;
    assert_eq!(catalog.text(), r#"{"repositories":["a/b","c"]}"#);
}

/// A push that lost its blobs to a collection takes its manifest back, but not from whoever has pushed
/// the same one meanwhile, with its blobs.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_lost_its_blobs_takes_nothing_from_another() {
    // What the first push is about to write when the second comes: that the manifest is doubtful, or
    // that it is gone.
    for gone in [false, true] {
        let (memory, service, client) = registry();
        let slow = Faulty::new(memory.clone());
        let (_, first) = over(Arc::new(slow.clone()));
        let image = Manifest::image("layer");
        for blob in ["{}", "layer"] {
            push_blob(&client, "a", blob).await;
        }
        let commit = slow.gate("/_manifests/");
        let pushed = image.clone();
        let pushed = tokio::spawn(async move { pushed.put(&first, "a", "x").await });
        commit.reached().await;
        let collected = service.gc(Duration::ZERO, false).await.unwrap();
        assert_eq!(collected.collected.len(), 2, "{collected}");
        let mut gate = slow.gate("/_manifests/");
        commit.open();
        gate.reached().await;
        if gone {
            let next = slow.gate("/_manifests/");
            gate.open();
            next.reached().await;
            gate = next;
        }
        for blob in ["{}", "layer"] {
            push_blob(&client, "a", blob).await;
        }
        let second = image.put(&client, "a", "x").await;
        assert_eq!(second.status, StatusCode::CREATED, "{}", second.text());
        gate.open();
        let first = pushed.await.unwrap();
        let expected = if gone {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::CREATED
        };
        assert_eq!(first.status, expected, "{}", first.text());
        for path in ["x", &image.digest()] {
            let path = format!("/v2/a/manifests/{path}");
            assert_eq!(client.get(&path).await.text(), image.text(), "{gone}");
        }
        service.gc(Duration::ZERO, false).await.unwrap();
        let layer = format!("/v2/a/blobs/{}", digest("layer"));
        assert_eq!(status(&client, &layer).await, StatusCode::OK);
    }
}

/// And one that nobody else pushed is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_lost_its_blobs_is_taken_back() {
    let (memory, service, client) = registry();
    let slow = Faulty::new(memory.clone());
    let (_, first) = over(Arc::new(slow.clone()));
    let image = Manifest::image("layer");
    for blob in ["{}", "layer"] {
        push_blob(&client, "a", blob).await;
    }
    let commit = slow.gate("/_manifests/");
    let pushed = image.clone();
    let pushed = tokio::spawn(async move { pushed.put(&first, "a", "x").await });
    commit.reached().await;
    service.gc(Duration::ZERO, false).await.unwrap();
    commit.open();
    let refused = pushed.await.unwrap();
    crate::fixture::assert_refused(&refused, 400, "MANIFEST_BLOB_UNKNOWN");
    let path = format!("/v2/a/manifests/{}", image.digest());
    assert_eq!(status(&client, &path).await, StatusCode::NOT_FOUND);
}
