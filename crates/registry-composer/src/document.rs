//! The stored state of a package: a [`Head`], an [`Entry`] for each version under its normalized form,
//! and a [`Dist`] for each zip under its [`dist_key`].
//!
//! Zips outlive the versions that they were: lock files go on to name them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use bytes::Bytes;
use registry_core::{
    Error, Result,
    digest::Algorithm,
    store::{Entries, StoredBytes},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{PackageName, Version, advisory::Advisory, version::Stability, wire::Abandoned};

pub mod change;
pub mod render;
#[cfg(test)]
mod tests;

/// What there is to know of a package beside its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Head {
    /// When its releases last changed, in seconds since 1970: later each time, since a client that has
    /// an older list is told by nothing else. More changes than there are seconds put it ahead of the clock.
    pub releases: u64,
    /// The same of its branches.
    pub branches: u64,
    /// Whether it is abandoned, whatever its versions say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abandoned: Option<Abandoned>,
    /// What is known to be wrong with it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub advisories: BTreeMap<String, Known>,
    /// The versions that were deleted. A release that was one of them can only come back as it was.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gone: BTreeMap<String, Gone>,
    /// The version that speaks for it, normalized: the highest release, or else the highest of all.
    pub leading: String,
    /// What the log tells of it, while it has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
}

/// An advisory and when it was last changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// In seconds since 1970.
    pub updated: u64,
    /// What it says.
    pub advisory: Advisory,
}

/// What is left of a version that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The SHA-256 of its zip.
    pub sha256: String,
    /// Whether lock files shall not find it any more either.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purged: bool,
}

/// What of a package is found by a search and shown by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Card {
    /// What it says it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its keywords.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// What it provides or replaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<String>,
    /// Whether it is abandoned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abandoned: Option<Abandoned>,
}

/// A version.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// As it is spelled.
    #[serde(borrow)]
    pub version: Cow<'a, str>,
    /// Its zip.
    #[serde(borrow)]
    pub reference: Cow<'a, str>,
    /// When it was published.
    #[serde(borrow)]
    pub published: Cow<'a, str>,
    /// When it was released, if it says so.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Cow<'a, str>>,
    /// Where its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What a search shows of it.
    pub card: Card,
    /// All else that its `composer.json` says, and the registry does not say itself: an object.
    #[serde(borrow)]
    pub fields: &'a RawValue,
}

/// Where a version's source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What it is kept in, such as `git`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its address.
    pub url: String,
    /// Which state of it.
    pub reference: String,
}

/// A zip, which is known by its SHA-1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dist {
    /// Under what name it is stored.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// The version that it came as, normalized.
    pub version: String,
    /// Since when a branch has moved on from it, in seconds since 1970, if one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
    /// The branches that have since then, or were deleted, normalized: 200 at most, and `*` for others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub branches: BTreeSet<String>,
}

/// How many branches that moved on from a zip are noted by name.
const MAX_BRANCHES: usize = 200;

/// Stands for all branches beyond that; no version is called so. A purge of all versions means them too; any
/// other leaves the zip until it is due.
const OTHERS: &str = "*";

/// What begins the names of entries that are zips; no version begins so.
const DIST: char = '=';

/// Under what name a zip stands among the entries.
pub fn dist_key(reference: &str) -> String {
    format!("{DIST}{reference}")
}

/// The versions among the entries, by their normalized form.
pub fn versions(entries: &Entries) -> impl Iterator<Item = (&str, &Bytes)> {
    let all = entries.iter().map(|(name, bytes)| (&**name, bytes));
    all.filter(|(name, _)| !name.starts_with(DIST))
}

/// The zips among the entries, by their SHA-1.
pub fn dists(entries: &Entries) -> impl Iterator<Item = (&str, &Bytes)> {
    let all = entries.iter();
    all.filter_map(|(name, bytes)| Some((name.strip_prefix(DIST)?, bytes)))
}

impl<'a> Entry<'a> {
    /// Reads a stored entry; the large parts stay slices of it.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(Error::internal)?;
        serde_json::from_str(text).map_err(Error::internal)
    }

    /// The entry as it is stored.
    ///
    /// # Errors
    /// Never, since all of it is JSON already.
    pub fn to_bytes(&self) -> Result<Bytes> {
        let bytes = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(bytes.into())
    }
}

impl Dist {
    /// Reads a stored entry.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(Error::internal)
    }

    /// The entry as it is stored.
    ///
    /// # Errors
    /// Never.
    pub fn to_bytes(&self) -> Result<Bytes> {
        let bytes = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(bytes.into())
    }

    /// Notes that a branch moved on from it, or was deleted, at `now`.
    fn leave(&mut self, branch: &str, now: u64) {
        self.left = Some(now);
        let is_noted = self.branches.len() < MAX_BRANCHES || self.branches.contains(branch);
        let branch = if is_noted { branch } else { OTHERS };
        self.branches.insert(branch.to_owned());
    }

    /// Forgets branches that moved on from it.
    fn forget(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.branches.retain(|branch| !is_meant(branch));
        if self.branches.is_empty() {
            self.left = None;
        }
    }

    /// As the store knows it.
    pub fn stored(&self) -> StoredBytes {
        StoredBytes {
            file: self.file.clone(),
            size: self.size,
            algorithm: Algorithm::Sha256,
            digest: self.sha256.clone(),
        }
    }
}

/// By what versions are compared that may speak for the package: releases before all others, and branches
/// last.
fn rank(version: &Version) -> (bool, bool, &Version) {
    let is_stable = version.stability() == Stability::Stable;
    (is_stable, !version.is_dev(), version)
}

impl Head {
    /// Finds the version that speaks for the package.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    fn find_leading(&mut self, entries: &Entries) -> Result<()> {
        let all = versions(entries).map(|(of, bytes)| (Version::from_normalized(of, of), bytes));
        let leading = all.max_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)));
        match leading {
            Some((version, bytes)) => self.lead(&version, bytes),
            None => {
                self.leading.clear();
                self.card = None;
                Ok(())
            }
        }
    }

    /// Lets a version that is there now speak for the package, if it goes before the one that does.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    fn may_lead(&mut self, version: &Version, entry: &Bytes) -> Result<()> {
        let leading = Version::from_normalized(&self.leading, &self.leading);
        if self.card.is_none() || rank(version) >= rank(&leading) {
            self.lead(version, entry)?;
        }
        Ok(())
    }

    fn lead(&mut self, version: &Version, entry: &Bytes) -> Result<()> {
        let mut card = Entry::parse(entry)?.card;
        card.abandoned = self.abandoned.clone().or(card.abandoned);
        self.leading = version.normalized().to_owned();
        self.card = Some(card);
        Ok(())
    }
}

/// The refusal of a package that is not there.
pub(crate) fn no_package(name: &PackageName) -> Error {
    Error::not_found(format!("the package {name} does not exist"))
}
