//! The collection of blobs: safe beside pushes under way, on any replica.
//!
//! A repository lets go of a blob when none of its documents names it; a blob whose record no
//! repository holds is collected. Each conclusion is written by compare-and-swap against what it was
//! drawn from, and whoever comes to rely on something writes that very document, so that one of the
//! two sees the other.

use std::{collections::HashSet, time::SystemTime};

use futures_util::StreamExt;

use super::Run;
use crate::{
    digest::{Digest, random_hex},
    error::{Error, Result},
    storage::Key,
    store::{
        Document, Snapshot, Store,
        blobs::{Held, Record, Segment},
        layout,
        uploads::{End, LIFETIME, Session, is_expired},
    },
};

/// Something that a collection concludes from, as it was read.
struct Seen {
    key: Key,
    revision: u64,
}

impl Run<'_> {
    pub(super) async fn collect_blobs(&mut self, holders: Vec<Key>) -> Result<()> {
        if !self.dry {
            self.store.expire_uploads().await?;
        }
        let mut released = HashSet::new();
        for home in holders {
            self.release(&home, &mut released).await?;
        }
        // The order matters. Bytes that a session names may become a blob's after the records were
        // read; bytes that neither named then are named by nothing, unless they are new.
        let mut used = self.in_uploads().await?;
        self.collect_records(&released, &mut used).await?;
        self.collect_content(&used).await
    }

    /// Lets go of the blobs that one repository holds and does not need.
    async fn release(&mut self, home: &Key, released: &mut HashSet<Key>) -> Result<()> {
        let mut unnamed = self.old_holds(home).await?;
        if unnamed.is_empty() {
            return Ok(());
        }
        let named = self.store.named_blobs(home).await?;
        unnamed.retain(|(digest, _)| !named.contains(digest));
        if unnamed.is_empty() {
            return Ok(());
        }
        if self.dry {
            let keys: Vec<Key> = unnamed.into_iter().map(|(_, seen)| seen.key).collect();
            self.report.released.extend(keys.clone());
            released.extend(keys);
            return Ok(());
        }
        // Whoever names a blob from now on sees that this is under way, and writes that it is held;
        // whoever did before is seen.
        let run = self.store.begin_collection(home).await?;
        let ended = self.release_each(home, unnamed).await;
        self.store.end_collection(home, run).await?;
        ended
    }

    async fn release_each(&mut self, home: &Key, unnamed: Vec<(Digest, Seen)>) -> Result<()> {
        let named = self.store.named_blobs(home).await?;
        for (digest, seen) in unnamed {
            if named.contains(&digest) {
                continue;
            }
            let revision = seen.revision;
            let let_go = move |held: &mut Document<Held>| {
                let same = held.revision == revision;
                held.head.gone = true;
                Ok((same, same))
            };
            if self.store.0.documents.change(&seen.key, let_go).await? {
                self.report.released.push(seen.key);
            }
        }
        Ok(())
    }

    /// What a repository holds and nobody said so since the grace.
    async fn old_holds(&mut self, home: &Key) -> Result<Vec<(Digest, Seen)>> {
        let documents = &self.store.0.documents;
        let folder = layout::all_held(home)?;
        let mut old = Vec::new();
        let mut listed = documents.storage().list(Some(&folder), None);
        while let Some(entry) = listed.next().await {
            let entry = entry?;
            let Some((_, digest)) = layout::holder(&entry.key) else {
                continue;
            };
            if entry.modified > self.before {
                continue;
            }
            let Some(held) = documents.fresh(&entry.key).await? else {
                continue;
            };
            if !held.head::<Held>()?.gone && held.modified <= self.before {
                let seen = Seen {
                    key: entry.key,
                    revision: held.revision,
                };
                old.push((digest, seen));
            }
        }
        Ok(old)
    }

    /// The bytes that uploads still need.
    async fn in_uploads(&mut self) -> Result<HashSet<Box<str>>> {
        let documents = &self.store.0.documents;
        let mut used = HashSet::new();
        let folder = layout::uploads(&self.store.0.root)?;
        let mut listed = documents.storage().list(Some(&folder), None);
        while let Some(entry) = listed.next().await {
            let Some(session) = documents.fresh(&entry?.key).await? else {
                continue;
            };
            let head = session.typed::<Session>()?.head;
            let needed = match head.end {
                None => !is_expired(session.modified),
                // Its blob's record may be about to be written, whatever grace there is.
                Some(End::Finished(_)) => session.modified > self.before.min(self.settled()),
                Some(End::Dropped) => false,
            };
            if needed {
                used.extend(files(head.segments));
            }
        }
        Ok(used)
    }

    /// Collects the blobs that no repository holds; adds the bytes of the others to `used`.
    async fn collect_records(
        &mut self,
        released: &HashSet<Key>,
        used: &mut HashSet<Box<str>>,
    ) -> Result<()> {
        let documents = &self.store.0.documents;
        let folder = layout::records(&self.store.0.root)?;
        let mut listed = documents.storage().list(Some(&folder), None);
        while let Some(entry) = listed.next().await {
            let entry = entry?;
            let Some(digest) = layout::recorded(&self.store.0.root, &entry.key) else {
                continue;
            };
            let Some(snapshot) = documents.fresh(&entry.key).await? else {
                continue;
            };
            let record = snapshot.typed::<Record>()?;
            if record.head.gone {
                continue;
            }
            let old = record.modified <= self.before;
            if old && !self.store.is_held(&digest, &record, released).await? {
                let seen = Seen {
                    key: entry.key,
                    revision: record.revision,
                };
                if self.collect_record(seen, &record.head.segments).await? {
                    continue;
                }
            }
            used.extend(files(record.head.segments));
        }
        Ok(())
    }

    /// Collects a blob, if its record is still what was seen.
    async fn collect_record(&mut self, seen: Seen, segments: &[Segment]) -> Result<bool> {
        let revision = seen.revision;
        let bury = move |record: &mut Document<Record>| {
            let same = record.revision == revision;
            record.head = Record {
                gone: true,
                ..Record::default()
            };
            record.entries.clear();
            Ok((same, same))
        };
        if !self.dry && !self.store.0.documents.change(&seen.key, bury).await? {
            return Ok(false);
        }
        for segment in segments {
            let key = layout::content(&self.store.0.root, &segment.file)?;
            self.report.collected.push((key, segment.size));
        }
        if !self.dry {
            self.store.discard_segments(segments).await;
        }
        Ok(true)
    }

    /// What was written later may not be named yet by what is to name it.
    fn settled(&self) -> SystemTime {
        let settled = SystemTime::now().checked_sub(self.store.0.settle);
        settled.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    async fn collect_content(&mut self, used: &HashSet<Box<str>>) -> Result<()> {
        let folder = layout::all_content(&self.store.0.root)?;
        let mut listed = self.store.0.documents.storage().list(Some(&folder), None);
        let told: HashSet<Key> = self
            .report
            .collected
            .iter()
            .map(|(key, _)| key.clone())
            .collect();
        let settled = self.settled();
        while let Some(entry) = listed.next().await {
            let entry = entry?;
            if used.contains(entry.key.name()) || told.contains(&entry.key) {
                continue;
            }
            if entry.modified > settled {
                self.report.young += 1;
            } else {
                self.discard(&entry).await?;
            }
        }
        Ok(())
    }
}

