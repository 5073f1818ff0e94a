//! Failures as the specification wants them told: a status, and a JSON body with a code.
//!
//! Rules: "Error codes" in the distribution specification, version 1.1. Only codes of its list are
//! used with a status of 400 to 499.

use std::{borrow::Cow, fmt};

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, Error as CoreError, ErrorKind};
use serde_json::Value;

/// The result of most calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a client tells failures apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The repository does not hold the blob.
    BlobUnknown,
    /// What was sent to an upload does not fit it.
    BlobUploadInvalid,
    /// There is no such upload, or no longer.
    BlobUploadUnknown,
    /// A digest is malformed, or is not that of the bytes.
    DigestInvalid,
    /// The manifest names something that the repository does not hold.
    ManifestBlobUnknown,
    /// The manifest is not one.
    ManifestInvalid,
    /// The repository does not hold the manifest.
    ManifestUnknown,
    /// No repository can have this name.
    NameInvalid,
    /// There is no such repository.
    NameUnknown,
    /// There are more bytes, or fewer, than were announced, asked for or are taken.
    SizeInvalid,
    /// Somebody in particular is needed.
    Unauthorized,
    /// Somebody asked who has not the right.
    Denied,
    /// The operation is not known, not as it was asked for.
    Unsupported,
    /// Too many requests from this caller.
    TooManyRequests,
    /// The registry cannot answer now.
    Unavailable,
    /// The registry is at fault.
    Unknown,
}

impl Code {
    /// The code as it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// What kind of failure it is when nothing more is said.
    fn kind(self) -> ErrorKind {
        match self {
            Self::BlobUnknown
            | Self::BlobUploadUnknown
            | Self::ManifestUnknown
            | Self::NameUnknown => ErrorKind::NotFound,
            Self::BlobUploadInvalid
            | Self::ManifestBlobUnknown
            | Self::ManifestInvalid
            | Self::SizeInvalid
            | Self::Unsupported => ErrorKind::Invalid,
            Self::DigestInvalid => ErrorKind::DigestMismatch,
            Self::NameInvalid => ErrorKind::InvalidName,
            Self::Unauthorized => ErrorKind::Unauthenticated,
            Self::Denied => ErrorKind::Denied,
            Self::TooManyRequests => ErrorKind::RateLimited,
            Self::Unavailable => ErrorKind::Unavailable,
            Self::Unknown => ErrorKind::Internal,
        }
    }

    /// The code of a failure that no protocol has to itself.
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound => Self::NameUnknown,
            ErrorKind::Unauthenticated => Self::Unauthorized,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::InvalidName => Self::NameInvalid,
            ErrorKind::DigestMismatch => Self::DigestInvalid,
            // What the core finds wrong in a request is a body that broke off, or is longer or
            // shorter than it was said to be; and a range that is more than there is of a blob.
            ErrorKind::Invalid | ErrorKind::TooLarge | ErrorKind::RangeNotSatisfiable => {
                Self::SizeInvalid
            }
            ErrorKind::Conflict => Self::BlobUploadInvalid,
            ErrorKind::PreconditionFailed
            | ErrorKind::MethodNotAllowed
            | ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::RateLimited => Self::TooManyRequests,
            ErrorKind::Upstream | ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Internal => Self::Unknown,
        }
    }
}

/// What can go wrong in an OCI request.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    cause: CoreError,
    code: Code,
    status: StatusCode,
    detail: Option<Value>,
    by_password: bool,
}

impl Error {
    /// A failure with a code of the specification and a sentence that says what to change.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::with(code, CoreError::new(code.kind(), message))
    }

    /// A failure of the core under another code than its kind has by itself.
    pub fn with(code: Code, cause: CoreError) -> Self {
        Self(Box::new(Inner {
            status: cause.kind().status(),
            cause,
            code,
            detail: None,
            by_password: false,
        }))
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The same with more for a program to read, such as the digests that are missing.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// The same, where a client that is refused is to send a password, since here is where tokens
    /// come from.
    #[must_use]
    pub(crate) fn by_password(mut self) -> Self {
        self.0.by_password = true;
        self
    }

    /// Whether that is so.
    pub(crate) fn is_by_password(&self) -> bool {
        self.0.by_password
    }

    /// There is no such address.
    pub(crate) fn no_address() -> Self {
        let message = "there is nothing at this address; the paths are those of the OCI \
                       distribution specification";
        Self::new(Code::NameUnknown, message)
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.cause.kind()
    }

    /// The status of the answer.
    pub fn answers_with(&self) -> StatusCode {
        self.0.status
    }

    /// The core's error within.
    pub fn cause(&self) -> &CoreError {
        &self.0.cause
    }
}

