//! Uploads that nobody goes on with.

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, future::try_join_all};

use super::{AT_ONCE, Run, blobs::files};
use crate::{
    error::Result,
    storage::{Entry, Key},
    store::{
        Document, Snapshot, Store, layout,
        uploads::{End, LIFETIME, Session, is_expired},
    },
};

impl Run<'_> {
    /// The bytes that uploads still need.
    pub(super) async fn in_uploads(&mut self) -> Result<HashSet<Box<str>>> {
        let mut used = HashSet::new();
        let folder = layout::uploads(&self.store.0.root);
        let mut listed = self.store.read_all(&folder);
        while let Some(sessions) = listed.next().await {
            for (_, session) in sessions? {
                let head = session.typed::<Session>()?.head;
                let needed = match head.end {
                    // One that is expired was dropped, or goes on since.
                    None => !self.dry || !is_expired(session.modified),
                    // Its blob's record may be about to be written, whatever grace there is.
                    Some(End::Finished(_)) => session.modified > self.before.min(self.settled),
                    Some(End::Dropped) => false,
                };
                if needed {
                    used.extend(files(&head.segments));
                }
            }
        }
        Ok(used)
    }
}

impl Store {
    /// Drops the uploads that had no piece for a day, and forgets those that ended long ago; how
    /// many were dropped.
    pub(crate) async fn expire_uploads(&self) -> Result<u64> {
        let mut dropped = 0;
        let folder = layout::uploads(&self.0.root);
        let listed = self.0.documents.storage().list(Some(&folder), None);
        let is_old = |entry: &Entry| std::future::ready(is_expired(entry.modified));
        let mut old = listed.try_filter(is_old).chunks(AT_ONCE);
        while let Some(entries) = old.next().await {
            let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
            let ended = entries.iter().map(|entry| self.expire_upload(&entry.key));
            let ended = try_join_all(ended).await?;
            dropped += ended.into_iter().map(u64::from).sum::<u64>();
        }
        Ok(dropped)
    }

    /// Drops or forgets an upload; whether it was dropped.
    async fn expire_upload(&self, key: &Key) -> Result<bool> {
        let Some(session) = self.0.documents.fresh(key).await? else {
            return Ok(false);
        };
        if session.head::<Session>()?.end.is_none() {
            return self.drop_upload(key, &session).await;
        }
        if is_expired(session.modified + LIFETIME) {
            // Its name is too old by now to be taken for one that has only begun.
            self.0.documents.storage().delete(key).await?;
        }
        Ok(false)
    }

    async fn drop_upload(&self, key: &Key, session: &Snapshot) -> Result<bool> {
        let revision = session.revision;
        let drop_it = move |document: &mut Document<Session>| {
            if document.revision != revision {
                return Ok((false, None));
            }
            document.head.end = Some(End::Dropped);
            Ok((true, Some(std::mem::take(&mut document.head.segments))))
        };
        let segments = self.0.documents.change(key, drop_it).await?;
        if let Some(segments) = &segments {
            self.discard_segments(segments).await;
        }
        Ok(segments.is_some())
    }
}
