//! The beginning of a gem's file, up to what the gem says of itself: before that is known, nobody
//! can be asked whether they may write it, and nothing is stored.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use registry_core::{Error, ErrorKind, Result, store::Held};

use crate::gem;

/// How long it may be, in bytes, where the gem begins with its metadata.
const LONGEST: usize = 256 << 10;
/// How long it may be where its files come first, as RubyGems before 2.0 built gems.
const LONGEST_OLD: usize = 16 << 20;

/// The beginning of a gem's file, on its way in.
#[derive(Debug, Default)]
pub struct Opening {
    bytes: BytesMut,
    held: Held,
}

impl Opening {
    /// Takes in the next piece, and tells where the metadata lies once all of it is there.
    ///
    /// # Errors
    /// `Invalid` when this is no gem, or its metadata is too long or too far behind; `RateLimited` when
    /// there is no room for it now.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<Range<usize>>> {
        let fits = self.held.grow(bytes.len());
        self.bytes.extend_from_slice(bytes);
        let found = gem::metadata(&self.bytes)?;
        if found.is_some() {
            return Ok(found);
        }
        let size = self.bytes.len();
        if gem::begins_with_metadata(&self.bytes) {
            if size > LONGEST {
                let message = format!("its metadata, compressed, may have {LONGEST} bytes at most");
                return Err(Error::invalid(message));
            }
        } else if size > LONGEST_OLD {
            let message = format!(
                "its metadata.gz is not among its first {LONGEST_OLD} bytes; build it again with \
                 `gem build`, which puts it first"
            );
            return Err(Error::invalid(message));
        }
        if !fits {
            let message =
                "too many gems come in at once that do not begin with their metadata; try again";
            return Err(Error::new(ErrorKind::RateLimited, message));
        }
        Ok(None)
    }

    /// All that was taken in.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(size: usize) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(size as u64);
        header.set_mode(0o444);
        tar.append_data(&mut header, "metadata.gz", &*vec![b'x'; size])
            .unwrap();
        tar.into_inner().unwrap()
    }

    #[test]
    fn the_metadata_is_told_of_as_soon_as_it_is_there() {
        let tar = tar(700);
        for piece in [1, 100, 512, 1 << 20] {
            let (mut opening, mut fed) = (Opening::default(), 0);
            for bytes in tar.chunks(piece) {
                fed += bytes.len();
                let found = opening.feed(bytes).unwrap();
                assert_eq!(found, (fed >= 512 + 700).then_some(512..1212), "{fed}");
                if found.is_some() {
                    break;
                }
            }
            assert_eq!(opening.into_bytes(), tar[..fed]);
        }
    }

    #[test]
    fn no_more_is_gathered_than_may_be() {
        let (tar, mut opening) = (tar(LONGEST), Opening::default());
        assert_eq!(opening.feed(&tar[..LONGEST]).unwrap(), None);
        let error = opening.feed(&tar[LONGEST..LONGEST + 1]).unwrap_err();
        assert!(error.to_string().contains("262144 bytes"), "{error}");
        assert!(Opening::default().feed(&[b'x'; 512]).is_err());
    }
}
