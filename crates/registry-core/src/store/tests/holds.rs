//! What makes a shelf hold a blob, and what a crash or a collection leaves of it.

use std::{future::ready, pin::pin};

use super::{
    collection::{gc, interrupted, list, unlist},
    *,
};
use crate::storage::PutMode;

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
async fn a_push_that_crashed_half_way_needs_nobody_elses_bytes() {
    let bucket = Bucket::default();
    let (a, b, digest) = (bucket.shelf("a"), bucket.shelf("b"), sha256(b"blob"));
    crash(&bucket, "a", b"blob").await;
    // Were it said to be here, nobody would send it again.
    assert_eq!(read(&a, &digest).await.unwrap(), None);
    assert!(!list(&a, "l", std::slice::from_ref(&digest)).await);
    push(&b, b"blob").await.unwrap();
    // Now it is here, since its bytes were seen here, too; whoever relies on that may.
    assert!(list(&a, "l", std::slice::from_ref(&digest)).await);
    b.remove_blob(&digest).await.unwrap();
    gc(&bucket).await;
    assert_eq!(read(&a, &digest).await.unwrap().unwrap(), "blob");
    assert_eq!(read(&b, &digest).await.unwrap(), None);
}

#[tokio::test]
async fn of_two_who_lost_a_blob_neither_takes_the_other_for_its_holder() {
    let bucket = Bucket::default();
    let (a, digest) = (bucket.shelf("a"), sha256(b"blob"));
    push(&a, b"blob").await.unwrap();
    let blobs = std::slice::from_ref(&digest);
    let (one, two) = (a.hold(blobs).await.unwrap(), a.hold(blobs).await.unwrap());
    gc(&bucket).await;
    assert_eq!(one.confirm().await.unwrap(), blobs);
    assert_eq!(two.confirm().await.unwrap(), blobs);
    assert_eq!(read(&a, &digest).await.unwrap(), None);
    assert!(!list(&a, "l", blobs).await);
    assert!(bucket.replica().verify(false).await.unwrap().is_sound());
}

/// How bytes go, so that whoever comes with them is asked for them.
enum Loss {
    /// Nobody held them.
    Collected,
    /// They are not there, and `verify` said so.
    GivenUp,
    /// They are not there.
    Deleted,
    /// Some of them are not there.
    Cut,
}

