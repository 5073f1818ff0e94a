//! Reading the bytes that documents name.

use futures_util::TryStreamExt;
use memchr::memmem::Finder;

use super::{Repo, catalog::StoredBytes};
use crate::{
    error::{Error, Result},
    storage::{ByteRange, Get, GetOptions, Key, Object, StorageError},
};

impl Repo {
    /// Opens bytes that a document names.
    ///
    /// # Errors
    /// A hook's veto, or a failure of the store. Bytes that are missing are
    /// [`NotFound`](crate::ErrorKind::NotFound) if no document names them any more, since they were deleted
    /// after it was looked at, and else a fault of ours.
    pub async fn open(
        &self,
        stored: &StoredBytes,
        content_type: &'static str,
        range: Option<ByteRange>,
        head: bool,
    ) -> Result<Object> {
        let key = self.home.join(&stored.file)?;
        let operation = self.operation(key, Some(stored.size), content_type);
        for hook in &*self.store.0.hooks {
            hook.before_get(&operation).await?;
        }
        let options = GetOptions {
            range,
            head,
            if_none_match: None,
        };
        let object = match self.storage().get(&operation.key, options).await {
            Ok(Get::Found(object)) => object,
            Ok(Get::NotModified) => return Err(Error::internal("not modified since never")),
            Err(StorageError::NotFound) => return Err(self.missing(&operation.key).await?),
            Err(error) => return Err(error.into()),
        };
        for hook in &*self.store.0.hooks {
            hook.after_get(&operation).await;
        }
        Ok(object)
    }

    /// Why there are no bytes at `key`: a document beside them still names them, or none does.
    async fn missing(&self, key: &Key) -> Result<Error> {
        let folder = key.parent();
        let mark = Finder::new(key.name());
        let mut listed = self.storage().list(folder.as_ref(), None);
        while let Some(entry) = listed.try_next().await? {
            let beside = entry.key.parent() == folder;
            if !beside || self.store.0.subject(&entry.key).is_none() {
                continue;
            }
            // As it is now: what is known of it may be older than the deletion.
            let snapshot = self.store.0.documents.fresh(&entry.key).await?;
            let named = snapshot.is_some_and(|snapshot| {
                let document = &snapshot.document;
                let mut all = document.entries.values().chain([&document.head]);
                all.any(|json| mark.find(json).is_some())
            });
            if named {
                return Ok(Error::internal(format!("the bytes {key} are missing")));
            }
        }
        Ok(Error::not_found("it was deleted a moment ago"))
    }
}
