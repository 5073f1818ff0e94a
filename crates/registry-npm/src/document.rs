//! The stored state of a package: a [`Head`], and an [`Entry`] for each version.
//!
//! An entry is JSON that is written once, by a publish. It holds the manifest in two halves, what
//! an install needs and the rest, so that every form in which the package is read is made by
//! copying slices. What depends on where the registry is reached (`dist.tarball`) and what may
//! change (`deprecated`) is in neither half.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use registry_core::{
    Error, Result,
    digest::{Algorithm, hex},
    store::StoredBytes,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Tag, Version,
    wire::{Fields, Person, SearchPackage, Username},
};

pub mod change;
pub mod render;

/// The versions of a package, each an [`Entry`] as JSON.
pub type Entries = BTreeMap<Arc<str>, Bytes>;

/// What there is to know of a package beside its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Head {
    /// The version that each tag names.
    pub dist_tags: BTreeMap<String, String>,
    /// Who may write the package.
    pub maintainers: Vec<Person>,
    /// Who starred it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub stars: BTreeSet<String>,
    /// When it was first published.
    pub created: String,
    /// When it last changed.
    pub modified: String,
    /// `public` or `restricted`, as its publisher put it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// Whether the whole package was unpublished.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The releases that were unpublished, without build metadata: none can be published again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
    /// The readme of the release that `latest` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readme: Option<String>,
}

impl Head {
    /// The version that `latest` names.
    pub fn latest(&self) -> Option<&str> {
        self.dist_tags.get(Tag::LATEST).map(String::as_str)
    }
}

/// A version of a package.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// When it was published.
    pub time: &'a str,
    /// Under what name its tarball is stored.
    pub file: &'a str,
    /// The tarball's size.
    pub size: u64,
    /// `deprecated`, a JSON string.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<&'a RawValue>,
    /// Where the provenance is.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance<'a>>,
    /// `dist` without `tarball` and `attestations`: a [`Dist`].
    #[serde(borrow)]
    pub dist: &'a RawValue,
    /// The [fields](crate::wire::INSTALL_FIELDS) that an install needs.
    #[serde(borrow)]
    pub install: &'a RawValue,
    /// The other fields.
    #[serde(borrow)]
    pub rest: &'a RawValue,
}

/// Where a version's provenance is stored, and what it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance<'a> {
    /// Under what name the bundle is stored.
    pub file: &'a str,
    /// The bundle's size in bytes.
    pub size: u64,
    /// The bundle's SHA-512 in hexadecimal.
    pub sha512: &'a str,
    /// What the bundle states.
    pub predicate_type: &'a str,
}

/// What identifies a tarball, and how much is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Dist {
    /// `sha512-` and the digest in base64.
    pub integrity: String,
    /// The SHA-1 in hexadecimal.
    pub shasum: String,
    /// How many files it holds.
    pub file_count: u64,
    /// The sum of their sizes.
    pub unpacked_size: u64,
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

    /// Its tarball, as the store knows it.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn tarball(&self) -> Result<StoredBytes> {
        let integrity = self.dist()?.integrity;
        let sha512 = integrity.strip_prefix("sha512-").unwrap_or_default();
        let sha512 = STANDARD.decode(sha512).map_err(Error::internal)?;
        Ok(StoredBytes {
            file: self.file.to_owned(),
            size: self.size,
            algorithm: Algorithm::Sha512,
            digest: hex(&sha512),
        })
    }

    /// All bytes that it names.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn stored(&self) -> Result<Vec<StoredBytes>> {
        let mut all = vec![self.tarball()?];
        all.extend(self.provenance.map(|provenance| provenance.stored()));
        Ok(all)
    }

    /// What identifies its tarball.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn dist(&self) -> Result<Dist> {
        serde_json::from_str(self.dist.get()).map_err(Error::internal)
    }
}

impl Provenance<'_> {
    /// The bundle, as the store knows it.
    pub fn stored(&self) -> StoredBytes {
        StoredBytes {
            file: self.file.to_owned(),
            size: self.size,
            algorithm: Algorithm::Sha512,
            digest: self.sha512.to_owned(),
        }
    }
}

/// The revision as clients see it, `_rev`.
pub fn rev(revision: u64) -> String {
    format!("{revision}-0")
}

/// Whether a client computed its change from another revision than `current`. One that names no
/// revision claims nothing.
pub fn is_stale(given: Option<&str>, current: u64) -> bool {
    let number = given.map(|rev| rev.split_once('-').map_or(rev, |(number, _)| number));
    number.is_some_and(|number| number.parse() != Ok(current))
}

/// The versions of `entries` in SemVer's order.
pub fn in_order(entries: &Entries) -> Vec<(Version, &Bytes)> {
    let parsed = entries.iter();
    let mut all: Vec<(Version, &Bytes)> = parsed
        .filter_map(|(version, entry)| Some((version.parse().ok()?, entry)))
        .collect();
    all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    all
}

/// What a search shall find of a package; nothing when it has no versions.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn search_package(name: &str, head: &Head, entries: &Entries) -> Result<Option<SearchPackage>> {
    let latest = head
        .latest()
        .and_then(|latest| entries.get_key_value(latest));
    let Some((version, entry)) = latest else {
        return Ok(None);
    };
    let entry = Entry::parse(entry)?;
    let install: Fields<'_> = serde_json::from_str(entry.install.get()).map_err(Error::internal)?;
    let rest: Fields<'_> = serde_json::from_str(entry.rest.get()).map_err(Error::internal)?;
    let publisher = install.parse("_npmUser").unwrap_or_default();
    let user = |person: Person| Username {
        username: shortened(person.name, 256),
    };
    let link = |key: &str| {
        let plain = rest.parse::<String>(key);
        let object = || rest.parse::<Fields<'_>>(key)?.parse::<String>("url");
        Some((key.to_owned(), shortened(plain.or_else(object)?, 500)))
    };
    let keywords: Vec<String> = rest.parse("keywords").unwrap_or_default();
    Ok(Some(SearchPackage {
        name: name.to_owned(),
        version: version.to_string(),
        description: rest.parse("description").map(|text| shortened(text, 500)),
        keywords: keywords
            .into_iter()
            .take(20)
            .map(|word| shortened(word, 50))
            .collect(),
        date: entry.time.to_owned(),
        publisher: user(publisher),
        maintainers: head
            .maintainers
            .iter()
            .take(20)
            .cloned()
            .map(user)
            .collect(),
        links: ["homepage", "repository", "bugs"]
            .into_iter()
            .filter_map(link)
            .collect(),
    }))
}

/// `text`, cut at a character's border to `limit` bytes.
pub(crate) fn shortened(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

#[cfg(test)]
mod tests;
