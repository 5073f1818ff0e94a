use super::*;
use crate::{ErrorKind, storage::ByteRange};

/// A body that breaks off.
fn cut(bytes: &[u8]) -> Body {
    let pieces = [Ok(Bytes::from(bytes.to_vec())), Err("connection reset")];
    Body::from_stream(stream::iter(pieces), None)
}

async fn begin(shelf: &Repo) -> String {
    let upload = shelf.begin_upload(Algorithm::Sha256, LIMIT).await.unwrap();
    upload.name().to_owned()
}

async fn append(shelf: &Repo, name: &str, from: Option<u64>, body: Body) -> Result<Progress> {
    let upload = shelf.find_upload(name, LIMIT).await?;
    let length = body.length();
    upload.append(body, Piece { from, length }).await
}

async fn finish(shelf: &Repo, name: &str, digest: Digest, body: Body) -> Result<Finished> {
    let upload = shelf.find_upload(name, LIMIT).await?;
    upload.finish(digest, body, Piece::default()).await
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn the_last_request_may_come_again() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    append(&shelf, &name, None, "abc".into()).await.unwrap();
    let digest = sha256(b"abcdef");
    for body in ["def", "def", ""] {
        let replica = bucket.shelf("a");
        let end = finish(&replica, &name, digest.clone(), body.into());
        assert_eq!(end.await.unwrap(), Finished::Done, "{body:?}");
    }
    let other = finish(&shelf, &name, sha256(b"other"), "def".into());
    assert_eq!(kind(other.await), ErrorKind::NotFound);
    // Not when the blob was removed meanwhile.
    shelf.remove_blob(&digest).await.unwrap();
    let gone = finish(&shelf, &name, digest, "def".into());
    assert_eq!(kind(gone.await), ErrorKind::NotFound);
}

