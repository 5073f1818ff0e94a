//! Objects in a bucket, or in whatever else `object_store` reaches.

mod convert;
mod read;
#[cfg(test)]
mod tests;
mod upload;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode as StoreMode, path::Path,
};

use self::convert::{failed, path};
use super::{
    Entry, Get, GetOptions, Key, Profile, PutMode, Storage, StorageError, Upload, Version,
};

/// A [`Storage`] over any [`ObjectStore`]: S3, GCS, Azure Blob, or one of your own.
///
/// The store must apply conditional writes ([`object_store::PutMode`]), which
/// [`probe`](Self::probe) finds out; one that does not serves a single process at most
/// ([`single_writer`](Self::single_writer)).
///
/// A client of a store repeats requests that went unanswered, so that a conditional write may
/// have taken effect though its repetition is answered with [`StorageError::Precondition`].
/// Documents tell by the id of their last write.
#[derive(Clone, Debug)]
pub struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    prefix: Option<Key>,
    /// Stands for the conditional writes that the store lacks.
    single_writer: Option<Arc<write::Locks>>,
}

impl ObjectStorage {
    /// A storage of all objects of a store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            prefix: None,
            single_writer: None,
        }
    }

    /// The same storage, with its keys below a folder of the store.
    #[must_use]
    pub fn with_prefix(mut self, prefix: Key) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Whether this value and its clones are all that ever write to the store. Conditions are
    /// then checked here, before a plain write.
    #[must_use]
    pub fn single_writer(mut self, single_writer: bool) -> Self {
        self.single_writer = single_writer.then(Arc::default);
        self
    }

    /// Finds out whether the store applies conditional writes, by a few to an object
    /// `registry-probe/<random>`, which is then deleted.
    ///
    /// # Errors
    /// When the store fails in a way that says nothing of conditional writes.
    pub async fn probe(&self) -> Result<bool, StorageError> {
        let random = crate::digest::random_hex::<16>();
        let random = random.map_err(|error| StorageError::Failed(error.into()))?;
        let key = Key::new(format!("registry-probe/{random}"));
        let at = self.path(&key.map_err(|error| StorageError::Failed(error.into()))?)?;
        let honoured = self.try_conditions(&at).await;
        let deleted = self.store.delete(&at).await;
        match (honoured, deleted) {
            (Ok(honoured), Ok(()) | Err(StoreError::NotFound { .. })) => Ok(honoured),
            (Err(error), _) | (_, Err(error)) => Err(failed(error)),
        }
    }

    async fn try_conditions(&self, at: &Path) -> Result<bool, StoreError> {
        let put = |bytes: &'static str, mode: StoreMode| async move {
            match self.store.put_opts(at, bytes.into(), mode.into()).await {
                Ok(put) => Ok(Some(put)),
                Err(error) if convert::is_unsupported(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let refused = |result: Result<_, StoreError>| match result {
            Ok(_) => Ok(false),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(true),
            Err(error) => Err(error),
        };
        let Some(first) = put("first", StoreMode::Create).await? else {
            return Ok(false);
        };
        if !refused(put("again", StoreMode::Create).await)? {
            return Ok(false);
        }
        let first = StoreMode::Update(first.into());
        if put("second", first.clone()).await?.is_none() {
            return Ok(false);
        }
        refused(put("third", first).await)
    }

    /// Where a key lies in the store.
    fn path(&self, key: &Key) -> Result<Path, StorageError> {
        match &self.prefix {
            Some(prefix) => path(&key.under(prefix)),
            None => path(key),
        }
    }
}

impl From<Arc<dyn ObjectStore>> for ObjectStorage {
    fn from(store: Arc<dyn ObjectStore>) -> Self {
        Self::new(store)
    }
}

#[async_trait]
impl Storage for ObjectStorage {
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Get, StorageError> {
        read::get(&*self.store, &self.path(key)?, options).await
    }

    async fn put(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<Version, StorageError> {
        let at = self.path(key)?;
        match &self.single_writer {
            None => write::put(&*self.store, &at, bytes.into(), mode).await,
            Some(locks) => write::put_alone(&*self.store, locks, &at, bytes, mode).await,
        }
    }

    async fn upload(&self, key: &Key) -> Result<Box<dyn Upload>, StorageError> {
        let upload = upload::PartUpload::new(Arc::clone(&self.store), self.path(key)?);
        Ok(Box::new(upload))
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        match self.store.delete(&self.path(key)?).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    fn list(
        &self,
        prefix: Option<&Key>,
        after: Option<&Key>,
    ) -> BoxStream<'static, Result<Entry, StorageError>> {
        let folder = match (prefix, &self.prefix) {
            (Some(prefix), _) => Some(self.path(prefix)),
            (None, Some(all)) => Some(path(all)),
            (None, None) => None,
        };
        let places = (
            folder.transpose(),
            after.map(|after| self.path(after)).transpose(),
        );
        let (folder, after) = match places {
            (Ok(folder), Ok(after)) => (folder, after),
            (Err(error), _) | (_, Err(error)) => {
                return futures_util::stream::once(std::future::ready(Err(error))).boxed();
            }
        };
        read::list(&*self.store, folder, after, self.prefix.clone())
    }

    fn profile(&self) -> Profile {
        Profile {
            conditional_writes: self.single_writer.is_none(),
            local: false,
        }
    }
}
