//! Failures as the build tools show them: the status line's phrase, which is all that older ones
//! print, and a body of problem details ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, Error, ErrorKind, Result, protocol::Reason};

use crate::wire::Problem;

/// The challenge of a 401: build tools send nothing before they see one, and then a token as the
/// password of Basic.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// What was found; nothing where it is gone, or nothing to whoever asks.
pub(crate) fn if_there<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// The answer that tells a client of `error`.
pub fn render(error: &Error) -> Response<Body> {
    let status = error.kind().status();
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

    async fn shown(error: Error) -> String {
        let response = render(&error);
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
            all += &shown(Error::new(kind, format!("{kind:?}!"))).await;
        }
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
        "#]].assert_eq(&all);
    }
}
