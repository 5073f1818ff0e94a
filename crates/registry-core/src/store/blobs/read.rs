//! The bytes of blobs, joined of the pieces in which they were uploaded.

use std::{ops::Range, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Blob, CONTENT_TYPE, Repo, Segment, layout};
use crate::{
    body::{Body, Kept},
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
        let operation = self.operation(blob.key.clone(), Some(blob.size()), CONTENT_TYPE);
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
        let key = self.kept_as(blob)?;
        if let Some(kept) = key.as_ref().and_then(|key| self.store.0.contents.get(key)) {
            object.body = kept.part(range);
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
        if let Some(key) = key
            && range == (0..size)
        {
            object.body = self.keep(key, size, first).await?.part(range);
            return Ok(object);
        }
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

    /// Under which key the bytes of a blob are kept in memory, if it is small and came in one piece.
    fn kept_as(&self, blob: &Blob) -> Result<Option<Key>> {
        match &blob.record.segments[..] {
            [segment] if segment.size <= SMALL => {
                layout::content(&self.store.0.root, &segment.file).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Reads bytes, and keeps them in memory.
    async fn keep(&self, key: Key, size: u64, body: Body) -> Result<Kept> {
        let kept = body.keep(SMALL as usize).await?;
        if kept.len() as u64 != size {
            let is = kept.len();
            return Err(Error::internal(format!(
                "{key} has {is} bytes and should have {size}"
            )));
        }
        self.store.0.contents.insert(key, kept.clone());
        Ok(kept)
    }

    /// What to say of bytes that could not be opened: a blob that was removed and collected since
    /// it was looked up is not there.
    async fn lost(&self, blob: &Blob, error: StorageError) -> Result<Error> {
        if !matches!(error, StorageError::NotFound) {
            return Ok(error.into());
        }
        let now = self.store.0.documents.fresh(&blob.key).await?;
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
