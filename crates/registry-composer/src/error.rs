//! Failures as Composer shows them: of an answer that is no success it prints the status and the first
//! 200 bytes of the body, if that is JSON.

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, Error, protocol::Reason};

use crate::wire::Failure;

/// The challenge of a 401. Composer needs none, other clients do.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"registry\"");

/// The answer that tells a client of `error`.
pub fn render(error: &Error) -> Response<Body> {
    let status = error.kind().status();
    let message = error.to_string();
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
    use registry_core::ErrorKind;

    use super::*;

    async fn shown(error: Error) -> String {
        let (parts, body) = render(&error).into_parts();
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
        let mut all = String::new();
        for kind in ErrorKind::ALL {
            all += &shown(Error::new(kind, format!("{kind:?}"))).await;
        }
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
        "#]].assert_eq(&all);
    }
}
