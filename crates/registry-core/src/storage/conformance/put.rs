//! Writing whole objects, and deleting them.

use std::collections::HashSet;

use futures_util::future::join_all;

use super::{Fixture, GetOptions, PutMode, StorageError};

macro_rules! assert_refused {
    ($result:expr, $what:literal) => {
        let result = $result;
        assert!(
            matches!(result, Err(StorageError::Precondition)),
            "{} must be refused: {result:?}",
            $what
        );
    };
}

pub(super) async fn modes(at: &Fixture) {
    let key = at.key("modes/object");
    let other = at.replace(&at.key("modes/other"), "other").await;
    assert_refused!(
        at.put(&key, "x", PutMode::Update(other)).await,
        "updating an absent object"
    );
    assert!(at.is_absent(&key).await, "a refused update wrote");

    let first = at.put(&key, "one", PutMode::Create).await;
    let first = first.unwrap_or_else(|error| panic!("creating failed: {error:?}"));
    assert_eq!(at.read(&key).await, ("one".into(), first.clone()));
    assert_refused!(
        at.put(&key, "x", PutMode::Create).await,
        "creating a present object"
    );

    let second = at.put(&key, "two", PutMode::Update(first.clone())).await;
    let second = second.unwrap_or_else(|error| panic!("updating failed: {error:?}"));
    assert_ne!(first, second, "an update keeps the version");
    assert_eq!(at.read(&key).await, ("two".into(), second.clone()));
    assert_refused!(
        at.put(&key, "x", PutMode::Update(first)).await,
        "updating an older version"
    );
    assert_eq!(at.read(&key).await, ("two".into(), second.clone()));

    let third = at.replace(&key, "three").await;
    assert_ne!(second, third, "a replace keeps the version");
    assert_eq!(at.read(&key).await, ("three".into(), third));
    assert_refused!(
        at.put(&key, "x", PutMode::Update(second)).await,
        "updating a replaced version"
    );

    let fresh = at.key("modes/fresh");
    let version = at.replace(&fresh, "").await;
    assert_eq!(at.read(&fresh).await, ("".into(), version));
}

/// Versions differ however fast and alike the writes are. Over a network a version may be a hash
/// of the content, so there the content differs.
pub(super) async fn versions_differ(at: &Fixture) {
    let key = at.key("object");
    let local = at.storage.profile().local;
    let count = at.times(1000, 50);
    let mut versions = HashSet::new();
    for i in 0..count {
        let content = if local { 0 } else { i };
        versions.insert(at.replace(&key, format!("{content:08}")).await);
    }
    assert_eq!(versions.len(), count, "versions repeat");
    let (_, version) = at.read(&key).await;
    assert!(versions.contains(&version), "a version that no write had");
}

/// Many tasks count in one object, each by reading and updating until it succeeds.
pub(super) async fn updates_are_not_lost(at: &Fixture) {
    let (tasks, each) = (8, at.times(40, 5));
    let key = at.key("counter");
    at.replace(&key, "0").await;
    let counting = (0..tasks).map(|_| {
        let (at, key) = (at.clone(), key.clone());
        tokio::spawn(async move {
            for _ in 0..each {
                increment(&at, &key).await;
            }
        })
    });
    for counted in join_all(counting).await {
        counted.expect("a counting task");
    }
    let (bytes, _) = at.read(&key).await;
    let expected = (tasks * each).to_string();
    assert_eq!(bytes, expected, "updates were lost, or made twice");
}

async fn increment(at: &Fixture, key: &super::Key) {
    loop {
        let (bytes, version) = at.read(key).await;
        let count: usize = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| panic!("{key} holds no number: {bytes:?}"));
        let next = (count + 1).to_string();
        match at.put(key, next, PutMode::Update(version)).await {
            Ok(_) => return,
            Err(StorageError::Precondition) => {}
            Err(error) => panic!("updating {key} failed: {error:?}"),
        }
    }
}

/// Of many that create an object at once, one succeeds, and its bytes stay.
pub(super) async fn one_creates(at: &Fixture) {
    for round in 0..at.times(20, 3) {
        let key = at.key(&format!("new-{round}/object"));
        let racing = (0..16).map(|i| {
            let (at, key) = (at.clone(), key.clone());
            tokio::spawn(async move { (i, at.put(&key, i.to_string(), PutMode::Create).await) })
        });
        let mut winners = Vec::new();
        for raced in join_all(racing).await {
            match raced.expect("a racing task") {
                (i, Ok(version)) => winners.push((i, version)),
                (_, Err(StorageError::Precondition)) => {}
                (_, Err(error)) => panic!("creating {key} failed: {error:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "{key} has one creator: {winners:?}");
        let (winner, version) = winners.remove(0);
        assert_eq!(at.read(&key).await, (winner.to_string().into(), version));
    }
}

pub(super) async fn delete(at: &Fixture) {
    let key = at.key("folder/object");
    at.delete(&key).await;
    at.replace(&key, "x").await;
    at.delete(&key).await;
    assert!(at.is_absent(&key).await, "a deleted object is read");
    let head = GetOptions {
        head: true,
        ..GetOptions::default()
    };
    let head = at.try_get(&key, head).await;
    assert!(matches!(head, Err(StorageError::NotFound)), "{head:?}");
    at.delete(&key).await;
    let again = at.put(&key, "y", PutMode::Create).await;
    assert!(again.is_ok(), "creating what was deleted: {again:?}");
    assert_eq!(at.read(&key).await.0, "y");
}
