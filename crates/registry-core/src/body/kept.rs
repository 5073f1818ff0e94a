//! Short bodies that are given out again and again.

use std::{
    fs::File,
    ops::Range,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Body, Inner, file::is_in_memory};
use crate::error::Result;

/// How many files are held open for them in this process, of those that it may open: what is beyond is
/// sent from memory.
static FILES: LazyLock<Semaphore> = LazyLock::new(|| {
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / 16;
    Semaphore::new(usize::try_from(most).unwrap_or(usize::MAX).min(256))
});

/// A body in memory, and the file that it came from, so that a connection may send that.
#[derive(Clone)]
pub(crate) struct Kept {
    bytes: Bytes,
    origin: Option<Origin>,
}

/// Where bytes in memory came from.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    place: Arc<Place>,
}

/// A file that is held open.
struct Place {
    _permit: SemaphorePermit<'static>,
    /// When its bytes were last seen in the system's memory, in milliseconds since `START`.
    seen: AtomicU64,
}

/// How long bytes that were in the system's memory are taken to be there still, in milliseconds.
const STAYS: u64 = 1000;
/// From when on time is counted here.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Origin {
    /// Whether so many bytes from here on are in the system's memory, or were a moment ago.
    pub(super) fn is_in_memory(&self, length: u64) -> bool {
        let now = now();
        let seen = &self.place.seen;
        if now.saturating_sub(seen.load(Ordering::Relaxed)) < STAYS {
            return true;
        }
        let is = is_in_memory(&self.file, &(self.offset..self.offset + length));
        if is {
            seen.store(now, Ordering::Relaxed);
        }
        is
    }
}

impl Body {
    /// The whole body, to be given out more than once; more than `limit` bytes is `TooLarge`.
    ///
    /// # Errors
    /// Fails when the body is longer than `limit` or breaks off.
    pub(crate) async fn keep(self, limit: usize) -> Result<Kept> {
        let (origin, is_file) = (self.origin(), matches!(self.0, Inner::File(_)));
        let mut bytes = self.collect(limit).await?;
        if !is_file {
            // They may be a part of something larger, which would be kept with them.
            bytes = Bytes::copy_from_slice(&bytes);
        }
        Ok(Kept { bytes, origin })
    }

    fn origin(&self) -> Option<Origin> {
        let Inner::File(file) = &self.0 else {
            return None;
        };
        if !file.is_sendable() {
            return None;
        }
        let place = Place {
            _permit: FILES.try_acquire().ok()?,
            // All of it is read next.
            seen: AtomicU64::new(now()),
        };
        let (file, offset) = file.place();
        Some(Origin {
            file,
            offset,
            place: Arc::new(place),
        })
    }
}

impl Kept {
    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A part of it; what is beyond its end is left out.
    pub(crate) fn part(&self, range: Range<u64>) -> Body {
        let within = |at: u64| usize::try_from(at).map_or(self.len(), |at| at.min(self.len()));
        let origin = self.origin.clone().map(|origin| Origin {
            offset: origin.offset + range.start,
            ..origin
        });
        let bytes = self.bytes.slice(within(range.start)..within(range.end));
        Body(Inner::Full(bytes, origin))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{IoSlice, Read, Write},
        os::unix::net::UnixStream,
    };

    use super::*;
    use crate::body::Direct;

    const LENGTH: u64 = 40_000;

    async fn kept(bytes: &[u8]) -> Kept {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[0; 100]).unwrap();
        file.write_all(bytes).unwrap();
        let body = Body::from_file(file, 100..100 + LENGTH);
        body.keep(LENGTH as usize).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_kept_keeps_no_more_than_itself() {
        let large = Bytes::from(vec![7; 400 << 10]);
        let body = Body::from(large.slice(1000..1100));
        let kept = body.keep(LENGTH as usize).await.unwrap();
        drop(kept.part(0..50));
        assert_eq!(kept.len(), 100);
        assert!(large.is_unique());
    }

    #[tokio::test]
    async fn what_is_kept_can_be_sent_from_its_file() {
        let bytes: Vec<u8> = (0..40_000u32).map(|n| n.to_le_bytes()[1]).collect();
        let kept = kept(&bytes).await;
        for (range, sent) in [(0..LENGTH, true), (3000..LENGTH, true), (7..80, false)] {
            let direct = Direct::default();
            let part = &bytes[range.start as usize..range.end as usize];
            // Once more while the first is under way.
            let bodies = [0; 2].map(|_| {
                let mut body = kept.part(range.clone());
                body.send_directly(&direct);
                body
            });
            for body in bodies {
                let found = body.collect(LENGTH as usize).await.unwrap();
                assert_eq!(found, part);
                let slices = [IoSlice::new(&found)];
                let lent = direct.find(&slices);
                assert_eq!(lent.is_some(), sent, "{range:?}");
                let Some(lent) = lent else { continue };
                let (here, mut there) = UnixStream::pair().unwrap();
                assert_eq!(lent.send(&here).unwrap(), part.len());
                drop(here);
                let mut came = Vec::new();
                there.read_to_end(&mut came).unwrap();
                assert_eq!(came, part);
            }
            let kept = kept.part(range).collect(LENGTH as usize).await.unwrap();
            assert!(direct.find(&[IoSlice::new(&kept)]).is_none());
        }
        let whole = kept.part(0..u64::MAX).collect(LENGTH as usize).await;
        assert_eq!(whole.unwrap(), bytes);
    }
}
