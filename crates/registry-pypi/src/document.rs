//! The stored state of a project: a [`Head`], and an [`Entry`] for each file.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use registry_core::{
    Error, Result,
    digest::Algorithm,
    store::{Document, StoredBytes},
};
use serde::{Deserialize, Serialize};

use crate::{
    Version,
    file_name::Kind,
    wire::{State, Status},
};

pub mod change;
pub mod json;
pub mod render;
#[cfg(test)]
mod tests;

/// The files of a project by name, each an [`Entry`] as JSON.
pub type Entries = BTreeMap<Arc<str>, Bytes>;

/// What there is to know of a project beside its files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Head {
    /// The name, as its last publisher spelled it.
    pub name: String,
    /// How the project stands.
    #[serde(skip_serializing_if = "is_active")]
    pub status: Status,
    /// The versions that were yanked as a whole, with the reason, which may be empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub yanked: BTreeMap<String, String>,
    /// The names of files that were deleted: none of them can be uploaded again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
}

fn is_active(status: &Status) -> bool {
    *status == Status::default()
}

impl Head {
    /// Whether the project's files are offered.
    pub fn offers(&self) -> bool {
        self.status.status != State::Quarantined
    }

    /// Why a file was yanked, if it was: by itself, or with all of its release.
    pub fn yanked<'a>(&'a self, entry: &'a Entry) -> Option<&'a str> {
        let own = entry.yanked.as_ref();
        own.or_else(|| self.yanked.get(&entry.version))
            .map(String::as_str)
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The version of its release, spelled as in the release's first file.
    pub version: String,
    /// What it is.
    pub kind: Kind,
    /// The Python that it is for, or `source`.
    pub python: String,
    /// When it was uploaded.
    pub time: String,
    /// Who uploaded it.
    pub uploader: String,
    /// Under what name it is stored.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its MD5 in hexadecimal; so are the following.
    pub md5: String,
    /// Its SHA-256.
    pub sha256: String,
    /// Its BLAKE2b with 32 bytes of output.
    pub blake2: String,
    /// The Pythons that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// Why it was yanked, by itself; empty without a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// Where its core metadata is.
    pub metadata: Part,
    /// Where its provenance is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Part>,
}

/// Bytes that go with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Under what name they are stored.
    pub file: String,
    /// How many they are.
    pub size: u64,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Part {
    /// As the store knows them.
    pub fn stored(&self) -> StoredBytes {
        StoredBytes {
            file: self.file.clone(),
            size: self.size,
            algorithm: Algorithm::Sha256,
            digest: self.sha256.clone(),
        }
    }
}

impl From<StoredBytes> for Part {
    fn from(stored: StoredBytes) -> Self {
        Self {
            file: stored.file,
            size: stored.size,
            sha256: stored.digest,
        }
    }
}

impl Entry {
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
    /// Never, since nothing in it is no JSON.
    pub fn to_bytes(&self) -> Result<Bytes> {
        let bytes = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(bytes.into())
    }

    /// The file itself, as the store knows it.
    pub fn content(&self) -> StoredBytes {
        StoredBytes {
            file: self.file.clone(),
            size: self.size,
            algorithm: Algorithm::Sha256,
            digest: self.sha256.clone(),
        }
    }

    /// All bytes that it names.
    pub fn stored(&self) -> Vec<StoredBytes> {
        let parts = [Some(&self.metadata), self.provenance.as_ref()];
        let parts = parts.into_iter().flatten().map(Part::stored);
        [self.content()].into_iter().chain(parts).collect()
    }

    /// Its metadata, where clients may rely on it instead of the file: a source distribution's may
    /// change when it is built.
    pub fn offered_metadata(&self) -> Option<&Part> {
        (self.kind == Kind::Wheel).then_some(&self.metadata)
    }
}

/// A file with its name and its version.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// The name.
    pub name: &'a str,
    /// The version of its release.
    pub version: Version,
    /// What is stored of it.
    pub entry: Entry,
}

/// The files of a project that are offered, by version and name.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn offered(document: &Document<Head>) -> Result<Vec<Listed<'_>>> {
    let entries = document.entries.iter().filter(|_| document.head.offers());
    let all = entries.map(|(name, bytes)| {
        let entry = Entry::parse(bytes)?;
        Ok(Listed {
            name,
            version: entry.version.parse().map_err(Error::internal)?,
            entry,
        })
    });
    let mut all = all.collect::<Result<Vec<_>>>()?;
    all.sort_by(|a, b| (&a.version, a.name).cmp(&(&b.version, b.name)));
    Ok(all)
}