#[tokio::test]
async fn pieces_may_go_to_any_replica() {
    let bucket = Bucket::default();
    let name = begin(&bucket.shelf("a")).await;
    let all: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut offset = 0;
    for (at, piece) in all.chunks(7001).enumerate() {
        let from = (at % 2 == 0).then_some(offset);
        let added = append(&bucket.shelf("a"), &name, from, piece.to_vec().into()).await;
        offset += piece.len() as u64;
        assert_eq!(added.unwrap(), Progress::At(offset));
        let upload = bucket.shelf("a").find_upload(&name, LIMIT).await.unwrap();
        assert_eq!(upload.offset().await.unwrap(), offset);
    }
    let digest = sha256(&all);
    finish(&bucket.shelf("a"), &name, digest.clone(), Body::empty())
        .await
        .unwrap();
    let shelf = bucket.shelf("a");
    assert_eq!(read(&shelf, &digest).await.unwrap().unwrap(), all);
    let blob = shelf.blob(&digest).await.unwrap().unwrap();
    for (range, expected) in [
        (ByteRange::Inclusive(6990, 7010), &all[6990..=7010]),
        (ByteRange::Inclusive(7001, 7001), &all[7001..=7001]),
        (ByteRange::Inclusive(0, 99_999), &all[..]),
        (ByteRange::Last(7100), &all[92_900..]),
        (ByteRange::From(14_002), &all[14_002..]),
    ] {
        let object = shelf.open_blob(&blob, Some(range), false).await.unwrap();
        assert_eq!(object.range.end - object.range.start, expected.len() as u64);
        assert_eq!(
            object.body.collect(1 << 20).await.unwrap(),
            expected,
            "{range:?}"
        );
    }
    // It has ended, and its end may be told again.
    assert_eq!(
        kind(append(&shelf, &name, None, "x".into()).await),
        ErrorKind::NotFound
    );
    let again = finish(&shelf, &name, digest, Body::empty()).await.unwrap();
    assert_eq!(again, Finished::Done);
    let other = finish(&shelf, &name, sha256(b""), Body::empty()).await;
    assert_eq!(kind(other), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_piece_in_the_wrong_place_changes_nothing() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    let wrong = append(&shelf, &name, Some(3), "abc".into()).await;
    assert_eq!(wrong.unwrap(), Progress::OutOfOrder(0));
    append(&shelf, &name, Some(0), "abc".into()).await.unwrap();
    for from in [0, 2, 4] {
        let wrong = append(&shelf, &name, Some(from), "abc".into()).await;
        assert_eq!(wrong.unwrap(), Progress::OutOfOrder(3));
    }
    let upload = shelf.find_upload(&name, LIMIT).await.unwrap();
    let piece = Piece {
        from: Some(0),
        length: Some(3),
    };
    let end = upload.finish(sha256(b"abcabc"), "abc".into(), piece).await;
    assert_eq!(end.unwrap(), Finished::OutOfOrder(3));
    let end = finish(&shelf, &name, sha256(b"abcdef"), "def".into()).await;
    assert_eq!(end.unwrap(), Finished::Done);
    assert!(bucket.settled(2).await, "{:?}", bucket.content().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_pieces_for_one_place_one_is_taken() {
    for _ in 0..30 {
        let bucket = Bucket::default();
        let name = begin(&bucket.shelf("a")).await;
        let race = (0..6u8).map(|n| {
            let (shelf, name) = (bucket.shelf("a"), name.clone());
            tokio::spawn(async move {
                let from = (n % 2 == 0).then_some(0);
                let piece = vec![n; 100 + usize::from(n)];
                (n, append(&shelf, &name, from, piece.into()).await.unwrap())
            })
        });
        let race: Vec<_> = race.collect();
        let mut taken = Vec::new();
        for racer in race {
            let (n, progress) = racer.await.unwrap();
            if let Progress::At(end) = progress {
                taken.push((end, n));
            }
        }
        taken.sort_unstable();
        assert!(!taken.is_empty());
        let mut all = Vec::new();
        for (end, n) in taken {
            all.extend(vec![n; 100 + usize::from(n)]);
            assert_eq!(end, all.len() as u64);
        }
        let digest = sha256(&all);
        let shelf = bucket.shelf("a");
        finish(&shelf, &name, digest.clone(), Body::empty())
            .await
            .unwrap();
        assert_eq!(read(&shelf, &digest).await.unwrap().unwrap(), all);
    }
}

#[tokio::test]
async fn what_came_before_a_cut_is_kept_unless_its_place_was_said() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    assert_eq!(
        kind(append(&shelf, &name, None, cut(b"abc")).await),
        ErrorKind::Invalid
    );
    assert_eq!(
        kind(append(&shelf, &name, Some(3), cut(b"xyz")).await),
        ErrorKind::Invalid
    );
    assert_eq!(
        kind(finish(&shelf, &name, sha256(b"abcx"), cut(b"x")).await),
        ErrorKind::Invalid
    );
    let short = Piece {
        from: Some(3),
        length: Some(4),
    };
    let upload = shelf.find_upload(&name, LIMIT).await.unwrap();
    let upload = upload.append("xyz".into(), short);
    assert_eq!(kind(upload.await), ErrorKind::Invalid);
    let added = append(&shelf, &name, Some(3), "def".into()).await.unwrap();
    assert_eq!(added, Progress::At(6));
    finish(&shelf, &name, sha256(b"abcdef"), Body::empty())
        .await
        .unwrap();
    assert!(bucket.settled(2).await, "{:?}", bucket.content().await);
}

#[tokio::test]
async fn an_upload_survives_a_wrong_digest() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    append(&shelf, &name, None, "abc".into()).await.unwrap();
    for body in [Body::empty(), "def".into()] {
        let wrong = finish(&shelf, &name, sha256(b"other"), body).await;
        assert_eq!(kind(wrong), ErrorKind::DigestMismatch);
    }
    let blob = finish(&shelf, &name, sha256(b"abcdef"), "def".into()).await;
    assert_eq!(blob.unwrap(), Finished::Done);
    assert_eq!(
        shelf
            .blob(&sha256(b"abc"))
            .await
            .unwrap()
            .map(|blob| blob.size()),
        None
    );
}

#[tokio::test]
async fn a_digest_of_another_function_is_right_too() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let sha512 = |bytes| Digest::of(Algorithm::Sha512, bytes);
    let name = begin(&shelf).await;
    append(&shelf, &name, None, "abc".into()).await.unwrap();
    let wrong = finish(&shelf, &name, sha512(b"abd"), Body::empty()).await;
    assert_eq!(kind(wrong), ErrorKind::DigestMismatch);
    finish(&shelf, &name, sha512(b"abcdef"), "def".into())
        .await
        .unwrap();
    assert_eq!(
        read(&shelf, &sha512(b"abcdef")).await.unwrap().unwrap(),
        "abcdef"
    );
    // From the start, with nothing to read again.
    let name = begin(&shelf).await;
    finish(&shelf, &name, sha512(b"whole"), "whole".into())
        .await
        .unwrap();
    assert_eq!(
        read(&shelf, &sha512(b"whole")).await.unwrap().unwrap(),
        "whole"
    );
}

