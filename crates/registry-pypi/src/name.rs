//! Names of projects.
//!
//! Rules: [names and normalization](https://packaging.python.org/en/latest/specifications/name-normalization/).

use std::{fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};

/// The longest name that the registry takes, in characters.
pub const MAX_NAME: usize = 200;

/// The name of a project, as somebody spelled it. Two are equal when they are so once normalized.
#[derive(Clone, Debug)]
pub struct ProjectName {
    spelled: Box<str>,
    normalized: Box<str>,
}

impl ProjectName {
    /// The normalized name, such as `foo-bar`: what addresses, keys and scopes know it by.
    pub fn as_str(&self) -> &str {
        &self.normalized
    }

    /// The name as it was spelled, such as `Foo.Bar`.
    pub fn spelled(&self) -> &str {
        &self.spelled
    }

    /// Whether it was spelled in its normal form.
    pub fn is_normal(&self) -> bool {
        self.spelled == self.normalized
    }

    /// The name as the names of files begin with it, such as `foo_bar`.
    pub fn escaped(&self) -> String {
        self.normalized.replace('-', "_")
    }
}

impl FromStr for ProjectName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = text.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let ends = [bytes.first(), bytes.last()];
        let ends_well = ends
            .iter()
            .all(|byte| byte.is_some_and(u8::is_ascii_alphanumeric));
        if !ends_well || !bytes.iter().all(inner) || bytes.len() > MAX_NAME {
            let shown: String = text.chars().take(60).collect();
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!(
                    "{shown:?} is an invalid value for Name. Error: Start and end with a letter or \
                     numeral containing only ASCII numeric and '.', '_' and '-', {MAX_NAME} \
                     characters at most."
                ),
            ));
        }
        Ok(Self {
            spelled: text.into(),
            normalized: normalized(text).into(),
        })
    }
}

/// A name, or one of an extra, in its normal form: in lower case, with one hyphen for each run of
/// `-`, `_` and `.`.
pub fn normalized(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            c => out.push(c.to_ascii_lowercase()),
        }
    }
    out
}

impl PartialEq for ProjectName {
    fn eq(&self, other: &Self) -> bool {
        self.normalized == other.normalized
    }
}

impl Eq for ProjectName {}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.normalized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_their_normal_form() {
        for (spelled, normal) in [
            ("a", "a"),
            ("Foo.Bar", "foo-bar"),
            ("foo-_.bar", "foo-bar"),
            ("FOO__1", "foo-1"),
            ("1.0", "1-0"),
            (&"n".repeat(200), &"n".repeat(200)),
        ] {
            let name: ProjectName = spelled.parse().unwrap();
            assert_eq!(name.as_str(), normal);
            assert_eq!(name.is_normal(), spelled == normal);
        }
        for bad in [
            "",
            "-a",
            "a-",
            ".",
            "_a",
            "a b",
            "a/b",
            "ü",
            "a\n",
            &"n".repeat(201),
        ] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad:?}");
        }
    }
}
