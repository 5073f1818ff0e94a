//! A file as a body.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    ops::Range,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use memmap2::{Advice, Mmap, MmapOptions};
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::task::{JoinHandle, spawn_blocking};

use super::Direct;

/// Up to here a body is read at once, on the caller's thread: a hop costs more.
const INLINE: u64 = 64 << 10;
/// Shorter bodies are read where they could be sent directly: a map costs more.
pub(super) const DIRECT: u64 = 16 << 10;
/// How much of a longer body is mapped in one go.
const PIECE: u64 = 1 << 20;
/// How much of it is lent in one go to a connection that sends it by itself.
const LENT: u64 = 8 << 20;
/// How much of it is read in one go where it cannot be mapped.
const READ: u64 = 256 << 10;

/// A range of a file, which comes piece by piece. Objects are written once: the file does not change.
pub(super) struct FileBody {
    file: Arc<File>,
    rest: Range<u64>,
    /// The next piece, where it has to be waited for.
    making: Option<JoinHandle<io::Result<Bytes>>>,
    direct: Option<Direct>,
}

impl FileBody {
    pub(super) fn new(file: File, range: Range<u64>) -> Self {
        Self {
            file: Arc::new(file),
            rest: range,
            making: None,
            direct: None,
        }
    }

    /// From now on, pieces are lent to a connection.
    pub(super) fn send_directly(&mut self, direct: &Direct) {
        if self.is_sendable() {
            self.direct = Some(direct.clone());
        }
    }

    /// Whether it is long enough to be sent directly.
    pub(super) fn is_sendable(&self) -> bool {
        self.length() >= DIRECT
    }

    /// The file, and where the rest begins in it.
    pub(super) fn place(&self) -> (Arc<File>, u64) {
        (Arc::clone(&self.file), self.rest.start)
    }

    /// How many bytes are still to come.
    pub(super) fn length(&self) -> u64 {
        self.rest.end - self.rest.start
    }

    fn next(&self, most: u64) -> Range<u64> {
        let Range { start, end } = self.rest;
        start..end.min(start.saturating_add(most))
    }

    /// The next piece, if it is to be had without waiting.
    fn at_once(&self) -> Option<io::Result<Bytes>> {
        match &self.direct {
            Some(direct) => {
                let range = self.next(LENT);
                let there = is_in_memory(&self.file, &range);
                there.then(|| direct.lend(&self.file, &range))?.ok().map(Ok)
            }
            None if self.length() <= INLINE => Some(read(&self.file, &self.rest)),
            None => None,
        }
    }

    /// Has the next piece made ready.
    fn make(&self) -> JoinHandle<io::Result<Bytes>> {
        let (file, direct) = (Arc::clone(&self.file), self.direct.clone());
        let some = self.next(READ);
        let mapped = self.next(if direct.is_some() { LENT } else { PIECE });
        spawn_blocking(move || {
            let map = match direct {
                Some(direct) => bring_in(&file, &mapped).and_then(|_| direct.lend(&file, &mapped)),
                None => bring_in(&file, &mapped).map(Bytes::from_owner),
            };
            // A file system that does not map files can still be read.
            map.or_else(|_| read(&file, &some))
        })
    }

    /// The next piece; the one after it is made ready meanwhile, where that takes time.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.making.is_none()
            && let Some(piece) = self.at_once()
        {
            return Poll::Ready(Some(self.advance(piece)));
        }
        let making = self.making.take().unwrap_or_else(|| self.make());
        let making = self.making.insert(making);
        let piece = ready!(Pin::new(making).poll(cx)).map_err(io::Error::other);
        self.making = None;
        let piece = self.advance(piece.flatten());
        if piece.is_ok() && !self.rest.is_empty() && !self.is_at_hand() {
            self.making = Some(self.make());
        }
        Poll::Ready(Some(piece))
    }

    /// Whether the next piece need not be made ready.
    fn is_at_hand(&self) -> bool {
        self.direct.is_some() && is_in_memory(&self.file, &self.next(LENT))
    }

    fn advance(&mut self, piece: io::Result<Bytes>) -> io::Result<Bytes> {
        match &piece {
            Ok(piece) => self.rest.start += piece.len() as u64,
            Err(_) => self.rest.start = self.rest.end,
        }
        piece
    }
}

/// Whether a range of a file is in the system's memory, as far as a look here and there shows.
pub(super) fn is_in_memory(file: &File, range: &Range<u64>) -> bool {
    const STEP: usize = 256 << 10;
    let look = |at| {
        let mut byte = [0];
        let read = preadv2(
            file,
            &mut [IoSliceMut::new(&mut byte)],
            at,
            ReadWriteFlags::NOWAIT,
        );
        read == Ok(1)
    };
    look(range.end - 1) && range.clone().step_by(STEP).skip(1).all(look)
}

/// A range of a file as the system's own pages. None of them is brought in.
#[allow(unsafe_code)]
pub(super) fn map(file: &File, range: &Range<u64>) -> io::Result<Mmap> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut options = MmapOptions::new();
    // SAFETY: the bytes of a map must not change, and its file must not be cut off, while it lives.
    // Objects are written once: what replaces one is another file under its name, and what is
    // deleted lives on in the map. Who writes into the directory by other means breaks what a
    // `Storage` promises.
    unsafe { options.offset(range.start).len(length).map(file) }
}

/// A range of a file, mapped and brought in: on a thread that may wait for the disk, and where an
/// error of the disk is still an error.
fn bring_in(file: &File, range: &Range<u64>) -> io::Result<Mmap> {
    let map = map(file, range)?;
    map.advise(Advice::PopulateRead)?;
    Ok(map)
}

/// All bytes of a range; fewer are an error.
fn read(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(Bytes::from(bytes))
}