#[tokio::test]
async fn a_blob_may_be_empty() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    finish(&shelf, &name, sha256(b""), Body::empty())
        .await
        .unwrap();
    assert_eq!(read(&shelf, &sha256(b"")).await.unwrap().unwrap(), "");
    push(&bucket.shelf("b"), b"").await.unwrap();
    assert_eq!(bucket.content().await.len(), 0);
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let (fresh, begun) = (begin(&shelf).await, begin(&shelf).await);
    append(&shelf, &begun, None, "abc".into()).await.unwrap();
    for name in [fresh, begun] {
        let upload = bucket.shelf("a").find_upload(&name, LIMIT).await.unwrap();
        upload.cancel().await.unwrap();
        let gone = shelf.find_upload(&name, LIMIT).await.unwrap();
        assert_eq!(kind(gone.offset().await), ErrorKind::NotFound);
        assert_eq!(kind(gone.cancel().await), ErrorKind::NotFound);
        assert_eq!(
            kind(append(&shelf, &name, None, "x".into()).await),
            ErrorKind::NotFound
        );
        let end = finish(&shelf, &name, sha256(b""), Body::empty()).await;
        assert_eq!(kind(end), ErrorKind::NotFound);
    }
    assert!(bucket.settled(0).await, "{:?}", bucket.content().await);
}

#[tokio::test]
async fn only_names_that_were_given_out_for_a_repository_are_uploads() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    assert_eq!(name.len(), 36 + ".sha256.".len() + 64);
    for wrong in [
        "",
        "x",
        "00000000-0000-0000-0000-000000000000",
        &name[1..],
        &name[..name.len() - 1],
        &name.replace("sha256", "sha512"),
        &format!("{name}.x"),
        &format!("{}zz", &name[..name.len() - 2]),
        &name.replacen('-', "_", 1),
    ] {
        let found = shelf.find_upload(wrong, LIMIT).await.map(|_| ());
        assert_eq!(kind(found), ErrorKind::NotFound, "{wrong}");
    }
    let elsewhere = bucket.shelf("b").find_upload(&name, LIMIT).await;
    assert_eq!(kind(elsewhere.map(|_| ())), ErrorKind::NotFound);
    assert!(shelf.find_upload(&name, LIMIT).await.is_ok());
}

#[tokio::test]
async fn a_blob_is_no_larger_than_it_may_be() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    let small = |name: &str| {
        let (shelf, name) = (shelf.clone(), name.to_owned());
        async move { shelf.find_upload(&name, 5).await.unwrap() }
    };
    small(&name)
        .await
        .append("abc".into(), Piece::default())
        .await
        .unwrap();
    let more = small(&name)
        .await
        .append("def".into(), Piece::default())
        .await;
    assert_eq!(kind(more), ErrorKind::TooLarge);
    let end = small(&name)
        .await
        .finish(sha256(b"abcde"), "de".into(), Piece::default());
    assert_eq!(end.await.unwrap(), Finished::Done);
    assert!(bucket.settled(2).await, "{:?}", bucket.content().await);
}

#[tokio::test]
async fn the_same_blob_twice_is_kept_once() {
    let bucket = Bucket::default();
    for shelf in ["a", "a", "b"] {
        push(&bucket.shelf(shelf), b"blob").await.unwrap();
        assert!(bucket.settled(1).await, "{:?}", bucket.content().await);
    }
    for shelf in ["a", "b"] {
        let bytes = read(&bucket.shelf(shelf), &sha256(b"blob")).await;
        assert_eq!(bytes.unwrap().unwrap(), "blob");
    }
    assert_eq!(
        read(&bucket.shelf("c"), &sha256(b"blob")).await.unwrap(),
        None
    );
}

/// While the bytes that came before are hashed with another function, nothing would name the last.
#[tokio::test]
async fn what_came_before_is_hashed_again_before_the_last_bytes_come() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    append(&shelf, &name, None, "abc".into()).await.unwrap();
    let files = bucket.content().await;
    let storage = bucket.0.clone();
    let last = stream::once(async move {
        storage.delete(&Key::new(&files[0]).unwrap()).await.unwrap();
        Ok::<_, Error>(Bytes::from_static(b"def"))
    });
    let digest = Digest::of(Algorithm::Sha512, b"abcdef");
    let end = finish(&shelf, &name, digest, Body::from_stream(last, None));
    assert_eq!(end.await.unwrap(), Finished::Done);
}

#[tokio::test]
async fn a_piece_that_is_announced_too_long_is_not_read() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let name = begin(&shelf).await;
    let unread = stream::once(async { panic!("read") as Result<Bytes> });
    let body = Body::from_stream(unread, Some(LIMIT + 1));
    assert_eq!(
        kind(append(&shelf, &name, None, body).await),
        ErrorKind::TooLarge
    );
}