fn files(segments: Vec<Segment>) -> impl Iterator<Item = Box<str>> {
    segments.into_iter().map(|segment| segment.file.into())
}

impl Store {
    /// The blobs that the documents of a repository name.
    async fn named_blobs(&self, home: &Key) -> Result<HashSet<Digest>> {
        let mut named = HashSet::new();
        let mut listed = self.0.documents.storage().list(Some(home), None);
        while let Some(entry) = listed.next().await {
            let key = entry?.key;
            let own = |key: &Key| {
                let subject = self.0.subject(key);
                subject.is_some_and(|subject| subject.resource.home.under(&self.0.root) == *home)
            };
            if layout::is_shared(&self.0.root, &key) || !own(&key) {
                continue;
            }
            if let Some(snapshot) = self.0.documents.fresh(&key).await? {
                named.extend(self.0.catalog.named(&snapshot.document)?.blobs);
            }
        }
        Ok(named)
    }

    /// Whether some repository in a record holds its blob; those in `released` do not.
    async fn is_held(
        &self,
        digest: &Digest,
        record: &Document<Record>,
        released: &HashSet<Key>,
    ) -> Result<bool> {
        for home in record.entries.values() {
            let home: String = serde_json::from_slice(home).map_err(Error::internal)?;
            let key = layout::held(&Key::new(home)?.under(&self.0.root), digest)?;
            if released.contains(&key) {
                continue;
            }
            if let Some(held) = self.0.documents.fresh(&key).await?
                && !held.head::<Held>()?.gone
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Says that a collection is under way in a repository; its name.
    async fn begin_collection(&self, home: &Key) -> Result<String> {
        let run = random_hex::<8>()?;
        let name = run.clone();
        let begin = move |document: &mut Document<()>| {
            document.entries.insert(name.as_str().into(), "null".into());
            Ok((true, ()))
        };
        let key = layout::collections(home)?;
        self.0.documents.change(&key, begin).await?;
        Ok(run)
    }

    /// Says that it is over. One that ends without that, by a crash, costs whoever pushes there a
    /// few writes more.
    async fn end_collection(&self, home: &Key, run: String) -> Result<()> {
        let end = move |document: &mut Document<()>| {
            document.entries.remove(&*run);
            Ok((true, ()))
        };
        let key = layout::collections(home)?;
        self.0.documents.change(&key, end).await
    }

    /// Deletes bytes that nothing names any more. Best effort: what stays is for the next run.
    pub(in crate::store) async fn discard_segments(&self, segments: &[Segment]) {
        for segment in segments {
            let Ok(key) = layout::content(&self.0.root, &segment.file) else {
                continue;
            };
            if let Err(error) = self.0.documents.storage().delete(&key).await {
                tracing::warn!(%key, ?error, "bytes were not deleted; gc will");
            }
        }
    }

    /// Drops the uploads that had no piece for a day, and forgets those that ended long ago; how
    /// many were dropped.
    pub(crate) async fn expire_uploads(&self) -> Result<u64> {
        let mut dropped = 0;
        let folder = layout::uploads(&self.0.root)?;
        let mut listed = self.0.documents.storage().list(Some(&folder), None);
        while let Some(entry) = listed.next().await {
            let entry = entry?;
            if !is_expired(entry.modified) {
                continue;
            }
            let Some(session) = self.0.documents.fresh(&entry.key).await? else {
                continue;
            };
            if session.head::<Session>()?.end.is_none() {
                dropped += u64::from(self.drop_upload(&entry.key, &session).await?);
            } else if is_expired(session.modified + LIFETIME) {
                // Its name is too old by now to be taken for one that has only begun.
                self.0.documents.storage().delete(&entry.key).await?;
            }
        }
        Ok(dropped)
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
