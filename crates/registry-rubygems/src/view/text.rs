//! A text that only grows and is read all the time, whole or from where a client's copy of it ends.
//!
//! Its digests go on from where they were, and it is compressed piece by piece: to read it costs
//! nothing that grows with it but a handle on each piece.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use registry_core::digest::{Algorithm, MultiHasher};

/// How long a piece is at least, in bytes.
const PIECE: usize = 64 << 10;

/// The head of a gzip stream (RFC 1952) that says no more than that it is one.
const GZIP_HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A text that grows.
pub(crate) struct Text {
    /// What is not touched any more.
    pieces: Vec<Piece>,
    /// What follows it.
    tail: Vec<u8>,
    size: u64,
    /// The MD5 and SHA-256 of all of it.
    hasher: MultiHasher,
    /// The checksum of the pieces.
    crc: Crc,
    /// The text as it is now, once somebody has read it.
    now: OnceLock<Arc<Reading>>,
    /// Its tail, compressed, and the checksum of the whole, once somebody has read them.
    end: OnceLock<(Bytes, u32)>,
}

struct Piece {
    text: Bytes,
    /// The same as blocks of DEFLATE that refer to nothing before them.
    packed: Bytes,
}

/// A text as it was at one time.
pub(crate) struct Reading {
    /// The MD5, in hexadecimal.
    pub(crate) md5: String,
    /// The SHA-256.
    pub(crate) sha256: Vec<u8>,
    /// How long it is, in bytes.
    pub(crate) size: u64,
    /// The text.
    pub(crate) pieces: Vec<Bytes>,
}

impl Text {
    /// A text that begins so.
    pub(crate) fn new(head: &[u8]) -> Self {
        let mut text = Self {
            pieces: Vec::new(),
            tail: Vec::new(),
            size: 0,
            hasher: MultiHasher::new(&[Algorithm::Md5, Algorithm::Sha256]),
            crc: Crc::new(),
            now: OnceLock::new(),
            end: OnceLock::new(),
        };
        text.append(head);
        text
    }

    /// Adds to its end.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        (self.now, self.end) = Default::default();
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        if self.tail.len() >= PIECE {
            let text = std::mem::take(&mut self.tail);
            self.crc.update(&text);
            self.pieces.push(Piece {
                packed: deflate(&text, FlushCompress::Full),
                text: text.into(),
            });
        }
    }

    /// How long it is, in bytes: by this one state of it is told from another.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The text as it is now.
    pub(crate) fn read(&self) -> Arc<Reading> {
        let read = || {
            let digests = self.hasher.clone().finish();
            let pieces = self.pieces.iter().map(|piece| piece.text.clone());
            let tail = Bytes::copy_from_slice(&self.tail);
            Arc::new(Reading {
                md5: digests.hex(Algorithm::Md5),
                sha256: digests.get(Algorithm::Sha256).unwrap_or_default().into(),
                size: self.size,
                pieces: pieces.chain([tail]).collect(),
            })
        };
        Arc::clone(self.now.get_or_init(read))
    }

    /// The text as it is now, compressed by gzip.
    pub(crate) fn gzip(&self) -> Vec<Bytes> {
        let (end, crc) = self.end();
        // The length counts to 2^32, and begins again (RFC 1952 §2.3.1).
        let size = self.size as u32;
        let trailer = [crc.to_le_bytes(), size.to_le_bytes()].concat();
        let head = Bytes::from_static(GZIP_HEAD);
        let pieces = self.pieces.iter().map(|piece| piece.packed.clone());
        let pieces = std::iter::once(head).chain(pieces);
        pieces.chain([end, trailer.into()]).collect()
    }

    /// The tail as the last blocks, and the checksum of the whole text.
    fn end(&self) -> (Bytes, u32) {
        let end = || {
            let packed = deflate(&self.tail, FlushCompress::Finish);
            let (mut crc, mut of_tail) = (Crc::new(), Crc::new());
            of_tail.update(&self.tail);
            crc.combine(&self.crc);
            crc.combine(&of_tail);
            (packed, crc.sum())
        };
        self.end.get_or_init(end).clone()
    }
}

