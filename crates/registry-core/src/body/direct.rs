//! Files whose bytes a connection sends without having read them.

use std::{
    fs::File,
    io::{self, IoSlice},
    ops::{Deref, Range},
    os::fd::AsFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use rustix::{
    fs::sendfile,
    io::Errno,
    net::{SendAncillaryBuffer, SendFlags, sendmsg},
};

use super::{
    file::{DIRECT, map},
    kept::Origin,
};

/// What one connection was given of files.
///
/// A [`Body`](super::Body) that is told of it by [`send_directly`](super::Body::send_directly) yields
/// pieces that are mapped and that nobody has touched. Whoever reads them finds the bytes; the
/// connection, which is given them to write, has the system send them from the file itself, so
/// that they are never copied here.
#[derive(Clone, Debug, Default)]
pub struct Direct(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lent: Mutex<Vec<Lent>>,
    /// Whether the system refused to send a file, as it may where there are other rules or file systems.
    refused: AtomicBool,
}

/// Where a piece of a file lies in memory.
#[derive(Debug)]
struct Lent {
    address: usize,
    length: usize,
    file: Arc<File>,
    offset: u64,
}

impl Direct {
    fn lent(&self) -> MutexGuard<'_, Vec<Lent>> {
        self.0.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece of a file that can be sent from there.
    pub(super) fn lend(&self, file: &Arc<File>, range: &Range<u64>) -> io::Result<Bytes> {
        let map = map(file, range)?;
        Ok(self.lent_as(map, Arc::clone(file), range.start))
    }

    /// Bytes in memory that can be sent from where they came from, as long as that is in the system's
    /// memory too.
    pub(super) fn lend_kept(&self, bytes: &Bytes, origin: &Origin) -> Bytes {
        let length = bytes.len() as u64;
        if length < DIRECT || !origin.is_in_memory(length) {
            return bytes.clone();
        }
        self.lent_as(bytes.clone(), Arc::clone(&origin.file), origin.offset)
    }

    fn lent_as<T>(&self, bytes: T, file: Arc<File>, offset: u64) -> Bytes
    where
        T: Deref<Target = [u8]> + Send + 'static,
    {
        self.lent().push(Lent {
            address: bytes.as_ptr().addr(),
            length: bytes.len(),
            file,
            offset,
        });
        let direct = self.clone();
        Bytes::from_owner(Piece { bytes, direct })
    }

    /// The first of `slices` that is of a file, and what comes before it; nothing, if none is.
    pub fn find<'a>(&'a self, slices: &'a [IoSlice<'a>]) -> Option<Part<'a>> {
        if self.0.refused.load(Ordering::Relaxed) {
            return None;
        }
        let lent = self.lent();
        slices.iter().enumerate().find_map(|(at, slice)| {
            let address = slice.as_ptr().addr();
            lent.iter().find_map(|lent| {
                let within = address.checked_sub(lent.address)?;
                let fits = within + slice.len() <= lent.length && !slice.is_empty();
                fits.then(|| Part {
                    refused: &self.0.refused,
                    before: &slices[..at],
                    file: Arc::clone(&lent.file),
                    offset: lent.offset + within as u64,
                    length: slice.len(),
                })
            })
        })
    }
}

/// A piece of a file that is to be sent, and what comes before it.
#[derive(Debug)]
pub struct Part<'a> {
    refused: &'a AtomicBool,
    before: &'a [IoSlice<'a>],
    file: Arc<File>,
    offset: u64,
    length: usize,
}

