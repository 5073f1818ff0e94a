//! Failures as `gem` and Bundler show them: a status, and a sentence as plain text.

use std::fmt;

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, ErrorKind};

/// What can go wrong in a request of `gem` or Bundler.
#[derive(Debug)]
pub enum Error {
    /// What can go wrong in any protocol.
    Core(registry_core::Error),
    /// A gem's file cannot be read. Clients know this one by its status, 422, and by its words.
    Unreadable(registry_core::Error),
    /// A gem says of itself what it may not, or is not the one that it would follow: 403.
    Unsaved(registry_core::Error),
    /// What was asked for makes no sense as things stand: 422.
    Senseless(registry_core::Error),
}

impl Error {
    /// The refusal of a gem for what its file is or says of itself.
    pub fn of_gem(error: registry_core::Error) -> Self {
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::DigestMismatch => Self::Unreadable(error),
            ErrorKind::InvalidName => Self::Unsaved(error),
            _ => Self::Core(error),
        }
    }

    /// The refusal to save a gem.
    pub fn unsaved(why: impl fmt::Display) -> Self {
        Self::Unsaved(registry_core::Error::invalid(why.to_string()))
    }

    /// The refusal of what makes no sense as things stand.
    pub fn senseless(why: impl fmt::Display) -> Self {
        Self::Senseless(registry_core::Error::invalid(why.to_string()))
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            // A bound that was passed is told as such, wherever it was.
            _ if self.is_judged_by_kind() => self.kind().status(),
            Self::Unsaved(_) => StatusCode::FORBIDDEN,
            Self::Core(_) | Self::Unreadable(_) | Self::Senseless(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.cause().kind()
    }

    /// The core's error within.
    pub fn cause(&self) -> &registry_core::Error {
        match self {
            Self::Core(error)
            | Self::Unreadable(error)
            | Self::Unsaved(error)
            | Self::Senseless(error) => error,
        }
    }

    fn is_judged_by_kind(&self) -> bool {
        let own = matches!(
            self.kind(),
            ErrorKind::Invalid | ErrorKind::InvalidName | ErrorKind::DigestMismatch
        );
        matches!(self, Self::Core(_)) || !own
    }
}

impl From<registry_core::Error> for Error {
    fn from(error: registry_core::Error) -> Self {
        Self::Core(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            _ if self.is_judged_by_kind() => {}
            Self::Unreadable(_) => f.write_str(
                "This registry cannot process this gem.\n\
                 Please try rebuilding it and installing it locally to make sure it's valid.\n\
                 Error:\n",
            )?,
            Self::Unsaved(_) => f.write_str("There was a problem saving your gem: ")?,
            Self::Core(_) | Self::Senseless(_) => {}
        }
        self.cause().fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().source()
    }
}

/// The answer that tells of `error`.
pub fn render(error: &Error) -> Response<Body> {
    let mut response = Response::new(Body::from(error.to_string()));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, text);
    if error.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"RubyGems\"");
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    async fn shown(error: impl Into<Error>) -> String {
        let (parts, body) = render(&error.into()).into_parts();
        let challenge = parts.headers.get("www-authenticate");
        let body = body.collect(1 << 16).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        format!("{} {challenge:?} {body}\n", parts.status.as_u16())
    }

    #[tokio::test]
    async fn every_kind() {
        let mut all = String::new();
        for kind in ErrorKind::ALL {
            all += &shown(registry_core::Error::new(kind, format!("{kind:?}"))).await;
        }
        for wrap in [Error::Unreadable, Error::Unsaved, Error::Senseless] {
            for kind in [ErrorKind::Invalid, ErrorKind::TooLarge] {
                all += &shown(wrap(registry_core::Error::new(kind, format!("{kind:?}")))).await;
            }
        }
        expect![[r#"
            404 None NotFound
            401 Some("Basic realm=\"RubyGems\"") Unauthenticated
            403 None Denied
            400 None InvalidName
            400 None Invalid
            400 None DigestMismatch
            409 None Conflict
            413 None TooLarge
            412 None PreconditionFailed
            416 None RangeNotSatisfiable
            405 None MethodNotAllowed
            501 None Unsupported
            429 None RateLimited
            502 None Upstream
            503 None Unavailable
            500 None Internal
            422 None This registry cannot process this gem.
            Please try rebuilding it and installing it locally to make sure it's valid.
            Error:
            Invalid
            413 None TooLarge
            403 None There was a problem saving your gem: Invalid
            413 None TooLarge
            422 None Invalid
            413 None TooLarge
        "#]]
        .assert_eq(&all);
    }
}
