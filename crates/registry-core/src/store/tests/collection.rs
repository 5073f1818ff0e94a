use super::*;

/// Writes a list that names blobs, as a push of an image does; whether it stands.
pub(super) async fn list(shelf: &Repo, list: &str, blobs: &[Digest]) -> bool {
    let hold = shelf.hold(blobs).await.unwrap();
    if !hold.missing().is_empty() {
        return false;
    }
    let file = format!("_lists/{list}");
    let names: Vec<Arc<str>> = blobs.iter().map(|blob| blob.to_string().into()).collect();
    let write = move |document: &mut Document<()>| -> Result<_> {
        document.entries = names
            .iter()
            .map(|name| (name.clone(), "0".into()))
            .collect();
        Ok(Change::write(()))
    };
    shelf.change(&file, Vec::new(), write).await.unwrap();
    if hold.confirm().await.unwrap().is_empty() {
        return true;
    }
    unlist(shelf, list).await;
    false
}

pub(super) async fn unlist(shelf: &Repo, list: &str) {
    let empty = |document: &mut Document<()>| -> Result<_> {
        document.entries.clear();
        Ok(Change::write(()))
    };
    let file = format!("_lists/{list}");
    shelf.change(&file, Vec::new(), empty).await.unwrap();
}

pub(super) async fn gc(bucket: &Bucket) -> super::super::GcReport {
    bucket.replica().gc(Duration::ZERO, false).await.unwrap()
}

#[tokio::test]
async fn what_no_list_names_goes() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    push(&shelf, b"named").await.unwrap();
    push(&shelf, b"unnamed").await.unwrap();
    assert!(list(&shelf, "l", &[sha256(b"named")]).await);
    let dry = bucket.replica().gc(Duration::ZERO, true).await.unwrap();
    assert_eq!((dry.released.len(), dry.collected.len()), (1, 1));
    assert_eq!(bucket.content().await.len(), 2);
    let graceful = bucket
        .replica()
        .gc(Duration::from_secs(60), false)
        .await
        .unwrap();
    assert_eq!((graceful.released.len(), graceful.collected.len()), (0, 0));
    assert_eq!(graceful.young, 1, "{graceful}");
    let report = gc(&bucket).await;
    assert_eq!(
        (report.released, report.collected),
        (dry.released, dry.collected)
    );
    assert_eq!(bucket.content().await.len(), 1);
    assert_eq!(
        read(&shelf, &sha256(b"named")).await.unwrap().unwrap(),
        "named"
    );
    assert_eq!(read(&shelf, &sha256(b"unnamed")).await.unwrap(), None);
    // It may come again.
    push(&shelf, b"unnamed").await.unwrap();
    assert_eq!(
        read(&shelf, &sha256(b"unnamed")).await.unwrap().unwrap(),
        "unnamed"
    );
    unlist(&shelf, "l").await;
    gc(&bucket).await;
    assert_eq!(bucket.content().await.len(), 0);
    assert!(bucket.replica().verify(false).await.unwrap().is_sound());
}

#[tokio::test]
async fn a_blob_goes_with_the_last_who_holds_it() {
    let bucket = Bucket::default();
    let (a, b) = (bucket.shelf("a"), bucket.shelf("a/b"));
    let digest = sha256(b"shared");
    push(&a, b"shared").await.unwrap();
    assert!(!b.mount_blob(&sha256(b"other"), &a).await.unwrap());
    assert!(!a.mount_blob(&digest, &b).await.unwrap());
    assert!(b.mount_blob(&digest, &a).await.unwrap());
    assert!(list(&a, "l", std::slice::from_ref(&digest)).await);
    assert!(list(&b, "l", std::slice::from_ref(&digest)).await);
    assert_eq!(
        a.holders(&digest).await.unwrap(),
        [resource("a"), resource("a/b")]
    );
    assert!(a.remove_blob(&digest).await.unwrap());
    assert!(!a.remove_blob(&digest).await.unwrap());
    assert_eq!(read(&a, &digest).await.unwrap(), None);
    gc(&bucket).await;
    assert_eq!(read(&b, &digest).await.unwrap().unwrap(), "shared");
    assert!(!list(&a, "m", std::slice::from_ref(&digest)).await);
    assert!(b.remove_blob(&digest).await.unwrap());
    gc(&bucket).await;
    assert_eq!(bucket.content().await.len(), 0);
    assert!(!a.mount_blob(&digest, &b).await.unwrap());
}

