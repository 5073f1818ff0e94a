//! What becomes of pushes when the storage fails or the client goes away, and what they cost it.

use std::{future::Future, pin::pin, sync::Arc, task::Poll};

use http::StatusCode;
use registry_core::storage::Memory;
use registry_oci::OciConfig;
use registry_testkit::{Client, Fault, Faulty};

use crate::{
    fixture::{Manifest, push},
    registry,
};

fn faulty() -> (Faulty, Client) {
    let storage = Faulty::new(Arc::new(Memory::default()));
    let client = registry(Arc::new(storage.clone()), OciConfig::default());
    (storage, client.token("writer"))
}

/// What refers to a manifest that is there, to be pushed.
async fn referrer(client: &Client, n: usize) -> (Manifest, Manifest) {
    let subject = push(client, "a", "subject", "layer").await;
    let referrer = Manifest::image("layer")
        .with("subject", subject.descriptor())
        .with("n", n);
    (subject, referrer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_failed_half_way_succeeds_the_second_time() {
    let places = ["/_manifests/", "/_referrers/", "/_tags/x", "/log/"];
    let faults = [
        Fault::Lost,
        Fault::Unanswered,
        Fault::Retried,
        Fault::Refused,
        Fault::Full,
    ];
    let all = places
        .into_iter()
        .flat_map(|place| faults.map(|fault| (place, fault)));
    for (n, (place, fault)) in all.enumerate() {
        let (storage, client) = faulty();
        let (subject, referrer) = referrer(&client, n).await;
        storage.tell(place, fault);
        let first = referrer.put(&client, "a", "x").await.status;
        assert!(
            first == StatusCode::CREATED || first.is_server_error(),
            "{place} {fault:?}: {first}"
        );
        let second = referrer.put(&client, "a", "x").await;
        assert_eq!(second.status, StatusCode::CREATED, "{place} {fault:?}");
        let pulled = client.get("/v2/a/manifests/x").await;
        assert_eq!(pulled.text(), referrer.text(), "{place} {fault:?}");
        let listed = client
            .get(&format!("/v2/a/referrers/{}", subject.digest()))
            .await;
        let listed = listed.json()["manifests"].as_array().unwrap().len();
        assert_eq!(listed, 1, "{place} {fault:?}");
        let tags = client.get("/v2/a/tags/list").await;
        assert_eq!(tags.json()["tags"], serde_json::json!(["subject", "x"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_failed_half_way_shows_nothing() {
    for fault in [Fault::Full, Fault::Refused] {
        let (storage, client) = faulty();
        let (subject, referrer) = referrer(&client, 0).await;
        referrer.put(&client, "a", "x").await;
        storage.tell("/_referrers/", fault);
        let path = format!("/v2/a/manifests/{}", referrer.digest());
        let deleted = client.delete(&path).await;
        assert!(!deleted.status.is_client_error(), "{fault:?}");
        assert_eq!(client.get(&path).await.status, StatusCode::NOT_FOUND);
        let listed = client
            .get(&format!("/v2/a/referrers/{}", subject.digest()))
            .await;
        assert_eq!(listed.json()["manifests"], serde_json::json!([]));
        referrer.put(&client, "a", "x").await;
        let listed = client
            .get(&format!("/v2/a/referrers/{}", subject.digest()))
            .await;
        assert_eq!(listed.json()["manifests"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_goes_on_when_its_client_goes_away() {
    let (storage, client) = faulty();
    let (_, referrer) = referrer(&client, 0).await;
    storage.tell("/_manifests/", Fault::Slow);
    storage.calls();
    {
        let mut put = pin!(referrer.put(&client, "a", "x"));
        // As far as that the manifest is on its way.
        std::future::poll_fn(|context| {
            let _ = put.as_mut().poll(context);
            let calls = storage.calls();
            if calls
                .iter()
                .any(|call| call.starts_with("put") && call.contains("/_manifests/"))
            {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    while client.get("/v2/a/manifests/x").await.status != StatusCode::OK {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pull_and_a_push_cost_a_bucket() {
    let storage = Faulty::new(Arc::new(Memory::default())).remote();
    let client = registry(Arc::new(storage.clone()), OciConfig::default()).token("writer");
    let image = push(&client, "a", "latest", "layer").await;
    let cost = || {
        let calls = storage.calls().into_iter();
        let short = calls.map(|call| call.replace(&image.digest()[7..], "DIGEST"));
        short.collect::<Vec<_>>()
    };
    cost();
    let (manifest, tag) = (
        "get oci/repositories/a/_manifests/sha256/DIGEST",
        "get oci/repositories/a/_tags/latest",
    );
    client.get("/v2/a/manifests/latest").await;
    assert_eq!(cost(), [tag, manifest]);
    client
        .get(&format!("/v2/a/manifests/{}", image.digest()))
        .await;
    assert_eq!(cost(), [manifest]);
    Manifest::image("layer")
        .with("n", 1)
        .put(&client, "a", "new")
        .await;
    let calls = cost();
    let puts = calls.iter().filter(|call| call.starts_with("put"));
    let puts: Vec<_> = puts
        .map(|call| call.split('/').nth(3).unwrap_or("log"))
        .collect();
    assert_eq!(puts, ["_manifests", "log", "_tags", "log"], "{calls:?}");
}
