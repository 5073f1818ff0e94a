//! Blobs whose bytes are lost or damaged: whoever pushes them again brings them back, to every
//! repository that holds them.

use futures_util::future::try_join_all;

use super::{AT_ONCE, Record, Repo, Segment, State, layout};
use crate::{
    digest::Digest,
    error::Result,
    storage::{Get, GetOptions, Key, StorageError},
    store::{Document, Store},
};

impl Repo {
    /// Lets a blob's record name the bytes of `new`, if those that it names, `known`, are not there;
    /// whether it does.
    pub(super) async fn replace_lost(
        &self,
        digest: &Digest,
        known: Vec<Segment>,
        new: Record,
    ) -> Result<bool> {
        if self.store.are_whole(&known).await? {
            return Ok(false);
        }
        let replace = move |record: &mut Document<Record>| {
            let lost = record.head.is_gone() || record.head.segments == known;
            if lost {
                record.head = new.clone();
            }
            let ours = record.head.segments == new.segments;
            Ok((lost, ours))
        };
        let key = layout::record(&self.store.0.root, digest);
        self.store.0.documents.change(&key, replace).await
    }
}

impl Store {
    /// Whether the files of a blob are there, each of its size.
    pub(in crate::store) async fn are_whole(&self, segments: &[Segment]) -> Result<bool> {
        for some in segments.chunks(AT_ONCE) {
            let whole = try_join_all(some.iter().map(|segment| self.is_whole(segment)));
            if whole.await?.contains(&false) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn is_whole(&self, segment: &Segment) -> Result<bool> {
        let key = layout::content(&self.0.root, &segment.file)?;
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        match self.0.documents.storage().get(&key, options).await {
            Ok(Get::Found(object)) => Ok(object.size == segment.size),
            Ok(Get::NotModified) | Err(StorageError::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Says that the bytes of a blob are gone, if its record is still the one of that revision, so that
    /// clients are told to send them again; whether it was. Whoever pushed the blob meanwhile was told
    /// that it is there.
    pub(in crate::store) async fn give_up(&self, key: &Key, revision: u64) -> Result<bool> {
        let give_up = move |record: &mut Document<Record>| {
            let same = record.revision == revision;
            record.head = Record::without_bytes(State::Lost);
            Ok((same, same))
        };
        self.0.documents.change(key, give_up).await
    }
}
