//! The collection of blobs: safe beside pushes under way, on any replica.
//!
//! A repository lets go of a blob when none of its documents names it; a blob that no repository holds
//! is doomed, and collected if, looked for once more, still none does. Each conclusion is written by
//! compare-and-swap against what it was drawn from, and whoever comes to rely on something writes that
//! very document, so that one of the two sees the other.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::{Stream, StreamExt, TryStreamExt, future::try_join_all};

use super::{AT_ONCE, Run};
use crate::{
    digest::{Digest, random_hex},
    error::Result,
    storage::{Entry, Key, StorageError},
    store::{
        Document, Snapshot, Store,
        blobs::{Held, Record, Segment, State, is_over, mark},
        layout,
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
        let mut holds = Holds::default();
        for home in holders {
            self.release(&home, &mut holds).await?;
        }
        // The order matters. Bytes that a session names may become a blob's after the records were
        // read; bytes that neither named then are named by nothing, unless they are new.
        let mut used = self.in_uploads().await?;
        let doomed = self.doom_records(&holds, &mut used).await?;
        self.collect_doomed(doomed, holds, &mut used).await?;
        self.collect_content(&used).await
    }

    /// Lets go of the blobs that one repository holds and does not need; tells which it goes on to
    /// hold.
    async fn release(&mut self, home: &Key, holds: &mut Holds) -> Result<()> {
        let folder = layout::all_held(home);
        let listed = self.store.0.documents.storage().list(Some(&folder), None);
        let held: Vec<Entry> = listed.try_collect().await?;
        let held = held
            .into_iter()
            .filter_map(|entry| Some((layout::holder(&entry.key)?.1, entry.key)));
        let mut held: Vec<(Digest, Key)> = held.collect();
        let unnamed = self.unnamed_holds(home, &mut held).await?;
        if self.dry {
            let keys: Vec<Key> = unnamed.into_iter().map(|(_, seen)| seen.key).collect();
            self.report.released.extend(keys.clone());
            holds.released.extend(keys);
        } else if !unnamed.is_empty() {
            // Whoever names a blob from now on sees that this is under way, and writes that it is
            // held; whoever did before is seen.
            let run = self.store.begin_collection(home).await?;
            let ended = self.release_each(home, unnamed).await;
            self.store.end_collection(home, run).await?;
            ended?;
        }
        self.store.look_for_holders(held, holds).await
    }

    async fn release_each(&mut self, home: &Key, mut unnamed: Vec<(Digest, Seen)>) -> Result<()> {
        let named = self.store.named_blobs(home).await?;
        unnamed.retain(|(digest, _)| !named.contains(digest));
        for some in unnamed.chunks(AT_ONCE) {
            let each = some.iter().map(|(_, seen)| self.store.let_go(seen));
            let gone = try_join_all(each).await?;
            let gone = some.iter().zip(gone).filter(|(_, gone)| *gone);
            let keys = gone.map(|((_, seen), _)| seen.key.clone());
            self.report.released.extend(keys);
        }
        Ok(())
    }

    /// What of all that a repository holds none of its documents names, and nobody said so since the
    /// grace. What it holds no longer is taken out of `held`.
    async fn unnamed_holds(
        &mut self,
        home: &Key,
        held: &mut Vec<(Digest, Key)>,
    ) -> Result<Vec<(Digest, Seen)>> {
        let named = self.store.named_blobs(home).await?;
        let unnamed = held.iter().filter(|(digest, _)| !named.contains(digest));
        let unnamed: Vec<&(Digest, Key)> = unnamed.collect();
        let (mut old, mut gone) = (Vec::new(), HashSet::new());
        for some in unnamed.chunks(AT_ONCE) {
            let read = some
                .iter()
                .map(|(_, key)| self.store.0.documents.fresh(key));
            for ((digest, key), held) in some.iter().zip(try_join_all(read).await?) {
                let Some(held) = held else {
                    continue;
                };
                if held.head::<Held>()?.gone {
                    gone.insert(key.clone());
                    continue;
                }
                if held.modified > self.before {
                    self.report.young += 1;
                    continue;
                }
                let seen = Seen {
                    key: key.clone(),
                    revision: held.revision,
                };
                old.push((digest.clone(), seen));
            }
        }
        held.retain(|(_, key)| !gone.contains(key));
        Ok(old)
    }

    /// Dooms the blobs that no repository holds; adds the bytes of the others to `used`.
    async fn doom_records(
        &mut self,
        holds: &Holds,
        used: &mut HashSet<Box<str>>,
    ) -> Result<HashMap<Digest, Doomed>> {
        let mut doomed = HashMap::new();
        let folder = layout::records(&self.store.0.root);
        let mut listed = self.store.read_all(&folder);
        while let Some(records) = listed.next().await {
            let judged = records?.into_iter();
            let judged = judged.map(|(key, record)| self.judge_record(key, record, holds));
            for judged in try_join_all(judged).await?.into_iter().flatten() {
                match judged {
                    Judged::Stays(segments) => used.extend(files(&segments)),
                    Judged::Young(segments) => {
                        self.report.young += 1;
                        used.extend(files(&segments));
                    }
                    Judged::Doomed(digest, record) => drop(doomed.insert(digest, record)),
                }
            }
        }
        Ok(doomed)
    }

    /// Judges a blob's record, and writes it where nobody holds the blob; nothing if it was gone.
    async fn judge_record(
        &self,
        key: Key,
        record: Arc<Snapshot>,
        holds: &Holds,
    ) -> Result<Option<Judged>> {
        let Some(digest) = layout::recorded(&self.store.0.root, &key) else {
            return Ok(None);
        };
        let head = record.head::<Record>()?;
        if head.is_gone() {
            return Ok(None);
        }
        let segments = head.segments.clone();
        if holds.alive.contains(&digest) {
            return Ok(Some(Judged::Stays(segments)));
        }
        let mut seen = Seen {
            key,
            revision: record.revision,
        };
        // One that was doomed already, by a collection that broke off, was old enough then.
        if head.state != State::Doomed {
            if record.modified > self.before {
                return Ok(Some(Judged::Young(segments)));
            }
            if !self.dry {
                let Some(revision) = self.store.doom(&seen).await? else {
                    return Ok(Some(Judged::Stays(segments)));
                };
                seen.revision = revision;
            }
        }
        Ok(Some(Judged::Doomed(digest, Doomed { seen, segments })))
    }

    /// Collects the blobs that were doomed, but for those that somebody came to hold meanwhile, whose
    /// bytes it adds to `used`.
    async fn collect_doomed(
        &mut self,
        mut doomed: HashMap<Digest, Doomed>,
        mut holds: Holds,
        used: &mut HashSet<Box<str>>,
    ) -> Result<()> {
        if doomed.is_empty() {
            return Ok(());
        }
        let root = &self.store.0.root;
        let listed = self.store.0.documents.storage().list(Some(root), None);
        let mut listed = listed.chunks(AT_ONCE * AT_ONCE);
        let mut now = Holds {
            released: std::mem::take(&mut holds.released),
            alive: HashSet::new(),
        };
        while let Some(entries) = listed.next().await {
            let mut held = Vec::new();
            for entry in entries {
                let key = entry?.key;
                if let Some((_, digest)) = layout::holder(&key)
                    && doomed.contains_key(&digest)
                {
                    held.push((digest, key));
                }
            }
            self.store.look_for_holders(held, &mut now).await?;
            for digest in now.alive.drain() {
                let spared = doomed.remove(&digest);
                used.extend(spared.iter().flat_map(|spared| files(&spared.segments)));
            }
        }
        let doomed: Vec<Doomed> = doomed.into_values().collect();
        for some in doomed.chunks(AT_ONCE) {
            let buried = some.iter().map(|doomed| self.bury(doomed));
            for (doomed, buried) in some.iter().zip(try_join_all(buried).await?) {
                if !buried {
                    used.extend(files(&doomed.segments));
                    continue;
                }
                for segment in &doomed.segments {
                    let key = layout::content(root, &segment.file)?;
                    self.report.collected.push((key, segment.size));
                }
            }
        }
        Ok(())
    }

    /// Collects a blob, if its record is still the one that was doomed.
    async fn bury(&self, doomed: &Doomed) -> Result<bool> {
        if self.dry {
            return Ok(true);
        }
        let revision = doomed.seen.revision;
        let bury = move |record: &mut Document<Record>| {
            let same = record.revision == revision;
            record.head = Record::without_bytes(State::Collected);
            record.entries.clear();
            Ok((same, same))
        };
        let documents = &self.store.0.documents;
        let buried = documents.change(&doomed.seen.key, bury).await?;
        if buried {
            self.store.discard_segments(&doomed.segments).await;
        }
        Ok(buried)
    }

    async fn collect_content(&mut self, used: &HashSet<Box<str>>) -> Result<()> {
        let folder = layout::all_content(&self.store.0.root);
        let mut listed = self.store.0.documents.storage().list(Some(&folder), None);
        let told: HashSet<Key> = self
            .report
            .collected
            .iter()
            .map(|(key, _)| key.clone())
            .collect();
        let mut unnamed = Vec::new();
        while let Some(entry) = listed.next().await {
            let entry = entry?;
            if used.contains(entry.key.name()) || told.contains(&entry.key) {
                continue;
            }
            if entry.modified > self.settled {
                self.report.young += 1;
            } else {
                unnamed.push(entry);
            }
        }
        self.discard(&unnamed).await
    }
}

