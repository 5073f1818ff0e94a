//! What was read a moment ago and is still trusted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use quick_cache::sync::Cache;

use crate::{clock::Clock, error::Result};

/// Whether no more than `most` has passed since `then`. A clock that went back trusts nothing.
pub(super) fn within(then: Timestamp, now: Timestamp, most: Duration) -> bool {
    Duration::try_from(now.duration_since(then)).is_ok_and(|age| age < most)
}

/// A bounded memory of values by name, each trusted for a while. That something is absent is never
/// remembered: what was just made is found at once.
pub(super) struct Remembered<V> {
    values: Cache<String, (Timestamp, Arc<V>)>,
    /// Counts what was forgotten, so that a value read before is not remembered after.
    forgotten: AtomicU64,
    max_age: Duration,
    clock: Clock,
}

impl<V> Remembered<V> {
    pub(super) fn new(most: usize, max_age: Duration, clock: Clock) -> Self {
        Self {
            values: Cache::new(most),
            forgotten: AtomicU64::new(0),
            max_age,
            clock,
        }
    }

    /// The value as it was no longer ago than it is trusted.
    pub(super) async fn get(
        &self,
        name: &str,
        read: impl AsyncFnOnce() -> Result<Option<V>>,
    ) -> Result<Option<Arc<V>>> {
        if let Some((at, value)) = self.values.get(name)
            && within(at, self.clock.now(), self.max_age)
        {
            return Ok(Some(value));
        }
        // Made only where it is needed, which is seldom.
        Box::pin(self.fresh(name, read())).await
    }

    /// The value as it is now.
    pub(super) async fn fresh(
        &self,
        name: &str,
        read: impl Future<Output = Result<Option<V>>>,
    ) -> Result<Option<Arc<V>>> {
        let (now, forgotten) = (self.clock.now(), self.forgotten.load(Ordering::SeqCst));
        let Some(value) = read.await?.map(Arc::new) else {
            self.values.remove(name);
            return Ok(None);
        };
        self.values.insert(name.to_owned(), (now, value.clone()));
        if self.forgotten.load(Ordering::SeqCst) != forgotten {
            self.values.remove(name);
        }
        Ok(Some(value))
    }

    /// Trusts a value no longer; for after it was changed.
    pub(super) fn forget(&self, name: &str) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.values.remove(name);
    }
}
