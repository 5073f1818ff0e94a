//! Failures as Composer shows them: of an answer that is no success it prints the status and the first
//! 200 bytes of the body, if that is JSON.

use std::fmt;

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, ErrorKind, protocol::Reason};

use crate::wire::Failure;

/// What can go wrong in a request.
#[derive(Debug)]
pub enum Error {
    /// What can go wrong in any protocol.
    Core(registry_core::Error),
    /// What an operator does not let out, though whoever asks may read the package.
    Vetoed(registry_core::Error),
}

impl Error {
    /// A failure to send a zip: a refusal is an operator's, since the right to read was asked before.
    pub fn sending(error: registry_core::Error) -> Self {
        match error.kind() {
            ErrorKind::Denied => Self::Vetoed(error),
            _ => Self::Core(error),
        }
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.cause().kind()
    }

    /// The core's error within.
    pub fn cause(&self) -> &registry_core::Error {
        match self {
            Self::Core(error) | Self::Vetoed(error) => error,
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

/// The challenge of a 401. Composer needs none, other clients do.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// The answer that tells a client of `error`, who only wanted to read or more.
pub fn render(error: &Error, reading: bool) -> Response<Body> {
    let mut status = error.kind().status();
    let mut message = error.to_string();
    // What may not be read is not there, as what is not there is not: at a 403 Composer gives up,
    // though another repository may have the package.
    if reading && status == StatusCode::FORBIDDEN && matches!(error, Error::Core(_)) {
        status = StatusCode::NOT_FOUND;
        message = "the package was not found, or these credentials may not read it".to_owned();
    }
    let failure = Failure {
        status: "error",
        message: &message,
    };
    let body = serde_json::to_vec(&failure).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // With any parameter Composer would not show the body.
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        // Of this one it prints the phrase and not the body.
        StatusCode::FORBIDDEN => {
            response.extensions_mut().insert(Reason::new(&message));
        }
        _ => {}
    }
    response
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    async fn shown(error: Error, reading: bool) -> String {
        let (parts, body) = render(&error, reading).into_parts();
        let headers = parts.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        let body = body.collect(1 << 16).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let reason = parts.extensions.get::<Reason>();
        let reason = reason.map(|reason| String::from_utf8(reason.to_bytes()).unwrap());
        let reason = reason.unwrap_or_default();
        let status = parts.status.as_u16();
        format!("{status} {reason} {} {body}\n", headers.join(" "))
    }

    #[tokio::test]
    async fn every_kind() {
        let core = |kind| registry_core::Error::new(kind, format!("{kind:?}"));
        let mut all = String::new();
        for kind in ErrorKind::ALL {
            all += &shown(core(kind).into(), false).await;
        }
        all += &shown(core(ErrorKind::Denied).into(), true).await;
        all += &shown(Error::sending(core(ErrorKind::Denied)), true).await;
        all += &shown(Error::sending(core(ErrorKind::Internal)), true).await;
        expect![[r#"
            404  content-type: "application/json" {"status":"error","message":"NotFound"}
            401  content-type: "application/json" www-authenticate: "Basic realm=\"registry\"" {"status":"error","message":"Unauthenticated"}
            403 Denied content-type: "application/json" {"status":"error","message":"Denied"}
            400  content-type: "application/json" {"status":"error","message":"InvalidName"}
            400  content-type: "application/json" {"status":"error","message":"Invalid"}
            400  content-type: "application/json" {"status":"error","message":"DigestMismatch"}
            409  content-type: "application/json" {"status":"error","message":"Conflict"}
            413  content-type: "application/json" {"status":"error","message":"TooLarge"}
            412  content-type: "application/json" {"status":"error","message":"PreconditionFailed"}
            416  content-type: "application/json" {"status":"error","message":"RangeNotSatisfiable"}
            405  content-type: "application/json" {"status":"error","message":"MethodNotAllowed"}
            501  content-type: "application/json" {"status":"error","message":"Unsupported"}
            429  content-type: "application/json" {"status":"error","message":"RateLimited"}
            502  content-type: "application/json" {"status":"error","message":"Upstream"}
            503  content-type: "application/json" {"status":"error","message":"Unavailable"}
            500  content-type: "application/json" {"status":"error","message":"Internal"}
            404  content-type: "application/json" {"status":"error","message":"the package was not found, or these credentials may not read it"}
            403 Denied content-type: "application/json" {"status":"error","message":"Denied"}
            500  content-type: "application/json" {"status":"error","message":"Internal"}
        "#]].assert_eq(&all);
    }
}
