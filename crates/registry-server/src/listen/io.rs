//! A connection's bytes: a client that says nothing at first, or that does not take what it is
//! sent, is cut off.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::Activity;

/// What an HTTP/2 connection without TLS begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long what a client still sends is read after the answer, so that the connection is not
/// reset before the client has read that.
const LINGER: Duration = Duration::from_secs(2);

/// A connection with time-outs.
pub(crate) struct Guarded<T> {
    io: T,
    activity: Arc<Activity>,
    lingering: Option<Pin<Box<Sleep>>>,
    /// Runs until it is known what the client speaks; from then on hyper keeps the time.
    opening: Option<Opening>,
    write_timeout: Duration,
    writing: Option<Pin<Box<Sleep>>>,
}

struct Opening {
    seen: usize,
    sleep: Pin<Box<Sleep>>,
}

impl<T> Guarded<T> {
    /// A connection whose client has `opening` to begin and `write_timeout` to take what it is sent.
    pub(crate) fn new(
        io: T,
        activity: Arc<Activity>,
        opening: Duration,
        write_timeout: Duration,
    ) -> Self {
        let opening = Opening {
            seen: 0,
            sleep: Box::pin(tokio::time::sleep(opening)),
        };
        Self {
            io,
            activity,
            lingering: None,
            opening: Some(opening),
            write_timeout,
            writing: None,
        }
    }

    /// Passes the outcome of a write on, or fails when there was none for too long.
    fn written<R>(
        &mut self,
        cx: &mut Context<'_>,
        end: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        self.activity.set_full(end.is_pending());
        if let Poll::Ready(written) = &end {
            self.writing = None;
            if written.is_err() {
                self.activity.break_off();
            }
            return end;
        }
        let timeout = self.write_timeout;
        let sleep = self
            .writing
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        sleep
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> Guarded<T> {
    /// Reads, and forgets, until the client has closed too or had enough time for it.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sleep = self
            .lingering
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut space = [MaybeUninit::uninit(); 4096];
        while sleep.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Opening {
    /// Whether these bytes settle what the client speaks.
    fn settled(&mut self, bytes: &[u8]) -> bool {
        let expected = &PREFACE[self.seen..];
        let length = bytes.len().min(expected.len());
        self.seen += length;
        bytes.is_empty() || bytes[..length] != expected[..length] || self.seen == PREFACE.len()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let end = Pin::new(&mut self.io).poll_read(cx, buffer);
        let Some(opening) = &mut self.opening else {
            return end;
        };
        if end.is_pending() {
            let timed_out = |()| Err(io::ErrorKind::TimedOut.into());
            return opening.sleep.as_mut().poll(cx).map(timed_out);
        }
        if opening.settled(&buffer.filled()[before..]) {
            self.opening = None;
        }
        end
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let end = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.written(cx, end)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = Pin::new(&mut self.io).poll_flush(cx);
        self.written(cx, end)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let end = Pin::new(&mut self.io).poll_shutdown(cx);
            ready!(self.written(cx, end))?;
            if !self.activity.is_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        self.linger(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let end = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.written(cx, end)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (tokio::io::DuplexStream, Guarded<tokio::io::DuplexStream>) {
        let (client, server) = tokio::io::duplex(64);
        let second = Duration::from_secs(1);
        (
            client,
            Guarded::new(server, Activity::new(None), 10 * second, 20 * second),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_must_begin() {
        for (said, settled) in [
            ("", false),
            ("PRI * HT", false),
            ("G", true),
            ("PRI *x", true),
        ] {
            let (mut client, mut server) = pair();
            client.write_all(said.as_bytes()).await.unwrap();
            let mut byte = [0; 64];
            if !said.is_empty() {
                let read = server.read(&mut byte).await.unwrap();
                assert_eq!(read, said.len());
            }
            let next = tokio::time::timeout(Duration::from_secs(60), server.read(&mut byte)).await;
            match next {
                Ok(end) => {
                    assert!(!settled, "{said}");
                    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::TimedOut);
                }
                Err(_) => assert!(settled, "{said}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_must_take_what_it_is_sent() {
        let (mut client, mut server) = pair();
        let sending = tokio::spawn(async move { server.write_all(&[0; 1000]).await });
        let mut some = [0; 32];
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            client.read_exact(&mut some).await.unwrap();
        }
        let error = sending.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_still_sends_is_taken() {
        for unread in [false, true] {
            let (mut client, mut server) = pair();
            if unread {
                server.activity.leave_unread();
            }
            let sending = tokio::spawn(async move { client.write_all(&[0; 1000]).await });
            server.shutdown().await.unwrap();
            drop(server);
            assert_eq!(sending.await.unwrap().is_ok(), unread);
        }
    }
}