#[tokio::test]
async fn uploads_under_way_keep_their_bytes() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    let upload = shelf.begin_upload(Algorithm::Sha256, LIMIT).await.unwrap();
    upload
        .clone()
        .append("abc".into(), Piece::default())
        .await
        .unwrap();
    let orphan = Key::new("m/content/00/0011").unwrap();
    bucket
        .0
        .put(&orphan, "x".into(), PutMode::Create)
        .await
        .unwrap();
    let report = gc(&bucket).await;
    assert_eq!(report.collected, [(orphan, 1)]);
    let end = upload.finish(sha256(b"abcdef"), "def".into(), Piece::default());
    assert_eq!(end.await.unwrap(), Finished::Done);
    assert_eq!(
        read(&shelf, &sha256(b"abcdef")).await.unwrap().unwrap(),
        "abcdef"
    );
}

#[tokio::test]
async fn damage_is_found() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    for bytes in [&b"one"[..], b"two", b"three"] {
        push(&shelf, bytes).await.unwrap();
        assert!(list(&shelf, &sha256(bytes).hex()[..8], &[sha256(bytes)]).await);
    }
    let sound = bucket.replica().verify(false).await.unwrap();
    assert!(sound.is_sound(), "{sound}");
    assert_eq!((sound.artifacts, sound.bytes), (3, 11));
    let files = bucket.content().await;
    let of = |at: usize| Key::new(&files[at]).unwrap();
    bucket
        .0
        .put(&of(0), "forged".into(), PutMode::Replace)
        .await
        .unwrap();
    bucket.0.delete(&of(1)).await.unwrap();
    let report = bucket.replica().verify(false).await.unwrap();
    assert_eq!(report.problems.len(), 2, "{report}");
}

#[tokio::test]
async fn what_was_lost_comes_back_to_all_by_a_push() {
    for how in ["lost", "cut", "forged"] {
        let bucket = Bucket::default();
        let (a, b, digest) = (bucket.shelf("a"), bucket.shelf("b"), sha256(b"blob"));
        push(&a, b"blob").await.unwrap();
        push(&b, b"blob").await.unwrap();
        assert!(list(&b, "l", std::slice::from_ref(&digest)).await);
        let file = Key::new(&bucket.content().await[0]).unwrap();
        match how {
            "lost" => bucket.0.delete(&file).await.unwrap(),
            "cut" => damage(&bucket, &file, "blo").await,
            _ => damage(&bucket, &file, "glob").await,
        }
        if how == "forged" {
            // Nothing but a look at the bytes tells; then clients are told to send them.
            let found = bucket.replica().verify(true).await.unwrap();
            assert!(!found.is_sound(), "{found}");
            assert!(a.blob(&digest).await.unwrap().is_none());
            let still = bucket.replica().verify(true).await.unwrap();
            assert!(!still.is_sound(), "nothing is said of what is gone");
        }
        // Another shelf than those that had it.
        push(&bucket.shelf("c"), b"blob").await.unwrap();
        for shelf in ["a", "b", "c"] {
            let bytes = read(&bucket.shelf(shelf), &digest).await.unwrap();
            assert_eq!(bytes.as_deref(), Some(&b"blob"[..]), "{how}, {shelf}");
        }
        let sound = bucket.replica().verify(false).await.unwrap();
        assert!(sound.is_sound(), "{sound}");
        gc(&bucket).await;
        let bytes = read(&b, &digest).await.unwrap();
        assert_eq!(bytes.as_deref(), Some(&b"blob"[..]), "{how}");
        assert_eq!(bucket.content().await.len(), 1, "{how}");
    }
}

/// A push that found the blob's record before it was given up, and its bytes there, tells its client
/// that the blob stands.
#[tokio::test]
async fn a_blob_that_is_pushed_meanwhile_is_not_given_up() {
    let bucket = Bucket::default();
    let (shelf, digest) = (bucket.shelf("a"), sha256(b"blob"));
    push(&shelf, b"blob").await.unwrap();
    let file = Key::new(&bucket.content().await[0]).unwrap();
    damage(&bucket, &file, "glob").await;
    let gate = Gate::before("m/blobs/");
    let replica = bucket.replica_with(Habits {
        gate: Some(gate.clone()),
        ..Habits::default()
    });
    let repair = tokio::spawn(async move { replica.verify(true).await.unwrap() });
    gate.reached.notified().await;
    push(&bucket.shelf("b"), b"blob").await.unwrap();
    gate.open.add_permits(Semaphore::MAX_PERMITS / 2);
    assert!(!repair.await.unwrap().is_sound());
    assert!(shelf.blob(&digest).await.unwrap().is_some());
    assert!(!bucket.replica().verify(true).await.unwrap().is_sound());
    push(&bucket.shelf("b"), b"blob").await.unwrap();
    // By a replica that did not look at the record within the last second.
    let bytes = read(&bucket.shelf("a"), &digest).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(&b"blob"[..]));
}

