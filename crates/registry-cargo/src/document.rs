//! The stored state of a crate: a [`Head`], and an [`Entry`] for each version.

use std::borrow::Cow;

use bytes::Bytes;
use registry_core::{
    Error, Result,
    digest::Algorithm,
    store::{Entries, StoredBytes},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{CrateName, Version, wire::Card};

pub mod change;

/// The longest description that is kept, in bytes.
pub(crate) const MAX_DESCRIPTION: usize = 1000;

/// What there is to know of a crate beside its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Head {
    /// Its name, as the first to publish it spelled it.
    pub name: String,
    /// Who owns it.
    pub owners: Vec<String>,
    /// When it was first published.
    pub created: String,
    /// The highest version that is not yanked, or the highest of all if all are.
    pub max_version: String,
    /// What that version says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Head {
    /// Whether this is the crate that index paths and scopes spell so, in lower case.
    pub fn is_spelled(&self, lower: &str) -> bool {
        self.name.eq_ignore_ascii_case(lower)
    }

    /// What a search shows of the crate.
    pub fn card(&self) -> Card {
        Card {
            name: self.name.clone(),
            max_version: self.max_version.clone(),
            description: self.description.clone(),
        }
    }
}

/// A version of a crate.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// Under what name its crate file is stored.
    pub file: &'a str,
    /// The file's size in bytes.
    pub size: u64,
    /// What it says it is.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'a, str>>,
    /// Whether it is not to be picked by who has not picked it already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yanked: bool,
    /// Its line of the index without `yanked`: an [`IndexLine`](crate::wire::IndexLine), written
    /// once.
    #[serde(borrow)]
    pub line: &'a RawValue,
}

/// The part of a line by which its crate file is found.
#[derive(Deserialize)]
struct Mark<'a> {
    name: &'a str,
    cksum: &'a str,
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

    /// The crate's name, as it is spelled.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn name(&self) -> Result<&'a str> {
        Ok(self.mark()?.name)
    }

    /// Its crate file, as the store knows it.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn stored(&self) -> Result<StoredBytes> {
        Ok(StoredBytes {
            file: self.file.to_owned(),
            size: self.size,
            algorithm: Algorithm::Sha256,
            digest: self.mark()?.cksum.to_owned(),
        })
    }

    fn mark(&self) -> Result<Mark<'a>> {
        serde_json::from_str(self.line.get()).map_err(Error::internal)
    }
}

/// The crate's file of the index: a line for each version, in SemVer's order.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn index(entries: &Entries) -> Result<Vec<u8>> {
    let mut versions: Vec<(Version, &Bytes)> = Vec::with_capacity(entries.len());
    for (version, entry) in entries {
        versions.push((version.parse().map_err(Error::internal)?, entry));
    }
    versions.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let stored: usize = entries.values().map(Bytes::len).sum();
    let mut out = Vec::with_capacity(stored);
    for (_, bytes) in versions {
        let entry = Entry::parse(bytes)?;
        let line = entry.line.get();
        let open = line.strip_suffix('}');
        let open = open.ok_or_else(|| Error::internal("a line of the index is no object"))?;
        out.extend_from_slice(open.as_bytes());
        let end: &[u8] = if entry.yanked {
            b",\"yanked\":true}\n"
        } else {
            b",\"yanked\":false}\n"
        };
        out.extend_from_slice(end);
    }
    Ok(out)
}

/// Finds the highest version that is not yanked, or the highest of all if all are, and what it says
/// it is.
///
/// # Errors
/// When the stored bytes are damaged.
fn highest(entries: &Entries) -> Result<Option<(Version, Option<String>)>> {
    let mut best: Option<((bool, Version), Option<String>)> = None;
    for (version, bytes) in entries {
        let entry = Entry::parse(bytes)?;
        let rank = (!entry.yanked, version.parse().map_err(Error::internal)?);
        if best.as_ref().is_none_or(|(of, _)| *of < rank) {
            best = Some((rank, entry.description.map(Cow::into_owned)));
        }
    }
    Ok(best.map(|((_, version), description)| (version, description)))
}

/// The refusal of a crate that is not there.
pub(crate) fn no_crate(name: &CrateName) -> Error {
    Error::not_found(format!("crate `{name}` does not exist"))
}

/// The refusal of a version that is not there.
pub(crate) fn no_version(name: &CrateName, version: &Version) -> Error {
    Error::not_found(format!(
        "crate `{name}` does not have a version `{version}`"
    ))
}
