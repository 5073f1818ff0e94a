//! Core metadata: what `METADATA` and `PKG-INFO` say.
//!
//! Rules: [core metadata](https://packaging.python.org/en/latest/specifications/core-metadata/).

use registry_core::{Error, Result};

use crate::{ProjectName, Version, version::is_range};

mod requirement;
#[cfg(test)]
mod tests;

pub use requirement::is_requirement;

/// The versions of the form that are known.
const KNOWN: &[&str] = &[
    "1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5",
];

/// The longest summary, in characters.
const MAX_SUMMARY: usize = 512;

/// The most fields.
const MAX_FIELDS: usize = 10_000;

/// Fields that may stand there once at most.
const SINGLE: &[&str] = &[
    "metadata-version",
    "name",
    "version",
    "summary",
    "description",
    "description-content-type",
    "keywords",
    "home-page",
    "download-url",
    "author",
    "author-email",
    "maintainer",
    "maintainer-email",
    "license",
    "license-expression",
    "requires-python",
];

/// What setuptools writes where nothing was said.
const UNKNOWN: &str = "UNKNOWN";

/// What a file says of its release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Names in lower case, values without the breaks that folded them.
    fields: Vec<(String, String)>,
}

impl Metadata {
    /// Reads fields, and the description that may follow them.
    ///
    /// # Errors
    /// When it is not UTF-8, a line is no field, or there are too many.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
        if text.starts_with('\u{feff}') {
            // Clients take it for a part of the first field's name, and so miss that field.
            return Err(wrong("it begins with a byte order mark; write it without"));
        }
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut rest = text;
        let mut in_fields = true;
        while in_fields && !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let line = line.strip_suffix('\r').unwrap_or(line);
            rest = after;
            if line.contains('\r') {
                // Python's reader ends a line there, and would see other fields.
                return Err(no_field(line));
            }
            if line.is_empty() {
                in_fields = false;
            } else if line.starts_with([' ', '\t']) {
                let (_, value) = fields
                    .last_mut()
                    .ok_or_else(|| wrong("it begins with a blank"))?;
                value.push('\n');
                value.push_str(unfolded(line));
            } else {
                let field = line.split_once(':').filter(|(name, _)| is_name(name));
                let (name, value) = field.ok_or_else(|| no_field(line))?;
                if fields.len() >= MAX_FIELDS {
                    return Err(wrong(format!("it may have at most {MAX_FIELDS} fields")));
                }
                fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        if !rest.trim().is_empty() {
            fields.push(("description".to_owned(), rest.to_owned()));
        }
        fields.retain(|(_, value)| value.trim() != UNKNOWN);
        Ok(Self { fields })
    }

    /// The first value of a field, whose name is given in lower case; an empty one is none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(field, _)| field == name);
        let value = values.find(|(_, value)| !value.is_empty())?;
        Some(&value.1)
    }

    /// All values of a field but empty ones.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.fields.iter().filter(move |(field, _)| field == name);
        let values = values.map(|(_, value)| value.as_str());
        values.filter(|value| !value.is_empty())
    }

    /// The project's name.
    ///
    /// # Errors
    /// When there is none, or one that no project can have.
    pub fn name(&self) -> Result<ProjectName> {
        let name = self.get("name").ok_or_else(|| wrong("it has no Name"))?;
        name.parse()
    }

    /// The version.
    ///
    /// # Errors
    /// When there is none, or it is none.
    pub fn version(&self) -> Result<Version> {
        let version = self
            .get("version")
            .ok_or_else(|| wrong("it has no Version"))?;
        version.parse()
    }

    /// Checks all that clients rely on.
    ///
    /// # Errors
    /// The first fault, by its field.
    pub fn check(&self) -> Result<()> {
        for name in SINGLE {
            if self.all(name).nth(1).is_some() {
                return Err(wrong(format!("it has more than one {name}")));
            }
        }
        let version = self.get("metadata-version").unwrap_or_default();
        check_metadata_version(version)?;
        self.name()?;
        self.version()?;
        if let Some(summary) = self.get("summary") {
            check_summary(summary)?;
        }
        if let Some(range) = self.get("requires-python")
            && !is_range(range)
        {
            return Err(invalid("requires-python", range));
        }
        for requirement in self.all("requires-dist") {
            if !is_requirement(requirement) {
                return Err(invalid("requires-dist", requirement));
            }
        }
        for extra in self.all("provides-extra") {
            if extra.parse::<ProjectName>().is_err() {
                return Err(invalid("provides-extra", extra));
            }
        }
        if self.get("license").is_some() && self.get("license-expression").is_some() {
            return Err(wrong(
                "License is deprecated when License-Expression is present. Only \
                 License-Expression should be present.",
            ));
        }
        Ok(())
    }

    /// The files that hold its licenses, where the form is new enough for them to have a place (2.4).
    pub fn license_files(&self) -> impl Iterator<Item = &str> {
        let placed = matches!(self.get("metadata-version"), Some("2.4" | "2.5"));
        self.all("license-file").filter(move |_| placed)
    }
}

/// Checks the version of the form.
///
/// # Errors
/// When it is not known.
pub fn check_metadata_version(version: &str) -> Result<()> {
    if KNOWN.contains(&version) {
        return Ok(());
    }
    let shown: String = version.chars().take(20).collect();
    Err(wrong(format!(
        "{shown:?} is not a valid metadata version; it is 1.0 to 2.5"
    )))
}

/// Checks a summary.
///
/// # Errors
/// When it is too long, or not one line.
pub fn check_summary(summary: &str) -> Result<()> {
    if summary.contains(['\n', '\r']) {
        return Err(wrong("'summary' must be one line"));
    }
    if summary.chars().count() > MAX_SUMMARY {
        return Err(wrong(format!(
            "'summary' field must be {MAX_SUMMARY} characters or less"
        )));
    }
    Ok(())
}

fn no_field(line: &str) -> Error {
    let shown: String = line.chars().take(40).collect();
    wrong(format!("the line {shown:?} is no field"))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A line that goes on from the one before it, without what marks it as one: eight blanks or a tab,
/// and in a description a bar.
fn unfolded(line: &str) -> &str {
    let bar = line.trim_start().strip_prefix('|');
    bar.or_else(|| line.strip_prefix("        "))
        .or_else(|| line.strip_prefix('\t'))
        .unwrap_or_else(|| line.trim_start())
}

fn invalid(field: &str, value: &str) -> Error {
    let shown: String = value.chars().take(100).collect();
    wrong(format!("{shown:?} is invalid for '{field}'"))
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("Invalid metadata: {what}"))
}
