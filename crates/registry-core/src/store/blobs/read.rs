//! The bytes of blobs, joined of the pieces in which they were uploaded.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Blob, CONTENT_TYPE, Repo, Segment, layout};
use crate::{
    body::Body,
    error::{Error, Result},
    storage::{ByteRange, Get, GetOptions, Key, Object, Storage, StorageError},
};

/// Blobs of up to so many bytes are kept in memory while there is room.
const SMALL: u64 = 64 << 10;

impl Repo {
    /// Opens a blob, or a part of it.
    ///
    /// # Errors
    /// A hook's veto, or when the store fails.
    pub async fn open_blob(
        &self,
        blob: &Blob,
        range: Option<ByteRange>,
        head: bool,
    ) -> Result<Object> {
        let operation = self.operation(self.record(&blob.digest)?, Some(blob.size()), CONTENT_TYPE);
        for hook in &*self.store.0.hooks {
            hook.before_get(&operation).await?;
        }
        let object = self.read_blob(blob, range, head).await?;
        for hook in &*self.store.0.hooks {
            hook.after_get(&operation).await;
        }
        Ok(object)
    }

    async fn read_blob(&self, blob: &Blob, range: Option<ByteRange>, head: bool) -> Result<Object> {
        let size = blob.size();
        let range = match range {
            Some(range) => range
                .resolve(size)
                .ok_or_else(|| Error::range_not_satisfiable(size))?,
            None => 0..size,
        };
        let mut object = Object {
            version: blob.snapshot.version.clone(),
            size,
            modified: blob.snapshot.modified,
            range: range.clone(),
            body: Body::empty(),
        };
        if head || range.is_empty() {
            return Ok(object);
        }
        if let [segment] = &blob.record.segments[..]
            && segment.size <= SMALL
        {
            let bytes = match self.small(segment).await {
                Ok(bytes) => bytes,
                Err(error) => return Err(self.lost(blob, error).await?),
            };
            let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            object.body = bytes.slice(within(range.start)..within(range.end)).into();
            return Ok(object);
        }
        // The first part is opened at once, so that bytes that are missing are an error and not an
        // answer that breaks off.
        let mut parts = parts(&blob.record.segments, range.clone());
        let (storage, root) = (self.storage().clone(), self.store.0.root.clone());
        let first = match parts.next() {
            Some(part) => open_part(&*storage, &root, part).await,
            None => Ok(Body::empty()),
        };
        let first = match first {
            Ok(first) => first,
            Err(error) => return Err(self.lost(blob, error).await?),
        };
        let rest: Vec<Part> = parts.collect();
        if rest.is_empty() {
            object.body = first;
            return Ok(object);
        }
        let rest = stream::iter(rest).then(move |part| {
            let (storage, root) = (storage.clone(), root.clone());
            async move { Ok::<_, Error>(open_part(&*storage, &root, part).await?) }
        });
        let all = stream::once(async { Ok(first) }).chain(rest).try_flatten();
        object.body = Body::from_stream(all, Some(range.end - range.start));
        Ok(object)
    }

    /// All bytes of a small segment, from memory if they were read before.
    async fn small(&self, segment: &Segment) -> Result<Bytes, StorageError> {
        let damaged = |error: Error| StorageError::Failed(error.into());
        let key = layout::content(&self.store.0.root, &segment.file).map_err(damaged)?;
        let contents = &self.store.0.contents;
        if let Some(bytes) = contents.get(&key) {
            return Ok(bytes);
        }
        let bytes = match self.storage().get(&key, GetOptions::default()).await? {
            Get::Found(object) => object.body.collect(SMALL as usize).await.map_err(damaged)?,
            Get::NotModified => Bytes::new(),
        };
        if bytes.len() as u64 != segment.size {
            return Err(damaged(Error::internal(format!(
                "{key} has {} bytes and should have {}",
                bytes.len(),
                segment.size
            ))));
        }
        contents.insert(key, bytes.clone());
        Ok(bytes)
    }

    /// What to say of bytes that could not be opened: a blob that was removed and collected since
    /// it was looked up is not there.
    async fn lost(&self, blob: &Blob, error: StorageError) -> Result<Error> {
        if !matches!(error, StorageError::NotFound) {
            return Ok(error.into());
        }
        let key = self.record(&blob.digest)?;
        let now = self.store.0.documents.fresh(&key).await?;
        let same = now.is_some_and(|now| now.version == blob.snapshot.version);
        Ok(if same {
            Error::internal(format!("the bytes of {} are missing", blob.digest))
        } else {
            Error::not_found("the blob was removed")
        })
    }
}

/// The part of a segment that a range covers.
struct Part {
    file: String,
    range: Option<ByteRange>,
}

/// The parts of segments that make up a range of them all.
fn parts(segments: &[Segment], range: Range<u64>) -> impl Iterator<Item = Part> + '_ {
    let mut end = 0;
    segments.iter().filter_map(move |segment| {
        let start = end;
        end += segment.size;
        let (first, last) = (range.start.max(start), range.end.min(end));
        (first < last).then(|| Part {
            file: segment.file.clone(),
            range: (last - first < segment.size)
                .then(|| ByteRange::Inclusive(first - start, last - 1 - start)),
        })
    })
}

async fn open_part(storage: &dyn Storage, root: &Key, part: Part) -> Result<Body, StorageError> {
    let key =
        layout::content(root, &part.file).map_err(|error| StorageError::Failed(error.into()))?;
    let options = GetOptions {
        range: part.range,
        ..GetOptions::default()
    };
    match storage.get(&key, options).await? {
        Get::Found(object) => Ok(object.body),
        Get::NotModified => Err(StorageError::Failed("not modified since never".into())),
    }
}

/// All bytes of segments, one after the other.
pub(in crate::store) fn read_segments(
    storage: Arc<dyn Storage>,
    root: Key,
    segments: &[Segment],
) -> Body {
    let size = segments.iter().map(|segment| segment.size).sum();
    let all: Vec<Part> = parts(segments, 0..size).collect();
    let all = stream::iter(all).then(move |part| {
        let (storage, root) = (storage.clone(), root.clone());
        async move { Ok::<_, Error>(open_part(&*storage, &root, part).await?) }
    });
    Body::from_stream(all.try_flatten(), Some(size))
}
