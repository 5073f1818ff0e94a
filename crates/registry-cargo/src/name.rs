//! Names of crates, features and keywords.
//!
//! Rules: [the `name` field](https://doc.rust-lang.org/cargo/reference/manifest.html#the-name-field)
//! and [index format](https://doc.rust-lang.org/cargo/reference/registry-index.html#name-restrictions).

use std::{fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};

/// The longest name of a crate, in characters.
pub const MAX_NAME: usize = 64;
/// The longest name of a feature, in bytes.
const MAX_FEATURE: usize = 256;
/// The longest keyword, in characters.
const MAX_KEYWORD: usize = 20;

/// What no crate can be called: device names of Windows, on which its folder could not be made, and
/// the crates that come with the compiler.
const RESERVED: &[&str] = &[
    "con",
    "prn",
    "aux",
    "nul",
    "com1",
    "com2",
    "com3",
    "com4",
    "com5",
    "com6",
    "com7",
    "com8",
    "com9",
    "lpt1",
    "lpt2",
    "lpt3",
    "lpt4",
    "lpt5",
    "lpt6",
    "lpt7",
    "lpt8",
    "lpt9",
    "std",
    "core",
    "alloc",
    "proc_macro",
    "test",
];

/// The name of a crate, as it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrateName(String);

impl CrateName {
    /// The name as it is spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as index paths and scopes spell it: in lower case.
    pub fn lower(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// What all names that are too much alike have in common: lower case, and no hyphens. Of these,
    /// only one can be there.
    pub fn canonical(&self) -> String {
        self.lower().replace('-', "_")
    }

    /// Whether a crate of this name may be created.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] for names that are taken by Windows or by the compiler.
    pub fn check_new(&self) -> Result<()> {
        if RESERVED.contains(&&*self.canonical()) {
            let message = format!("the name {self} is reserved; call the crate something else");
            return Err(Error::new(ErrorKind::InvalidName, message));
        }
        Ok(())
    }
}

/// The folders in which the index keeps a crate of this lower-case name.
pub fn prefix(lower: &str) -> String {
    match lower.len() {
        0..=2 => lower.len().to_string(),
        3 => format!("3/{}", &lower[..1]),
        _ => format!("{}/{}", &lower[..2], &lower[2..4]),
    }
}

impl FromStr for CrateName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let message = format!("{:?} is no name of a crate: {what}", shown(text));
            Err(Error::new(ErrorKind::InvalidName, message))
        };
        if text.is_empty() || text.len() > MAX_NAME {
            return wrong(&format!("it must have 1 to {MAX_NAME} characters"));
        }
        if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return wrong("it must begin with a letter or an underscore");
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !text.chars().all(plain) {
            return wrong("it may have ASCII letters, digits, hyphens and underscores only");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CrateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks the name of a feature.
///
/// # Errors
/// [`ErrorKind::InvalidName`] when it is none.
pub fn check_feature(text: &str) -> Result<()> {
    // The very letters that cargo takes: it passes over a version with others.
    let first = |c: char| unicode_ident::is_xid_start(c) || c == '_' || c.is_ascii_digit();
    let later = |c: char| unicode_ident::is_xid_continue(c) || matches!(c, '-' | '+' | '.');
    if text.len() <= MAX_FEATURE && text.starts_with(first) && text.chars().all(later) {
        return Ok(());
    }
    let message = format!(
        "{:?} is no name of a feature: it must begin with a letter, a digit or an underscore, and \
         may have letters, digits and _ - + . only",
        shown(text)
    );
    Err(Error::new(ErrorKind::InvalidName, message))
}

/// Checks what a feature may turn on: `feature`, `dep:name`, `name/feature` or `name?/feature`.
///
/// # Errors
/// [`ErrorKind::InvalidName`] when it is none of these.
pub fn check_feature_value(text: &str) -> Result<()> {
    if let Some(name) = text.strip_prefix("dep:") {
        return name.parse::<CrateName>().map(drop);
    }
    if let Some((name, feature)) = text.split_once('/') {
        let name = name.strip_suffix('?').unwrap_or(name);
        name.parse::<CrateName>()?;
        return check_feature(feature);
    }
    check_feature(text)
}

/// Checks a keyword.
///
/// # Errors
/// [`ErrorKind::Invalid`] when it is none.
pub fn check_keyword(text: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if text.len() <= MAX_KEYWORD && begins && text.chars().all(plain) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{:?} is an invalid keyword: it must begin with a letter or a digit, have {MAX_KEYWORD} \
         characters at most, and may have ASCII letters, digits and _ - + only",
        shown(text)
    )))
}

/// The beginning of a foreign text, for a message.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "A-b_c", "_x", "serde_json", "x2", &"n".repeat(64)] {
            assert_eq!(good.parse::<CrateName>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "-a",
            "1a",
            "a.b",
            "a b",
            "ä",
            "a/b",
            "a+",
            "..",
            &"n".repeat(65),
        ] {
            let error = bad.parse::<CrateName>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidName, "{bad}");
        }
        let name: CrateName = "Foo-Bar_baz".parse().unwrap();
        assert_eq!(name.lower(), "foo-bar_baz");
        assert_eq!(name.canonical(), "foo_bar_baz");
        for reserved in [
            "nul",
            "NUL",
            "com1",
            "proc-macro",
            "proc_macro",
            "std",
            "test",
        ] {
            let name: CrateName = reserved.parse().unwrap();
            assert!(name.check_new().is_err(), "{reserved}");
        }
        assert!(name.check_new().is_ok());
    }

    #[test]
    fn prefixes() {
        for (name, expected) in [
            ("a", "1"),
            ("ab", "2"),
            ("abc", "3/a"),
            ("abcd", "ab/cd"),
            ("serde_json", "se/rd"),
        ] {
            assert_eq!(prefix(name), expected);
        }
    }

    #[test]
    fn features() {
        for good in ["a", "1", "_", "a-b", "c++17", "v1.2", "größe"] {
            assert!(check_feature(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a b",
            "a/b",
            "dep:a",
            "+a",
            "x\u{b2}",
            "\u{663}",
            &"f".repeat(257),
        ] {
            assert!(check_feature(bad).is_err(), "{bad}");
        }
        for good in ["a", "dep:a", "a/b", "a?/b", "dep:a-b"] {
            assert!(check_feature_value(good).is_ok(), "{good}");
        }
        for bad in ["", "dep:", "dep:a/b", "/b", "a/", "a?", "a??/b", "a/b/c"] {
            assert!(check_feature_value(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keywords() {
        for good in ["cli", "c++", "no_std", "2d", &"k".repeat(20)] {
            assert!(check_keyword(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "-a", "ä", &"k".repeat(21)] {
            assert!(check_keyword(bad).is_err(), "{bad}");
        }
    }
}
