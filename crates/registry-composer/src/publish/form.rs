//! The fields of a form that goes with a zip.

use registry_core::{Error, ErrorKind, Result};

use crate::document::Source;

/// The field that is the zip.
pub(super) const PACKAGE: &str = "package";

/// The most bytes of all fields.
const MAX_FIELDS: usize = 64 << 10;
/// The longest address or reference of a source, in bytes.
const MAX_TEXT: usize = 1000;
/// What Composer can fetch sources from.
const SOURCES: &[&str] = &["git", "hg", "svn", "fossil", "perforce"];

/// The fields of a form as they come in, but for its zip.
#[derive(Debug, Default)]
pub(super) struct Fields {
    version: Option<String>,
    kind: Option<String>,
    url: Option<String>,
    reference: Option<String>,
    current: Option<(String, Vec<u8>)>,
    size: usize,
}

impl Fields {
    /// A field begins.
    pub(super) fn start(&mut self, name: String) -> Result<()> {
        self.grow(name.len())?;
        self.current = Some((name, Vec::new()));
        Ok(())
    }

    /// More of the field.
    pub(super) fn data(&mut self, bytes: &[u8]) -> Result<()> {
        self.grow(bytes.len())?;
        if let Some((_, value)) = &mut self.current {
            value.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn grow(&mut self, by: usize) -> Result<()> {
        self.size += by;
        if self.size > MAX_FIELDS {
            let message = format!("the form's fields may have {MAX_FIELDS} bytes at most");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(())
    }

    /// The field is whole. What is not known says nothing here.
    pub(super) fn end(&mut self) -> Result<()> {
        let Some((name, value)) = self.current.take() else {
            return Ok(());
        };
        let slot = match name.as_str() {
            "version" => &mut self.version,
            "src-type" => &mut self.kind,
            "src-url" => &mut self.url,
            "src-ref" => &mut self.reference,
            _ => return Ok(()),
        };
        let value = String::from_utf8(value);
        let value = value.map_err(|_| Error::invalid(format!("the field {name} is not UTF-8")))?;
        if slot.replace(value).is_some() {
            let message = format!("the field {name} is there more than once; send it once");
            return Err(Error::invalid(message));
        }
        Ok(())
    }

    /// The version, where the form names one.
    pub(super) fn version(&self) -> Option<&str> {
        self.version.as_deref().filter(|text| !text.is_empty())
    }

    /// The source, where the form names one.
    ///
    /// # Errors
    /// `Invalid` when it does so in part only, or names one that Composer could not fetch.
    pub(super) fn source(&self) -> Result<Option<Source>> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (kind, url, reference) = match [&self.kind, &self.url, &self.reference].map(filled) {
            [None, None, None] => return Ok(None),
            [Some(kind), Some(url), Some(reference)] => (kind, url, reference),
            _ => {
                let message = "send all of src-type, src-url and src-ref, or none of them";
                return Err(Error::invalid(message));
            }
        };
        if !SOURCES.contains(&kind.as_str()) {
            let known = SOURCES.join(", ");
            return Err(Error::invalid(format!("src-type has to be one of {known}")));
        }
        for (field, text) in [("src-url", &url), ("src-ref", &reference)] {
            // What begins with a hyphen is an option to the program that fetches it.
            if text.len() > MAX_TEXT || text.contains(char::is_control) || text.starts_with('-') {
                return Err(Error::invalid(format!(
                    "{field} may be one line of {MAX_TEXT} bytes at most, and no option"
                )));
            }
        }
        Ok(Some(Source {
            kind,
            url,
            reference,
        }))
    }
}