/// What repositories hold.
#[derive(Default)]
struct Holds {
    /// By which documents they hold what a dry run would let go of.
    released: HashSet<Key>,
    /// Blobs that at least one of them holds.
    alive: HashSet<Digest>,
}

/// A blob that nobody was seen to hold, by its record as it was then written.
struct Doomed {
    seen: Seen,
    segments: Vec<Segment>,
}

/// What becomes of a blob's bytes.
enum Judged {
    Stays(Vec<Segment>),
    /// Nobody holds it, and it is too young to tell.
    Young(Vec<Segment>),
    Doomed(Digest, Doomed),
}

pub(super) fn files(segments: &[Segment]) -> impl Iterator<Item = Box<str>> {
    segments.iter().map(|segment| segment.file.as_str().into())
}

/// Documents that were read together, by their keys.
type Read = Vec<(Key, Arc<Snapshot>)>;

impl Store {
    /// All documents in a folder, read some at a time.
    pub(super) fn read_all(
        &self,
        folder: &Key,
    ) -> impl Stream<Item = Result<Read>> + Send + Unpin + use<> {
        let documents = self.0.documents.clone();
        let listed = self.0.documents.storage().list(Some(folder), None);
        let read = move |entries: Vec<Result<Entry, StorageError>>| {
            let documents = documents.clone();
            async move {
                let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
                let read = entries.iter().map(|entry| documents.fresh(&entry.key));
                let read = try_join_all(read).await?;
                let all = entries.into_iter().zip(read);
                Ok(all
                    .filter_map(|(entry, read)| Some((entry.key, read?)))
                    .collect())
            }
        };
        listed.chunks(AT_ONCE).then(read).boxed()
    }

