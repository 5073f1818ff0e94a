//! The one error type of the core: what went wrong, in words a client may see.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

/// A boxed cause, kept for the log and never shown to a client.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What kind of failure an [`Error`] is. Every protocol maps each kind to a status and a body of
/// its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What was asked for does not exist, or its existence is none of the caller's business.
    NotFound,
    /// Nobody in particular asked, and somebody in particular is needed.
    Unauthenticated,
    /// Somebody asked who has not the right.
    Denied,
    /// A name, version, tag or digest breaks the protocol's syntax.
    InvalidName,
    /// The request is malformed in another way.
    Invalid,
    /// The bytes received are not the bytes announced.
    DigestMismatch,
    /// The release exists with other bytes, or the change was computed from an older state.
    Conflict,
    /// A bound on size, count or nesting was passed.
    TooLarge,
    /// A condition of the request (`If-Match`) does not hold.
    PreconditionFailed,
    /// The range asked for lies outside the object.
    RangeNotSatisfiable,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The protocol has it, this registry does not.
    Unsupported,
    /// Too many requests from this caller.
    RateLimited,
    /// An upstream registry failed.
    Upstream,
    /// The storage, or a part of it, cannot be reached now, or is full, or there is too much to do;
    /// later may do.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tests that walk them all.
    pub const ALL: [Self; 16] = [
        Self::NotFound,
        Self::Unauthenticated,
        Self::Denied,
        Self::InvalidName,
        Self::Invalid,
        Self::DigestMismatch,
        Self::Conflict,
        Self::TooLarge,
        Self::PreconditionFailed,
        Self::RangeNotSatisfiable,
        Self::MethodNotAllowed,
        Self::Unsupported,
        Self::RateLimited,
        Self::Upstream,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The status that fits the kind where a protocol has no reason to differ.
    pub fn status(self) -> http::StatusCode {
        use http::StatusCode as S;
        match self {
            Self::NotFound => S::NOT_FOUND,
            Self::Unauthenticated => S::UNAUTHORIZED,
            Self::Denied => S::FORBIDDEN,
            Self::InvalidName | Self::Invalid | Self::DigestMismatch => S::BAD_REQUEST,
            Self::Conflict => S::CONFLICT,
            Self::TooLarge => S::PAYLOAD_TOO_LARGE,
            Self::PreconditionFailed => S::PRECONDITION_FAILED,
            Self::RangeNotSatisfiable => S::RANGE_NOT_SATISFIABLE,
            Self::MethodNotAllowed => S::METHOD_NOT_ALLOWED,
            Self::Unsupported => S::NOT_IMPLEMENTED,
            Self::RateLimited => S::TOO_MANY_REQUESTS,
            Self::Upstream => S::BAD_GATEWAY,
            Self::Unavailable => S::SERVICE_UNAVAILABLE,
            Self::Internal => S::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error with a kind, a sentence for the client, and a cause for the log.
///
/// The sentence of [`ErrorKind::Internal`], [`ErrorKind::Unavailable`] and [`ErrorKind::Upstream`]
/// is a fixed phrase: what really happened, if that is more, is in [`source`](StdError::source).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    retry_after: Option<u32>,
    allow: Option<&'static str>,
    complete_length: Option<u64>,
}

impl Error {
    /// An error of `kind` whose sentence says what the client should change.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
            retry_after: None,
            allow: None,
            complete_length: None,
        }))
    }

    /// A fault of ours; the client sees a fixed phrase, the log sees `source`.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        Self::new(
            ErrorKind::Internal,
            "the registry failed to answer; its log says why",
        )
        .with_source(source)
    }

    /// The storage cannot serve now; the client sees a fixed phrase, the log sees `source`.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self::new(
            ErrorKind::Unavailable,
            "the registry's storage is not available; try again later",
        )
        .with_source(source)
    }

    /// [`ErrorKind::NotFound`] with a sentence.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// [`ErrorKind::Invalid`] with a sentence.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// [`ErrorKind::MethodNotAllowed`]; `allow` is the value of the `Allow` header.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let mut error = Self::new(
            ErrorKind::MethodNotAllowed,
            format!("this address takes {allow} only"),
        );
        error.0.allow = Some(allow);
        error
    }

    /// [`ErrorKind::RangeNotSatisfiable`] of an object of `complete_length` bytes.
    pub fn range_not_satisfiable(complete_length: u64) -> Self {
        let mut error = Self::new(
            ErrorKind::RangeNotSatisfiable,
            format!("the range lies outside the {complete_length} bytes that there are"),
        );
        error.0.complete_length = Some(complete_length);
        error
    }

    /// [`ErrorKind::RateLimited`]; the client may try again after `seconds`.
    pub fn rate_limited(seconds: u32, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(ErrorKind::RateLimited, message);
        error.0.retry_after = Some(seconds);
        error
    }

    /// The same error with a cause for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence for the client.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The headers that go with the kind whatever the protocol: `Allow`, `Retry-After`,
    /// `Content-Range`.
    pub fn headers(&self) -> impl Iterator<Item = (http::HeaderName, http::HeaderValue)> {
        let allow = self
            .0
            .allow
            .map(|methods| (http::header::ALLOW, http::HeaderValue::from_static(methods)));
        let retry = self
            .0
            .retry_after
            .or((self.0.kind == ErrorKind::Unavailable).then_some(1));
        let retry = retry.map(|seconds| (http::header::RETRY_AFTER, seconds.into()));
        let range = self.0.complete_length.and_then(|length| {
            let value = http::HeaderValue::try_from(format!("bytes */{length}")).ok()?;
            Some((http::header::CONTENT_RANGE, value))
        });
        [allow, retry, range].into_iter().flatten()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

/// The result of most calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
