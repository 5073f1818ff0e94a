//! Content for what is published.

use std::io::{self, Read};

/// Bytes that do not compress, the same for the same seed (xorshift).
pub(crate) struct Random(u64);

impl Random {
    /// A beginning.
    pub(crate) fn new(seed: &str) -> Self {
        let start = 0x9e37_79b9_7f4a_7c15_u64;
        Self(
            seed.bytes().fold(start, |state, byte| {
                (state ^ u64::from(byte)).wrapping_mul(start)
            }) | 1,
        )
    }
}

impl Read for Random {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for chunk in buffer.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            chunk.copy_from_slice(&self.0.to_le_bytes()[..chunk.len()]);
        }
        Ok(buffer.len())
    }
}
