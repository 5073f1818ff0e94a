//! Failures as cargo shows them: a status, and a JSON body whose `errors` are printed.

use std::fmt;

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, ErrorKind, protocol::BaseUrl};
use serde_json::json;

/// What can go wrong in a request of cargo.
#[derive(Debug)]
pub enum Error {
    /// What can go wrong in any protocol.
    Core(registry_core::Error),
    /// A name or a version is taken. Clients and scripts know this one by its status, 400, and by
    /// its words.
    Taken(registry_core::Error),
}

impl Error {
    /// The refusal to publish `version` a second time.
    pub fn uploaded(version: impl fmt::Display) -> Self {
        let message = format!("crate version `{version}` is already uploaded");
        Self::Taken(registry_core::Error::new(ErrorKind::Conflict, message))
    }

    /// The refusal of a name that is too much like `name`, which is there.
    pub fn named(name: impl fmt::Display) -> Self {
        let message = format!("crate was previously named `{name}`");
        Self::Taken(registry_core::Error::new(ErrorKind::Conflict, message))
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Core(error) => error.kind().status(),
            Self::Taken(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.cause().kind()
    }

    /// The core's error within.
    pub fn cause(&self) -> &registry_core::Error {
        match self {
            Self::Core(error) | Self::Taken(error) => error,
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

/// The answer that tells cargo of `error`, in a registry reached at `base`.
pub fn render(error: &Error, base: &BaseUrl) -> Response<Body> {
    let body = json!({ "errors": [{ "detail": error.to_string() }] }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    if error.status() == StatusCode::UNAUTHORIZED {
        // cargo tells its user to log in there. What cannot stand in a header is no address.
        let login = HeaderValue::try_from(format!("Cargo login_url=\"{base}/me\""));
        let challenge = login.unwrap_or(HeaderValue::from_static("Cargo"));
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    async fn shown(error: impl Into<Error>) -> String {
        let base = BaseUrl::new("https://registry.example/cargo").unwrap();
        let (parts, body) = render(&error.into(), &base).into_parts();
        let headers = parts.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
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
        all += &shown(Error::uploaded("1.0.0")).await;
        all += &shown(Error::named("foo-bar")).await;
        expect![[r#"
            404 content-type: "application/json" {"errors":[{"detail":"NotFound"}]}
            401 content-type: "application/json" www-authenticate: "Cargo login_url=\"https://registry.example/cargo/me\"" {"errors":[{"detail":"Unauthenticated"}]}
            403 content-type: "application/json" {"errors":[{"detail":"Denied"}]}
            400 content-type: "application/json" {"errors":[{"detail":"InvalidName"}]}
            400 content-type: "application/json" {"errors":[{"detail":"Invalid"}]}
            400 content-type: "application/json" {"errors":[{"detail":"DigestMismatch"}]}
            409 content-type: "application/json" {"errors":[{"detail":"Conflict"}]}
            413 content-type: "application/json" {"errors":[{"detail":"TooLarge"}]}
            412 content-type: "application/json" {"errors":[{"detail":"PreconditionFailed"}]}
            416 content-type: "application/json" {"errors":[{"detail":"RangeNotSatisfiable"}]}
            405 content-type: "application/json" {"errors":[{"detail":"MethodNotAllowed"}]}
            501 content-type: "application/json" {"errors":[{"detail":"Unsupported"}]}
            429 content-type: "application/json" {"errors":[{"detail":"RateLimited"}]}
            502 content-type: "application/json" {"errors":[{"detail":"Upstream"}]}
            503 content-type: "application/json" {"errors":[{"detail":"Unavailable"}]}
            500 content-type: "application/json" {"errors":[{"detail":"Internal"}]}
            400 content-type: "application/json" {"errors":[{"detail":"crate version `1.0.0` is already uploaded"}]}
            400 content-type: "application/json" {"errors":[{"detail":"crate was previously named `foo-bar`"}]}
        "#]].assert_eq(&all);
    }
}
