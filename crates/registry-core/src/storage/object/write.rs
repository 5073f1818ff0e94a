//! Writing objects whole.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode as StoreMode, PutPayload, path::Path,
};
use tokio::sync::Mutex;

use super::convert::{failed, update_version, version_found, version_written};
use crate::storage::{PutMode, StorageError, Version};

pub(super) async fn put(
    store: &dyn ObjectStore,
    at: &Path,
    bytes: PutPayload,
    mode: PutMode,
) -> Result<Version, StorageError> {
    let store_mode = match &mode {
        PutMode::Create => StoreMode::Create,
        PutMode::Replace => StoreMode::Overwrite,
        PutMode::Update(version) => StoreMode::Update(update_version(version)),
    };
    match store.put_opts(at, bytes, store_mode.into()).await {
        Ok(written) => Ok(version_written(&written)),
        // Of an absent object. A missing bucket looks the same, and shows at the next read.
        Err(StoreError::NotFound { .. }) if matches!(mode, PutMode::Update(_)) => {
            Err(StorageError::Precondition)
        }
        Err(error) => Err(match (mode, failed(error)) {
            // There was no condition: two writes met, or the bucket is gone.
            (PutMode::Replace, error @ StorageError::Precondition) => {
                StorageError::Unavailable(error.into())
            }
            (_, error @ StorageError::NotFound) => StorageError::Failed(error.into()),
            (_, error) => error,
        }),
    }
}

/// Locks that keep the writes of one process to one object apart.
#[derive(Debug, Default)]
pub(super) struct Locks {
    hasher: RandomState,
    stripes: [Mutex<()>; 32],
}

/// Checks the condition here, then writes without one.
pub(super) async fn put_alone(
    store: &dyn ObjectStore,
    locks: &Locks,
    at: &Path,
    bytes: Bytes,
    mode: PutMode,
) -> Result<Version, StorageError> {
    let stripe = locks.hasher.hash_one(at) as usize % locks.stripes.len();
    let _lock = locks.stripes[stripe].lock().await;
    if mode != PutMode::Replace {
        let current = match store.head(at).await {
            Ok(found) => Some(version_found(&found)),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(failed(error)),
        };
        let holds = match mode {
            PutMode::Update(version) => current == Some(version),
            PutMode::Create | PutMode::Replace => current.is_none(),
        };
        if !holds {
            return Err(StorageError::Precondition);
        }
    }
    put(store, at, bytes.into(), PutMode::Replace).await
}
