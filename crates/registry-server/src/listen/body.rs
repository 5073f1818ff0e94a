//! A request's body, which must not be too large and must not come too slowly.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use registry::{Error, ErrorKind};
use tokio::time::{Instant, Sleep};

use super::Activity;
use crate::config::Limits;

/// What a body may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The most bytes in all.
    pub(crate) max: u64,
    /// How long it may pause.
    pub(crate) pause: Duration,
    /// How many bytes a second it must bring; 0 does not care.
    pub(crate) rate: u64,
    /// How much waiting is free before the rate counts.
    pub(crate) grace: Duration,
}

impl From<&Limits> for Pace {
    fn from(limits: &Limits) -> Self {
        Self {
            max: limits.max_body,
            pause: limits.body_timeout,
            rate: limits.body_min_rate,
            grace: limits.body_grace,
        }
    }
}

/// A body that fails when it is too large or too slow. Only the time in which somebody waits for
/// the client counts, not that in which the client waits for us.
pub(crate) struct Paced<B> {
    body: Pin<Box<B>>,
    pace: Pace,
    received: Arc<AtomicU64>,
    waited: Duration,
    waiting: Option<Wait>,
    failed: Option<Error>,
    ended: bool,
    activity: Arc<Activity>,
}

struct Wait {
    since: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl<B: Body<Data = Bytes>> Paced<B> {
    /// Watches over `body`; the bytes that it brought are told in `received`, and `activity` is told
    /// when it was left before its end.
    pub(crate) fn new(
        body: B,
        pace: Pace,
        received: Arc<AtomicU64>,
        activity: Arc<Activity>,
    ) -> Self {
        let announced = body.size_hint().lower();
        Self {
            failed: (announced > pace.max).then(|| too_large(pace.max)),
            ended: body.is_end_stream(),
            activity,
            body: Box::pin(body),
            pace,
            received,
            waited: Duration::ZERO,
            waiting: None,
        }
    }

    /// How long a wait that begins now may last.
    fn patience(&self) -> Duration {
        let received = self.received.load(Ordering::Relaxed);
        let earned = match received.checked_div(self.pace.rate) {
            Some(seconds) => Duration::from_secs(seconds).max(self.pace.grace),
            None => return self.pace.pause,
        };
        earned.saturating_sub(self.waited).min(self.pace.pause)
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.failed = Some(error.clone());
        Poll::Ready(Some(Err(error)))
    }
}

impl<B> Drop for Paced<B> {
    fn drop(&mut self) {
        if !self.ended {
            self.activity.leave_unread();
        }
    }
}

fn too_large(max: u64) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!("a request may hold {max} bytes at most"),
    )
}

impl<B: Body<Data = Bytes>> Body for Paced<B>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Some(error) = &this.failed {
            return Poll::Ready(Some(Err(error.clone())));
        }
        let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) else {
            let patience = this.patience();
            let wait = this.waiting.get_or_insert_with(|| Wait {
                since: Instant::now(),
                sleep: Box::pin(tokio::time::sleep(patience)),
            });
            ready!(wait.sleep.as_mut().poll(cx));
            return this.fail(Error::invalid("the request body came too slowly"));
        };
        if let Some(wait) = this.waiting.take() {
            this.waited += wait.since.elapsed();
        }
        match frame {
            None => {
                this.ended = true;
                Poll::Ready(None)
            }
            Some(Ok(frame)) => {
                this.ended = this.body.is_end_stream();
                let more = frame.data_ref().map_or(0, |data| data.len() as u64);
                let received = this.received.fetch_add(more, Ordering::Relaxed) + more;
                if received > this.pace.max {
                    return this.fail(too_large(this.pace.max));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                let broken = Error::invalid("the request body broke off before its end");
                this.fail(broken.with_source(error))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    type Sender = tokio::sync::mpsc::UnboundedSender<usize>;

    fn paced(pace: Pace) -> (Sender, Paced<impl Body<Data = Bytes, Error = Error>>) {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<usize>();
        let stream = futures_util::stream::poll_fn(move |cx| {
            let size = ready!(receiver.poll_recv(cx));
            Poll::Ready(size.map(|size| Ok(Frame::data(Bytes::from(vec![0; size])))))
        });
        (
            sender,
            Paced::new(
                StreamBody::new(stream),
                pace,
                Arc::default(),
                Activity::new(None),
            ),
        )
    }

    const PACE: Pace = Pace {
        max: 100_000,
        pause: Duration::from_secs(30),
        rate: 1000,
        grace: Duration::from_secs(60),
    };

    /// Feeds `size` bytes every `every`, and says what came of it after how many seconds.
    async fn feed(size: usize, every: Duration, pace: Pace) -> (Result<(), String>, u64) {
        let (sender, mut body) = paced(pace);
        let start = Instant::now();
        let feeder = tokio::spawn(async move {
            for _ in 0..200 {
                tokio::time::sleep(every).await;
                let _ = sender.send(size);
            }
        });
        let end = loop {
            match body.frame().await {
                None => break Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => break Err(error.to_string()),
            }
        };
        feeder.abort();
        (end, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_cut_off() {
        let slow = Err("the request body came too slowly".to_owned());
        assert_eq!(
            feed(1, Duration::from_secs(1), PACE).await,
            (slow.clone(), 60)
        );
        assert_eq!(
            feed(50_000, Duration::from_secs(31), PACE).await,
            (slow.clone(), 30)
        );
        let long = Duration::from_secs(1);
        assert_eq!(
            feed(400, long, Pace { rate: 0, ..PACE }).await,
            (Ok(()), 200)
        );
        let generous = Pace {
            max: 1 << 20,
            ..PACE
        };
        assert_eq!(feed(1500, long, generous).await, (Ok(()), 200));
        assert_eq!(feed(900, long, generous).await, (slow, 60));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_large_is_cut_off() {
        let (end, _) = feed(60_000, Duration::from_secs(1), PACE).await;
        assert_eq!(
            end,
            Err("a request may hold 100000 bytes at most".to_owned())
        );
        let full = http_body_util::Full::new(Bytes::from(vec![0; 100_001]));
        let error = Paced::new(full, PACE, Arc::default(), Activity::new(None))
            .collect()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_not_the_clients_fault() {
        let (sender, mut body) = paced(PACE);
        for _ in 0..5 {
            sender.send(1).unwrap();
            tokio::time::sleep(Duration::from_secs(100)).await;
            body.frame().await.unwrap().unwrap();
        }
    }
}
