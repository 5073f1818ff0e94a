//! Reading.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::future::join_all;

use super::{Fixture, Get, GetOptions, Key, StorageError, collect, noise};
use crate::storage::ByteRange::{self, From, Inclusive, Last};

fn ranged(range: ByteRange) -> GetOptions {
    GetOptions {
        range: Some(range),
        ..GetOptions::default()
    }
}

fn head() -> GetOptions {
    GetOptions {
        head: true,
        ..GetOptions::default()
    }
}

pub(super) async fn ranges(at: &Fixture) {
    const SIZE: u64 = 700_000;
    for size in [10, SIZE] {
        let key = at.key(&format!("bytes-{size}"));
        let bytes = noise(size as usize, size);
        at.replace(&key, bytes.clone()).await;
        for range in [
            Inclusive(0, 0),
            Inclusive(3, 7),
            Inclusive(0, size - 1),
            Inclusive(size - 1, size - 1),
            Inclusive(2, size),
            Inclusive(2, size + 100),
            Inclusive(2, u64::MAX),
            From(0),
            From(4),
            From(size - 1),
            Last(1),
            Last(5),
            Last(size),
            Last(size + 1),
            Last(u64::MAX),
        ] {
            check_range(at, &key, range, &bytes).await;
        }
        for range in [
            Inclusive(size, size),
            Inclusive(size + 5, size + 9),
            Inclusive(5, 4),
            From(size),
            From(u64::MAX),
            Last(0),
        ] {
            check_unsatisfiable(at, &key, range, size).await;
        }
    }
    let key = at.key(&format!("bytes-{SIZE}"));
    let bytes = noise(SIZE as usize, SIZE);
    check_range(at, &key, Inclusive(100, 650_000), &bytes).await;
}

async fn check_range(at: &Fixture, key: &Key, range: ByteRange, bytes: &Bytes) {
    let expected = range.resolve(bytes.len() as u64).expect("a good range");
    let object = at.get(key, ranged(range)).await;
    assert_eq!(object.range, expected, "{key}: {range:?} is answered by");
    assert_eq!(object.size, bytes.len() as u64, "{key}: {range:?}: size");
    let part = collect(key, object.body, expected.clone()).await;
    let expected = bytes.slice(expected.start as usize..expected.end as usize);
    assert!(part == expected, "{key}: {range:?} holds the wrong bytes");
}

async fn check_unsatisfiable(at: &Fixture, key: &Key, range: ByteRange, size: u64) {
    match at.try_get(key, ranged(range)).await {
        Err(StorageError::Range(said)) => assert_eq!(said, size, "{key}: {range:?}: size"),
        other => panic!("{key}: {range:?} of {size} bytes must be refused: {other:?}"),
    }
}

pub(super) async fn empty(at: &Fixture) {
    let key = at.key("empty");
    let version = at.replace(&key, "").await;
    assert_eq!(at.read(&key).await, (Bytes::new(), version));
    for range in [Inclusive(0, 0), From(0), Last(1), Last(0)] {
        check_unsatisfiable(at, &key, range, 0).await;
    }
}

pub(super) async fn absent(at: &Fixture) {
    let present = at.key("folder/object");
    let version = at.replace(&present, "x").await;
    let absent = [
        "object",
        "folder",
        "folder/other",
        "folder/object/below",
        "fold",
    ];
    for key in absent.map(|key| at.key(key)) {
        let conditional = GetOptions {
            if_none_match: Some(version.clone()),
            ..GetOptions::default()
        };
        for options in [GetOptions::default(), head(), conditional, ranged(From(0))] {
            let answer = at.try_get(&key, options.clone()).await;
            let right = matches!(answer, Err(StorageError::NotFound));
            assert!(right, "{key} is no object, with {options:?}: {answer:?}");
        }
    }
}

pub(super) async fn conditional(at: &Fixture) {
    let key = at.key("object");
    let before = SystemTime::now() - Duration::from_secs(120);
    let old = at.replace(&key, "old").await;
    let unless = |version: &super::Version| GetOptions {
        if_none_match: Some(version.clone()),
        ..GetOptions::default()
    };
    for options in [
        unless(&old),
        GetOptions {
            head: true,
            ..unless(&old)
        },
        GetOptions {
            range: Some(From(1)),
            ..unless(&old)
        },
    ] {
        let answer = at.try_get(&key, options.clone()).await;
        let right = matches!(answer, Ok(Get::NotModified));
        assert!(right, "{options:?} finds the same version: {answer:?}");
    }
    let new = at.replace(&key, "newer").await;
    let object = at.get(&key, unless(&old)).await;
    assert_eq!(object.version, new, "the version of a replaced object");
    assert_eq!(collect(&key, object.body, 0..5).await, "newer");

    for options in [
        head(),
        GetOptions {
            head: true,
            ..unless(&old)
        },
    ] {
        let object = at.get(&key, options).await;
        assert_eq!((object.version, object.size), (new.clone(), 5), "head");
        assert!(object.modified > before, "head: {:?}", object.modified);
        collect(&key, object.body, 0..0).await;
    }
}

/// Keys hold whatever names of packages and versions hold, and come back as they were.
pub(super) async fn odd_keys(at: &Fixture) {
    use futures_util::TryStreamExt;
    let long = "l".repeat(200);
    let wide = "ü".repeat(100);
    let names = [
        "@acme/x",
        "a+b",
        "ü",
        "a b",
        "a%2Fb",
        "a%b",
        "a~b",
        "a#b?c=d&e",
        "a:b",
        "a*b",
        "[a]{b}",
        "a'b\"c",
        "$a,b;c=d",
        "u\u{308}",
        "包/裹",
        "UPPER",
        "upper",
        "-",
        "a..",
        "a|b^c`d<e>",
        &long,
        &wide,
    ];
    let mut keys: Vec<_> = names.iter().map(|name| at.key(name)).collect();
    for key in &keys {
        at.replace(key, key.as_str().to_owned()).await;
    }
    for key in &keys {
        assert_eq!(at.read(key).await.0, key.as_str(), "what was written there");
    }
    let listed = at.storage.list(Some(&at.folder), None);
    let listed = listed.map_ok(|entry| entry.key).try_collect::<Vec<_>>();
    keys.sort();
    assert_eq!(listed.await.expect("a list"), keys, "odd keys as listed");
    for key in &keys {
        at.delete(key).await;
        assert!(at.is_absent(key).await, "{key} was deleted");
    }
}

/// While an object is replaced, readers see one version or another, never a mixture.
pub(super) async fn only_whole_versions(at: &Fixture) {
    let key = at.key("object");
    let version = |i: usize| vec![i as u8; 1000 + (i % 7) * 60_000];
    at.replace(&key, version(0)).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..64)
        .map(|_| {
            let (at, key, done) = (at.clone(), key.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let (bytes, _) = at.read(&key).await;
                    let first = bytes.first().copied().unwrap_or_default();
                    let whole = bytes.len() == 1000 + (usize::from(first) % 7) * 60_000;
                    let pure = bytes.iter().all(|byte| *byte == first);
                    assert!(whole && pure, "a mixture of two versions was read");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for i in 1..at.times(100, 20) {
        at.replace(&key, version(i)).await;
    }
    done.store(true, Ordering::Relaxed);
    for reader in join_all(readers).await {
        reader.expect("a reader");
    }
}