/// Who reads a blob looks at its record seldom; what was pushed meanwhile by another replica is there all
/// the same.
#[tokio::test]
async fn bytes_that_came_again_elsewhere_are_found() {
    use Loss::{Collected, Cut, Deleted, GivenUp};
    for loss in [Collected, GivenUp, Deleted, Cut] {
        let bucket = Bucket::default();
        // Too many to be kept in memory.
        let bytes = vec![b'x'; 100 << 10];
        let digest = sha256(&bytes);
        let (a, reader) = (bucket.shelf("a"), bucket.shelf("a"));
        push(&a, &bytes).await.unwrap();
        let file = Key::new(bucket.content().await.remove(0)).unwrap();
        assert_eq!(read(&reader, &digest).await.unwrap().unwrap(), bytes);
        match loss {
            Collected => {
                assert!(a.remove_blob(&digest).await.unwrap());
                gc(&bucket).await;
            }
            Cut => {
                let cut = bucket.0.put(&file, "x".into(), PutMode::Replace);
                cut.await.unwrap();
            }
            GivenUp | Deleted => bucket.0.delete(&file).await.unwrap(),
        }
        if matches!(loss, GivenUp) {
            assert!(!bucket.replica().verify(true).await.unwrap().is_sound());
        }
        // As one looks who is about to push it.
        let there = reader.blob(&digest).await.unwrap().is_some();
        assert_eq!(there, matches!(loss, Deleted | Cut));
        assert!(!matches!(read(&reader, &digest).await, Ok(Some(_))));
        push(&a, &bytes).await.unwrap();
        assert_eq!(read(&reader, &digest).await.unwrap().unwrap(), bytes);
        assert!(a.remove_blob(&digest).await.unwrap());
        assert_eq!(read(&reader, &digest).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_piece_that_came_again_elsewhere_is_found() {
    let bucket = Bucket::default();
    let (a, digest) = (bucket.shelf("a"), sha256(b"abcdefg"));
    let upload = a.begin_upload(Algorithm::Sha256, LIMIT).await.unwrap();
    let name = upload.name().to_owned();
    let first = upload.append("abc".into(), Piece::default());
    first.await.unwrap();
    let upload = a.find_upload(&name, LIMIT).await.unwrap();
    let last = upload.finish(digest.clone(), "defg".into(), Piece::default());
    last.await.unwrap();
    let reader = bucket.shelf("a");
    assert_eq!(read(&reader, &digest).await.unwrap().unwrap(), "abcdefg");
    let prefix = Key::new("m/content").unwrap();
    let files = bucket.0.list(Some(&prefix), None);
    let second = files
        .map(Result::unwrap)
        .filter(|file| ready(file.size == 4));
    let second = pin!(second).next().await.unwrap();
    bucket.0.delete(&second.key).await.unwrap();
    push(&bucket.shelf("b"), b"abcdefg").await.unwrap();
    assert_eq!(read(&reader, &digest).await.unwrap().unwrap(), "abcdefg");
}

/// However many hold a blob, its record does not grow, and is not written for one more.
#[tokio::test]
async fn a_blob_that_many_hold_costs_no_more() {
    let bucket = Bucket::default();
    let (first, digest) = (bucket.shelf("first"), sha256(b"blob"));
    push(&first, b"blob").await.unwrap();
    let key = layout::record(&Key::new("m").unwrap(), &digest);
    let documents = &first.store.0.documents;
    let mut written = Vec::new();
    for n in 0..200 {
        let shelf = bucket.shelf(&format!("shelf{n}"));
        if n % 2 == 0 {
            push(&shelf, b"blob").await.unwrap();
        } else {
            assert!(shelf.mount_blob(&digest, &first).await.unwrap());
        }
        let record = documents.fresh(&key).await.unwrap().unwrap();
        written.push(record.revision);
    }
    assert_eq!(written[100], written[199], "{written:?}");
    let record = documents.fresh(&key).await.unwrap().unwrap();
    assert!(record.serialize().unwrap().len() < 4096);
    // And the last of them keeps it.
    first.remove_blob(&digest).await.unwrap();
    for n in 0..199 {
        let shelf = bucket.shelf(&format!("shelf{n}"));
        shelf.remove_blob(&digest).await.unwrap();
    }
    let last = bucket.shelf("shelf199");
    assert!(list(&last, "l", std::slice::from_ref(&digest)).await);
    gc(&bucket).await;
    assert_eq!(read(&last, &digest).await.unwrap().unwrap(), "blob");
    unlist(&last, "l").await;
    gc(&bucket).await;
    assert_eq!(read(&last, &digest).await.unwrap(), None);
    assert_eq!(bucket.content().await.len(), 0);
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

/// Whoever names a blob that a collection is about to take makes sure by themselves that it stays: the
/// push that brought it may never come to that.
#[tokio::test]
async fn a_blob_whose_push_broke_off_as_it_was_doomed_is_kept_by_who_names_it() {
    let bucket = Bucket::default();
    let (a, digest) = (bucket.shelf("a"), sha256(b"blob"));
    push(&a, b"blob").await.unwrap();
    a.remove_blob(&digest).await.unwrap();
    let (stands, report) = interrupted(&bucket, ("m/blobs/", 1), async {
        crash(&bucket, "b", b"blob").await;
        list(&bucket.shelf("b"), "l", std::slice::from_ref(&digest)).await
    })
    .await;
    assert!(stands);
    assert_eq!(report.collected, []);
    let bytes = read(&bucket.shelf("b"), &digest).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(&b"blob"[..]));
}

/// What a crash left between the end of an upload and the blob's record is done by who asks again.
#[tokio::test]
async fn an_upload_that_ended_half_way_ends_when_it_is_asked_to_again() {
    let bucket = Bucket::default();
    let digest = sha256(b"blob");
    let gate = Gate::before("m/blobs/");
    let replica = bucket.replica_with(Habits {
        gate: Some(gate.clone()),
        ..Habits::default()
    });
    let shelf = replica.repo(&resource("a"), Arc::new(Actor::default()));
    let upload = shelf.begin_upload(Algorithm::Sha256, LIMIT).await.unwrap();
    let name = upload.name().to_owned();
    let piece = upload.clone().append("blob".into(), Piece::default());
    piece.await.unwrap();
    let end = upload.finish(digest.clone(), Body::empty(), Piece::default());
    tokio::spawn(end);
    gate.reached.notified().await;
    let a = bucket.shelf("a");
    assert_eq!(read(&a, &digest).await.unwrap(), None);
    let again = a.find_upload(&name, LIMIT).await.unwrap();
    let again = again.finish(digest.clone(), Body::empty(), Piece::default());
    assert_eq!(again.await.unwrap(), Finished::Done);
    assert_eq!(read(&a, &digest).await.unwrap().unwrap(), "blob");
}
