//! The page on which a login in the browser is confirmed.

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{Body, protocol::BaseUrl};

use crate::Answer;

const STYLE: &str = "body{font:16px system-ui;max-width:22rem;margin:10vh auto;padding:0 1rem}\
    label{display:block;margin:1rem 0}input{width:100%;font:inherit;padding:.4rem}\
    button{font:inherit;padding:.5rem 1rem}.error{color:#a00}";

/// The form, with what went wrong the last time.
pub(super) fn form(status: StatusCode, base: &BaseUrl, error: Option<&str>) -> Answer {
    let error = error.map(|text| format!("<p class=\"error\">{}</p>", escape(text)));
    let body = format!(
        "<h1>Log in</h1><p>npm asks to log in to {}. Go on only if you started this yourself.</p>{}\
         <form method=\"post\">\
         <label>User<input name=\"username\" autocomplete=\"username\" required autofocus></label>\
         <label>Password<input name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required></label>\
         <button>Log in</button></form>",
        escape(base.as_str()),
        error.unwrap_or_default(),
    );
    page(status, "Log in", &body)
}

/// What the user sees when it went well.
pub(super) fn done() -> Answer {
    let body = "<h1>Logged in</h1><p>You can close this page and go back to the terminal.</p>";
    page(StatusCode::OK, "Logged in", body)
}

fn page(status: StatusCode, title: &str, body: &str) -> Answer {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><body>{body}</body></html>"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}
