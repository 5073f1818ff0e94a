//! The stored state of a version: a [`Head`], and an [`Entry`] for each file; and the [`Prefix`] of a
//! plugin.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use registry_core::{
    Error, Result,
    digest::{Algorithm, Digests},
    store::{Entries, Staged, StoredBytes},
};
use serde::{Deserialize, Serialize};

use self::bundle::Bundle;
use crate::name::is_signature;

pub mod bundle;
pub mod change;
pub mod snapshot;

/// Checksums of a file that has not come yet, in hexadecimal.
pub type Held = BTreeMap<Algorithm, String>;

/// What there is to know of a version beside its files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Head {
    /// When the version came, or when it went, in milliseconds since 1970; 0 when it never came.
    pub since: i64,
    /// What its POM says that it is packed as, where that is not `jar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packaging: Option<String>,
    /// Checksums that came before their files.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<String, Held>,
    /// Bundles that have files of this version, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bundles: BTreeMap<String, Bundle>,
    /// Files that were deleted: none of them can be put again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
}

/// A file of a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// Under what name it is stored.
    pub file: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// When it was stored, in milliseconds since 1970.
    pub at: i64,
    /// Its MD5, as all its checksums in hexadecimal.
    pub md5: &'a str,
    /// Its SHA-1.
    pub sha1: &'a str,
    /// Its SHA-256.
    pub sha256: &'a str,
    /// Its SHA-512.
    pub sha512: &'a str,
}

impl<'a> Entry<'a> {
    /// Reads a stored entry.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(Error::internal)
    }

    /// The same entry as if it had been stored at another time.
    ///
    /// # Errors
    /// Never, since all of it is JSON already.
    pub(crate) fn dated(self, at: i64) -> Result<Bytes> {
        let entry = Entry { at, ..self };
        Ok(serde_json::to_vec(&entry).map_err(Error::internal)?.into())
    }

    /// The entry of bytes that are stored.
    ///
    /// # Errors
    /// Never, since all of it is JSON already.
    pub(crate) fn of(staged: &Staged, at: i64) -> Result<Bytes> {
        let digests: &Digests = staged.digests();
        let entry = Entry {
            file: staged.file(),
            size: staged.size(),
            at,
            md5: &digests.hex(Algorithm::Md5),
            sha1: &digests.hex(Algorithm::Sha1),
            sha256: &digests.hex(Algorithm::Sha256),
            sha512: &digests.hex(Algorithm::Sha512),
        };
        Ok(serde_json::to_vec(&entry).map_err(Error::internal)?.into())
    }

    /// One of its checksums.
    pub fn checksum(&self, algorithm: Algorithm) -> Option<&'a str> {
        match algorithm {
            Algorithm::Md5 => Some(self.md5),
            Algorithm::Sha1 => Some(self.sha1),
            Algorithm::Sha256 => Some(self.sha256),
            Algorithm::Sha512 => Some(self.sha512),
            Algorithm::Blake2b256 => None,
        }
    }

    /// The file, as the store knows it.
    pub fn stored(&self) -> StoredBytes {
        StoredBytes {
            file: self.file.to_owned(),
            size: self.size,
            algorithm: Algorithm::Sha256,
            digest: self.sha256.to_owned(),
        }
    }

    /// When it was stored.
    pub fn modified(&self) -> SystemTime {
        time(self.at)
    }
}

/// A time that is kept in milliseconds since 1970.
pub(crate) fn time(milliseconds: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default());
    SystemTime::UNIX_EPOCH + since
}

/// Whether a version is there: whether it has a file that is more than a signature.
pub fn is_live(entries: &Entries) -> bool {
    entries.keys().any(|file| !is_signature(file))
}

/// The document of the prefix by which a plugin's goals are called, such as `compiler`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefix {
    /// The prefix.
    pub prefix: String,
    /// The plugin's name, for people.
    pub name: String,
    /// When it was put, in milliseconds since 1970.
    pub at: i64,
}

/// The refusal of a file that is not there.
pub(crate) fn no_file(file: &str) -> Error {
    Error::not_found(format!("{file} was not found"))
}
