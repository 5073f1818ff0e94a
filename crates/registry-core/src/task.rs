//! Work that does not stop when whoever waits for it goes away.

use std::{future::Future, sync::Arc};

use tokio::sync::Mutex;

use crate::error::{Error, Result};

/// Carries `work` to its end, in a task of its own: a client that goes away drops the request's
/// future, and with it all that has not been given to such a task. It begins at once; who waits holds
/// none of it.
///
/// # Errors
/// When the work panics; what it says itself is within.
pub fn carry_through<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Result<T>> + Send {
    let task = tokio::spawn(work);
    async move { task.await.map_err(Error::internal) }
}

/// Work for which nobody waits, and that is done by one task at a time.
#[derive(Clone, Debug, Default)]
pub struct OneAtATime(Arc<Mutex<()>>);

impl OneAtATime {
    /// Starts `work` in a task of its own, unless some is under way.
    pub fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(turn) = self.0.clone().try_lock_owned() {
            tokio::spawn(async move {
                work.await;
                drop(turn);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn who_goes_away_stops_nothing() {
        let (go, wait) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut work = Box::pin(carry_through(async move {
            drop(wait.await);
            tell.send("done").unwrap();
        }));
        assert!(futures_util::poll!(&mut work).is_pending());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(told.await, Ok("done"));
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        assert!(carry_through(async { panic!("on purpose") }).await.is_err());
    }

    #[tokio::test]
    async fn one_at_a_time() {
        let one = OneAtATime::default();
        let (go, wait) = oneshot::channel::<()>();
        one.start(async move { drop(wait.await) });
        let (tell, told) = oneshot::channel::<()>();
        one.start(async move { tell.send(()).unwrap() });
        assert!(told.await.is_err());
        go.send(()).unwrap();
        let (mut tell, mut told) = oneshot::channel();
        loop {
            one.start(async move { tell.send(()).unwrap() });
            match told.await {
                Ok(()) => break,
                Err(_) => tokio::task::yield_now().await,
            }
            (tell, told) = oneshot::channel();
        }
    }
}
