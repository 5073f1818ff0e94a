//! Reading the bytes that documents name.

use std::ops::Range;

use futures_util::TryStreamExt;
use memchr::memmem::Finder;

use super::{Repo, catalog::StoredBytes};
use crate::{
    body::{Body, Kept},
    error::{Error, Result},
    storage::{ByteRange, Get, GetOptions, Key, Object, StorageError},
};

/// Files of up to so many bytes are kept in memory while there is room.
const SMALL: u64 = 64 << 10;

/// Bytes that were opened to be read.
#[derive(Debug)]
pub struct Opened {
    /// Which of all of them `body` holds.
    pub range: Range<u64>,
    /// The bytes.
    pub body: Body,
}

impl Opened {
    /// The part of what is kept in memory that is asked for.
    fn of(kept: &Kept, range: Option<ByteRange>, head: bool) -> Result<Self> {
        let range = within(range, kept.len() as u64)?;
        let body = if head {
            Body::empty()
        } else {
            kept.part(range.clone())
        };
        Ok(Self { range, body })
    }
}

/// The range that is asked for of so many bytes.
pub(super) fn within(range: Option<ByteRange>, size: u64) -> Result<Range<u64>> {
    let Some(range) = range else {
        return Ok(0..size);
    };
    let range = range.resolve(size);
    range.ok_or_else(|| Error::range_not_satisfiable(size))
}

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
    ) -> Result<Opened> {
        let key = self.home.join(&stored.file)?;
        let operation = self.operation(key, Some(stored.size), content_type);
        for hook in &*self.store.0.hooks {
            hook.before_get(&operation).await?;
        }
        let opened = self.open_file(&operation.key, stored.size, range, head);
        let Some(opened) = opened.await? else {
            return Err(Box::pin(self.missing(&operation.key)).await?);
        };
        for hook in &*self.store.0.hooks {
            hook.after_get(&operation).await;
        }
        Ok(opened)
    }

    /// Opens a file of `size` bytes, or a part of it; nothing, if there is none of that size. The bytes
    /// under a key never change: small ones that are kept in memory are not looked for in the store.
    pub(super) async fn open_file(
        &self,
        key: &Key,
        size: u64,
        range: Option<ByteRange>,
        head: bool,
    ) -> Result<Option<Opened>> {
        let kept = (size <= SMALL).then(|| self.store.0.contents.get(key));
        if let Some(kept) = kept.flatten() {
            return Opened::of(&kept, range, head).map(Some);
        }
        let options = GetOptions {
            range,
            head,
            if_none_match: None,
        };
        let object = match self.storage().get(key, options).await {
            Ok(Get::Found(object)) if object.size == size => object,
            Ok(Get::Found(_)) | Err(StorageError::NotFound) => return Ok(None),
            // The range was one of `size` bytes.
            Err(StorageError::Range(is)) if is != size => return Ok(None),
            Ok(Get::NotModified) => return Err(Error::internal("not modified since never")),
            Err(error) => return Err(error.into()),
        };
        let Object { range, body, .. } = object;
        if size <= SMALL && range == (0..size) && !head {
            let kept = Box::pin(self.keep(key, size, body)).await?;
            let body = kept.part(range.clone());
            return Ok(Some(Opened { range, body }));
        }
        Ok(Some(Opened { range, body }))
    }

    /// Reads a file, and keeps it in memory.
    async fn keep(&self, key: &Key, size: u64, body: Body) -> Result<Kept> {
        let kept = body.keep(SMALL as usize).await?;
        if kept.len() as u64 != size {
            let message = format!("{} of {size} bytes of {key} came", kept.len());
            return Err(Error::unavailable(message));
        }
        self.store.0.contents.insert(key.clone(), kept.clone());
        Ok(kept)
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
                let message = format!("the bytes {key} are missing or cut off");
                return Ok(Error::internal(message));
            }
        }
        Ok(Error::not_found("it was deleted a moment ago"))
    }
}
