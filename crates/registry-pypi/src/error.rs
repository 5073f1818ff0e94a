//! Failures as the clients show them: the status with a phrase of its own, which twine prints, and
//! a JSON body, whose `code` uv prints.

use std::fmt;

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, ErrorKind, multipart, protocol::Reason};

use crate::wire::Failure;

/// What can go wrong in a request.
#[derive(Debug)]
pub enum Error {
    /// What can go wrong in any protocol.
    Core(registry_core::Error),
    /// A file exists, or once existed, with other content. Clients and scripts know this one by its
    /// status, 400, and by its words.
    Exists(registry_core::Error),
    /// None of the forms in which something could be sent is one that the client takes.
    NotAcceptable(registry_core::Error),
    /// What an old client asks for and no index has any more.
    Gone(registry_core::Error),
}

impl Error {
    /// The refusal of a file whose name, or whose content, is that of another.
    pub fn exists(file: &str, blake2: &str) -> Self {
        let message = format!(
            "File already exists ('{file}', with blake2_256 hash '{blake2}'). A file cannot be \
             changed; publish another version."
        );
        Self::Exists(registry_core::Error::new(ErrorKind::Conflict, message))
    }

    /// The refusal of a file whose name was that of a deleted one.
    pub fn spent() -> Self {
        let message = "This filename was previously used by a file that has since been deleted. Use \
                       a different version.";
        Self::Exists(registry_core::Error::new(ErrorKind::Conflict, message))
    }

    /// The refusal of a client that takes none of `offered`.
    pub fn not_acceptable(offered: &str) -> Self {
        let message = format!("this is to be had as {offered} only; ask for one of them in Accept");
        Self::NotAcceptable(registry_core::Error::new(ErrorKind::Invalid, message))
    }

    /// What an old client asks for and no index has any more.
    pub fn gone(message: &'static str) -> Self {
        Self::Gone(registry_core::Error::new(ErrorKind::Unsupported, message))
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Core(error) => error.kind().status(),
            Self::Exists(_) => StatusCode::BAD_REQUEST,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::Gone(_) => StatusCode::GONE,
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
            | Self::Exists(error)
            | Self::NotAcceptable(error)
            | Self::Gone(error) => error,
        }
    }
}

impl From<registry_core::Error> for Error {
    fn from(error: registry_core::Error) -> Self {
        Self::Core(error)
    }
}

impl From<multipart::Fault> for Error {
    fn from(fault: multipart::Fault) -> Self {
        Self::Core(fault.into())
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

/// The challenge of a 401: all these clients send a token as the password of Basic.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// The answer that tells a client of `error`.
pub fn render(error: &Error) -> Response<Body> {
    let status = error.status();
    let message = error.to_string();
    let failure = Failure {
        code: format!("{} {message}", status.as_u16()),
        title: status.canonical_reason().unwrap_or_default(),
        message,
    };
    // Text and no map with keys of its own kind: it can always be written.
    let body = serde_json::to_vec(&failure).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let reason = Reason::new(&failure.message);
    response.extensions_mut().insert(reason);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if error.kind() == ErrorKind::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
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
        let reason = parts.extensions.get::<Reason>().map(Reason::to_bytes);
        let reason = String::from_utf8(reason.unwrap()).unwrap();
        let challenge = parts.headers.get(header::WWW_AUTHENTICATE);
        let challenge = challenge.map_or("", |value| value.to_str().unwrap());
        let body = body.collect(1 << 16).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let status = parts.status.as_u16();
        format!("{status} {reason} {challenge}{body}\n")
    }

    #[tokio::test]
    async fn every_kind() {
        let mut all = String::new();
        for kind in ErrorKind::ALL {
            all += &shown(registry_core::Error::new(kind, format!("{kind:?}!"))).await;
        }
        all += &shown(Error::exists("a-1.tar.gz", "00")).await;
        all += &shown(Error::spent()).await;
        all += &shown(Error::not_acceptable("text/html")).await;
        all += &shown(Error::gone("It is gone.")).await;
        expect![[r#"
            404 NotFound! {"message":"NotFound!","code":"404 NotFound!","title":"Not Found"}
            401 Unauthenticated! Basic realm="registry"{"message":"Unauthenticated!","code":"401 Unauthenticated!","title":"Unauthorized"}
            403 Denied! {"message":"Denied!","code":"403 Denied!","title":"Forbidden"}
            400 InvalidName! {"message":"InvalidName!","code":"400 InvalidName!","title":"Bad Request"}
            400 Invalid! {"message":"Invalid!","code":"400 Invalid!","title":"Bad Request"}
            400 DigestMismatch! {"message":"DigestMismatch!","code":"400 DigestMismatch!","title":"Bad Request"}
            409 Conflict! {"message":"Conflict!","code":"409 Conflict!","title":"Conflict"}
            413 TooLarge! {"message":"TooLarge!","code":"413 TooLarge!","title":"Payload Too Large"}
            412 PreconditionFailed! {"message":"PreconditionFailed!","code":"412 PreconditionFailed!","title":"Precondition Failed"}
            416 RangeNotSatisfiable! {"message":"RangeNotSatisfiable!","code":"416 RangeNotSatisfiable!","title":"Range Not Satisfiable"}
            405 MethodNotAllowed! {"message":"MethodNotAllowed!","code":"405 MethodNotAllowed!","title":"Method Not Allowed"}
            501 Unsupported! {"message":"Unsupported!","code":"501 Unsupported!","title":"Not Implemented"}
            429 RateLimited! {"message":"RateLimited!","code":"429 RateLimited!","title":"Too Many Requests"}
            502 Upstream! {"message":"Upstream!","code":"502 Upstream!","title":"Bad Gateway"}
            503 Unavailable! {"message":"Unavailable!","code":"503 Unavailable!","title":"Service Unavailable"}
            500 Internal! {"message":"Internal!","code":"500 Internal!","title":"Internal Server Error"}
            400 File already exists ('a-1.tar.gz', with blake2_256 hash '00'). A file cannot be changed; publish another version. {"message":"File already exists ('a-1.tar.gz', with blake2_256 hash '00'). A file cannot be changed; publish another version.","code":"400 File already exists ('a-1.tar.gz', with blake2_256 hash '00'). A file cannot be changed; publish another version.","title":"Bad Request"}
            400 This filename was previously used by a file that has since been deleted. Use a different version. {"message":"This filename was previously used by a file that has since been deleted. Use a different version.","code":"400 This filename was previously used by a file that has since been deleted. Use a different version.","title":"Bad Request"}
            406 this is to be had as text/html only; ask for one of them in Accept {"message":"this is to be had as text/html only; ask for one of them in Accept","code":"406 this is to be had as text/html only; ask for one of them in Accept","title":"Not Acceptable"}
            410 It is gone. {"message":"It is gone.","code":"410 It is gone.","title":"Gone"}
        "#]]
        .assert_eq(&all);
    }
}
