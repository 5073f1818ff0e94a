//! What `registry gc` and `registry verify` do to a mount, beside running servers.

use std::{
    collections::HashSet,
    fmt,
    time::{Duration, SystemTime},
};

use futures_util::StreamExt;

use super::{
    Store,
    catalog::{StoredBytes, Subject},
    log::Topic,
};
use crate::{
    digest::{Digest, MultiHasher},
    error::{Error, Result},
    storage::{Entry, Get, GetOptions, Key, StorageError},
};

/// How many checkpoints of a view are kept.
const CHECKPOINTS: usize = 2;

/// What a collection found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// How many objects were looked at.
    pub scanned: u64,
    /// What nothing names, and its size in bytes: deleted, unless the run was dry.
    pub collected: Vec<(Key, u64)>,
    /// How many objects nothing names yet that are younger than the grace.
    pub young: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many documents were read.
    pub documents: u64,
    /// How many artifacts were hashed.
    pub artifacts: u64,
    /// Their size, in bytes.
    pub bytes: u64,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The object.
    pub key: Key,
    /// What is wrong with it.
    pub what: String,
    /// Whether it was put right.
    pub repaired: bool,
}

/// The innermost cause of a failure, which says most.
fn cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

impl GcReport {
    pub(crate) fn add(&mut self, other: Self) {
        self.scanned += other.scanned;
        self.collected.extend(other.collected);
        self.young += other.young;
    }
}

impl VerifyReport {
    pub(crate) fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.artifacts += other.artifacts;
        self.bytes += other.bytes;
        self.problems.extend(other.problems);
    }

    /// Whether all is well, or was put right.
    pub fn is_sound(&self) -> bool {
        self.problems.iter().all(|problem| problem.repaired)
    }

    fn problem(&mut self, key: &Key, what: impl Into<String>) {
        self.problems.push(Problem {
            key: key.clone(),
            what: what.into(),
            repaired: false,
        });
    }
}

impl fmt::Display for GcReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, size) in &self.collected {
            writeln!(f, "{key} ({size} bytes)")?;
        }
        let bytes: u64 = self.collected.iter().map(|(_, size)| size).sum();
        let (scanned, count, young) = (self.scanned, self.collected.len(), self.young);
        write!(
            f,
            "{scanned} objects, {count} that nothing names ({bytes} bytes), {young} too young to tell"
        )
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Problem {
            key,
            what,
            repaired,
        } in &self.problems
        {
            writeln!(
                f,
                "{key}: {what}{}",
                if *repaired { " (repaired)" } else { "" }
            )?;
        }
        let Self {
            documents,
            artifacts,
            bytes,
            problems,
        } = self;
        let problems = problems.len();
        write!(
            f,
            "{documents} documents, {artifacts} artifacts ({bytes} bytes), {problems} problems"
        )
    }
}

/// Whether a key lies in the folder of these entries, or in one below.
fn is_within(folder: &[Entry], key: &Key) -> bool {
    let folder = folder.first().and_then(|entry| entry.key.parent());
    folder.is_some_and(|folder| key.below(&folder).is_some())
}

impl Store {
    /// Deletes bytes that no document names and that were written longer than `grace` ago.
    ///
    /// Safe beside publishes under way: bytes are named within the grace after they were written,
    /// and a document is read after the bytes beside it were listed.
    pub(crate) async fn gc(&self, grace: Duration, dry_run: bool) -> Result<GcReport> {
        let before = SystemTime::now()
            .checked_sub(grace)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let mut report = GcReport::default();
        // The folders that the listing is in, the outermost first: what lies in a folder below may
        // stand between the entries of one.
        let mut folders: Vec<Vec<Entry>> = Vec::new();
        let mut listed = self.0.documents.storage().list(Some(&self.0.root), None);
        while let Some(entry) = listed.next().await {
            let entry = entry?;
            report.scanned += 1;
            if entry.key.below(&self.0.log_folder()?).is_some() {
                continue;
            }
            while let Some(left) = folders.pop_if(|folder| !is_within(folder, &entry.key)) {
                self.collect(&left, before, dry_run, &mut report).await?;
            }
            match folders.last_mut() {
                Some(folder) if folder[0].key.parent() == entry.key.parent() => folder.push(entry),
                _ => folders.push(vec![entry]),
            }
        }
        for left in folders {
            self.collect(&left, before, dry_run, &mut report).await?;
        }
        self.collect_checkpoints(before, dry_run, &mut report)
            .await?;
        Ok(report)
    }

