//! Which form of a page a client takes.
//!
//! Rules: RFC 9110 §12.5.1 and the [simple API](https://packaging.python.org/en/latest/specifications/simple-repository-api/#content-types).

use http::{HeaderMap, header};

use crate::Error;

/// The media type of the JSON form.
pub const JSON: &str = "application/vnd.pypi.simple.v1+json";
/// The media type of the HTML form.
pub const HTML: &str = "application/vnd.pypi.simple.v1+html";
/// The media type of the HTML form for clients that know no version.
pub const TEXT: &str = "text/html";

/// A form of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// HTML of a known version.
    Html,
    /// HTML as it always was.
    Text,
}

impl Form {
    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Html => HTML,
            // Bytes of an HTML page are UTF-8 here, which browsers would not guess.
            Self::Text => "text/html; charset=utf-8",
        }
    }

    /// What a form is called among those of a document.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "simple-json",
            Self::Html => "simple-html",
            Self::Text => "simple-text",
        }
    }

    /// The form that a client wants: by `?format=`, else by `Accept`, else the oldest.
    ///
    /// # Errors
    /// [`Error::NotAcceptable`] when it takes none.
    pub fn wanted(format: Option<&str>, headers: &HeaderMap) -> Result<Self, Error> {
        if let Some(format) = format {
            return exact(format).ok_or_else(none);
        }
        let values = accepted(headers);
        if values.is_empty() {
            return Ok(Self::Text);
        }
        // Of what a client likes equally, JSON is best if it is named; where anything will do, the
        // oldest is the safest.
        let offers = [(Self::Json, 0), (Self::Html, 1), (Self::Text, 2)];
        let judged = offers.into_iter().filter_map(|(form, rank)| {
            let (specific, quality) = quality(form, &values)?;
            let rank = if specific == EXACT { 2 - rank } else { rank };
            (quality > 0).then_some(((quality, specific, rank), form))
        });
        let best = judged.max_by_key(|(judged, _)| *judged);
        best.map(|(_, form)| form).ok_or_else(none)
    }
}

/// The form that a media type names; the latest version is the one that there is.
fn exact(name: &str) -> Option<Form> {
    let name = name.trim().to_ascii_lowercase();
    match &*name.replace(".latest+", ".v1+") {
        JSON => Some(Form::Json),
        HTML => Some(Form::Html),
        TEXT => Some(Form::Text),
        _ => None,
    }
}

/// How specific a range is that is a type and nothing else.
const EXACT: u8 = 2;

/// What a client thinks of a form, in thousandths, and how specific the range is that says so.
fn quality(form: Form, accept: &[&str]) -> Option<(u8, u16)> {
    let ranges = accept.iter().flat_map(|value| value.split(','));
    let matching = ranges.filter_map(|range| {
        let (name, quality) = weighed(range);
        let specific = match name.to_ascii_lowercase().as_str() {
            "*/*" => 0,
            "application/*" if form != Form::Text => 1,
            "text/*" if form == Form::Text => 1,
            _ if exact(name) == Some(form) => EXACT,
            _ => return None,
        };
        Some((specific, quality))
    });
    matching.max()
}

/// A range of media types, and what a client thinks of it, in thousandths.
fn weighed(range: &str) -> (&str, u16) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then(|| thousandths(value.trim()))
    });
    (name, quality.unwrap_or(1000))
}

fn thousandths(text: &str) -> u16 {
    let value: f32 = text.parse().unwrap_or(1.0);
    // A saturating cast, within 0 to 1000.
    (value.clamp(0.0, 1.0) * 1000.0).round() as u16
}

fn none() -> Error {
    Error::not_acceptable(&format!("{JSON}, {HTML} or {TEXT}"))
}

/// Whether a client takes one of these media types.
pub(crate) fn takes(headers: &HeaderMap, types: &[&str]) -> bool {
    let values = accepted(headers);
    let mut ranges = values.iter().flat_map(|value| value.split(','));
    values.is_empty()
        || ranges.any(|range| {
            let (name, quality) = weighed(range);
            let named = types.iter().any(|kind| name.eq_ignore_ascii_case(kind));
            quality > 0 && (named || matches!(name, "*/*" | "application/*"))
        })
}

/// What a client says that it takes; nothing where it does not say.
fn accepted(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(header::ACCEPT).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values.filter(|value| !value.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: Option<&str>, format: Option<&str>) -> Option<Form> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        Form::wanted(format, &headers).ok()
    }

    #[test]
    fn what_clients_send() {
        let (json, html, text) = (Some(Form::Json), Some(Form::Html), Some(Form::Text));
        for (accept, expected) in [
            // pip, uv
            (
                "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
                json,
            ),
            (
                "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
                json,
            ),
            // curl, a browser
            ("*/*", text),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                text,
            ),
            ("application/vnd.pypi.simple.v1+html", html),
            ("application/vnd.pypi.simple.latest+json", json),
            ("application/vnd.pypi.simple.latest+html, text/html", html),
            ("application/vnd.pypi.simple.v1+json;q=0.5, text/html", text),
            ("text/html, application/vnd.pypi.simple.v1+json", json),
            ("TEXT/HTML", text),
            ("text/*", text),
            ("application/*", html),
            ("*/*, text/html;q=0", html),
            ("application/vnd.pypi.simple.v2+json", None),
            ("application/json", None),
            ("text/html;q=0", None),
            ("", text),
        ] {
            assert_eq!(wanted(Some(accept), None), expected, "{accept}");
        }
        for (accept, taken) in [
            (None, true),
            (Some(""), true),
            (Some("application/json"), true),
            (Some("text/html, */*;q=0.1"), true),
            (Some("application/json;q=0"), false),
            (Some("text/html, */*; q=0.0"), false),
            (Some("text/html"), false),
        ] {
            let accept = accept.map(|value: &str| (header::ACCEPT, value.parse().unwrap()));
            let headers = accept.into_iter().collect();
            assert_eq!(takes(&headers, &["application/json"]), taken, "{headers:?}");
        }
        assert_eq!(wanted(None, None), text);
        assert_eq!(wanted(Some("text/html"), Some(JSON)), json);
        assert_eq!(wanted(Some("text/html"), Some("text/plain")), None);
    }
}
