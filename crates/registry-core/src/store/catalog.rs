//! What the store has to know of a protocol's documents, for the log, `gc` and `verify`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{document::RawDocument, view::Fold};
use crate::{digest::Algorithm, error::Result, storage::Key};

/// A package, repository, crate or gem, and the folder below the mount that holds it all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Its name, as scopes spell it.
    pub name: Arc<str>,
    /// Its folder below the mount's folder.
    pub home: Key,
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

    /// Whose document lies at this key below the mount's folder, if one lies there that the log
    /// speaks of.
    fn subject(&self, key: &Key) -> Option<Resource>;

    /// What the log is to say of a document.
    ///
    /// # Errors
    /// When the document is damaged.
    fn entry(&self, name: &str, document: &RawDocument) -> Result<Box<RawValue>>;

    /// The bytes that a document names.
    ///
    /// # Errors
    /// When the document is damaged.
    fn stored(&self, document: &RawDocument) -> Result<Vec<StoredBytes>>;
}
