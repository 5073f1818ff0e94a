//! Streamed writes.

use std::time::Duration;

use bytes::Bytes;

use super::{Fixture, GetOptions, Key, collect, noise};
use crate::storage::{ByteRange, Upload};

async fn start(at: &Fixture, key: &Key) -> Box<dyn Upload> {
    let upload = at.storage.upload(key).await;
    upload.unwrap_or_else(|error| panic!("starting an upload to {key} failed: {error:?}"))
}

/// Writes bytes in pieces of odd sizes, small and large.
async fn write(upload: &mut Box<dyn Upload>, mut bytes: Bytes) {
    for size in [1, 7, 16_384, 0, 999, 65_537, 300_001, 1 << 20, 3_000_017]
        .iter()
        .cycle()
    {
        if bytes.is_empty() {
            return;
        }
        let piece = bytes.split_to(bytes.len().min(*size));
        let written = upload.write(piece).await;
        written.unwrap_or_else(|error| panic!("writing to an upload failed: {error:?}"));
    }
}

async fn check(at: &Fixture, key: &Key, bytes: Bytes) {
    let mut upload = start(at, key).await;
    write(&mut upload, bytes.clone()).await;
    let version = upload.finish().await;
    let version = version.unwrap_or_else(|error| panic!("finishing {key} failed: {error:?}"));
    let (read, read_version) = at.read(key).await;
    assert!(read == bytes, "{key}: other bytes are read than uploaded");
    assert_eq!(read_version, version, "{key}: the version of an upload");
}

pub(super) async fn big(at: &Fixture) {
    const SIZE: u64 = 20 << 20;
    let key = at.key("folder/big");
    let bytes = noise(SIZE as usize + 17, 1);
    check(at, &key, bytes.clone()).await;
    for (first, last) in [
        (0, 0),
        (8 << 20, (8 << 20) + 1),
        (5_000_000, SIZE),
        (SIZE, SIZE + 50),
    ] {
        let range = ByteRange::Inclusive(first, last);
        let options = GetOptions {
            range: Some(range),
            ..GetOptions::default()
        };
        let object = at.get(&key, options).await;
        let expected = range.resolve(SIZE + 17).expect("a good range");
        assert_eq!(object.range, expected, "{key}: {range:?} is answered by");
        let part = collect(&key, object.body, expected.clone()).await;
        let expected = bytes.slice(expected.start as usize..expected.end as usize);
        assert!(part == expected, "{key}: {range:?} holds the wrong bytes");
    }
}

pub(super) async fn small(at: &Fixture) {
    for size in [0, 1, 65_536, 65_537, 512 << 10, (1 << 20) + 1, 8 << 20] {
        let key = at.key(&format!("folder-{size}/small"));
        check(at, &key, noise(size, 2)).await;
    }
}

/// Given up, an upload leaves no object, whether little or much was written.
pub(super) async fn given_up(at: &Fixture) {
    for size in [0, 1000, 20 << 20] {
        let key = at.key(&format!("aborted-{size}"));
        let mut upload = start(at, &key).await;
        write(&mut upload, noise(size, 3)).await;
        let aborted = upload.abort().await;
        assert!(aborted.is_ok(), "aborting failed: {aborted:?}");
        assert!(at.is_absent(&key).await, "an aborted upload is read");

        let key = at.key(&format!("dropped-{size}"));
        let mut upload = start(at, &key).await;
        write(&mut upload, noise(size, 4)).await;
        drop(upload);
        let mut patience = 100;
        while !at.is_absent(&key).await {
            patience -= 1;
            assert!(patience > 0, "a dropped upload of {size} bytes is read");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
