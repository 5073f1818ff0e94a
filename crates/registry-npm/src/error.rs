//! Failures as npm shows them: a status, and a JSON body whose `error` is printed.

use std::fmt;

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, ErrorKind};

/// What can go wrong in an npm request.
#[derive(Debug)]
pub enum Error {
    /// What can go wrong in any protocol.
    Core(registry_core::Error),
    /// A version exists, or once existed, with other content. Clients and scripts know this one by
    /// its status, 403, and by its words.
    Published(registry_core::Error),
    /// A name and password are wrong. npm tells it from a wrong token by the challenge.
    Password(registry_core::Error),
}

impl Error {
    /// The refusal to publish `version` a second time.
    pub fn published(version: impl fmt::Display) -> Self {
        let message =
            format!("You cannot publish over the previously published versions: {version}.");
        Self::Published(registry_core::Error::new(ErrorKind::Conflict, message))
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Core(error) | Self::Password(error) => error.kind().status(),
            Self::Published(_) => StatusCode::FORBIDDEN,
        }
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.cause().kind()
    }

    /// The core's error within.
    pub fn cause(&self) -> &registry_core::Error {
        match self {
            Self::Core(error) | Self::Published(error) | Self::Password(error) => error,
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

/// The challenge of a 401. npm looks in it for `otp` and `ipaddress`, which mean other things, and
/// for `Bearer`, at which it says that the token is to blame.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"registry\"");
/// The challenge after a wrong password: at `Basic`, npm says that the password is to blame.
const PASSWORD: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// The answer that tells an npm client of `error`.
pub fn render(error: &Error) -> Response<Body> {
    let body = serde_json::json!({ "error": error.to_string() }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if error.kind() == ErrorKind::Unauthenticated {
        let password = matches!(error, Error::Password(_));
        let challenge = if password { PASSWORD } else { CHALLENGE };
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    async fn shown(error: impl Into<Error>) -> String {
        let response = render(&error.into());
        let (parts, body) = response.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value:?}"));
        let headers: Vec<_> = headers.collect();
        let body = body.collect(1 << 16).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        format!("{} {} {body}\n", parts.status.as_u16(), headers.join(" "))
    }

    #[tokio::test]
    async fn every_kind() {
        let mut all = String::new();
        for kind in ErrorKind::ALL {
            all += &shown(registry_core::Error::new(kind, format!("{kind:?}"))).await;
        }
        all += &shown(registry_core::Error::method_not_allowed("GET, HEAD")).await;
        all += &shown(Error::published("1.0.0")).await;
        expect![[r#"
            404 content-type: "application/json" {"error":"NotFound"}
            401 content-type: "application/json" www-authenticate: "Bearer realm=\"registry\"" {"error":"Unauthenticated"}
            403 content-type: "application/json" {"error":"Denied"}
            400 content-type: "application/json" {"error":"InvalidName"}
            400 content-type: "application/json" {"error":"Invalid"}
            400 content-type: "application/json" {"error":"DigestMismatch"}
            409 content-type: "application/json" {"error":"Conflict"}
            413 content-type: "application/json" {"error":"TooLarge"}
            412 content-type: "application/json" {"error":"PreconditionFailed"}
            416 content-type: "application/json" {"error":"RangeNotSatisfiable"}
            405 content-type: "application/json" {"error":"MethodNotAllowed"}
            501 content-type: "application/json" {"error":"Unsupported"}
            429 content-type: "application/json" {"error":"RateLimited"}
            502 content-type: "application/json" {"error":"Upstream"}
            503 content-type: "application/json" {"error":"Unavailable"}
            500 content-type: "application/json" {"error":"Internal"}
            405 content-type: "application/json" {"error":"this address takes GET, HEAD only"}
            403 content-type: "application/json" {"error":"You cannot publish over the previously published versions: 1.0.0."}
        "#]].assert_eq(&all);
    }
}
