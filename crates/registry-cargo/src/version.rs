//! Versions: strict [SemVer 2.0.0](https://semver.org/spec/v2.0.0.html), as cargo reads them.

use std::{fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};

use crate::name::shown;

/// The longest version, in characters.
const MAX_LENGTH: usize = 150;

/// The exact version of a release, such as `1.0.0-rc.1+build.5`, in SemVer's order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

impl Version {
    /// Whether it is one that a requirement does not pick by itself.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = semver::Version::parse(text).ok();
        let parsed = parsed.filter(|_| text.len() <= MAX_LENGTH);
        parsed.map(Self).ok_or_else(|| {
            let message = format!(
                "{:?} is no version; write one like 1.0.0, of {MAX_LENGTH} characters at most \
                 (https://semver.org)",
                shown(text)
            );
            Error::new(ErrorKind::InvalidName, message)
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Checks a `rust-version`: one to three numbers, and nothing else.
///
/// # Errors
/// [`ErrorKind::Invalid`] when it is none.
pub(crate) fn check_rust_version(text: &str) -> Result<()> {
    let number = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits && part.parse::<u64>().is_ok() && (part == "0" || !part.starts_with('0'))
    };
    if text.split('.').all(number) && text.split('.').count() <= 3 {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the rust_version {:?} does not parse; write it like 1.70 or 1.70.0",
        shown(text)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict() {
        for good in ["0.0.0", "1.2.3-rc.1", "1.0.0+b", "1.0.0-a+b.01"] {
            assert_eq!(good.parse::<Version>().unwrap().to_string(), good);
        }
        for bad in [
            "", "1", "1.0", "v1.0.0", " 1.0.0", "01.0.0", "1.0.0-", "latest", "1.0.0\n",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
        let long = |length: usize| format!("1.0.0-{}", "a".repeat(length - 6));
        assert!(long(150).parse::<Version>().is_ok());
        assert!(long(151).parse::<Version>().is_err());
    }

    #[test]
    fn ordered() {
        let sorted = ["1.0.0-a", "1.0.0", "1.0.0+a", "1.9.0", "1.10.0"];
        let sorted = sorted.map(|version| version.parse::<Version>().unwrap());
        assert!(sorted.is_sorted());
        assert!(sorted[0].is_prerelease() && !sorted[2].is_prerelease());
    }

    #[test]
    fn rust_versions() {
        for good in ["1", "1.70", "1.70.0", "0.1"] {
            assert!(check_rust_version(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1.",
            "1.70.0.0",
            "1.70-beta",
            "^1.70",
            "01.70",
            "1.x",
            "stable",
        ] {
            assert!(check_rust_version(bad).is_err(), "{bad}");
        }
    }
}
