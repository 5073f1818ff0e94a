//! The lists of what refers to a manifest, as they are kept.

use registry_core::{
    Error as CoreError,
    digest::Digest,
    store::{Change, Document, Repo},
};

use crate::{
    document::Referrer,
    error::Result,
    layout,
    wire::{Descriptor, Manifest},
};

/// A manifest in the list of those that refer to its subject.
pub(super) struct Entry(Referrer);

impl Entry {
    pub(super) fn new(manifest: &Manifest, digest: &Digest, size: u64, incarnation: &str) -> Self {
        Self(Referrer {
            manifest: incarnation.to_owned(),
            descriptor: Descriptor::of(manifest, digest, size),
        })
    }
}

/// Puts a manifest into the list of its subject.
pub(super) async fn add(repo: &Repo, subject: &Digest, Entry(entry): Entry) -> Result<()> {
    let name = entry.descriptor.digest.to_string();
    let json = serde_json::to_vec(&entry).map_err(CoreError::internal)?;
    let json = bytes::Bytes::from(json);
    let change = move |document: &mut Document<()>| -> Result<_> {
        if document.entries.get(&*name) == Some(&json) {
            return Ok(Change::keep(()));
        }
        let known = document.entries.get(&*name);
        let known = known.map(|json| Referrer::parse(json)).transpose()?;
        if known.is_some_and(|known| known.manifest > entry.manifest) {
            // A later life of it.
            return Ok(Change::keep(()));
        }
        document.entries.insert(name.as_str().into(), json.clone());
        Ok(Change::write(()))
    };
    repo.change(&layout::referrers(subject), Vec::new(), change)
        .await
}

/// Takes one life of a manifest out of the list of its subject: another may have come since.
pub(super) async fn remove(
    repo: &Repo,
    subject: &Digest,
    digest: &Digest,
    incarnation: String,
) -> Result<()> {
    let name = digest.to_string();
    let change = move |document: &mut Document<()>| -> Result<_> {
        let entry = document
            .entries
            .get(&*name)
            .map(|json| Referrer::parse(json))
            .transpose()?;
        if entry.is_none_or(|entry| entry.manifest != incarnation) {
            return Ok(Change::keep(()));
        }
        document.entries.remove(&*name);
        Ok(Change::write(()))
    };
    repo.change(&layout::referrers(subject), Vec::new(), change)
        .await
}
