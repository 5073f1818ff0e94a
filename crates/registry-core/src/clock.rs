//! What time it is, also for whoever tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use jiff::Timestamp;

/// What time it is: the system's, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands still until it is moved, for tests.
    pub fn fixed(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.as_millisecond()))))
    }

    /// The time, to the millisecond.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now().as_millisecond();
        let millisecond = self
            .0
            .as_ref()
            .map_or(now, |fixed| fixed.load(Ordering::SeqCst));
        Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The time as the system counts it.
    pub fn system_time(&self) -> SystemTime {
        let millisecond = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(millisecond)
    }

    /// Moves a fixed clock forward; the system's does not move.
    pub fn advance(&self, by: Duration) {
        if let Some(fixed) = &self.0 {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            fixed.fetch_add(by, Ordering::SeqCst);
        }
    }
}
