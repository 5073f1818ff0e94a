//! Pages for browsers: a login, and what comes of it.

use http::{HeaderValue, Response, StatusCode, header};

use crate::{auth::Secret, body::Body, error::Result};

const STYLE: &str = "body{font:16px system-ui;max-width:22rem;margin:10vh auto;padding:0 1rem}\
    label{display:block;margin:1rem 0}input{width:100%;font:inherit;padding:.4rem}\
    button{font:inherit;padding:.5rem 1rem}.error{color:#a00}code{overflow-wrap:anywhere}";

/// The most bytes of a form.
const MAX_FORM: usize = 64 << 10;

/// A page with this title and, in its body, this HTML. Nothing keeps it, frames it, or runs in it.
pub fn page(status: StatusCode, title: &str, body: &str) -> Response<Body> {
    let title = escape(title);
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
    response
}

/// A page that asks for a name and a password, with what it is for as HTML and what went wrong the
/// last time. It posts to its own address, where [`read_login`] reads it.
pub fn login_page(status: StatusCode, purpose: &str, error: Option<&str>) -> Response<Body> {
    let error = error.map(|text| format!("<p class=\"error\">{}</p>", escape(text)));
    let body = format!(
        "<h1>Log in</h1><p>{purpose}</p>{}\
         <form method=\"post\">\
         <label>User<input name=\"username\" autocomplete=\"username\" required autofocus></label>\
         <label>Password<input name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required></label>\
         <button>Log in</button></form>",
        error.unwrap_or_default(),
    );
    page(status, "Log in", &body)
}

/// The name and the password that the form of a [`login_page`] brings; empty where it has none.
///
/// # Errors
/// When the body is too large or breaks off.
pub async fn read_login(body: Body) -> Result<(String, Secret)> {
    let form = Form::read("", body).await?;
    let field = |name: &str| form.get(name).unwrap_or_default();
    Ok((field("username").to_owned(), Secret::new(field("password"))))
}

/// The fields of a form, as browsers and simple clients send them.
#[derive(Clone, Debug)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the fields of a query, and behind them those of a body.
    ///
    /// # Errors
    /// When the body is too large or breaks off.
    pub async fn read(query: &str, body: Body) -> Result<Self> {
        let body = body.collect(MAX_FORM).await?;
        let fields = [query.as_bytes(), &body].map(form_urlencoded::parse);
        let fields = fields.into_iter().flat_map(|fields| fields.into_owned());
        Ok(Self(fields.collect()))
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let field = fields.find(|(key, _)| key == name);
        field.map(|(_, value)| &**value)
    }
}

/// Text as HTML shows it, be it between tags or in a quoted value.
pub fn escape(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn forms_are_read_as_browsers_send_them() {
        for (form, user, password) in [
            ("username=ann&password=a+b%2B%C3%BC%26%3D", "ann", "a b+ü&="),
            ("password=x&other=1&username=a%40b", "a@b", "x"),
            ("username=ann", "ann", ""),
            ("", "", ""),
        ] {
            let read = read_login(Body::from(form)).await.unwrap();
            assert_eq!((&*read.0, read.1.reveal()), (user, password), "{form}");
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escape("<a href=\"&\">"), "&lt;a href=&quot;&amp;&quot;&gt;");
    }
}
