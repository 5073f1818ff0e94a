//! Reading files.

use std::{
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::stream;
use memmap2::{Advice, MmapOptions};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{failed, is_absent, version};
use crate::{
    body::Body,
    storage::{Get, GetOptions, Object, StorageError},
};

/// Up to here a body is read at once, on the caller's thread: a hop costs more.
const INLINE: u64 = 64 << 10;
/// How much of a longer body is mapped in one go.
const PIECE: u64 = 1 << 20;
/// How much of it is read in one go where it cannot be mapped.
const READ: u64 = 256 << 10;

/// Answers a read. Metadata and small bodies come on the caller's thread.
pub(super) fn get(path: &Path, options: &GetOptions) -> Result<Get, StorageError> {
    if options.head || options.if_none_match.is_some() {
        let metadata = regular(fs::metadata(path))?;
        if options.if_none_match == Some(version(&metadata)) {
            return Ok(Get::NotModified);
        }
        if options.head {
            return found(&metadata, options, |_| Ok(Body::empty()));
        }
    }
    let file = File::open(path).map_err(absent_or_failed)?;
    // Of the open file, so that version and bytes belong together.
    let metadata = regular(file.metadata())?;
    if options.if_none_match == Some(version(&metadata)) {
        return Ok(Get::NotModified);
    }
    found(&metadata, options, |range| body(file, range))
}

fn found(
    metadata: &fs::Metadata,
    options: &GetOptions,
    body: impl FnOnce(Range<u64>) -> Result<Body, StorageError>,
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
        body: body(range)?,
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

fn body(file: File, range: Range<u64>) -> Result<Body, StorageError> {
    let length = range.end - range.start;
    if length == 0 {
        Ok(Body::empty())
    } else if length <= INLINE {
        read_piece(&file, range).map(Body::from).map_err(failed)
    } else {
        Ok(Body::from_stream(
            pieces(Arc::new(file), range),
            Some(length),
        ))
    }
}

/// The pieces of a range, of which one is made ready while the last is on its way.
fn pieces(
    file: Arc<File>,
    range: Range<u64>,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static {
    let first = start(&file, &range);
    stream::try_unfold((first, range), move |(making, mut rest)| {
        let file = Arc::clone(&file);
        async move {
            let Some(making) = making else {
                return Ok(None);
            };
            let piece = making.await.map_err(io::Error::other)??;
            rest.start += piece.len() as u64;
            let next = start(&file, &rest);
            Ok(Some((piece, (next, rest))))
        }
    })
}

/// Starts to make the first piece of a range ready, unless it is empty.
fn start(file: &Arc<File>, rest: &Range<u64>) -> Option<JoinHandle<io::Result<Bytes>>> {
    if rest.is_empty() {
        return None;
    }
    let file = Arc::clone(file);
    let (start, end) = (rest.start, rest.end);
    Some(spawn_blocking(move || {
        let within = |length| start..end.min(start.saturating_add(length));
        // A file system that does not map files can still be read.
        map_piece(&file, within(PIECE)).or_else(|_| read_piece(&file, within(READ)))
    }))
}

/// The bytes of a range as the system's own pages, so that nothing is copied before it is sent.
///
/// The pages are brought in here, on a thread that may wait for the disk, and where an error of the
/// disk is still an error.
#[allow(unsafe_code)]
fn map_piece(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut options = MmapOptions::new();
    // SAFETY: the bytes of a map must not change, and its file must not be cut off, while it lives.
    // Objects are written once: what replaces one is another file under its name, and what is
    // deleted lives on in the map. Who writes into the directory by other means breaks what a
    // `Storage` promises.
    let map = unsafe { options.offset(range.start).len(length).map(file)? };
    map.advise(Advice::PopulateRead)?;
    Ok(Bytes::from_owner(map))
}

/// All bytes of a range; fewer are an error.
fn read_piece(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(Bytes::from(bytes))
}
