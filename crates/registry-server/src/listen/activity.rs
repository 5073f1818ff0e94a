//! What goes on in one connection, to end those where nothing does.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Version;
use registry::{Body, body::Direct};
use tokio::time::Instant;

/// What goes on in one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    state: Mutex<State>,
    /// Whether a request was answered whose body was not read to its end.
    unread: AtomicBool,
    /// Whether the socket has no room for more: the client takes nothing, or takes it slowly.
    full: AtomicBool,
    /// Whether the connection ended before all that it was given had gone.
    broken: AtomicBool,
    /// What was lent to the connection, if it is one that can send files by itself.
    direct: Option<Direct>,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    /// When the last request ended, or the connection began.
    idle_since: Instant,
    /// The answers over HTTP/2 whose next bytes wait for the client, and since when.
    offered: Vec<(u64, Instant)>,
    next: u64,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may stay.
    Stay,
    /// It had no request for too long.
    Idle,
    /// It does not take an answer.
    Stalled,
}

/// A request under way; its end is this one's drop.
#[derive(Debug)]
pub(crate) struct InFlight {
    activity: Arc<Activity>,
    id: u64,
    /// Whether other answers go over the connection meanwhile, as over HTTP/2.
    shares: bool,
}

impl Activity {
    /// A connection that begins.
    pub(crate) fn new(direct: Option<Direct>) -> Arc<Self> {
        let state = Mutex::new(State {
            in_flight: 0,
            idle_since: Instant::now(),
            offered: Vec::new(),
            next: 0,
        });
        Arc::new(Self {
            state,
            unread: AtomicBool::new(false),
            full: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            direct,
        })
    }

    /// A body was not read to its end: the client may still be sending it when it is answered.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Whether the client may still be sending what nobody reads.
    pub(crate) fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// The connection ends before all that it was given has gone.
    pub(crate) fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Whether the socket has room for more is known anew. While it has none, no answer is waited for
    /// in vain: each of them may have to wait for the others.
    pub(crate) fn set_full(&self, full: bool) {
        let was = self.full.swap(full, Ordering::Relaxed);
        if was && !full {
            let now = Instant::now();
            for (_, since) in &mut self.state().offered {
                *since = now;
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request of this version of HTTP begins.
    pub(crate) fn begin(self: &Arc<Self>, version: Version) -> InFlight {
        let mut state = self.state();
        state.in_flight += 1;
        state.next += 1;
        InFlight {
            activity: self.clone(),
            id: state.next,
            shares: version >= Version::HTTP_2,
        }
    }

    /// What is to become of the connection, where it may be idle and stalled for so long. While the
    /// socket is full, that is for it to say.
    pub(crate) fn verdict(&self, idle: Duration, stalled: Duration) -> Verdict {
        if self.full.load(Ordering::Relaxed) {
            return Verdict::Stay;
        }
        let state = self.state();
        if state.in_flight == 0 && state.idle_since.elapsed() >= idle {
            Verdict::Idle
        } else if state
            .offered
            .iter()
            .any(|(_, since)| since.elapsed() >= stalled)
        {
            Verdict::Stalled
        } else {
            Verdict::Stay
        }
    }
}

impl InFlight {
    /// Tells the answer's body where it goes. What is lent comes in pieces that are too long to have
    /// other answers wait for.
    pub(crate) fn lend(&self, body: &mut Body) {
        if let Some(direct) = &self.activity.direct
            && !self.shares
        {
            body.send_directly(direct);
        }
    }

    /// Bytes of the answer were handed out. Where it has the connection to itself, the socket shows
    /// whether the client takes them; over HTTP/2, that more are asked for.
    pub(crate) fn offered(&self) {
        if self.shares {
            let mut state = self.activity.state();
            state.offered.push((self.id, Instant::now()));
        }
    }

    /// More bytes of the answer are asked for.
    pub(crate) fn asked(&self) {
        if self.shares {
            let mut state = self.activity.state();
            state.offered.retain(|(id, _)| *id != self.id);
        }
    }

    /// Whether the connection ended before all that it was given had gone.
    pub(crate) fn broke_off(&self) -> bool {
        self.activity.broken.load(Ordering::Relaxed)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.offered.retain(|(id, _)| *id != self.id);
        state.in_flight -= 1;
        state.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn verdicts() {
        let second = Duration::from_secs(1);
        let verdict = |activity: &Activity| activity.verdict(10 * second, 20 * second);
        let activity = Activity::new(None);
        assert_eq!(verdict(&activity), Verdict::Stay);
        tokio::time::sleep(10 * second).await;
        assert_eq!(verdict(&activity), Verdict::Idle);
        let begin = || activity.begin(Version::HTTP_2);
        let (one, two, alone) = (begin(), begin(), activity.begin(Version::HTTP_11));
        alone.offered();
        one.offered();
        tokio::time::sleep(15 * second).await;
        two.offered();
        one.asked();
        tokio::time::sleep(15 * second).await;
        assert_eq!(verdict(&activity), Verdict::Stay);
        tokio::time::sleep(5 * second).await;
        assert_eq!(verdict(&activity), Verdict::Stalled);
        two.asked();
        assert_eq!(verdict(&activity), Verdict::Stay);
        two.offered();
        activity.set_full(true);
        tokio::time::sleep(30 * second).await;
        assert_eq!(verdict(&activity), Verdict::Stay);
        activity.set_full(false);
        assert_eq!(verdict(&activity), Verdict::Stay);
        tokio::time::sleep(20 * second).await;
        assert_eq!(verdict(&activity), Verdict::Stalled);
        drop(two);
        drop((one, alone));
        assert_eq!(verdict(&activity), Verdict::Stay);
        tokio::time::sleep(10 * second).await;
        assert_eq!(verdict(&activity), Verdict::Idle);
    }
}
