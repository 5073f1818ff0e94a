//! What every [`Storage`] promises, as checks that an implementor can run.
//!
//! ```no_run
//! # async fn example(storage: std::sync::Arc<dyn registry_core::storage::Storage>) {
//! let root = registry_core::storage::Key::new("conformance").expect("a key");
//! registry_core::storage::conformance::run(storage, &root).await;
//! # }
//! ```

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod get;
mod list;
mod put;
mod upload;

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::{Get, GetOptions, Key, Object, PutMode, Storage, StorageError, Version};

/// Runs every check on `storage`, in a fresh folder below `root`, in a multi-threaded runtime.
///
/// # Panics
/// On the first promise that is broken, with a message that names it.
pub async fn run(storage: Arc<dyn Storage>, root: &Key) {
    let suite = Suite { storage, root };
    suite.check("put-modes", put::modes).await;
    suite.check("put-versions", put::versions_differ).await;
    suite.check("put-counter", put::updates_are_not_lost).await;
    suite.check("put-create-race", put::one_creates).await;
    suite.check("delete", put::delete).await;
    suite.check("get-ranges", get::ranges).await;
    suite.check("get-empty", get::empty).await;
    suite.check("get-absent", get::absent).await;
    suite.check("get-conditional", get::conditional).await;
    suite.check("get-odd-keys", get::odd_keys).await;
    suite
        .check("get-whole-versions", get::only_whole_versions)
        .await;
    suite.check("upload-big", upload::big).await;
    suite.check("upload-small", upload::small).await;
    suite.check("upload-given-up", upload::given_up).await;
    suite.check("list-order", list::order).await;
    suite.check("list-prefix", list::prefix_is_a_folder).await;
    suite.check("list-after", list::after).await;
    suite.check("list-pages", list::many).await;
}

struct Suite<'a> {
    storage: Arc<dyn Storage>,
    root: &'a Key,
}

impl Suite<'_> {
    /// Runs one check in a folder of its own.
    async fn check(&self, name: &str, check: impl AsyncFn(&Fixture)) {
        let random = crate::digest::random_hex::<8>().expect("randomness");
        let folder = format!("{name}-{random}");
        let folder = self.root.join(folder).expect("a folder's name");
        let storage = Arc::clone(&self.storage);
        tracing::debug!(name, "checking");
        check(&Fixture { storage, folder }).await;
    }
}

/// The storage under test, and a folder that no other check uses.
#[derive(Clone)]
struct Fixture {
    storage: Arc<dyn Storage>,
    folder: Key,
}

impl Fixture {
    fn key(&self, below: &str) -> Key {
        self.folder.join(below).expect("a key")
    }

    /// How often to repeat: less where every call is a request over a network.
    fn times(&self, local: usize, remote: usize) -> usize {
        if self.storage.profile().local {
            local
        } else {
            remote
        }
    }

    async fn put(
        &self,
        key: &Key,
        bytes: impl Into<Bytes>,
        mode: PutMode,
    ) -> Result<Version, StorageError> {
        self.storage.put(key, bytes.into(), mode).await
    }

    async fn replace(&self, key: &Key, bytes: impl Into<Bytes>) -> Version {
        self.put(key, bytes, PutMode::Replace)
            .await
            .unwrap_or_else(|error| panic!("replacing {key} failed: {error:?}"))
    }

    async fn delete(&self, key: &Key) {
        self.storage
            .delete(key)
            .await
            .unwrap_or_else(|error| panic!("deleting {key} failed: {error:?}"));
    }

    async fn try_get(&self, key: &Key, options: GetOptions) -> Result<Get, StorageError> {
        self.storage.get(key, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Object {
        match self.try_get(key, options.clone()).await {
            Ok(Get::Found(object)) => object,
            other => panic!("getting {key} with {options:?} should find it: {other:?}"),
        }
    }

    /// Reads an object whole, and checks what is said about it.
    async fn read(&self, key: &Key) -> (Bytes, Version) {
        let object = self.get(key, GetOptions::default()).await;
        let Object {
            version,
            size,
            range,
            body,
            ..
        } = object;
        assert_eq!(range, 0..size, "{key}: the range of the whole object");
        let bytes = collect(key, body, range).await;
        (bytes, version)
    }

    async fn is_absent(&self, key: &Key) -> bool {
        match self.try_get(key, GetOptions::default()).await {
            Err(StorageError::NotFound) => true,
            Ok(_) => false,
            Err(error) => panic!("getting {key} failed: {error:?}"),
        }
    }
}

/// Reads a body to its end; it must hold as many bytes as the range, in pieces of up to 1 MiB.
async fn collect(key: &Key, mut body: crate::Body, range: Range<u64>) -> Bytes {
    if let Some(length) = body.length() {
        assert_eq!(length, range.end - range.start, "{key}: the body's length");
    }
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece.unwrap_or_else(|error| panic!("{key}: the body broke off: {error:?}"));
        assert!(piece.len() <= 1 << 20, "{key}: a piece of {}", piece.len());
        all.extend_from_slice(&piece);
    }
    assert_eq!(
        all.len() as u64,
        range.end - range.start,
        "{key}: the body's bytes"
    );
    Bytes::from(all)
}

/// Bytes without a pattern, the same for the same seed.
fn noise(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    Bytes::from(bytes)
}
