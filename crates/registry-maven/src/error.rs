//! Failures as the build tools show them: the status line's phrase, which is all that older ones
//! print, and a body of problem details ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).

use std::fmt;

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, ErrorKind, protocol::Reason};

use crate::wire::Problem;

/// What can go wrong in a request.
#[derive(Debug)]
pub enum Error {
    /// What can go wrong in any protocol.
    Core(registry_core::Error),
    /// A refusal that is told also where others are hidden.
    Told(registry_core::Error),
}

impl Error {
    /// A refusal that is told as it is.
    pub fn told(error: registry_core::Error) -> Self {
        Self::Told(error)
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.kind().status()
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.cause().kind()
    }

    /// The core's error within.
    pub fn cause(&self) -> &registry_core::Error {
        match self {
            Self::Core(error) | Self::Told(error) => error,
        }
    }
}

impl From<registry_core::Error> for Error {
    fn from(error: registry_core::Error) -> Self {
        Self::Core(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause().fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().source()
    }
}

/// The challenge of a 401: build tools send nothing before they see one, and then a token as the
/// password of Basic.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// The answer that tells a client of `error`, who only wanted to read or more.
///
/// What may not be read is not there, as what is not there is not: a build that is told that it may
/// not goes on to no other repository.
pub fn render(error: &Error, reading: bool) -> Response<Body> {
    let hidden = matches!(error, Error::Core(cause) if cause.kind() == ErrorKind::Denied);
    if reading && hidden {
        let message = "this was not found, or these credentials may not read it";
        return render(&registry_core::Error::not_found(message).into(), false);
    }
    let status = error.status();
    let detail = error.to_string();
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: &detail,
    };
    // Texts and a number: it can always be written.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.extensions_mut().insert(Reason::new(&detail));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(status));
    if error.kind() == ErrorKind::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}

/// What the body is told to be. Maven 3.9 takes a 404 with problem details for a transfer that failed,
/// and ends the build, where it would look in its next repository.
fn content_type(status: StatusCode) -> HeaderValue {
    HeaderValue::from_static(match status {
        StatusCode::NOT_FOUND => "application/json",
        _ => "application/problem+json",
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    async fn shown(error: registry_core::Error, reading: bool) -> String {
        let response = render(&error.into(), reading);
        let (parts, body) = response.into_parts();
        let reason = parts.extensions.get::<Reason>().map(Reason::to_bytes);
        let reason = String::from_utf8(reason.unwrap()).unwrap();
        let kind = match parts.status {
            StatusCode::NOT_FOUND => "application/json",
            _ => "application/problem+json",
        };
        assert_eq!(parts.headers[header::CONTENT_TYPE], kind);
        let challenge = parts.headers.get(header::WWW_AUTHENTICATE);
        let challenge = challenge.map_or("", |value| value.to_str().unwrap());
        let body = body.collect(1 << 16).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        format!("{} {reason} {challenge}{body}\n", parts.status.as_u16())
    }

    #[tokio::test]
    async fn every_kind() {
        let mut all = String::new();
        for kind in ErrorKind::ALL {
            all += &shown(registry_core::Error::new(kind, format!("{kind:?}!")), false).await;
        }
        let denied = registry_core::Error::new(ErrorKind::Denied, "Denied!");
        all += &shown(denied, true).await;
        expect![[r#"
            404 NotFound! {"type":"about:blank","title":"Not Found","status":404,"detail":"NotFound!"}
            401 Unauthenticated! Basic realm="registry"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"Unauthenticated!"}
            403 Denied! {"type":"about:blank","title":"Forbidden","status":403,"detail":"Denied!"}
            400 InvalidName! {"type":"about:blank","title":"Bad Request","status":400,"detail":"InvalidName!"}
            400 Invalid! {"type":"about:blank","title":"Bad Request","status":400,"detail":"Invalid!"}
            400 DigestMismatch! {"type":"about:blank","title":"Bad Request","status":400,"detail":"DigestMismatch!"}
            409 Conflict! {"type":"about:blank","title":"Conflict","status":409,"detail":"Conflict!"}
            413 TooLarge! {"type":"about:blank","title":"Payload Too Large","status":413,"detail":"TooLarge!"}
            412 PreconditionFailed! {"type":"about:blank","title":"Precondition Failed","status":412,"detail":"PreconditionFailed!"}
            416 RangeNotSatisfiable! {"type":"about:blank","title":"Range Not Satisfiable","status":416,"detail":"RangeNotSatisfiable!"}
            405 MethodNotAllowed! {"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"MethodNotAllowed!"}
            501 Unsupported! {"type":"about:blank","title":"Not Implemented","status":501,"detail":"Unsupported!"}
            429 RateLimited! {"type":"about:blank","title":"Too Many Requests","status":429,"detail":"RateLimited!"}
            502 Upstream! {"type":"about:blank","title":"Bad Gateway","status":502,"detail":"Upstream!"}
            503 Unavailable! {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"Unavailable!"}
            500 Internal! {"type":"about:blank","title":"Internal Server Error","status":500,"detail":"Internal!"}
            404 this was not found, or these credentials may not read it {"type":"about:blank","title":"Not Found","status":404,"detail":"this was not found, or these credentials may not read it"}
        "#]].assert_eq(&all);
    }
}