async fn damage(bucket: &Bucket, file: &Key, bytes: &'static str) {
    let replaced = bucket.0.put(file, bytes.into(), PutMode::Replace);
    replaced.await.unwrap();
}

/// Pushers on several replicas go on naming old blobs while collections without any grace run on
/// others: what was said to stand can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_and_a_collection_never_both_win() {
    const SHELVES: [&str; 5] = ["a", "b", "a", "c", "b"];
    let mut stood = 0;
    let mut fell = 0;
    for round in 0..60u32 {
        let bucket = Bucket::default();
        let blobs: Vec<Vec<u8>> = (0..4u32)
            .map(|n| (round * 4 + n).to_le_bytes().to_vec())
            .collect();
        let digests: Vec<Digest> = blobs.iter().map(|blob| sha256(blob)).collect();
        for blob in &blobs {
            push(&bucket.shelf("a"), blob).await.unwrap();
        }
        let collectors = (0..2).map(|_| {
            let bucket = bucket.clone();
            tokio::spawn(async move {
                for _ in 0..4 {
                    let replica = bucket.replica_with(Habits {
                        settle: Duration::from_secs(60),
                        ..Habits::default()
                    });
                    replica.gc(Duration::ZERO, false).await.unwrap();
                }
            })
        });
        let collectors: Vec<_> = collectors.collect();
        let pushers = (0..5usize).map(|n| {
            let (bucket, digests, blobs) = (bucket.clone(), digests.clone(), blobs.clone());
            tokio::spawn(async move {
                let shelf = bucket.shelf(SHELVES[n]);
                // Some find the blobs there, some bring them again, some mount them.
                for (digest, blob) in digests.iter().zip(&blobs) {
                    match n {
                        0 => {}
                        1 | 2 => drop(push(&shelf, blob).await),
                        3 => {
                            push(&shelf, blob).await.unwrap();
                            shelf.remove_blob(digest).await.unwrap();
                            push(&shelf, blob).await.unwrap();
                        }
                        _ => {
                            shelf.mount_blob(digest, &bucket.shelf("a")).await.unwrap();
                        }
                    }
                }
                let name = format!("list{n}");
                (n, list(&shelf, &name, &digests).await)
            })
        });
        let pushers: Vec<_> = pushers.collect();
        let mut standing = Vec::new();
        for pusher in pushers {
            let (n, stands) = pusher.await.unwrap();
            if stands {
                standing.push(n);
                stood += 1;
            } else {
                fell += 1;
            }
        }
        for collector in collectors {
            collector.await.unwrap();
        }
        gc(&bucket).await;
        for n in standing {
            let shelf = bucket.shelf(SHELVES[n]);
            for (digest, blob) in digests.iter().zip(&blobs) {
                let bytes = read(&shelf, digest).await.unwrap();
                assert_eq!(bytes.as_deref(), Some(&blob[..]), "round {round}, list {n}");
            }
        }
        assert!(bucket.replica().verify(false).await.unwrap().is_sound());
    }
    // Neither side is idle, or this would show nothing.
    assert!(stood > 10 && fell > 10, "{stood} stood, {fell} fell");
}

