//! A shelf holds a blob only if the blob's record knows of it, since that is where a collection looks.

use super::{
    collection::{gc, list},
    *,
};

/// A push that ends, as by a crash, after the shelf says that it holds the blob and before the
/// record knows.
async fn crash(bucket: &Bucket, shelf: &str, bytes: &'static [u8]) {
    let gate = Gate::before("m/blobs/");
    let replica = bucket.replica_with(Habits {
        gate: Some(gate.clone()),
        ..Habits::default()
    });
    let shelf = replica.repo(&resource(shelf), Arc::new(Actor::default()));
    tokio::spawn(async move { push(&shelf, bytes).await });
    gate.reached.notified().await;
}

#[tokio::test]
async fn a_push_that_crashed_half_way_holds_nothing() {
    let bucket = Bucket::default();
    let (a, b, digest) = (bucket.shelf("a"), bucket.shelf("b"), sha256(b"blob"));
    push(&b, b"blob").await.unwrap();
    crash(&bucket, "a", b"blob").await;
    // Were it said to be here, nobody would send it again.
    assert_eq!(read(&a, &digest).await.unwrap(), None);
    let listed = list(&a, "l", std::slice::from_ref(&digest)).await;
    b.remove_blob(&digest).await.unwrap();
    gc(&bucket).await;
    assert!(!listed, "{:?}", read(&a, &digest).await);
    push(&a, b"blob").await.unwrap();
    assert!(list(&a, "l", std::slice::from_ref(&digest)).await);
    gc(&bucket).await;
    assert_eq!(read(&a, &digest).await.unwrap().unwrap(), "blob");
}

#[tokio::test]
async fn of_two_who_lost_a_blob_neither_takes_the_other_for_its_holder() {
    let bucket = Bucket::default();
    let (a, b, digest) = (bucket.shelf("a"), bucket.shelf("b"), sha256(b"blob"));
    push(&a, b"blob").await.unwrap();
    let blobs = std::slice::from_ref(&digest);
    let (one, two) = (a.hold(blobs).await.unwrap(), a.hold(blobs).await.unwrap());
    gc(&bucket).await;
    assert_eq!(one.confirm().await.unwrap(), blobs);
    assert_eq!(two.confirm().await.unwrap(), blobs);
    // And when it comes elsewhere, this shelf shows nothing of it.
    push(&b, b"blob").await.unwrap();
    assert_eq!(read(&a, &digest).await.unwrap(), None);
    assert!(!list(&a, "l", blobs).await);
}

#[tokio::test]
async fn what_is_about_to_be_named_is_looked_at_afresh() {
    let bucket = Bucket::default();
    let digest = sha256(b"blob");
    let forgetful = bucket.replica_with(Habits {
        max_age: Duration::from_secs(3600),
        ..Habits::default()
    });
    let shelf = forgetful.repo(&resource("a"), Arc::new(Actor::default()));
    push(&shelf, b"blob").await.unwrap();
    assert!(shelf.blob(&digest).await.unwrap().is_some());
    gc(&bucket).await;
    assert!(!list(&shelf, "l", std::slice::from_ref(&digest)).await);
    push(&shelf, b"blob").await.unwrap();
    assert!(list(&shelf, "l", std::slice::from_ref(&digest)).await);
    assert_eq!(
        read(&bucket.shelf("a"), &digest).await.unwrap().unwrap(),
        "blob"
    );
}
