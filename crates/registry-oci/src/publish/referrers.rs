//! The lists of what refers to a manifest, as they are kept.

use registry_core::{
    Error as CoreError,
    digest::Digest,
    store::{Change, Document, Repo},
};

use crate::{
    document::Referrer,
    error::{Code, Error, Result},
    layout,
    wire::{Descriptor, Manifest},
};

/// The longest descriptor, as JSON, that stands in the list itself, in bytes.
const MAX_LISTED: usize = 2 << 10;
/// The most bytes of a list: each push and each reader goes through all of it.
const MAX_LIST: usize = 4 << 20;

/// A manifest in the list of those that refer to its subject.
pub(super) struct Entry {
    name: String,
    entry: Referrer,
}

impl Entry {
    pub(super) fn new(
        manifest: &Manifest,
        digest: &Digest,
        size: u64,
        incarnation: &str,
    ) -> Result<Self> {
        let descriptor = Descriptor::of(manifest, digest, size);
        let json = serde_json::to_vec(&descriptor).map_err(CoreError::internal)?;
        let entry = Referrer {
            manifest: incarnation.to_owned(),
            artifact_type: descriptor.artifact_type.clone(),
            descriptor: Some(descriptor).filter(|_| json.len() <= MAX_LISTED),
        };
        let name = digest.to_string();
        Ok(Self { name, entry })
    }
}

/// Refuses one more manifest that refers to a subject to which very many do.
pub(super) async fn check_room(repo: &Repo, subject: &Digest, digest: &Digest) -> Result<()> {
    let list = repo.document::<()>(&layout::referrers(subject)).await?;
    let entries = list.map(|list| list.entries).unwrap_or_default();
    let size: usize = entries.values().map(bytes::Bytes::len).sum();
    if size < MAX_LIST || entries.contains_key(&*digest.to_string()) {
        return Ok(());
    }
    let message = format!(
        "{} manifests refer to {subject} already, and no more are listed; delete old ones first",
        entries.len()
    );
    Err(Error::new(Code::ManifestInvalid, message))
}

/// Puts a manifest into the list of its subject.
pub(super) async fn add(repo: &Repo, subject: &Digest, Entry { name, entry }: Entry) -> Result<()> {
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