impl From<CoreError> for Error {
    fn from(error: CoreError) -> Self {
        Self::with(Code::of(error.kind()), error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.cause.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.source()
    }
}

/// The answer that tells a client of `error`; a 401 comes with `challenge`.
pub fn render(error: &Error, challenge: HeaderValue) -> Response<Body> {
    let mut response = plain(error);
    if error.0.status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The answer that tells a client of an error, with no challenge.
pub(crate) fn plain(error: &Error) -> Response<Body> {
    let mut told = serde_json::json!({
        "code": error.code().as_str(),
        "message": error.to_string(),
    });
    if let Some(detail) = &error.0.detail {
        told["detail"] = detail.clone();
    }
    let body = serde_json::json!({ "errors": [told] }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = error.0.status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    async fn shown(error: impl Into<Error>) -> String {
        let response = render(&error.into(), HeaderValue::from_static("Basic"));
        let (parts, body) = response.into_parts();
        let challenge = parts.headers.get(header::WWW_AUTHENTICATE);
        let challenge = challenge
            .map(|value| format!("{value:?} "))
            .unwrap_or_default();
        let body = body.collect(1 << 16).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        format!("{} {challenge}{body}\n", parts.status.as_u16())
    }

    #[tokio::test]
    async fn every_kind() {
        let mut all = String::new();
        for kind in ErrorKind::ALL {
            all += &shown(CoreError::new(kind, format!("{kind:?}"))).await;
        }
        all += &shown(CoreError::method_not_allowed("GET, HEAD")).await;
        expect![[r#"
            404 {"errors":[{"code":"NAME_UNKNOWN","message":"NotFound"}]}
            401 "Basic" {"errors":[{"code":"UNAUTHORIZED","message":"Unauthenticated"}]}
            403 {"errors":[{"code":"DENIED","message":"Denied"}]}
            400 {"errors":[{"code":"NAME_INVALID","message":"InvalidName"}]}
            400 {"errors":[{"code":"SIZE_INVALID","message":"Invalid"}]}
            400 {"errors":[{"code":"DIGEST_INVALID","message":"DigestMismatch"}]}
            409 {"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"Conflict"}]}
            413 {"errors":[{"code":"SIZE_INVALID","message":"TooLarge"}]}
            412 {"errors":[{"code":"UNSUPPORTED","message":"PreconditionFailed"}]}
            416 {"errors":[{"code":"SIZE_INVALID","message":"RangeNotSatisfiable"}]}
            405 {"errors":[{"code":"UNSUPPORTED","message":"MethodNotAllowed"}]}
            501 {"errors":[{"code":"UNSUPPORTED","message":"Unsupported"}]}
            429 {"errors":[{"code":"TOOMANYREQUESTS","message":"RateLimited"}]}
            502 {"errors":[{"code":"UNAVAILABLE","message":"Upstream"}]}
            503 {"errors":[{"code":"UNAVAILABLE","message":"Unavailable"}]}
            500 {"errors":[{"code":"UNKNOWN","message":"Internal"}]}
            405 {"errors":[{"code":"UNSUPPORTED","message":"this address takes GET, HEAD only"}]}
        "#]]
        .assert_eq(&all);
    }

    #[tokio::test]
    async fn codes_of_our_own() {
        let missing = Error::new(Code::ManifestBlobUnknown, "it is missing");
        let mut all = shown(missing.detail(serde_json::json!(["sha256:00"]))).await;
        for code in [
            Code::BlobUnknown,
            Code::BlobUploadUnknown,
            Code::BlobUploadInvalid,
            Code::ManifestUnknown,
            Code::ManifestInvalid,
            Code::DigestInvalid,
            Code::NameInvalid,
            Code::SizeInvalid,
            Code::Unsupported,
        ] {
            all += &shown(Error::new(code, "why")).await;
        }
        let many = Error::new(Code::Unsupported, "too many tags");
        all += &shown(many.status(StatusCode::URI_TOO_LONG)).await;
        expect![[r#"
            400 {"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","detail":["sha256:00"],"message":"it is missing"}]}
            404 {"errors":[{"code":"BLOB_UNKNOWN","message":"why"}]}
            404 {"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"why"}]}
            400 {"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"why"}]}
            404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"why"}]}
            400 {"errors":[{"code":"MANIFEST_INVALID","message":"why"}]}
            400 {"errors":[{"code":"DIGEST_INVALID","message":"why"}]}
            400 {"errors":[{"code":"NAME_INVALID","message":"why"}]}
            400 {"errors":[{"code":"SIZE_INVALID","message":"why"}]}
            400 {"errors":[{"code":"UNSUPPORTED","message":"why"}]}
            414 {"errors":[{"code":"UNSUPPORTED","message":"too many tags"}]}
        "#]].assert_eq(&all);
    }
}
