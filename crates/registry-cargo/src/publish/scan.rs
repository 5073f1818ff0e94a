//! Reads the body of a publish as it streams: a length and the metadata, a length and the crate
//! file. Lengths are 32 bits, the least significant byte first.

use bytes::{Buf, Bytes, BytesMut};
use registry_core::{Error, ErrorKind, Result};

/// What a piece of the body brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The whole metadata.
    Metadata(Bytes),
    /// The crate file begins, and will have so many bytes.
    Start(u32),
    /// Bytes of the crate file.
    Data(Bytes),
}

/// A body on its way in.
#[derive(Debug)]
pub struct PublishScanner {
    state: State,
    /// What was read and is not enough yet.
    pending: BytesMut,
    limit: u32,
    /// How long the whole body is, where that was announced.
    announced: Option<u64>,
}

#[derive(Debug)]
enum State {
    MetadataLength,
    Metadata(u32),
    CrateLength { metadata: u32 },
    Crate { left: u32 },
}

impl PublishScanner {
    /// A scanner of a body of `announced` bytes, whose metadata may have `limit` bytes at most.
    pub fn new(limit: u32, announced: Option<u64>) -> Self {
        Self {
            state: State::MetadataLength,
            pending: BytesMut::new(),
            limit,
            announced,
        }
    }

    /// Takes in the next piece.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] for too much metadata, [`ErrorKind::Invalid`] for lengths that do
    /// not add up to the whole body.
    pub fn feed(&mut self, mut bytes: Bytes) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        loop {
            match self.state {
                State::MetadataLength => {
                    let Some(length) = self.length(&mut bytes) else {
                        return Ok(events);
                    };
                    if length > self.limit {
                        let message = format!(
                            "the metadata has {length} bytes, and may have {} at most",
                            self.limit
                        );
                        return Err(Error::new(ErrorKind::TooLarge, message));
                    }
                    self.state = State::Metadata(length);
                }
                State::Metadata(length) => {
                    let Some(metadata) = self.whole(length as usize, &mut bytes) else {
                        return Ok(events);
                    };
                    events.push(Event::Metadata(metadata));
                    self.state = State::CrateLength { metadata: length };
                }
                State::CrateLength { metadata } => {
                    let Some(length) = self.length(&mut bytes) else {
                        return Ok(events);
                    };
                    let sum = 8 + u64::from(metadata) + u64::from(length);
                    if self.announced.is_some_and(|announced| announced != sum) {
                        return Err(wrong_sum());
                    }
                    events.push(Event::Start(length));
                    self.state = State::Crate { left: length };
                }
                State::Crate { left } => {
                    if bytes.is_empty() {
                        return Ok(events);
                    }
                    if bytes.len() as u64 > u64::from(left) {
                        return Err(wrong_sum());
                    }
                    // It is no more than what is left, which has 32 bits.
                    self.state = State::Crate {
                        left: left - bytes.len() as u32,
                    };
                    events.push(Event::Data(std::mem::take(&mut bytes)));
                }
            }
        }
    }

    /// The end of the body.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it comes too early.
    pub fn finish(self) -> Result<()> {
        match self.state {
            State::Crate { left: 0 } => Ok(()),
            _ => Err(wrong_sum()),
        }
    }

    fn length(&mut self, bytes: &mut Bytes) -> Option<u32> {
        self.whole(4, bytes).map(|mut bytes| bytes.get_u32_le())
    }

    /// The next `length` bytes, once they are there.
    fn whole(&mut self, length: usize, bytes: &mut Bytes) -> Option<Bytes> {
        if self.pending.is_empty() && bytes.len() >= length {
            return Some(bytes.split_to(length));
        }
        let missing = length - self.pending.len();
        let more = bytes.split_to(missing.min(bytes.len()));
        self.pending.extend_from_slice(&more);
        // With its room: the rest of that would be held for as long as the scanner is there.
        (self.pending.len() == length).then(|| std::mem::take(&mut self.pending).freeze())
    }
}

fn wrong_sum() -> Error {
    Error::invalid(
        "the lengths of the metadata and of the crate file do not add up to the body that was sent",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(metadata: &[u8], file: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
        [&length(metadata), metadata, &length(file), file].concat()
    }

    /// The metadata and the file, read in pieces of `chunk` bytes.
    fn scan(body: &[u8], chunk: usize, announced: Option<u64>) -> Result<(Bytes, Vec<u8>)> {
        let mut scanner = PublishScanner::new(100, announced);
        let (mut metadata, mut file, mut size) = (Bytes::new(), Vec::new(), None);
        for piece in body.chunks(chunk) {
            for event in scanner.feed(Bytes::copy_from_slice(piece))? {
                match event {
                    Event::Metadata(bytes) => metadata = bytes,
                    Event::Start(length) => size = Some(length as usize),
                    Event::Data(bytes) => file.extend_from_slice(&bytes),
                }
            }
        }
        scanner.finish()?;
        assert_eq!(size, Some(file.len()));
        Ok((metadata, file))
    }

    #[test]
    fn pieces_of_any_size() {
        for (metadata, file) in [(&b"{}"[..], &b"crate"[..]), (b"", b""), (b"{}", b"")] {
            let body = body(metadata, file);
            for chunk in 1..=body.len() {
                let (found, bytes) = scan(&body, chunk, Some(body.len() as u64)).unwrap();
                assert_eq!((&found[..], &bytes[..]), (metadata, file), "{chunk}");
                assert!(scan(&body, chunk, None).is_ok());
            }
        }
    }

    #[test]
    fn metadata_that_was_handed_on_is_not_held() {
        let body = body(&[b' '; 100], b"");
        let mut scanner = PublishScanner::new(100, None);
        for piece in body.chunks(30) {
            scanner.feed(Bytes::copy_from_slice(piece)).unwrap();
        }
        assert_eq!(scanner.pending.capacity(), 0);
    }

    #[test]
    fn lengths_add_up() {
        let good = body(b"{}", b"crate");
        for chunk in [1, 3, 100] {
            for cut in 0..good.len() {
                assert!(scan(&good[..cut], chunk, None).is_err(), "{cut}");
            }
            let longer = [&good[..], b"x"].concat();
            assert!(scan(&longer, chunk, None).is_err());
            for announced in [good.len() as u64 - 1, good.len() as u64 + 1] {
                assert!(scan(&good, chunk, Some(announced)).is_err());
            }
            let error = scan(&body(&[b' '; 101], b""), chunk, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooLarge);
            assert!(scan(&body(&[b' '; 100], b""), chunk, None).is_ok());
        }
    }
}
