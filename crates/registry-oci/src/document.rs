//! What is stored of a manifest, of a tag, and of what refers to a manifest.
//!
//! A manifest that was deleted, and a tag, keep their documents as tombstones. A tag names the
//! *incarnation* of its manifest: random, made when the manifest comes to life. So a manifest that
//! is deleted takes its tags along, and does not bring them back when it is pushed again.

use bytes::Bytes;
use registry_core::{Error, Result, digest::Digest, store::RawDocument};
use serde::{Deserialize, Serialize};

use crate::wire::Descriptor;

/// The name of the one entry of a manifest's document: the manifest's text as a JSON string. A
/// manifest is JSON and so UTF-8, which a string holds to the byte.
pub(crate) const CONTENT: &str = "content";

/// A manifest beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Manifest {
    /// The digest that it was pushed under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The media type that it was pushed with.
    pub media_type: String,
    /// The length of its text, in bytes.
    pub size: u64,
    /// The manifest that it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// The blobs that it names, and its repository holds for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<Digest>,
    /// The manifests that it names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Digest>,
    /// Which life of this manifest it is: 16 hexadecimal digits.
    pub incarnation: String,
    /// Whether it was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Whether a push of it found blobs lost that it names, and is about to take it back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub doubtful: bool,
    /// When it was last pushed, ISO 8601.
    pub pushed: String,
}

impl Manifest {
    /// Whether it is there.
    pub fn is_alive(&self) -> bool {
        !self.gone && self.digest.is_some()
    }
}

/// A tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Tagged {
    /// The manifest that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Which life of that manifest.
    pub manifest: String,
    /// Whether it was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// When it was last pushed, ISO 8601.
    pub pushed: String,
}

impl Tagged {
    /// The manifest that it names, and which life of it.
    pub fn target(&self) -> Option<(&Digest, &str)> {
        let digest = self.digest.as_ref().filter(|_| !self.gone)?;
        Some((digest, &self.manifest))
    }
}

/// An entry of the document of a manifest's referrers, under the digest of one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// Which life of the referring manifest.
    pub manifest: String,
    /// The type by which lists are filtered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// How it is listed; nothing where that is long, and has to be made of the manifest itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptor: Option<Descriptor>,
}

impl Referrer {
    /// Reads a stored entry.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn parse(entry: &[u8]) -> Result<Self> {
        serde_json::from_slice(entry).map_err(Error::internal)
    }
}

/// The text of a manifest, from its document's entry.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn content(entry: &[u8]) -> Result<Bytes> {
    let text: String = serde_json::from_slice(entry).map_err(Error::internal)?;
    Ok(text.into())
}

/// The text of a manifest in a document of any kind, with its digest.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn contents(document: &RawDocument) -> Result<Vec<(Digest, Bytes)>> {
    let manifest = document.typed::<Manifest>()?.head;
    match (manifest.digest, document.entries.get(CONTENT)) {
        (Some(digest), Some(entry)) => Ok(vec![(digest, content(entry)?)]),
        _ => Ok(Vec::new()),
    }
}
