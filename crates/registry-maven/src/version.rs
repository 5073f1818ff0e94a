//! Versions: how they may be spelled, which are snapshots, and Maven's order of them.
//!
//! Rules: [the version order](https://maven.apache.org/pom.html#version-order-specification) and
//! [the repository layout](https://maven.apache.org/repositories/layout.html).

mod order;

use std::{cmp::Ordering, fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};

pub use order::Order;

use crate::name::{self, shown};

/// The longest version, in characters.
pub const MAX_VERSION: usize = 200;

/// What the version of a snapshot ends with.
const SNAPSHOT: &str = "SNAPSHOT";

/// A version, as it is spelled. Two are equal when they are spelled alike; they are ordered as Maven
/// orders them, and those that are the same to Maven (`1` and `1.0`) by their spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionName(Box<str>);

impl VersionName {
    /// The version as it is spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its place in Maven's order, to sort many by.
    pub fn order(&self) -> Order {
        Order::of(&self.0)
    }

    /// Whether it is in development, so that its files are built again and again.
    pub fn is_snapshot(&self) -> bool {
        self.0.ends_with(SNAPSHOT)
    }

    /// The version of one build of a snapshot, as its files and its POM may spell it; itself where
    /// it is a release.
    pub fn of_build(&self, build: &Build) -> String {
        match self.0.strip_suffix(SNAPSHOT) {
            Some(stem) => format!("{stem}{build}"),
            None => self.0.to_string(),
        }
    }

    /// What comes before `SNAPSHOT` in a snapshot's version: `1.0-`.
    pub(crate) fn snapshot_stem(&self) -> Option<&str> {
        self.0.strip_suffix(SNAPSHOT)
    }
}

impl FromStr for VersionName {
    type Err = Error;

    /// A version that can be that of a folder: a release's or a snapshot's, but not that of one build.
    fn from_str(text: &str) -> Result<Self> {
        let refuse = |what: String| {
            let message = format!("{:?} is no version: {what}", shown(text));
            Err(Error::new(ErrorKind::InvalidName, message))
        };
        if let Err(what) = name::check(text, MAX_VERSION, name::in_file) {
            return refuse(what);
        }
        if let Some((stem, _)) = Build::at_end(text) {
            return refuse(format!(
                "it names one build of a snapshot, whose files lie under {stem}{SNAPSHOT}"
            ));
        }
        Ok(Self(text.into()))
    }
}

impl Ord for VersionName {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.order().cmp(&other.order());
        order.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for VersionName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which build of a snapshot a file is of, such as `20261123.001855-1`; later ones are greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Build {
    timestamp: Box<str>,
    number: u32,
}

impl Build {
    /// When it was made, in UTC, as `yyyyMMdd.HHmmss`.
    pub fn timestamp(&self) -> &str {
        &self.timestamp
    }

    /// Its number, which counts from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its time without the dot, `yyyyMMddHHmmss`, as metadata tells when something was updated.
    pub fn updated(&self) -> String {
        self.timestamp.replace('.', "")
    }

    /// The build with which a text begins, and what follows it.
    pub(crate) fn at_start(text: &str) -> Option<(Self, &str)> {
        const TIMESTAMP: usize = 15;
        let (timestamp, rest) = text.split_at_checked(TIMESTAMP)?;
        let digit_or_dot = |(at, byte): (usize, u8)| match at {
            8 => byte == b'.',
            _ => byte.is_ascii_digit(),
        };
        let rest = rest.strip_prefix('-')?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = rest.split_at_checked(digits)?;
        if !timestamp.bytes().enumerate().all(digit_or_dot) || number.starts_with('0') {
            return None;
        }
        let build = Self {
            timestamp: timestamp.into(),
            number: number.parse().ok()?,
        };
        Some((build, rest))
    }

    /// The build with which a version ends, and what comes before it.
    fn at_end(text: &str) -> Option<(&str, Self)> {
        let stem = text.rsplit_once('-')?.0;
        let stem = stem.rsplit_once('-').map_or("", |(stem, _)| stem);
        let after = &text[stem.len()..];
        let (stem, after) = match after.strip_prefix('-') {
            Some(after) => (&text[..=stem.len()], after),
            None => (stem, after),
        };
        let (build, rest) = Self::at_start(after)?;
        rest.is_empty().then_some((stem, build))
    }
}

impl FromStr for Build {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let whole = Self::at_start(text).filter(|(_, rest)| rest.is_empty());
        whole.map(|(build, _)| build).ok_or_else(|| {
            let message = format!(
                "{:?} is no build of a snapshot, which looks like 20261123.001855-1",
                shown(text)
            );
            Error::new(ErrorKind::InvalidName, message)
        })
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.timestamp, self.number)
    }
}

#[cfg(test)]
mod tests;
