//! The stored state of a gem: a [`Head`], and an [`Entry`] for each version and platform.

use std::{borrow::Cow, cmp::Ordering};

use bytes::Bytes;
use registry_core::{
    Error, Result,
    digest::Algorithm,
    store::{Entries, StoredBytes},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{GemName, Platform, Version, spec::Spec};

pub mod change;
mod json;

pub(crate) use json::{card, gem_json, version_json, version_rows};

/// What there is to know of a gem beside its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Head {
    /// Its name, as the first to publish it spelled it.
    pub name: String,
    /// Who owns it.
    pub owners: Vec<String>,
    /// When it was first published.
    pub created: String,
    /// How many times a version of it came or went.
    pub changes: u64,
    /// The last of these, newest last, as `/versions` tells them (`1.0.0`, `-1.0.0`): all that the
    /// log may not know yet, and at least one.
    pub recent: Vec<String>,
}

impl Head {
    /// Whether this is the gem that is spelled so.
    pub fn is_spelled(&self, name: &GemName) -> bool {
        self.name == name.as_str()
    }

    /// Notes that a version came or went; `logged` is how many such changes the log is known to
    /// tell of.
    fn note(&mut self, change: String, logged: u64) {
        self.changes += 1;
        self.recent.push(change);
        let unknown = usize::try_from(self.changes.saturating_sub(logged)).unwrap_or(usize::MAX);
        let known = self.recent.len().saturating_sub(unknown.max(1));
        self.recent.drain(..known);
    }
}

/// A version of a gem for a platform. In the document it is called `1.0.0`, or `1.0.0-java`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// The version.
    pub version: Version,
    /// The platform.
    pub platform: Platform,
    /// When it was published.
    #[serde(borrow)]
    pub created: Cow<'a, str>,
    /// Which of the gem's changes it came with: its place among the others.
    pub place: u64,
    /// Whether it was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yanked: bool,
    /// Its file.
    #[serde(borrow)]
    pub gem: Part<'a>,
    /// Its specification, as `quick/` has it.
    #[serde(borrow)]
    pub quick: Part<'a>,
    /// Its line of `/info`.
    #[serde(borrow)]
    pub line: Cow<'a, str>,
    /// What it says of itself: a [`Spec`].
    #[serde(borrow)]
    pub spec: &'a RawValue,
}

/// Something that is stored beside the document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Part<'a> {
    /// Under what name.
    pub file: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: &'a str,
}

impl<'a> Part<'a> {
    /// A part that was stored.
    pub fn of(stored: &'a StoredBytes) -> Self {
        debug_assert_eq!(stored.algorithm, Algorithm::Sha256);
        Self {
            file: &stored.file,
            size: stored.size,
            sha256: &stored.digest,
        }
    }

    /// As the store knows it.
    pub fn stored(&self) -> StoredBytes {
        StoredBytes {
            file: self.file.to_owned(),
            size: self.size,
            algorithm: Algorithm::Sha256,
            digest: self.sha256.to_owned(),
        }
    }
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

    /// What the document calls it.
    pub fn slug(&self) -> String {
        self.version.with(&self.platform).to_string()
    }

    /// The change by which it became what it is, as `/versions` tells it.
    pub(crate) fn change(&self) -> String {
        let sign = if self.yanked { "-" } else { "" };
        format!("{sign}{}", self.slug())
    }

    /// Which of two is higher: by version, and of one version that for every platform.
    fn compare(&self, other: &Self) -> Ordering {
        let platforms = || {
            let rank = |entry: &Self| (!entry.platform.is_ruby(), entry.platform.clone());
            rank(other).cmp(&rank(self))
        };
        self.version.cmp(&other.version).then_with(platforms)
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn spec(&self) -> Result<Spec> {
        serde_json::from_str(self.spec.get()).map_err(Error::internal)
    }
}

/// All versions, in the order in which they were published.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn published(entries: &Entries) -> Result<Vec<Entry<'_>>> {
    let parsed: Result<Vec<_>> = entries.values().map(|entry| Entry::parse(entry)).collect();
    let mut all = parsed?;
    all.sort_unstable_by_key(|entry| entry.place);
    Ok(all)
}

/// Those that were not taken back, the highest version first, and of each the one for every platform.
pub(crate) fn offered<'a, 'b>(published: &'b [Entry<'a>]) -> Vec<&'b Entry<'a>> {
    let mut all: Vec<_> = published.iter().filter(|entry| !entry.yanked).collect();
    all.sort_by(|a, b| Entry::compare(b, a));
    all
}

/// The version that speaks for a gem: the highest that is offered, and one that is no prerelease if
/// there is any.
pub(crate) fn latest<'a, 'b>(published: &'b [Entry<'a>]) -> Option<&'b Entry<'a>> {
    let offered = published.iter().filter(|entry| !entry.yanked);
    offered.max_by(|a, b| {
        let release = |entry: &Entry<'_>| !entry.version.is_prerelease();
        release(a).cmp(&release(b)).then_with(|| a.compare(b))
    })
}

/// The gem's text of `/info`: a line for each version that is offered, in the order in which they
/// were published.
pub(crate) fn info(published: &[Entry<'_>]) -> String {
    let mut out = "---\n".to_owned();
    for entry in published.iter().filter(|entry| !entry.yanked) {
        out += &entry.line;
        out.push('\n');
    }
    out
}

/// The refusal of a gem that is not there.
pub(crate) fn no_gem() -> Error {
    Error::not_found("This gem could not be found")
}
