//! No update is lost, whatever the store does.

use std::{collections::BTreeSet, sync::Arc};

use http::{Method, StatusCode};
use registry_core::{
    Body,
    storage::{Directory, Memory, Storage},
};
use registry_testkit::Fault;

use crate::{faulty, writer};

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_on_three_replicas_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let directory: Arc<dyn Storage> = Arc::new(Directory::open(folder.path()).unwrap());
    for storage in [Arc::new(Memory::default()) as Arc<dyn Storage>, directory] {
        let replicas: Vec<_> = (0..3).map(|_| writer(storage.clone())).collect();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..120 {
            let client = replicas[n % 3].clone();
            tasks.spawn(async move { client.put(&format!("/toy/hot/i{n}"), format!("{n}")).await });
        }
        while let Some(answer) = tasks.join_next().await {
            assert_eq!(answer.unwrap().status, StatusCode::CREATED);
        }
        for replica in &replicas {
            let listed = replica.get("/toy/hot").await.json();
            assert_eq!(listed.as_object().unwrap().len(), 120);
            assert_eq!(replica.get("/toy/hot/i77").await.text(), "77");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_wins_a_name() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let replicas: Vec<_> = (0..3).map(|_| writer(storage.clone())).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let client = replicas[n % 3].clone();
        tasks.spawn(async move {
            (
                n,
                client.put("/toy/hot/x", format!("bytes {n}")).await.status,
            )
        });
    }
    let mut winners = BTreeSet::new();
    while let Some(answer) = tasks.join_next().await {
        let (n, status) = answer.unwrap();
        if status == StatusCode::CREATED {
            winners.insert(format!("bytes {n}"));
        } else {
            assert_eq!(status, StatusCode::CONFLICT);
        }
    }
    assert_eq!(winners.len(), 1);
    for replica in &replicas {
        assert_eq!(
            Some(&replica.get("/toy/hot/x").await.text()),
            winners.first()
        );
    }
    // The losers' bytes do not stay.
    let mut left = 20;
    while left > 1 {
        tokio::task::yield_now().await;
        left = stored(&*storage).await;
    }
    assert_eq!(left, 1);
}

async fn stored(storage: &dyn Storage) -> usize {
    use futures_util::StreamExt;
    let all: Vec<_> = storage.list(None, None).collect().await;
    all.into_iter()
        .filter(|entry| entry.as_ref().unwrap().key.as_str().ends_with(".bin"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_harmless_and_a_conflict_is_told() {
    let client = writer(Arc::new(Memory::default()));
    assert_eq!(
        client.put("/toy/a/x", "1").await.status,
        StatusCode::CREATED
    );
    assert_eq!(client.put("/toy/a/x", "1").await.status, StatusCode::OK);
    assert_eq!(
        client.put("/toy/a/x", "2").await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(client.get("/toy/a/x").await.text(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_found() {
    for fault in [Fault::Lost, Fault::Unanswered, Fault::Retried, Fault::Slow] {
        for storage in faulty() {
            let client = writer(Arc::new(storage.clone()));
            assert_eq!(
                client.put("/toy/a/first", "1").await.status,
                StatusCode::CREATED
            );
            for n in 0..3 {
                storage.tell("box.jsonl", fault);
                let answer = client.put(&format!("/toy/a/i{n}"), "2").await;
                assert_eq!(answer.status, StatusCode::CREATED, "{fault:?}");
            }
            let listed = client.get("/toy/a").await.json();
            assert_eq!(listed.as_object().unwrap().len(), 4, "{fault:?}");
            let raw = client.get("/toy/a/i2").await;
            assert_eq!(raw.text(), "2", "{fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_landed_and_was_forgotten_keeps_its_bytes() {
    for storage in faulty() {
        let [slow, other] = [0, 1].map(|_| writer(Arc::new(storage.clone())));
        storage.tell("box.jsonl", Fault::Late);
        let late = tokio::spawn({
            let slow = slow.clone();
            async move { slow.put("/toy/a/x", "1").await.status }
        });
        while other.get("/toy/a/x").await.status != StatusCode::OK {
            tokio::task::yield_now().await;
        }
        // More than a document remembers.
        for n in 0..20 {
            other.put(&format!("/toy/a/i{n}"), "2").await;
        }
        assert!(late.await.unwrap().is_success());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert_eq!(other.get("/toy/a/x").await.text(), "1");
        assert_eq!(stored(&storage).await, 21);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_for_good_may_have_written_before() {
    let [storage, _] = faulty();
    let client = writer(Arc::new(storage.clone()));
    storage.tell("box.jsonl", Fault::Refused);
    let answer = client.put("/toy/a/x", "1").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(client.get("/toy/a/x").await.text(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_refuses_and_keeps_nothing() {
    for part in [".bin", "box.jsonl"] {
        for storage in faulty() {
            let client = writer(Arc::new(storage.clone()));
            storage.tell(part, Fault::Full);
            let answer = client.put("/toy/a/x", "1").await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{part}");
            assert_eq!(client.get("/toy/a/x").await.status, StatusCode::NOT_FOUND);
            assert_eq!(
                client.put("/toy/a/x", "1").await.status,
                StatusCode::CREATED
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_after_the_commit_changes_nothing() {
    let [storage, _] = faulty();
    let client = writer(Arc::new(storage.clone()));
    storage.tell("log/", Fault::Slow);
    let gone = {
        let client = client.clone();
        tokio::spawn(async move { client.put("/toy/a/x", "1").await })
    };
    while client.get("/toy/a/x").await.status != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    gone.abort();
    while !client.get("/toy/-/boxes").await.text().contains("\"a\"") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_leaves_nothing() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let client = writer(storage.clone());
    let pieces: Vec<Result<bytes::Bytes, std::io::Error>> = vec![
        Ok(vec![1; 300_000].into()),
        Err(std::io::ErrorKind::ConnectionReset.into()),
    ];
    let body = Body::from_stream(futures_util::stream::iter(pieces), None);
    let answer = client.send(Method::PUT, "/toy/a/x", body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(stored(&*storage).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_is_gone_with_its_bytes() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let client = writer(storage.clone());
    client.put("/toy/a/x", "1").await;
    assert_eq!(
        client.delete("/toy/a/x").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(client.get("/toy/a/x").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        client.delete("/toy/a/x").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(stored(&*storage).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_rests_on_a_failed_write_is_not_told() {
    let [storage, _] = faulty();
    let client = writer(Arc::new(storage.clone()));
    storage.tell("box.jsonl", Fault::Slow);
    storage.tell("box.jsonl", Fault::Full);
    let put = |item: &'static str, bytes: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.put(&format!("/toy/a/{item}"), bytes).await.status })
    };
    let first = put("first", "0");
    while !storage
        .calls()
        .contains(&"put toy/boxes/a/box.jsonl".to_owned())
    {
        tokio::task::yield_now().await;
    }
    // Both wait for the slow write, so that one write is to hold both, and fails.
    let (one, other) = (put("x", "1"), put("x", "2"));
    assert_eq!(first.await.unwrap(), StatusCode::CREATED);
    for status in [one.await.unwrap(), other.await.unwrap()] {
        assert_ne!(status, StatusCode::CONFLICT);
    }
}