impl Part<'_> {
    /// Sends what the socket takes, as a vectored write would, and says how much that was.
    ///
    /// # Errors
    /// Those of the socket, of which [`WouldBlock`](io::ErrorKind::WouldBlock) is one, and of the disk.
    /// [`Interrupted`](io::ErrorKind::Interrupted) says to look again: where the system refuses to send
    /// files, none is found from then on, and the slices are to be written.
    pub fn send(&self, socket: impl AsFd) -> io::Result<usize> {
        let mut sent = 0;
        if !self.before.is_empty() {
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
            let control = &mut SendAncillaryBuffer::default();
            sent = sendmsg(&socket, self.before, control, flags)?;
            if sent < self.before.iter().map(|slice| slice.len()).sum() {
                return Ok(sent);
            }
        }
        let mut offset = self.offset;
        match sendfile(&socket, &self.file, Some(&mut offset), self.length) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "a file is shorter than it was",
            )),
            Ok(more) => Ok(sent + more),
            Err(error) => {
                let mut error = error;
                if let Errno::INVAL | Errno::NOSYS | Errno::PERM | Errno::OPNOTSUPP = error {
                    self.refused.store(true, Ordering::Relaxed);
                    error = Errno::INTR;
                }
                match error {
                    // The rest goes when there is room.
                    Errno::AGAIN | Errno::INTR if sent > 0 => Ok(sent),
                    error => Err(error.into()),
                }
            }
        }
    }
}

/// A piece of a file, for as long as it may have to be sent.
struct Piece<T: Deref<Target = [u8]>> {
    bytes: T,
    direct: Direct,
}

impl<T: Deref<Target = [u8]>> AsRef<[u8]> for Piece<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Deref<Target = [u8]>> Drop for Piece<T> {
    fn drop(&mut self) {
        let address = self.bytes.as_ptr().addr();
        let mut lent = self.direct.lent();
        // What is kept may be lent more than once.
        if let Some(at) = lent.iter().position(|lent| lent.address == address) {
            lent.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream,
        thread,
    };

    use super::*;

    fn file(bytes: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file)
    }

    /// What comes through a socket of what is sent.
    fn through(direct: &Direct, slices: &[IoSlice<'_>]) -> (io::Result<usize>, Vec<u8>) {
        let (here, mut there) = UnixStream::pair().unwrap();
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            there.read_to_end(&mut all).map(|_| all).unwrap()
        });
        let sent = direct.find(slices).unwrap().send(&here);
        drop(here);
        (sent, reader.join().unwrap())
    }

    #[test]
    fn a_piece_is_sent_from_its_file() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[1]).collect();
        let (direct, file) = (Direct::default(), file(&bytes));
        // Which is not a multiple of a page.
        let piece = direct.lend(&file, &(5000..90_000)).unwrap();
        assert_eq!(piece, bytes[5000..90_000]);
        let part = piece.slice(10..2010);
        let slices = [b"head", &part[..], b"not yet"].map(IoSlice::new);
        let (sent, came) = through(&direct, &slices);
        assert_eq!(sent.unwrap(), 2004);
        assert_eq!(came, [b"head", &bytes[5010..7010]].concat());
        for other in [&bytes[..10], b"", &part[..0]] {
            assert!(direct.find(&[IoSlice::new(other)]).is_none());
        }
        assert!(Direct::default().find(&slices).is_none());
        drop(piece);
        assert!(direct.find(&slices).is_some());
        drop(part);
        assert!(direct.lent().is_empty());
    }

    #[test]
    fn what_the_system_does_not_send_is_to_be_written() {
        let (direct, file) = (Direct::default(), file(&[7; 100_000]));
        let piece = direct.lend(&file, &(0..100_000)).unwrap();
        let slices = [IoSlice::new(&piece)];
        // Files that are only added to are none that the system sends files to (sendfile(2)).
        let folder = tempfile::tempdir().unwrap();
        let added_to = File::options()
            .append(true)
            .create(true)
            .open(folder.path().join("log"));
        let sent = direct.find(&slices).unwrap().send(added_to.unwrap());
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert!(direct.find(&slices).is_none());
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let (direct, file) = (Direct::default(), file(&[7; 100_000]));
        let piece = direct.lend(&file, &(50_000..100_000)).unwrap();
        file.set_len(50_000).unwrap();
        let (sent, _) = through(&direct, &[IoSlice::new(&piece)]);
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