/// A collection that stands before one of its writes (the first is 0) of a key that contains `part`,
/// having read and judged; what `meanwhile` does then; and the collection's report.
pub(super) async fn interrupted<T>(
    bucket: &Bucket,
    (part, at): (&'static str, usize),
    meanwhile: impl Future<Output = T>,
) -> (T, super::super::GcReport) {
    let gate = Gate::before(part);
    gate.open.add_permits(at);
    let replica = bucket.replica_with(Habits {
        settle: Duration::from_secs(60),
        gate: Some(gate.clone()),
        ..Habits::default()
    });
    let collection = tokio::spawn(async move { replica.gc(Duration::ZERO, false).await.unwrap() });
    gate.reached.notified().await;
    let value = meanwhile.await;
    gate.open.add_permits(Semaphore::MAX_PERMITS / 2);
    (value, collection.await.unwrap())
}

#[tokio::test]
async fn a_blob_that_comes_back_as_it_is_about_to_be_collected_stays() {
    // Before it writes that the blob is doomed, and before it writes that it is collected.
    for (how, at) in ["pushed", "mounted", "pushed elsewhere", "pushed anew"]
        .into_iter()
        .flat_map(|how| [(how, 0), (how, 1)])
    {
        let bucket = Bucket::default();
        let (a, b, digest) = (bucket.shelf("a"), bucket.shelf("b"), sha256(b"blob"));
        push(&a, b"blob").await.unwrap();
        push(&b, b"blob").await.unwrap();
        for shelf in [&a, &b] {
            shelf.remove_blob(&digest).await.unwrap();
        }
        let new = bucket.shelf("new");
        let (holder, report) = interrupted(&bucket, ("m/blobs/", at), async {
            let pushed = match how {
                "pushed" => &a,
                "pushed anew" => &new,
                _ => &b,
            };
            push(pushed, b"blob").await.unwrap();
            if how == "mounted" {
                assert!(a.mount_blob(&digest, &b).await.unwrap());
                b.remove_blob(&digest).await.unwrap();
                return &a;
            }
            pushed
        })
        .await;
        assert_eq!(report.collected, [], "{how} {at}");
        let bytes = read(holder, &digest).await.unwrap();
        assert_eq!(bytes.as_deref(), Some(&b"blob"[..]), "{how} {at}");
    }
}

/// A collection that broke off leaves blobs doomed; they are kept by who comes to hold them, and the
/// next one takes the others.
#[tokio::test]
async fn a_collection_that_broke_off_is_gone_on_with() {
    let bucket = Bucket::default();
    let shelf = bucket.shelf("a");
    for bytes in [&b"one"[..], b"two"] {
        push(&shelf, bytes).await.unwrap();
        shelf.remove_blob(&sha256(bytes)).await.unwrap();
    }
    let gate = Gate::before("m/blobs/");
    gate.open.add_permits(2);
    let replica = bucket.replica_with(Habits {
        settle: Duration::from_secs(60),
        gate: Some(gate.clone()),
        ..Habits::default()
    });
    let collection = tokio::spawn(async move { replica.gc(Duration::ZERO, false).await });
    gate.reached.notified().await;
    collection.abort();
    assert!(collection.await.unwrap_err().is_cancelled());
    assert_eq!(bucket.content().await.len(), 2);
    push(&shelf, b"one").await.unwrap();
    assert!(list(&shelf, "l", &[sha256(b"one")]).await);
    // They were old enough then, though their records are new.
    let report = bucket.replica().gc(Duration::from_secs(3600), false).await;
    assert_eq!(report.unwrap().collected.len(), 1);
    assert_eq!(bucket.content().await.len(), 1);
    let bytes = read(&shelf, &sha256(b"one")).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(&b"one"[..]));
}

#[tokio::test]
async fn a_blob_that_is_named_as_it_is_about_to_be_let_go_of_stays() {
    for part in ["/=collections", "/=blobs/"] {
        let bucket = Bucket::default();
        let (shelf, digest) = (bucket.shelf("a"), sha256(b"blob"));
        push(&shelf, b"blob").await.unwrap();
        let named = list(&shelf, "l", std::slice::from_ref(&digest));
        let (stands, report) = interrupted(&bucket, (part, 0), named).await;
        assert!(stands, "{part}");
        assert_eq!(
            (report.released, report.collected),
            (vec![], vec![]),
            "{part}"
        );
        let bytes = read(&shelf, &digest).await.unwrap();
        assert_eq!(bytes.as_deref(), Some(&b"blob"[..]), "{part}");
    }
}

#[tokio::test]
async fn an_upload_that_took_long_keeps_its_bytes_until_the_record_names_them() {
    let bucket = Bucket::default();
    let gate = Gate::before("m/blobs/");
    let replica = bucket.replica_with(Habits {
        gate: Some(gate.clone()),
        ..Habits::default()
    });
    let shelf = replica.repo(&resource("a"), Arc::new(Actor::default()));
    let upload = shelf.begin_upload(Algorithm::Sha256, LIMIT).await.unwrap();
    let piece = upload.clone().append("blob".into(), Piece::default());
    piece.await.unwrap();
    let end = upload.finish(sha256(b"blob"), Body::empty(), Piece::default());
    let end = tokio::spawn(end);
    gate.reached.notified().await;
    let later = bucket.replica_with(Habits {
        settle: Duration::from_secs(60),
        ages_content: true,
        ..Habits::default()
    });
    let report = later.gc(Duration::ZERO, false).await.unwrap();
    gate.open.add_permits(Semaphore::MAX_PERMITS / 2);
    assert_eq!(end.await.unwrap().unwrap(), Finished::Done);
    let sound = bucket.replica().verify(false).await.unwrap();
    assert!(sound.is_sound(), "{report}\n{sound}");
    assert_eq!((sound.artifacts, sound.bytes), (1, 4));
}
