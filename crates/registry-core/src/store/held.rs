//! How much is held in memory of uploads that do not say at their beginning what they are.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most bytes that all of them together may be.
const MOST: usize = 64 << 20;

static ALL: AtomicUsize = AtomicUsize::new(0);

/// A count of the bytes of one upload that are held in memory.
#[derive(Debug, Default)]
pub struct Held(usize);

impl Held {
    /// Counts some more. Tells whether there was room for them, beside those of other uploads.
    pub fn grow(&mut self, more: usize) -> bool {
        self.0 += more;
        ALL.fetch_add(more, Ordering::Relaxed) + more <= MOST
    }

    /// How many they are.
    pub fn size(&self) -> usize {
        self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        ALL.fetch_sub(self.0, Ordering::Relaxed);
    }
}
