//! Hashing bytes as they come.

use std::mem;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    digest::MultiHasher,
    error::{Error, Result},
};

/// How many bytes are hashed in one go, on another thread while the next arrive. Fewer are hashed where
/// they are: a hop costs more.
const BATCH: usize = 128 << 10;

/// A hasher that does not hold up who brings the bytes.
pub(super) struct Hashing {
    state: State,
    pieces: Vec<Bytes>,
    gathered: usize,
}

enum State {
    Idle(Box<MultiHasher>),
    Working(JoinHandle<Box<MultiHasher>>),
    /// It is in use, or was lost.
    Taken,
}

impl Hashing {
    /// One that goes on from where `hasher` stands.
    pub(super) fn new(hasher: MultiHasher) -> Self {
        Self {
            state: State::Idle(Box::new(hasher)),
            pieces: Vec::new(),
            gathered: 0,
        }
    }

    /// Hashes more bytes.
    ///
    /// # Errors
    /// When hashing panicked.
    pub(super) async fn update(&mut self, bytes: Bytes) -> Result<()> {
        self.gathered += bytes.len();
        self.pieces.push(bytes);
        if self.gathered >= BATCH {
            let mut hasher = self.idle().await?;
            let pieces = mem::take(&mut self.pieces);
            self.gathered = 0;
            self.state = State::Working(spawn_blocking(move || {
                pieces.iter().for_each(|piece| hasher.update(piece));
                hasher
            }));
        }
        Ok(())
    }

    /// The hasher after all bytes.
    ///
    /// # Errors
    /// When hashing panicked.
    pub(super) async fn finish(mut self) -> Result<MultiHasher> {
        let mut hasher = self.idle().await?;
        self.pieces.iter().for_each(|piece| hasher.update(piece));
        Ok(*hasher)
    }

    /// Waits for what is being hashed, and takes the hasher.
    async fn idle(&mut self) -> Result<Box<MultiHasher>> {
        if let State::Working(working) = &mut self.state {
            let hasher = working.await;
            self.state = State::Taken;
            self.state = State::Idle(hasher.map_err(Error::internal)?);
        }
        match mem::replace(&mut self.state, State::Taken) {
            State::Idle(hasher) => Ok(hasher),
            State::Working(_) | State::Taken => Err(Error::internal("bytes were left unhashed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Digest};

    #[tokio::test]
    async fn pieces_of_any_size_hash_to_the_same() {
        let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
        let bytes = Bytes::from(bytes);
        for size in [999, BATCH - 1, BATCH, BATCH + 1, 1_000_000] {
            let mut hashing = Hashing::new(MultiHasher::new(&[Algorithm::Sha256]));
            for start in (0..bytes.len()).step_by(size) {
                let piece = bytes.slice(start..bytes.len().min(start + size));
                hashing.update(piece).await.unwrap();
            }
            let is = hashing.finish().await.unwrap().finish();
            let whole = Digest::of(Algorithm::Sha256, &bytes);
            assert_eq!(is.digest(Algorithm::Sha256), whole, "{size}");
        }
    }
}
