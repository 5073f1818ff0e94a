//! Blobs that a document is about to name, kept from collections.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{TryStreamExt, stream, stream::StreamExt};

use super::{AT_ONCE, Joined, Repo, Snapshot, layout};
use crate::{digest::Digest, error::Result};

/// How long a collection in one repository may take. One that has not ended by then broke off.
const COLLECTS_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The mark of a collection that begins now in a repository.
pub(in crate::store) fn mark() -> Bytes {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs().to_string().into()
}

/// Whether the collection of a mark broke off.
pub(in crate::store) fn is_over(mark: &[u8]) -> bool {
    let began = serde_json::from_slice(mark).unwrap_or_default();
    let age = SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_secs(began));
    age.unwrap_or_default() > COLLECTS_FOR
}

/// How far the collections in a repository have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Collections {
    revision: u64,
    under_way: bool,
}

/// Blobs that a document is about to name. See [`Repo::hold`].
pub struct Hold {
    repo: Repo,
    before: Collections,
    /// Those that the repository holds, and their sizes in bytes.
    held: HashMap<Digest, u64>,
    missing: Vec<Digest>,
}

impl Hold {
    /// The blobs that the repository does not hold.
    pub fn missing(&self) -> &[Digest] {
        &self.missing
    }

    /// The size in bytes of a blob that the repository holds.
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        self.held.get(digest).copied()
    }

    /// Makes sure, once the document is written, that no collection that began meanwhile has taken
    /// a blob that it did not know to be named. Those that were taken are the answer; their bytes
    /// have to be sent again, and the document that names them is not to stay.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn confirm(&self) -> Result<Vec<Digest>> {
        let now = self.repo.collections().await?;
        // One that begins later reads the document; one that was under way before found that its
        // blobs were written since it read them.
        if now.revision == self.before.revision {
            return Ok(Vec::new());
        }
        let lost = self.held.keys().cloned().map(|digest| {
            let repo = self.repo.clone();
            async move {
                // That somebody says that it is held is not enough: it may be another who lost it.
                let is_lost = !repo.join(&digest).await?;
                Ok(is_lost.then_some(digest))
            }
        });
        let lost = stream::iter(lost).buffered(AT_ONCE);
        lost.try_filter_map(|lost| std::future::ready(Ok(lost)))
            .try_collect()
            .await
    }
}

impl Repo {
    /// Makes this repository hold a blob, if its bytes are still there.
    pub(super) async fn join(&self, digest: &Digest) -> Result<bool> {
        self.hold_blob(digest).await?;
        Ok(!matches!(
            self.join_record(digest, None).await?,
            Joined::Gone
        ))
    }
}

impl Repo {
    /// Keeps blobs from being collected while a document that names them is written: to be called
    /// before that, and [`Hold::confirm`] after it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hold(&self, blobs: &[Digest]) -> Result<Hold> {
        let before = self.collections().await?;
        // A list of futures, since the compiler cannot follow a closure through an await.
        let look = blobs
            .iter()
            .map(|digest| self.hold_one(digest, before.under_way));
        let look = stream::iter(look.collect::<Vec<_>>()).buffered(AT_ONCE);
        let all: Vec<(Digest, Option<u64>)> = look.try_collect().await?;
        let mut hold = Hold {
            repo: self.clone(),
            before,
            held: HashMap::new(),
            missing: Vec::new(),
        };
        for (digest, size) in all {
            match size {
                Some(size) => drop(hold.held.insert(digest, size)),
                None => hold.missing.push(digest),
            }
        }
        Ok(hold)
    }

    /// Says again that a blob is held, if it is; its size is the answer. Where collections are
    /// `under_way`, it is said however short ago that was done before.
    async fn hold_one(&self, digest: &Digest, under_way: bool) -> Result<(Digest, Option<u64>)> {
        let blob = self.fresh_blob(digest).await?;
        let held = match &blob {
            Some(_) if under_way => self.rejoin(digest).await?,
            Some(blob) => self.renew_blob(blob).await?,
            None => false,
        };
        let size = blob.filter(|_| held).map(|blob| blob.size());
        Ok((digest.clone(), size))
    }

    /// What collections are under way in this repository, and how many there were.
    async fn collections(&self) -> Result<Collections> {
        let key = layout::collections(&self.home);
        let now = self.store.0.documents.fresh(&key).await?;
        let is_any = |now: &Snapshot| now.entries.values().any(|began| !is_over(began));
        Ok(now.map_or_else(Collections::default, |now| Collections {
            revision: now.revision,
            under_way: is_any(&now),
        }))
    }
}
