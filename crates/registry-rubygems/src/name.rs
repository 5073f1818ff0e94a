//! Names of gems, and the names of their files.
//!
//! Rules: those of the public registry, which are stricter than
//! the guide "Specification Reference".

use std::{fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::{Platform, Version};

/// The longest name, version or platform, in bytes.
pub const MAX_LENGTH: usize = 255;

/// Endings that names cannot have, since addresses do.
const EXTENSIONS: &[&str] = &[".gem", ".json", ".html", ".gemspec"];

/// The name of a gem, as it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GemName(String);

impl GemName {
    /// The name as it is spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all spellings of it have in common: of these, only one can be there.
    pub fn lower(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for GemName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        check_format("Name", text)?;
        if !text.contains(|c: char| c.is_ascii_alphabetic()) {
            return Err(wrong("Name", text, "must include at least one letter"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for GemName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<GemName> for String {
    fn from(name: GemName) -> Self {
        name.0
    }
}

impl fmt::Display for GemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks what names, versions and platforms have in common; `what` it is, for the refusal.
///
/// # Errors
/// [`ErrorKind::InvalidName`] when it is none.
pub(crate) fn check_format(what: &str, text: &str) -> Result<()> {
    let special = |c: char| matches!(c, '.' | '-' | '_');
    let lower = text.to_ascii_lowercase();
    let problem = if text.is_empty() {
        "can't be blank"
    } else if text.len() > MAX_LENGTH {
        "is too long (maximum is 255 characters)"
    } else if !text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || special(c))
    {
        "can only include letters, numbers, periods, dashes, and underscores"
    } else if text.starts_with(special) {
        "can not begin with a period, dash, or underscore"
    } else if text.ends_with(special) {
        "can not end with a period, dash, or underscore"
    } else if EXTENSIONS.iter().any(|end| lower.ends_with(end)) {
        "can not end with a common file extension"
    } else {
        return Ok(());
    };
    Err(wrong(what, text, problem))
}

/// A refusal of a name, version or platform.
pub(crate) fn wrong(what: &str, text: &str, problem: &str) -> Error {
    let message = format!("{what} '{}' {problem}", shown(text));
    Error::new(ErrorKind::InvalidName, message)
}

/// The beginning of a foreign text, for a message.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// What a release is called in addresses, without `.gem`: `name-version` or
/// `name-version-platform`.
pub fn full_name(
    name: impl fmt::Display,
    version: &Version,
    platform: &Platform,
) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{name}-{}", version.with(platform)))
}

/// Every release that a [`full_name`] can stand for. Only who knows which gems there are can tell
/// which of them it is: `a-1-2` is `a-1` in its version `2`, or a gem `a` for the platform `2`.
pub fn releases(full_name: &str) -> impl Iterator<Item = (GemName, Version, Platform)> {
    let dashes = full_name.match_indices('-');
    dashes.filter_map(|(at, _)| {
        let (name, rest) = (&full_name[..at], &full_name[at + 1..]);
        let (version, platform) = rest.split_once('-').unwrap_or((rest, Platform::RUBY));
        let explicit = rest.len() > version.len();
        let platform: Platform = platform.parse().ok()?;
        (!explicit || !platform.is_ruby()).then_some(())?;
        Some((name.parse().ok()?, version.parse().ok()?, platform))
    })
}

/// A release as a gem and what its document calls the version.
pub(crate) fn named((name, version, platform): (GemName, Version, Platform)) -> (GemName, String) {
    let slug = version.with(&platform).to_string();
    (name, slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in [
            "a",
            "rails",
            "A-b_c.d",
            "0xffffff",
            "2d",
            "a.gems",
            "jso.n",
            &"n".repeat(255),
        ] {
            assert_eq!(good.parse::<GemName>().unwrap().to_string(), good);
        }
        for (bad, why) in [
            ("", "blank"),
            ("123", "letter"),
            ("1.0", "letter"),
            ("a b", "only include"),
            ("ä", "only include"),
            ("a/b", "only include"),
            ("a\n", "only include"),
            ("-a", "begin"),
            (".a", "begin"),
            ("_a", "begin"),
            ("a-", "end with a period"),
            ("a.", "end with a period"),
            ("a_", "end with a period"),
            ("a.gem", "extension"),
            ("a.JSON", "extension"),
            ("a.html", "extension"),
            ("a.gemspec", "extension"),
            (&"n".repeat(256), "too long"),
        ] {
            let error = bad.parse::<GemName>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidName, "{bad}");
            assert!(error.to_string().contains(why), "{bad}: {error}");
        }
        assert_eq!("Foo-Bar".parse::<GemName>().unwrap().lower(), "foo-bar");
    }

    #[test]
    fn what_a_full_name_can_stand_for() {
        for (full, expected) in [
            ("a-1", &["a 1 ruby"][..]),
            ("a-1.0.rc1-x86_64-linux", &["a 1.0.rc1 x86_64-linux"]),
            ("a-b-1-java", &["a-b 1 java"]),
            ("a-1-2", &["a 1 2", "a-1 2 ruby"]),
            (
                "a-1-x86-mswin32-60",
                &["a 1 x86-mswin32-60", "a-1-x86-mswin32 60 ruby"],
            ),
            ("a-1-ruby", &[]),
            ("a", &[]),
            ("a-b", &[]),
            ("a-", &[]),
            ("-1", &[]),
            ("", &[]),
        ] {
            let releases: Vec<_> = releases(full).collect();
            let found: Vec<_> = releases
                .iter()
                .map(|(name, version, platform)| format!("{name} {version} {platform}"))
                .collect();
            assert_eq!(found, expected, "{full}");
            for (name, version, platform) in &releases {
                assert_eq!(full_name(name, version, platform).to_string(), full);
            }
        }
    }
}
