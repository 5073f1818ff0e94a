//! The bytes of blobs, joined of the pieces in which they were uploaded.

use std::{ops::Range, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Blob, CONTENT_TYPE, Repo, Segment, layout};
use crate::{
    body::Body,
    error::{Error, Result},
    storage::{ByteRange, Get, GetOptions, Key, Storage, StorageError},
    store::read::{Opened, within},
};

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
    ) -> Result<Opened> {
        let operation = self.operation(blob.key.clone(), Some(blob.size()), CONTENT_TYPE);
        for hook in &*self.store.0.hooks {
            hook.before_get(&operation).await?;
        }
        let opened = match self.read_blob(blob, range, head).await? {
            Some(opened) => opened,
            None => {
                let now = Box::pin(self.moved(blob)).await?;
                let opened = self.read_blob(&now, range, head).await?;
                opened.ok_or_else(|| missing(&now))?
            }
        };
        for hook in &*self.store.0.hooks {
            hook.after_get(&operation).await;
        }
        Ok(opened)
    }

    /// Reads what a record tells of, or nothing where there are no such bytes.
    async fn read_blob(
        &self,
        blob: &Blob,
        range: Option<ByteRange>,
        head: bool,
    ) -> Result<Option<Opened>> {
        let size = blob.size();
        let range = within(range, size)?;
        if head || range.is_empty() {
            let body = Body::empty();
            return Ok(Some(Opened { range, body }));
        }
        if let [segment] = &blob.record.segments[..] {
            let key = layout::content(&self.store.0.root, &segment.file)?;
            let part = part(segment, &range);
            return self.open_file(&key, size, part, false).await;
        }
        Box::pin(self.joined(blob, range)).await
    }

    /// The pieces in which a blob was uploaded, one after the other.
    async fn joined(&self, blob: &Blob, range: Range<u64>) -> Result<Option<Opened>> {
        let (storage, root) = (self.storage().clone(), self.store.0.root.clone());
        // The first part is opened at once, so that bytes that are missing are an error and not an
        // answer that breaks off.
        let mut parts = parts(&blob.record.segments, range.clone());
        let first = match parts.next() {
            Some(part) => open_part(&*storage, &root, part).await,
            None => Ok(Body::empty()),
        };
        let first = match first {
            Ok(first) => first,
            Err(StorageError::NotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let rest: Vec<Part> = parts.collect();
        let rest = stream::iter(rest).then(move |part| {
            let (storage, root) = (storage.clone(), root.clone());
            async move { Ok::<_, Error>(open_part(&*storage, &root, part).await?) }
        });
        let all = stream::once(async { Ok(first) }).chain(rest).try_flatten();
        let body = Body::from_stream(all, Some(range.end - range.start));
        Ok(Some(Opened { range, body }))
    }

    /// A blob whose bytes were not where its record said, as it is now: they came again since, or it
    /// was removed and collected.
    async fn moved(&self, blob: &Blob) -> Result<Blob> {
        let now = self.fresh_blob(&blob.digest).await?;
        let now = now.ok_or_else(|| Error::not_found("the blob was removed"))?;
        if now.snapshot.version == blob.snapshot.version {
            return Err(missing(blob));
        }
        Ok(now)
    }
}

/// A fault of ours: a record names bytes that are not there.
fn missing(blob: &Blob) -> Error {
    Error::internal(format!("the bytes of {} are missing", blob.digest))
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
            range: part(segment, &(first - start..last - start)),
        })
    })
}

/// How a range of a segment that holds some byte is asked for: as nothing, if it is the whole.
fn part(segment: &Segment, range: &Range<u64>) -> Option<ByteRange> {
    let some = *range != (0..segment.size);
    some.then(|| ByteRange::Inclusive(range.start, range.end - 1))
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
