//! Versions, and their order.
//!
//! See [`Gem::Version`](https://docs.ruby-lang.org/en/master/Gem/Version.html).

use std::{cmp::Ordering, fmt, str::FromStr};

use registry_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{
    Platform,
    name::{check_format, wrong},
};

/// The version of a gem, as it is spelled.
///
/// In RubyGems' order; those that it takes for the same (`1` and `1.0`), in that of their spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// What stands between the dots, numbers and letters apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment<'a> {
    /// Letters, which come before every number.
    Word(&'a str),
    /// A number without zeros before it; none of it if it is zero.
    Number(&'a str),
}

impl Version {
    /// The version as it is spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one that is not picked unless asked for: one with a letter.
    pub fn is_prerelease(&self) -> bool {
        self.0.contains(|c: char| c.is_ascii_alphabetic())
    }

    /// What all spellings of it have in common: of these, only one can be there. `1.0` and `1` are
    /// both `1`.
    pub fn canonical(&self) -> String {
        let segments = canonical_segments(&self.0).into_iter();
        let texts: Vec<&str> = segments.map(Segment::text).collect();
        texts.join(".")
    }

    /// The version and, unless it is for every one, its platform, as indexes and file names have
    /// them: `1.0` or `1.0-java`.
    pub fn with(&self, platform: &Platform) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            f.write_str(&self.0)?;
            if platform.is_ruby() {
                return Ok(());
            }
            write!(f, "-{platform}")
        })
    }
}

impl<'a> Segment<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Word(text) => text,
            Self::Number("") => "0",
            Self::Number(text) => text,
        }
    }

    fn is_zero(self) -> bool {
        self == Self::Number("")
    }

    /// How it compares with nothing in its place: what has a further word is less, what has a
    /// further number is more.
    fn against_nothing(self) -> Ordering {
        match self {
            Self::Word(_) => Ordering::Less,
            Self::Number("") => Ordering::Equal,
            Self::Number(_) => Ordering::Greater,
        }
    }
}

impl Ord for Segment<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Word(a), Self::Word(b)) => a.cmp(b),
            (Self::Word(_), Self::Number(_)) => Ordering::Less,
            (Self::Number(_), Self::Word(_)) => Ordering::Greater,
            (Self::Number(a), Self::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        }
    }
}

impl PartialOrd for Segment<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The segments by which a version is compared: without zeros at its end, and without the first
/// zeros that stand before a word.
fn canonical_segments(version: &str) -> Vec<Segment<'_>> {
    let mut all = segments(version);
    while all.len() > 1 && all.last().is_some_and(|(last, _)| last.is_zero()) {
        all.pop();
    }
    let mut from = 0;
    while from < all.len() {
        let (segment, dotted) = all[from];
        if !(segment.is_zero() && dotted) {
            from += 1;
            continue;
        }
        let zeros = all[from..].iter().take_while(|(next, _)| next.is_zero());
        let end = from + zeros.count();
        if matches!(all.get(end), Some((Segment::Word(_), _))) {
            all.drain(from..end);
            break;
        }
        from = end;
    }
    all.into_iter().map(|(segment, _)| segment).collect()
}

/// All segments, and of each whether it stands at the beginning or behind a dot.
fn segments(version: &str) -> Vec<(Segment<'_>, bool)> {
    let mut segments = Vec::new();
    for part in version.split('.') {
        let mut rest = part;
        while let Some(first) = rest.bytes().next() {
            let digits = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != digits);
            let (segment, after) = rest.split_at(end.unwrap_or(rest.len()));
            let dotted = rest.len() == part.len();
            let segment = if digits {
                Segment::Number(segment.trim_start_matches('0'))
            } else {
                Segment::Word(segment)
            };
            segments.push((segment, dotted));
            rest = after;
        }
    }
    segments
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (canonical_segments(&self.0), canonical_segments(&other.0));
        let both = a.len().min(b.len());
        let further = |more: &[Segment<'_>]| {
            let mut all = more.iter().map(|segment| segment.against_nothing());
            all.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        let order = a[..both].cmp(&b[..both]);
        let order = order.then_with(|| further(&a[both..]));
        let order = order.then_with(|| further(&b[both..]).reverse());
        order.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains('-') {
            let problem = "cannot contain a dash (it will be uninstallable)";
            return Err(wrong("Number", text, problem));
        }
        check_format("Number", text)?;
        if !is_version(text) {
            let problem = "is invalid; write one like 1.0.0 or 1.0.0.rc1";
            return Err(wrong("Number", text, problem));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether a text has a version's form: a number, and numbers or letters behind dots.
pub(crate) fn is_version(text: &str) -> bool {
    let mut parts = text.split('.');
    let first = parts.next().unwrap_or_default();
    let number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    number && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

impl TryFrom<String> for Version {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn texts() {
        for good in ["0", "1", "1.0", "1.0.rc1", "1.a1b", "2026.11.28", "1.2b3"] {
            assert_eq!(version(good).as_str(), good);
        }
        for bad in [
            "", "a", "v1", ".1", "1.", "1..2", "1-2", "1.0-java", "1 ", "1\n", "1_0", "1.ä", "1a",
            "1.gem", "1.json",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
        let long = |length: usize| format!("1.{}", "0".repeat(length - 2));
        assert!(long(255).parse::<Version>().is_ok());
        assert!(long(256).parse::<Version>().is_err());
    }

    #[test]
    fn ordered() {
        for sorted in [
            &[
                "0.a", "0.b", "0.0.c", "0", "0.0.1", "0.1.a", "0.1", "0.9", "0.10", "1.a.1",
                "1.a.2", "1.b", "1", "1.0.1", "1.9.3", "1.10",
            ][..],
            &["1.8.2.a", "1.8.2.a9", "1.8.2.a10", "1.8.2.b", "1.8.2"],
            &["5.2.4.a10", "5.2.4.a11", "5.2.4.rc.1", "5.2.4", "5.2.4.0.1"],
            &["1.A", "1.a"],
            &["99999999999999999999", "100000000000000000000"],
        ] {
            let versions: Vec<_> = sorted.iter().map(|text| version(text)).collect();
            assert!(versions.is_sorted(), "{sorted:?}");
        }
        assert!(version("1.a").is_prerelease() && !version("1.0").is_prerelease());
    }

    #[test]
    fn spellings_of_the_same() {
        for (canonical, spellings) in [
            ("1", &["1", "1.0", "1.0.0", "01", "1.00"][..]),
            ("0", &["0", "0.0", "00"]),
            ("1.2", &["1.2", "1.02", "1.2.0"]),
            ("1.a", &["1.a", "1.0.a", "1.0.0.a", "1.0a", "1.a.0", "1.a0"]),
            ("a", &["0.a", "0.0.a"]),
            ("1.0.5.a", &["1.0.5.a", "1.0.5.0.a"]),
            ("1.x.0.a", &["1.x0.a", "1.x0.0.a"]),
            ("1.10", &["1.10", "1.10.0"]),
        ] {
            for spelling in spellings {
                let spelled = version(spelling);
                assert_eq!(spelled.canonical(), canonical, "{spelling}");
                let first = version(spellings[0]);
                let same = canonical_segments(&spelled.0) == canonical_segments(&first.0);
                assert!(same, "{spelling}");
            }
        }
    }
}
