//! Versions: strict [SemVer 2.0.0](https://semver.org/spec/v2.0.0.html), within npm's bounds.

use std::{cmp::Ordering, fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result, store::release};

/// JavaScript's largest exact integer, which bounds each number of a version.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The longest version that npm parses.
const MAX_LENGTH: usize = 256;

/// The exact version of a release, such as `1.0.0-rc.1+build.5`.
///
/// Ordered by SemVer's precedence; of two that differ in build metadata alone, by their text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    text: String,
    parsed: semver::Version,
}

impl Version {
    /// The version as written; SemVer leaves no other spelling of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is one that a range does not pick by itself.
    pub fn is_prerelease(&self) -> bool {
        !self.parsed.pre.is_empty()
    }

    /// The version without build metadata: what a release can be published as only once.
    pub fn release(&self) -> &str {
        release(&self.text)
    }

    /// Whether both are one release, whatever their build metadata says.
    pub fn same_release(&self, other: &Self) -> bool {
        self.release() == other.release()
    }

    /// Parses what a `package.json` may say where `1.0.0` is meant: ` =v1.0.0 `.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when nothing of the kind is there.
    pub fn clean(text: &str) -> Result<Self> {
        text.trim()
            .trim_start_matches(|c: char| matches!(c, '=' | 'v') || c.is_whitespace())
            .parse()
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = (text.len() <= MAX_LENGTH)
            .then(|| semver::Version::parse(text).ok())
            .flatten()
            .filter(|parsed| parsed.major.max(parsed.minor).max(parsed.patch) <= MAX_NUMBER);
        let Some(parsed) = parsed else {
            let shown: String = text.chars().take(64).collect();
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!("{shown:?} is no version; write one like 1.0.0 (https://semver.org)"),
            ));
        };
        Ok(Self {
            text: text.to_owned(),
            parsed,
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parsed
            .cmp_precedence(&other.parsed)
            .then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn strict() {
        for good in [
            "0.0.0",
            "1.2.3-rc.1",
            "1.0.0+b",
            "1.0.0-a+b.01",
            "9007199254740991.0.0",
        ] {
            assert_eq!(version(good).to_string(), good);
        }
        for bad in [
            "",
            "1",
            "1.0",
            "v1.0.0",
            " 1.0.0",
            "1.0.0 ",
            "01.0.0",
            "1.0.0-01",
            "1.0.0-",
            "1.0.0+",
            "9007199254740992.0.0",
            "1.0.0.0",
            "latest",
            "__proto__",
            "1.0.0-ä",
            "1.0.0\n",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
        assert!(
            format!("1.0.0-{}", "a".repeat(251))
                .parse::<Version>()
                .is_err()
        );
    }

    #[test]
    fn ordered() {
        let sorted = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.0+a",
            "1.0.0+b",
            "2.0.0",
            "10.0.0",
        ];
        assert!(
            sorted
                .windows(2)
                .all(|pair| version(pair[0]) < version(pair[1]))
        );
        assert!(version("1.0.0+a").same_release(&version("1.0.0")));
        assert!(!version("1.0.0-a").same_release(&version("1.0.0")));
        assert!(version("1.0.0-a").is_prerelease() && !version("1.0.0+a-b").is_prerelease());
    }

    #[test]
    fn cleaned() {
        for text in ["1.0.0", "v1.0.0", " =1.0.0", "=v1.0.0\n", " = 1.0.0 "] {
            assert_eq!(Version::clean(text).unwrap().as_str(), "1.0.0", "{text:?}");
        }
        assert_eq!(Version::clean("v1.0.0+x").unwrap().as_str(), "1.0.0+x");
        assert!(Version::clean("1").is_err() && Version::clean("").is_err());
    }
}