    /// Collects in one folder, whose document, if it has one, names what lies beside it.
    async fn collect(
        &self,
        folder: &[Entry],
        before: SystemTime,
        dry_run: bool,
        report: &mut GcReport,
    ) -> Result<()> {
        let (documents, bytes): (Vec<&Entry>, Vec<&Entry>) = folder
            .iter()
            .partition(|entry| self.0.subject(&entry.key).is_some());
        let mut named = HashSet::new();
        for document in documents {
            if let Some(snapshot) = self.0.documents.fresh(&document.key).await? {
                let bytes = self.0.catalog.named(&snapshot.document)?.bytes;
                named.extend(bytes.into_iter().map(|bytes| bytes.file));
            }
        }
        for entry in bytes
            .into_iter()
            .filter(|entry| !named.contains(entry.key.name()))
        {
            self.discard(entry, before, dry_run, report).await?;
        }
        Ok(())
    }

    async fn discard(
        &self,
        entry: &Entry,
        before: SystemTime,
        dry_run: bool,
        report: &mut GcReport,
    ) -> Result<()> {
        if entry.modified > before {
            report.young += 1;
            return Ok(());
        }
        if !dry_run {
            self.0.documents.storage().delete(&entry.key).await?;
        }
        report.collected.push((entry.key.clone(), entry.size));
        Ok(())
    }

    /// Of each view, only the newest checkpoints are of use.
    async fn collect_checkpoints(
        &self,
        before: SystemTime,
        dry_run: bool,
        report: &mut GcReport,
    ) -> Result<()> {
        let folder = self.0.log_folder()?.join("checkpoint")?;
        let mut all = Vec::new();
        let mut listed = self.0.documents.storage().list(Some(&folder), None);
        while let Some(entry) = listed.next().await {
            all.push(entry?);
        }
        for view in all.chunk_by(|a, b| a.key.parent() == b.key.parent()) {
            let old = view.len().saturating_sub(CHECKPOINTS);
            for entry in &view[..old] {
                self.discard(entry, before, dry_run, report).await?;
            }
        }
        Ok(())
    }

    /// Reads every document, hashes every artifact that one names, and compares the log.
    pub(crate) async fn verify(&self, repair: bool) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        self.0.view.refresh().await?;
        let mut listed = self.0.documents.storage().list(Some(&self.0.root), None);
        while let Some(entry) = listed.next().await {
            let key = entry?.key;
            if let Some(subject) = self.0.subject(&key) {
                self.verify_document(&subject, &key, repair, &mut report)
                    .await?;
            }
        }
        Ok(report)
    }

    async fn verify_document(
        &self,
        subject: &Subject,
        key: &Key,
        repair: bool,
        report: &mut VerifyReport,
    ) -> Result<()> {
        report.documents += 1;
        let read = self.0.documents.fresh(key).await;
        let named = read.and_then(|snapshot| {
            let snapshot = snapshot.ok_or_else(|| Error::internal("it vanished"))?;
            Ok((
                self.0.catalog.named(&snapshot.document)?,
                snapshot.document.revision,
            ))
        });
        let (named, revision) = match named {
            Ok(named) => named,
            Err(error) if error.kind() == crate::ErrorKind::Unavailable => return Err(error),
            Err(error) => {
                report.problem(key, format!("cannot be read: {}", cause(&error)));
                return Ok(());
            }
        };
        let home = subject.resource.home.under(&self.0.root);
        for bytes in named.bytes {
            self.verify_bytes(&home.join(&bytes.file)?, &bytes, report)
                .await?;
        }
        for (digest, content) in named.contents {
            let is = Digest::of(digest.algorithm(), &content);
            if is != digest {
                report.problem(
                    key,
                    format!("its content hashes to {is} and should to {digest}"),
                );
            }
        }
        let Some(name) = subject.logged.clone() else {
            return Ok(());
        };
        if self
            .0
            .view
            .revision(&name)
            .is_none_or(|seen| seen < revision)
        {
            report.problem(key, "the log does not know its last change");
            if repair {
                let key = key.clone();
                self.0.log.append(Topic { name, key }).await?;
                if let Some(problem) = report.problems.last_mut() {
                    problem.repaired = true;
                }
            }
        }
        Ok(())
    }

    async fn verify_bytes(
        &self,
        key: &Key,
        stored: &StoredBytes,
        report: &mut VerifyReport,
    ) -> Result<()> {
        report.artifacts += 1;
        let mut object = match self
            .0
            .documents
            .storage()
            .get(key, GetOptions::default())
            .await
        {
            Ok(Get::Found(object)) => object,
            Ok(Get::NotModified) | Err(StorageError::NotFound) => {
                report.problem(key, "is missing");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let mut hasher = MultiHasher::new(&[stored.algorithm]);
        while let Some(bytes) = object.body.next().await {
            let bytes = bytes?;
            report.bytes += bytes.len() as u64;
            hasher.update(&bytes);
        }
        let is = hasher.finish().hex(stored.algorithm);
        if object.size != stored.size {
            report.problem(
                key,
                format!("has {} bytes and should have {}", object.size, stored.size),
            );
        } else if is != stored.digest {
            report.problem(
                key,
                format!("hashes to {is} and should to {}", stored.digest),
            );
        }
        Ok(())
    }
}
