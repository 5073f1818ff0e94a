//! Reading files.

use std::{
    fs::{self, File},
    io,
    ops::Range,
    path::Path,
};

use super::{failed, is_absent, is_version, version};
use crate::{
    body::Body,
    storage::{Get, GetOptions, Object, StorageError},
};

/// Answers a read, on the caller's thread.
pub(super) fn get(path: &Path, options: &GetOptions) -> Result<Get, StorageError> {
    let known = options.if_none_match.as_ref();
    let is_known = |file: &_| known.is_some_and(|known| is_version(known, file));
    if options.head || options.if_none_match.is_some() {
        let metadata = regular(fs::metadata(path))?;
        if is_known(&metadata) {
            return Ok(Get::NotModified);
        }
        if options.head {
            return found(&metadata, options, |_| Body::empty());
        }
    }
    let file = File::open(path).map_err(absent_or_failed)?;
    // Of the open file, so that version and bytes belong together.
    let metadata = regular(file.metadata())?;
    if is_known(&metadata) {
        return Ok(Get::NotModified);
    }
    found(&metadata, options, |range| Body::from_file(file, range))
}

fn found(
    metadata: &fs::Metadata,
    options: &GetOptions,
    body: impl FnOnce(Range<u64>) -> Body,
) -> Result<Get, StorageError> {
    let size = metadata.len();
    let range = match options.range {
        Some(range) => range.resolve(size).ok_or(StorageError::Range(size))?,
        None => 0..size,
    };
    Ok(Get::Found(Object {
        version: version(metadata),
        size,
        modified: metadata.modified().map_err(failed)?,
        range: range.clone(),
        body: body(range),
    }))
}

/// Only files are objects.
fn regular(metadata: io::Result<fs::Metadata>) -> Result<fs::Metadata, StorageError> {
    match metadata {
        Ok(metadata) if metadata.is_file() => Ok(metadata),
        Ok(_) => Err(StorageError::NotFound),
        Err(error) => Err(absent_or_failed(error)),
    }
}

fn absent_or_failed(error: io::Error) -> StorageError {
    if is_absent(&error) {
        StorageError::NotFound
    } else {
        failed(error)
    }
}
