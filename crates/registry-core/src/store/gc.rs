//! What `registry gc` does to a mount, beside running servers.

mod blobs;
mod uploads;

use std::{
    collections::HashSet,
    fmt,
    time::{Duration, SystemTime},
};

use futures_util::{StreamExt, future::try_join_all};

use super::{Store, layout};
use crate::{
    error::Result,
    storage::{Entry, Key},
};

/// How many requests are made of the storage together: over a bucket each costs a round trip.
const AT_ONCE: usize = 16;
/// How many checkpoints of a view are kept.
const CHECKPOINTS: usize = 2;

/// What a collection found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// How many objects were looked at.
    pub scanned: u64,
    /// By which documents repositories held blobs that nothing in them names: let go, unless the
    /// run was dry.
    pub released: Vec<Key>,
    /// What nothing names, and its size in bytes: deleted, unless the run was dry.
    pub collected: Vec<(Key, u64)>,
    /// How many objects nothing names yet that are younger than the grace.
    pub young: u64,
}

impl GcReport {
    pub(crate) fn add(&mut self, other: Self) {
        self.scanned += other.scanned;
        self.released.extend(other.released);
        self.collected.extend(other.collected);
        self.young += other.young;
    }
}

impl fmt::Display for GcReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.released {
            writeln!(f, "{key} (held, and not needed there)")?;
        }
        for (key, size) in &self.collected {
            writeln!(f, "{key} ({size} bytes)")?;
        }
        let bytes: u64 = self.collected.iter().map(|(_, size)| size).sum();
        let (scanned, young) = (self.scanned, self.young);
        let (released, count) = (self.released.len(), self.collected.len());
        write!(f, "{scanned} objects, ")?;
        if released > 0 {
            write!(f, "{released} blobs let go of by who held them, ")?;
        }
        write!(
            f,
            "{count} that nothing names ({bytes} bytes), {young} too young to tell"
        )
    }
}

/// One collection in one mount.
struct Run<'a> {
    store: &'a Store,
    /// What was written later is left alone.
    before: SystemTime,
    /// Bytes of uploads that were written later may not be named yet by what is to name them.
    settled: SystemTime,
    dry: bool,
    report: GcReport,
}

/// Whether a key lies in the folder of these entries, or in one below.
fn is_within(folder: &[Entry], key: &Key) -> bool {
    let folder = folder.first().and_then(|entry| entry.key.parent());
    folder.is_some_and(|folder| key.below(&folder).is_some())
}

impl Store {
    /// The bytes in one folder that its document, if it has one, does not name.
    async fn unnamed<'e>(&self, folder: &'e [Entry]) -> Result<Vec<&'e Entry>> {
        let (documents, bytes): (Vec<&Entry>, Vec<&Entry>) = folder
            .iter()
            .partition(|entry| self.0.subject(&entry.key).is_some());
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let mut named = HashSet::new();
        for document in documents {
            if let Some(snapshot) = self.0.documents.fresh(&document.key).await? {
                let bytes = self.0.catalog.named(&snapshot.document)?.bytes;
                named.extend(bytes.into_iter().map(|bytes| bytes.file));
            }
        }
        let is_unnamed = |entry: &&Entry| !named.contains(entry.key.name());
        Ok(bytes.into_iter().filter(is_unnamed).collect())
    }

    /// Deletes bytes that no document names and that were written longer than `grace` ago.
    ///
    /// Safe beside publishes under way: bytes are named within the grace after they were written,
    /// and a document is read after the bytes beside it were listed.
    pub(crate) async fn gc(&self, grace: Duration, dry_run: bool) -> Result<GcReport> {
        let ago = |age| SystemTime::now().checked_sub(age);
        let mut run = Run {
            store: self,
            before: ago(grace).unwrap_or(SystemTime::UNIX_EPOCH),
            settled: ago(self.0.settle).unwrap_or(SystemTime::UNIX_EPOCH),
            dry: dry_run,
            report: GcReport::default(),
        };
        let holders = run.collect_folders().await?;
        run.collect_checkpoints().await?;
        run.collect_blobs(holders).await?;
        Ok(run.report)
    }
}

impl Run<'_> {
    /// Collects in each folder of the protocol's; the folders of those resources that hold blobs.
    async fn collect_folders(&mut self) -> Result<Vec<Key>> {
        let root = &self.store.0.root;
        let mut holders: Vec<Key> = Vec::new();
        // The folders that the listing is in, the outermost first: what lies in a folder below may
        // stand between the entries of one.
        let mut folders: Vec<Vec<Entry>> = Vec::new();
        // Those that it has left.
        let mut left: Vec<Vec<Entry>> = Vec::new();
        let mut listed = self.store.0.documents.storage().list(Some(root), None);
        while let Some(entry) = listed.next().await {
            let entry = entry?;
            self.report.scanned += 1;
            if let Some((home, _)) = layout::holder(&entry.key)
                && holders.last() != Some(&home)
            {
                holders.push(home);
            }
            if layout::is_shared(root, &entry.key) {
                continue;
            }
            while let Some(folder) = folders.pop_if(|folder| !is_within(folder, &entry.key)) {
                left.push(folder);
            }
            if left.len() >= AT_ONCE {
                self.collect(&std::mem::take(&mut left)).await?;
            }
            match folders.last_mut() {
                Some(folder) if folder[0].key.parent() == entry.key.parent() => folder.push(entry),
                _ => folders.push(vec![entry]),
            }
        }
        left.extend(folders);
        self.collect(&left).await?;
        Ok(holders)
    }

    /// Collects in some folders.
    async fn collect(&mut self, folders: &[Vec<Entry>]) -> Result<()> {
        for some in folders.chunks(AT_ONCE) {
            let unnamed = some.iter().map(|folder| self.store.unnamed(folder));
            let unnamed = try_join_all(unnamed).await?;
            self.discard(unnamed.into_iter().flatten()).await?;
        }
        Ok(())
    }

    /// Deletes what nothing names, if it is old enough.
    async fn discard(&mut self, unnamed: impl IntoIterator<Item = &Entry>) -> Result<()> {
        let mut old: Vec<&Entry> = Vec::new();
        for entry in unnamed {
            if entry.modified > self.before {
                self.report.young += 1;
            } else {
                old.push(entry);
            }
        }
        for some in old.chunks(AT_ONCE) {
            if !self.dry {
                let each = some.iter().map(|entry| self.store.delete_bytes(&entry.key));
                try_join_all(each).await?;
            }
            let collected = some.iter().map(|entry| (entry.key.clone(), entry.size));
            self.report.collected.extend(collected);
        }
        Ok(())
    }

    /// Of each view, only the newest checkpoints are of use.
    async fn collect_checkpoints(&mut self) -> Result<()> {
        let folder = self.store.0.log_folder().join("checkpoint")?;
        let mut all = Vec::new();
        let mut listed = self.store.0.documents.storage().list(Some(&folder), None);
        while let Some(entry) = listed.next().await {
            all.push(entry?);
        }
        for view in all.chunk_by(|a, b| a.key.parent() == b.key.parent()) {
            let old = view.len().saturating_sub(CHECKPOINTS);
            self.discard(&view[..old]).await?;
        }
        Ok(())
    }
}
