//! The `composer.json` of a package, as far as a registry has to understand it.
//!
//! What Composer's own loader cannot read, or would stop at, is refused: such a version would break the
//! whole package for every client. Format: [the schema](https://getcomposer.org/doc/04-schema.md).

mod autoload;
mod check;
mod links;

use std::borrow::Cow;

use registry_core::{Error, Result};
use serde_json::{Map, Value, value::RawValue};

use crate::{minify::Fields, name::PackageName, version::Version};

/// The most bytes of a `composer.json`.
pub const MAX_SIZE: usize = 1 << 20;

/// What only the registry says of a version, and what it keeps apart.
const OWN: &[&str] = &[
    "name",
    "version",
    "version_normalized",
    "time",
    "published-time",
    "dist",
    "transport-options",
    "installation-source",
    "notification-url",
    "uid",
];

/// What Composer reads of a project only, never of what a project requires: and not seldom there are
/// passwords in it.
const ROOT_ONLY: &[&str] = &[
    "autoload-dev",
    "config",
    "minimum-stability",
    "non-feature-branches",
    "prefer-stable",
    "repositories",
    "scripts",
    "scripts-aliases",
    "scripts-descriptions",
];

/// What a package says of itself.
#[derive(Clone, Debug)]
pub struct ComposerJson {
    /// Its name.
    pub name: PackageName,
    /// Its version, unless whoever uploads it says which it is.
    pub version: Option<Version>,
    /// When it was released, as it is spelled.
    pub time: Option<String>,
    /// What kind of package it is, in lower case; mostly `library`.
    pub kind: String,
    /// What it is, in a few words.
    pub description: Option<String>,
    /// By what words it can be found.
    pub keywords: Vec<String>,
    /// The other packages in whose place it can be installed, in lower case.
    pub provides: Vec<String>,
    /// All else that it says of itself to others, without white space between the parts of a value.
    pub fields: Fields<'static>,
}

impl ComposerJson {
    /// Reads and checks a `composer.json`.
    ///
    /// # Errors
    /// `InvalidName` for a name or a version that is none, `TooLarge` for more than [`MAX_SIZE`] bytes,
    /// and `Invalid` for all else that Composer could not read, or that no package may say.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_SIZE {
            let message = format!("composer.json may have {MAX_SIZE} bytes at most");
            return Err(Error::new(registry_core::ErrorKind::TooLarge, message));
        }
        let unreadable =
            |error| Error::invalid(format!("composer.json is no JSON object: {error}"));
        // Of equal keys the last counts, as in PHP; and what is null is not there.
        let mut said: Map<String, Value> = serde_json::from_slice(bytes).map_err(unreadable)?;
        said.retain(|_, value| !value.is_null());
        let name = check::required(&said, "name")?.parse()?;
        let version = check::text(&said, "version")?;
        let version = version.map(Version::parse).transpose()?;
        check::all(&said)?;
        autoload::check(&said)?;
        links::check(&said, &name)?;
        let mut fields: Fields<'static> = serde_json::from_slice(bytes).map_err(unreadable)?;
        fields.retain(|key, _| {
            let key = &&**key;
            said.contains_key(*key) && !OWN.contains(key) && !ROOT_ONLY.contains(key)
        });
        // Composer would take a source or a type that says nothing for one.
        fields.retain(|key, _| match &**key {
            "source" => !check::is_empty(&said[key]),
            "type" => matches!(check::text(&said, key), Ok(Some(_))),
            _ => true,
        });
        for value in fields.values_mut() {
            *value = Cow::Owned(compact(value)?);
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Self {
            name,
            version,
            time: owned(check::text(&said, "time")?),
            kind: check::text(&said, "type")?
                .unwrap_or("library")
                .to_ascii_lowercase(),
            description: owned(check::text(&said, "description")?),
            keywords: check::words(&said, "keywords"),
            provides: links::provided(&said),
            fields,
        })
    }
}

/// A value without the white space between its parts.
fn compact(value: &RawValue) -> Result<Box<RawValue>> {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |c: &char| {
        let keep = quoted || !c.is_ascii_whitespace();
        quoted ^= *c == '"' && !escaped;
        escaped = quoted && *c == '\\' && !escaped;
        keep
    };
    let json = value.get().chars().filter(keep).collect();
    RawValue::from_string(json).map_err(Error::internal)
}

#[cfg(test)]
mod tests;
