//! What the store has to know of a protocol's documents, for the log, `gc` and `verify`.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{document::RawDocument, view::Fold};
use crate::{
    digest::{Algorithm, Digest},
    error::Result,
    storage::Key,
};

/// A package, repository, crate or gem, and the folder below the mount that holds it all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Its name, as scopes spell it.
    pub name: Arc<str>,
    /// Its folder below the mount's folder.
    pub home: Key,
}

/// What a document is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Whose it is.
    pub resource: Resource,
    /// What the log calls it: a package by its name, where a resource has one document; `None` for
    /// a document of which the log does not speak.
    pub logged: Option<Arc<str>>,
}

impl Subject {
    /// The document of a resource that has no other.
    pub fn only(resource: Resource) -> Self {
        Self {
            logged: Some(resource.name.clone()),
            resource,
        }
    }
}

/// What a document names and holds, for `gc` to keep and `verify` to check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Bytes beside the document.
    pub bytes: Vec<StoredBytes>,
    /// Blobs that its repository holds.
    pub blobs: Vec<Digest>,
    /// Content that stands in the document itself, with its digest.
    pub contents: Vec<(Digest, Bytes)>,
}

impl Named {
    /// Only bytes beside the document.
    pub fn bytes(bytes: Vec<StoredBytes>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }
}

/// Bytes that a document names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBytes {
    /// The file, below the resource's folder.
    pub file: String,
    /// The size in bytes.
    pub size: u64,
    /// The function that `digest` was made with.
    pub algorithm: Algorithm,
    /// The digest in lower-case hexadecimal.
    pub digest: String,
}

/// A protocol's documents, seen from outside.
pub trait Catalog: Send + Sync + 'static {
    /// An empty view of a mount.
    fn fold(&self) -> Box<dyn Fold>;

    /// What the document at this key below the mount's folder is about, if one of the protocol's
    /// lies there.
    fn subject(&self, key: &Key) -> Option<Subject>;

    /// What the log is to say of a document, which it calls `name`.
    ///
    /// # Errors
    /// When the document is damaged.
    fn entry(&self, name: &str, document: &RawDocument) -> Result<Box<RawValue>>;

    /// The same where entries before it may be lost. It differs for who tells the log of changes
    /// alone.
    ///
    /// # Errors
    /// When the document is damaged.
    fn entry_anew(&self, name: &str, document: &RawDocument) -> Result<Box<RawValue>> {
        self.entry(name, document)
    }

    /// What a document names.
    ///
    /// # Errors
    /// When the document is damaged.
    fn named(&self, document: &RawDocument) -> Result<Named>;
}