/// Bytes as blocks of DEFLATE that begin and, unless they are the last, end at a byte.
fn deflate(bytes: &[u8], flush: FlushCompress) -> Bytes {
    let mut compress = Compress::new(Compression::new(6), false);
    let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        let done = usize::try_from(compress.total_in()).unwrap_or(bytes.len());
        let status = compress.compress_vec(&bytes[done..], &mut packed, flush);
        let all_in = compress.total_in() == bytes.len() as u64;
        match status {
            Ok(Status::StreamEnd) => break,
            // Room was left, so that all of it is out.
            Ok(_)
                if all_in && packed.len() < packed.capacity() && flush != FlushCompress::Finish =>
            {
                break;
            }
            Ok(_) => packed.reserve(1 << 10),
            // Only a stream that has ended fails.
            Err(_) => break,
        }
    }
    packed.into()
}

impl Reading {
    /// A part of it.
    pub(crate) fn part(&self, range: std::ops::Range<u64>) -> Vec<Bytes> {
        let mut start = 0;
        let mut part = Vec::new();
        for piece in &self.pieces {
            let end = start + piece.len() as u64;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                // Both lie within the piece.
                part.push(piece.slice((from - start) as usize..(to - start) as usize));
            }
            start = end;
        }
        part
    }

    /// Shows each of its lines, from an offset on.
    pub(crate) fn lines(&self, from: usize, mut show: impl FnMut(&[u8])) {
        let mut skip = from;
        for piece in &self.pieces {
            let rest = piece.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(piece.len());
            // A piece ends where a line does, since only whole lines are added.
            rest.split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .for_each(&mut show);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use registry_core::digest::Digest;

    use super::*;

    #[test]
    fn it_is_at_all_times_what_was_added() {
        let mut text = Text::new(b"head\n---\n");
        let mut expected = b"head\n---\n".to_vec();
        for n in 0..6000u32 {
            let line = format!(
                "gem-{n} 1.{n}.0 {:032x}\n",
                u128::from(n) * 0x9e37_79b9_7f4a
            );
            text.append(line.as_bytes());
            expected.extend_from_slice(line.as_bytes());
            if n % 500 != 0 && n < 5998 {
                continue;
            }
            let reading = text.read();
            assert_eq!(reading.pieces.concat(), expected);
            assert_eq!(reading.size, expected.len() as u64);
            assert_eq!(reading.md5, Digest::of(Algorithm::Md5, &expected).hex());
            assert_eq!(reading.sha256, registry_core::digest::sha256(&expected));
            // Twice, since the end is kept. Clients read one member of the stream.
            for _ in 0..2 {
                let gzip = text.gzip().concat();
                assert!(gzip.len() < expected.len() || n < 500);
                let mut unpacked = Vec::new();
                GzDecoder::new(&*gzip).read_to_end(&mut unpacked).unwrap();
                assert!(unpacked == expected, "{n}");
            }
            for from in [0, 1, 65_535, 65_536, 70_000, expected.len() - 1] {
                let from = from.min(expected.len());
                let part = reading.part(from as u64..expected.len() as u64);
                assert!(part.concat() == expected[from..], "{from}");
            }
            let mut lines = Vec::new();
            reading.lines(9, |line| lines.push(line.to_vec()));
            assert_eq!(lines.len(), n as usize + 1);
            assert!(
                lines
                    .last()
                    .unwrap()
                    .starts_with(format!("gem-{n} ").as_bytes())
            );
        }
        assert!(text.pieces.len() > 3);
    }

    #[test]
    fn the_end_of_one_state_is_not_taken_for_that_of_another() {
        let mut text = Text::new(b"---\n");
        for byte in *b"ab" {
            // So long that each begins a piece of its own, and the tails are of one length.
            text.append(&[byte; PIECE]);
            text.append(&[byte; 100]);
            let mut unpacked = Vec::new();
            let gzip = text.gzip().concat();
            let read = GzDecoder::new(&*gzip).read_to_end(&mut unpacked);
            assert!(read.is_ok() && unpacked == text.read().pieces.concat());
        }
    }
}
