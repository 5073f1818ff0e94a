//! What is said of a form and of each of its parts.

use super::{Fault, Result};

/// The longest boundary that is taken, in bytes; senders keep to 70.
const MAX_BOUNDARY: usize = 200;

/// What is said of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The field that it is the value of.
    pub name: String,
    /// The file that it is.
    pub file: Option<String>,
    /// The media type.
    pub content_type: Option<String>,
}

impl Part {
    /// Reads a part's headers.
    pub(super) fn parse(headers: &[u8]) -> Result<Self> {
        let headers = std::str::from_utf8(headers).map_err(|_| Fault::NotText)?;
        let mut part = None;
        let mut content_type = None;
        for line in headers.split("\r\n").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(Fault::Malformed)?;
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "content-disposition" if part.is_some() => return Err(Fault::Malformed),
                "content-disposition" => part = Some(disposition(value)?),
                "content-type" => content_type = Some(value.to_owned()),
                "content-transfer-encoding"
                    if !["binary", "8bit", "7bit"]
                        .contains(&value.to_ascii_lowercase().as_str()) =>
                {
                    return Err(Fault::Encoded);
                }
                _ => {}
            }
        }
        Ok(Self {
            content_type,
            ..part.ok_or(Fault::Malformed)?
        })
    }
}

/// `form-data; name="content"; filename="foo-1.0.tar.gz"`
fn disposition(value: &str) -> Result<Part> {
    let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(Fault::Malformed);
    }
    let mut part = Part::default();
    let mut named = false;
    for (name, value) in self::parameters(parameters).ok_or(Fault::Malformed)? {
        match name.as_str() {
            "name" if !named => {
                named = true;
                part.name = value;
            }
            "filename" if part.file.is_none() => part.file = Some(value),
            "name" | "filename" => return Err(Fault::Malformed),
            "filename*" | "name*" => return Err(Fault::EncodedName),
            _ => {}
        }
    }
    if named {
        Ok(part)
    } else {
        Err(Fault::Malformed)
    }
}

/// Parameters after a semicolon each: a name, and a value that may be quoted.
fn parameters(mut text: &str) -> Option<Vec<(String, String)>> {
    let mut all = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t', ';']);
        if text.is_empty() {
            return Some(all);
        }
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        let rest = rest.trim_start();
        if !rest.is_empty() && !rest.starts_with(';') {
            return None;
        }
        all.push((name.trim().to_ascii_lowercase(), value));
        text = rest;
    }
}

/// A quoted value up to its end, and what follows. Only a quote and a backslash are escaped: some
/// browsers escape nothing else, and send a Windows path as it is.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with(['"', '\\']) => {
                value.extend(chars.next().map(|(_, c)| c));
            }
            c => value.push(c),
        }
    }
    None
}

/// The boundary that a `Content-Type` names.
///
/// # Errors
/// When it is not that of a form.
pub fn boundary(content_type: Option<&str>) -> Result<String> {
    let (kind, rest) = content_type
        .and_then(|value| value.split_once(';'))
        .ok_or(Fault::NoForm)?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(Fault::NoForm);
    }
    let parameters = parameters(rest).ok_or(Fault::NoForm)?;
    let mut boundaries = parameters
        .into_iter()
        .filter(|(name, _)| name == "boundary");
    let (_, boundary) = boundaries.next().ok_or(Fault::NoForm)?;
    let proper = !boundary.is_empty()
        && boundary.len() <= MAX_BOUNDARY
        && boundary.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !boundary.ends_with(' ');
    if proper {
        Ok(boundary)
    } else {
        Err(Fault::NoForm)
    }
}
