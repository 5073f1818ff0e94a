//! Reading and listing objects.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream, Stream},
};
use object_store::{
    Error as StoreError, GetOptions as StoreOptions, GetRange, GetResult, ObjectMeta, ObjectStore,
    ObjectStoreExt, path::Path,
};

use super::convert::{failed, update_version, version_found};
use crate::{
    body::Body,
    error::Error,
    storage::{ByteRange, Entry, Get, GetOptions, Key, Object, StorageError, Version},
};

/// The longest piece of a body.
const PIECE: usize = 1 << 20;

pub(super) async fn get(
    store: &dyn ObjectStore,
    at: &Path,
    options: GetOptions,
) -> Result<Get, StorageError> {
    let condition = options.if_none_match.as_ref();
    if options.head {
        return match request(store, at, condition, None, true).await {
            Ok(found) => head(found.meta, options.range, condition),
            Err(error) => not_modified_or_failed(error),
        };
    }
    let range = options.range.map(store_range);
    match request(store, at, condition, range, false).await {
        Ok(found) if options.range.is_some() && found.range.is_empty() => {
            Err(StorageError::Range(found.meta.size))
        }
        Ok(found) => Ok(whole(found, condition)),
        Err(error) => match options.range {
            Some(range) if may_be_the_range(&error) => get_by_size(store, at, range, error).await,
            _ => not_modified_or_failed(error),
        },
    }
}

async fn request(
    store: &dyn ObjectStore,
    at: &Path,
    unless: Option<&Version>,
    range: Option<GetRange>,
    head: bool,
) -> Result<GetResult, StoreError> {
    let options = StoreOptions {
        if_none_match: unless.and_then(|version| update_version(version).e_tag),
        range,
        head,
        ..StoreOptions::default()
    };
    store.get_opts(at, options).await
}

fn store_range(range: ByteRange) -> GetRange {
    match range {
        // A server may take no greater offsets than these, and no object ends beyond.
        ByteRange::Inclusive(first, last) if last >= i64::MAX as u64 => GetRange::Offset(first),
        ByteRange::Inclusive(first, last) => GetRange::Bounded(first..last + 1),
        ByteRange::From(first) => GetRange::Offset(first),
        ByteRange::Last(count) => GetRange::Suffix(count.min(i64::MAX as u64)),
    }
}

/// Whether an error may be about the range. Stores say so in many ways, and some take no suffix.
fn may_be_the_range(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Generic { .. } | StoreError::NotSupported { .. }
    )
}

/// Reads a range that the store did not take, once its object's size is known.
async fn get_by_size(
    store: &dyn ObjectStore,
    at: &Path,
    range: ByteRange,
    error: StoreError,
) -> Result<Get, StorageError> {
    let size = store.head(at).await.map_err(failed)?.size;
    let resolved = range.resolve(size).ok_or(StorageError::Range(size))?;
    if !matches!(error, StoreError::NotSupported { .. }) {
        return Err(failed(error));
    }
    let range = Some(GetRange::Bounded(resolved));
    let found = request(store, at, None, range, false).await;
    let found = found.map_err(failed)?;
    if found.meta.size == size {
        Ok(whole(found, None))
    } else {
        Err(StorageError::Unavailable(
            "the object was replaced meanwhile".into(),
        ))
    }
}

fn head(
    found: ObjectMeta,
    range: Option<ByteRange>,
    unless: Option<&Version>,
) -> Result<Get, StorageError> {
    let size = found.size;
    let range = match range {
        Some(range) => range.resolve(size).ok_or(StorageError::Range(size))?,
        None => 0..size,
    };
    Ok(answer(&found, range, unless, Body::empty))
}

fn whole(found: GetResult, unless: Option<&Version>) -> Get {
    let (meta, range) = (found.meta.clone(), found.range.clone());
    answer(&meta, range.clone(), unless, || {
        Body::from_stream(pieces(found), Some(range.end - range.start))
    })
}

fn answer(
    found: &ObjectMeta,
    range: Range<u64>,
    unless: Option<&Version>,
    body: impl FnOnce() -> Body,
) -> Get {
    let version = version_found(found);
    // A store may have no entity tags to ask by, or pass over the condition.
    if unless == Some(&version) {
        return Get::NotModified;
    }
    Get::Found(Object {
        version,
        size: found.size,
        modified: found.last_modified.into(),
        range,
        body: body(),
    })
}

fn not_modified_or_failed(error: StoreError) -> Result<Get, StorageError> {
    match error {
        StoreError::NotModified { .. } => Ok(Get::NotModified),
        error => Err(failed(error)),
    }
}

/// The bytes of an object, in pieces that are not too long.
fn pieces(found: GetResult) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
    let pieces = found.into_stream();
    let pieces = pieces.map_err(|error| Error::from(failed(error)));
    pieces.flat_map(|piece| {
        let cut = stream::unfold(piece, |piece| async move {
            match piece {
                Ok(bytes) if bytes.is_empty() => None,
                Ok(mut rest) => {
                    let piece = rest.split_to(rest.len().min(PIECE));
                    Some((Ok(piece), Ok(rest)))
                }
                Err(error) => Some((Err(error), Ok(Bytes::new()))),
            }
        });
        cut.boxed()
    })
}

/// Lists a folder. Stores list in the order of keys.
pub(super) fn list(
    store: &dyn ObjectStore,
    folder: Option<Path>,
    after: Option<Path>,
    prefix: Option<Key>,
) -> BoxStream<'static, Result<Entry, StorageError>> {
    let found = match &after {
        Some(after) => store.list_with_offset(folder.as_ref(), after),
        None => store.list(folder.as_ref()),
    };
    let entries = found.map_err(failed).try_filter_map(move |found| {
        // Some stores begin at the offset itself.
        if after.as_ref().is_some_and(|after| found.location <= *after) {
            return std::future::ready(Ok(None));
        }
        // Names that are no keys are not ours.
        let key = Key::new(found.location.as_ref()).ok();
        let key = match &prefix {
            Some(prefix) => key.and_then(|key| key.below(prefix)),
            None => key,
        };
        std::future::ready(Ok(key.map(|key| Entry {
            key,
            size: found.size,
            modified: found.last_modified.into(),
        })))
    });
    entries.boxed()
}

#[cfg(test)]
mod tests {
    use object_store::{Attributes, GetResultPayload};

    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn a_store_that_breaks_off_is_nobody_elses_fault() {
        let source = "the connection was reset".into();
        let error = StoreError::Generic {
            store: "s3",
            source,
        };
        let broken = stream::iter([Ok(Bytes::from_static(b"by")), Err(error)]);
        let found = GetResult {
            payload: GetResultPayload::Stream(broken.boxed()),
            meta: ObjectMeta {
                location: Path::from("x"),
                last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
                size: 5,
                e_tag: None,
                version: None,
            },
            range: 0..5,
            attributes: Attributes::default(),
            extensions: Default::default(),
        };
        let Get::Found(object) = whole(found, None) else {
            panic!("it was found");
        };
        let error = object.body.collect(100).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}
