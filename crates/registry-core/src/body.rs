//! The body of requests, responses and stored objects: bytes that stream.

mod direct;
mod file;
mod kept;

use std::{
    fmt,
    fs::File,
    io,
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream::BoxStream};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

pub use self::direct::{Direct, Part};
pub(crate) use self::kept::Kept;
use self::{file::FileBody, kept::Origin};
use crate::error::{BoxError, Error, ErrorKind};

/// A stream of bytes of known or unknown length.
///
/// There is no way to gather one into memory without naming a limit.
pub struct Body(Inner);

enum Inner {
    Full(Bytes, Option<Origin>),
    Stream {
        stream: BoxStream<'static, Result<Bytes, BoxError>>,
        left: Option<u64>,
    },
    File(FileBody),
}

impl Body {
    /// A body of no bytes.
    pub const fn empty() -> Self {
        Self(Inner::Full(Bytes::new(), None))
    }

    /// A body from a stream; `length`, where known, becomes `Content-Length`.
    pub fn from_stream<S, E>(stream: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let stream = stream.map(|item| item.map_err(Into::into)).boxed();
        Self(Inner::Stream {
            stream,
            left: length,
        })
    }

    /// A body from any other `http_body::Body`, as a server or a framework hands it over.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() {
            return Self::empty();
        }
        let length = body.size_hint().exact();
        Self::from_stream(body.into_data_stream(), length)
    }

    /// A range of a file that nobody changes.
    pub(crate) fn from_file(file: File, range: Range<u64>) -> Self {
        if range.is_empty() {
            return Self::empty();
        }
        Self(Inner::File(FileBody::new(file, range)))
    }

    /// Tells a body where it goes: if it is a file, its pieces are lent to a connection that has the
    /// system send them ([`Direct`]).
    pub fn send_directly(&mut self, direct: &Direct) {
        match &mut self.0 {
            Inner::File(file) => file.send_directly(direct),
            Inner::Full(bytes, origin) => {
                if let Some(origin) = origin.take() {
                    *bytes = direct.lend_kept(bytes, &origin);
                }
            }
            Inner::Stream { .. } => {}
        }
    }

    /// The number of bytes still to come, where it is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Inner::File(file) => Some(file.length()),
            Inner::Full(bytes, _) => Some(bytes.len() as u64),
            Inner::Stream { left, .. } => *left,
        }
    }

    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    /// Fails with [`ErrorKind::Invalid`] when the sender broke off.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        match self.frame().await {
            Some(Ok(frame)) => Some(Ok(frame.into_data().unwrap_or_default())),
            Some(Err(error)) => Some(Err(broken_off(error))),
            None => None,
        }
    }

    /// The whole body, for documents; more than `limit` bytes is [`ErrorKind::TooLarge`].
    ///
    /// # Errors
    /// Fails when the body is longer than `limit` or breaks off.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        let too_large = || {
            Error::new(
                ErrorKind::TooLarge,
                format!("the request may hold {limit} bytes at most"),
            )
        };
        if self.length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut all = BytesMut::new();
        while let Some(chunk) = self.next().await {
            let chunk = chunk?;
            if all.len() + chunk.len() > limit {
                return Err(too_large());
            }
            if all.is_empty() && self.length() == Some(0) {
                return Ok(chunk);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

/// The error for a file that cannot be read: ours, and nobody else's.
fn unreadable(error: io::Error) -> BoxError {
    Error::internal(error).into()
}

/// The error for a body that ended before its time; one of our own passes unchanged.
fn broken_off(error: BoxError) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => {
            Error::invalid("the request body broke off before its end").with_source(error)
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frame = std::task::ready!(http_body::Body::poll_frame(self, cx));
        let bytes = |frame: Frame<Bytes>| frame.into_data().unwrap_or_default();
        Poll::Ready(frame.map(|frame| frame.map(bytes).map_err(broken_off)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Inner::Full(bytes, _) if bytes.is_empty() => Poll::Ready(None),
            Inner::Full(bytes, _) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Stream { stream, left } => {
                let item = std::task::ready!(stream.poll_next_unpin(cx));
                if let (Some(Ok(bytes)), Some(left)) = (&item, left) {
                    *left = left.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(item.map(|item| item.map(Frame::data)))
            }
            Inner::File(file) => file
                .poll_next(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data).map_err(unreadable))),
        }
    }

    fn is_end_stream(&self) -> bool {
        !matches!(self.0, Inner::Stream { .. }) && self.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Full(bytes, None))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from_static(text.as_bytes()))
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length())
            .finish()
    }
}