    /// The blobs that the documents of a repository name.
    async fn named_blobs(&self, home: &Key) -> Result<HashSet<Digest>> {
        let mut named = HashSet::new();
        let is_own = |key: &Key| {
            let subject = self.0.subject(key);
            let is_home =
                subject.is_some_and(|subject| subject.resource.home.under(&self.0.root) == *home);
            is_home && !layout::is_shared(&self.0.root, key)
        };
        let listed = self.0.documents.storage().list(Some(home), None);
        let own = listed.try_filter(|entry| std::future::ready(is_own(&entry.key)));
        let mut own = own.chunks(AT_ONCE);
        while let Some(entries) = own.next().await {
            let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
            let read = entries
                .iter()
                .map(|entry| self.0.documents.fresh(&entry.key));
            for snapshot in try_join_all(read).await?.into_iter().flatten() {
                named.extend(self.0.catalog.named(&snapshot.document)?.blobs);
            }
        }
        Ok(named)
    }

    /// Writes that a repository holds a blob no longer, if that is still as it was seen.
    async fn let_go(&self, seen: &Seen) -> Result<bool> {
        let revision = seen.revision;
        let let_go = move |held: &mut Document<Held>| {
            let same = held.revision == revision;
            held.head.gone = true;
            Ok((same, same))
        };
        self.0.documents.change(&seen.key, let_go).await
    }

    /// Writes that a blob is about to be collected, if its record is still what was seen; the record's
    /// revision then.
    async fn doom(&self, seen: &Seen) -> Result<Option<u64>> {
        let revision = seen.revision;
        let doom = move |record: &mut Document<Record>| {
            let same = record.revision == revision;
            record.head.state = State::Doomed;
            Ok((same, same.then_some(revision + 1)))
        };
        self.0.documents.change(&seen.key, doom).await
    }

    /// Looks whether by some of these documents a repository holds a blob that is not known to be held.
    async fn look_for_holders(&self, held: Vec<(Digest, Key)>, holds: &mut Holds) -> Result<()> {
        let is_open = |holds: &Holds, (digest, key): &(Digest, Key)| {
            !holds.alive.contains(digest) && !holds.released.contains(key)
        };
        for some in held.chunks(AT_ONCE) {
            let some: Vec<_> = some.iter().filter(|held| is_open(holds, held)).collect();
            let read = some.iter().map(|(_, key)| self.0.documents.fresh(key));
            for ((digest, _), held) in some.iter().zip(try_join_all(read).await?) {
                if let Some(held) = held
                    && !held.head::<Held>()?.gone
                {
                    holds.alive.insert(digest.clone());
                }
            }
        }
        Ok(())
    }

    /// Says that a collection is under way in a repository; its name.
    async fn begin_collection(&self, home: &Key) -> Result<String> {
        let run = random_hex::<8>()?;
        let name = run.clone();
        let begin = move |document: &mut Document<()>| {
            document.entries.retain(|_, mark| !is_over(mark));
            document.entries.insert(name.as_str().into(), mark());
            Ok((true, ()))
        };
        let key = layout::collections(home);
        self.0.documents.change(&key, begin).await?;
        Ok(run)
    }

    /// Says that it is over. One that ends without that, by a crash, costs whoever pushes there within
    /// the next day a few writes more.
    async fn end_collection(&self, home: &Key, run: String) -> Result<()> {
        let end = move |document: &mut Document<()>| {
            document.entries.remove(&*run);
            Ok((true, ()))
        };
        let key = layout::collections(home);
        self.0.documents.change(&key, end).await
    }

    /// Deletes bytes that nothing names any more. Best effort: what stays is for the next run.
    pub(in crate::store) async fn discard_segments(&self, segments: &[Segment]) {
        for segment in segments {
            let Ok(key) = layout::content(&self.0.root, &segment.file) else {
                continue;
            };
            if let Err(error) = self.delete_bytes(&key).await {
                tracing::warn!(%key, ?error, "bytes were not deleted; gc will");
            }
        }
    }
}
