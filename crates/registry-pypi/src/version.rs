//! Versions and the ranges of them.
//!
//! Rules: [version specifiers](https://packaging.python.org/en/latest/specifications/version-specifiers/).

use std::{fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};

/// The longest version, or range of them, that is read, in bytes.
const LONGEST: usize = 1000;

/// The version of a release. `1.0` and `1.0.0` are equal, but spelled differently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pep440_rs::Version);

impl Version {
    /// Whether it is one that installers do not pick by themselves.
    pub fn is_prerelease(&self) -> bool {
        self.0.any_prerelease()
    }

    /// The one spelling that all equal versions share: the shortest.
    pub fn shortest(&self) -> String {
        let release = self.0.release();
        let kept = release.iter().rposition(|part| *part != 0).unwrap_or(0);
        let kept = release.iter().take(kept + 1).copied().collect::<Vec<_>>();
        self.0.clone().with_release(kept).to_string()
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &dyn fmt::Display| {
            let shown: String = text.chars().take(60).collect();
            Error::new(
                ErrorKind::InvalidName,
                format!("{shown:?} is an invalid value for Version. Error: {why}"),
            )
        };
        if text.len() > LONGEST {
            return Err(wrong(&"it is too long"));
        }
        let parsed = text.parse().map_err(|error| wrong(&error))?;
        Ok(Self(parsed))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a text is a range of versions, such as `>=3.8,<4`; an empty one is every version. Commas
/// with nothing between them are passed over, as installers do.
pub fn is_range(text: &str) -> bool {
    let pieces = text.split(',').map(str::trim);
    text.len() <= LONGEST && pieces.filter(|piece| !piece.is_empty()).all(is_specifier)
}

/// Whether a text is one condition, such as `>=3.8`.
fn is_specifier(text: &str) -> bool {
    let Some(literal) = text.strip_prefix("===") else {
        return text.parse::<pep440_rs::VersionSpecifier>().is_ok();
    };
    // This compares texts, which need be no versions.
    let literal = literal.trim_start();
    let ends = |c: char| c.is_whitespace() || matches!(c, ';' | ')');
    !literal.is_empty() && !literal.contains(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_in_their_normal_form() {
        for (text, normal) in [
            ("1.0", "1.0"),
            ("v1.0.0", "1.0.0"),
            ("1.0-1", "1.0.post1"),
            ("1.0.RC-1", "1.0rc1"),
            ("1!2.0.dev3", "1!2.0.dev3"),
            ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
            ("2026.01.02", "2026.1.2"),
        ] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), normal);
        }
        for bad in ["", "x", "1.0-", "1..0", "1.0+", "1.0 beta gamma", "../1"] {
            let error = bad.parse::<Version>().unwrap_err();
            assert!(error.message().contains("Version"), "{error}");
        }
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(version("1.0"), version("1.0.0"));
        for (text, shortest) in [
            ("1.0.0", "1"),
            ("0.0", "0"),
            ("1!10.0.1.0rc1", "1!10.0.1rc1"),
            ("1.0.post1+A.0", "1.post1+a.0"),
        ] {
            assert_eq!(version(text).shortest(), shortest);
            assert_eq!(version(text), version(shortest));
        }
        assert!(version("1.0rc1") < version("1.0") && version("1.0rc1").is_prerelease());
        assert!(version("1.0") < version("1.0.post1") && version("1.0.dev1").is_prerelease());
    }

    #[test]
    fn ranges() {
        for good in [
            "",
            ">=3.8",
            ">=3.8,<4",
            "==1.*",
            "~=2.1",
            "!=1.0, >0.5",
            ">=3.8,",
            ">=3.6,,<4",
            ", >=3",
            ",",
            "===foo",
            "=== 1.0-weird, >=1",
        ] {
            assert!(is_range(good), "{good}");
        }
        for bad in [
            "3.8", ">=", ">=a", ">=1.*", "=>1", ">=1,x", ">=1 <2", "===a b", "===a;", "===",
        ] {
            assert!(!is_range(bad), "{bad}");
        }
    }
}
