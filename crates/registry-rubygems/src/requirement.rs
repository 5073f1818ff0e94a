//! Which versions of something will do.
//!
//! See [`Gem::Requirement`](https://docs.ruby-lang.org/en/master/Gem/Requirement.html).

use std::{fmt, str::FromStr};

use registry_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{
    name::{MAX_LENGTH, shown},
    version::is_version,
};

/// What a version may be compared by. What begins with another comes before it.
const OPERATORS: &[&str] = &["=", "!=", ">=", "<=", "~>", ">", "<"];

/// A list of bounds that all have to hold, in the order in which they were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Requirement(Vec<Bound>);

/// An operator, and a version to compare with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bound {
    operator: &'static str,
    version: String,
}

impl Bound {
    /// A bound, unless one of its parts is no such thing.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](registry_core::ErrorKind::Invalid).
    pub fn new(operator: &str, version: &str) -> Result<Self> {
        let known = OPERATORS.iter().find(|known| **known == operator);
        match known {
            Some(operator) if is_bound_version(version) => Ok(Self {
                operator,
                version: version.to_owned(),
            }),
            _ => Err(wrong(&format!("{operator} {version}"))),
        }
    }

    /// `=`, `!=`, `>`, `<`, `>=`, `<=` or `~>`.
    pub fn operator(&self) -> &'static str {
        self.operator
    }

    /// The version, as it is spelled.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// A version as bounds may have it: with a part after a dash, which stands for `.pre.`.
fn is_bound_version(text: &str) -> bool {
    let (release, pre) = match text.split_once('-') {
        Some((release, pre)) => (release, Some(pre)),
        None => (text, None),
    };
    let word = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty() && part.bytes().all(plain)
    };
    text.len() <= MAX_LENGTH
        && is_version(release)
        && pre.is_none_or(|pre| pre.split('.').all(word))
}

fn wrong(text: &str) -> Error {
    let text = shown(text);
    Error::invalid(format!("Illformed requirement [{text:?}]"))
}

impl Requirement {
    /// What every version fulfils: `>= 0`.
    pub fn any() -> Self {
        Self(vec![Bound {
            operator: ">=",
            version: "0".to_owned(),
        }])
    }

    /// A requirement of these bounds; of none, it is [`any`](Self::any).
    pub fn new(bounds: Vec<Bound>) -> Self {
        if bounds.is_empty() {
            return Self::any();
        }
        Self(bounds)
    }

    /// The bounds, of which there is at least one.
    pub fn bounds(&self) -> &[Bound] {
        &self.0
    }

    /// Whether every version fulfils it, so that indexes leave it out.
    pub fn is_any(&self) -> bool {
        *self == Self::any()
    }

    /// As the compact index has it: sorted as texts, with `&` between them.
    pub fn indexed(&self) -> String {
        let mut bounds: Vec<_> = self.0.iter().map(Bound::to_string).collect();
        bounds.sort_unstable();
        bounds.join("&")
    }
}

impl FromStr for Requirement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bound = |text: &str| {
            let text = text.trim();
            let operator = text.find(|c: char| c.is_ascii_alphanumeric());
            let (operator, version) = text.split_at(operator.unwrap_or(text.len()));
            match operator.trim_end() {
                "" => Bound::new("=", version),
                operator => Bound::new(operator, version),
            }
        };
        let bounds: Result<_> = text.split(',').map(bound).collect();
        Ok(Self(bounds?))
    }
}

impl TryFrom<String> for Requirement {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Requirement> for String {
    fn from(requirement: Requirement) -> Self {
        requirement.to_string()
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operator, self.version)
    }
}

/// As clients write it: `~> 1.0, >= 1.0.2`.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, bound) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{bound}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, shown, indexed) in [
            (">= 0", ">= 0", ">= 0"),
            ("1.0", "= 1.0", "= 1.0"),
            ("~>1.0", "~> 1.0", "~> 1.0"),
            ("~> 1.0, >= 1.0.2", "~> 1.0, >= 1.0.2", ">= 1.0.2&~> 1.0"),
            (" != 1 ,<2,> 0.a ", "!= 1, < 2, > 0.a", "!= 1&< 2&> 0.a"),
            ("= 1.0-beta.2", "= 1.0-beta.2", "= 1.0-beta.2"),
        ] {
            let requirement: Requirement = text.parse().unwrap();
            assert_eq!(requirement.to_string(), shown);
            assert_eq!(requirement.indexed(), indexed);
            assert_eq!(shown.parse::<Requirement>().unwrap(), requirement);
        }
        for bad in [
            "", ">=", ">= ", "a", "=> 1", "== 1", ">= 1 2", "1,", "~> 1.", "~> 1-", "~> 1-a.",
            "> =1", "1\u{e4}",
        ] {
            assert!(bad.parse::<Requirement>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_every_version_fulfils() {
        assert!(Requirement::any().is_any());
        assert!(Requirement::new(Vec::new()).is_any());
        assert!(">= 0".parse::<Requirement>().unwrap().is_any());
        assert!(!">= 0.a".parse::<Requirement>().unwrap().is_any());
        assert!(Bound::new(">=", "").is_err());
        assert!(Bound::new("", "1").is_err());
    }
}
