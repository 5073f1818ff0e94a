//! What `registry verify` does to a mount, beside running servers.

use std::{fmt, time::SystemTime};

use futures_util::{StreamExt, TryStreamExt};

use super::{
    HEAL_AFTER, Store,
    blobs::{Held, Record, State, read_segments},
    catalog::{StoredBytes, Subject},
    layout,
    log::Topic,
};
use crate::{
    body::Body,
    digest::{Algorithm, Digest, MultiHasher},
    error::{Error, ErrorKind, Result},
    storage::{Get, GetOptions, Key, StorageError},
};

/// How many objects are looked at together.
const AT_ONCE: usize = 16;
/// How often a document that is being written is looked at before what seems wrong is told.
const LOOKS: usize = 3;

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

    /// Tells of a document that cannot be read; that the store fails is no problem of the document.
    fn unreadable(&mut self, key: &Key, error: Error) -> Result<()> {
        if error.kind() == ErrorKind::Unavailable {
            return Err(error);
        }
        self.problem(key, format!("cannot be read: {}", cause(&error)));
        Ok(())
    }

    fn problem(&mut self, key: &Key, what: impl Into<String>) {
        self.problems.push(Problem {
            key: key.clone(),
            what: what.into(),
            repaired: false,
        });
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

impl Store {
    /// Reads every document, hashes every artifact that one names, and compares the log.
    pub(crate) async fn verify(&self, repair: bool) -> Result<VerifyReport> {
        self.0.view.refresh().await?;
        let listed = self.0.documents.storage().list(Some(&self.0.root), None);
        let each = listed.map(|entry| async move { self.verify_object(&entry?.key, repair).await });
        let mut each = each.buffered(AT_ONCE);
        let mut report = VerifyReport::default();
        while let Some(one) = each.try_next().await? {
            report.add(one);
        }
        Ok(report)
    }

    async fn verify_object(&self, key: &Key, repair: bool) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        if let Some(subject) = self.0.subject(key) {
            self.verify_document(&subject, key, repair, &mut report)
                .await?;
        } else if let Some(digest) = layout::recorded(&self.0.root, key) {
            self.verify_record(&digest, key, repair, &mut report)
                .await?;
        } else if let Some((home, digest)) = layout::holder(key) {
            self.verify_held(&home, &digest, key, &mut report).await?;
        }
        Ok(report)
    }

    /// Hashes the bytes of a blob; gives it up, for a repair, if they are not its own.
    async fn verify_record(
        &self,
        digest: &Digest,
        key: &Key,
        repair: bool,
        report: &mut VerifyReport,
    ) -> Result<()> {
        report.documents += 1;
        let read = self.0.documents.fresh(key).await;
        let head = read.and_then(|snapshot| match snapshot {
            Some(snapshot) => Ok((snapshot.head::<Record>()?, snapshot.revision)),
            None => Err(Error::internal("it vanished")),
        });
        let (record, revision) = match head {
            Ok((record, _)) if record.is_gone() => return Ok(()),
            Ok(record) => record,
            Err(error) => return report.unreadable(key, error),
        };
        report.artifacts += 1;
        let mut hashed = self.hash_record(&record, digest, report).await;
        // A fault of the moment is not worth a blob.
        if repair && hashed.as_ref().is_ok_and(|(is, _)| is != digest) {
            hashed = self.hash_record(&record, digest, report).await;
        }
        let what = match hashed {
            Ok((is, _)) if is == *digest => return Ok(()),
            Ok((is, size)) => format!("its {size} bytes hash to {is}"),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // It may have been collected since its record was read.
                let now = self.0.documents.fresh(key).await?;
                let now = now.map(|now| now.head::<Record>()).transpose()?;
                if now.is_none_or(|now| now.is_gone() || now.segments != record.segments) {
                    return Ok(());
                }
                "its bytes are missing".to_owned()
            }
            Err(error) => return report.unreadable(key, error),
        };
        if repair && self.give_up(key, revision).await? {
            report.problem(
                key,
                format!("{what}; clients are now told to push it again"),
            );
        } else {
            report.problem(key, what);
        }
        Ok(())
    }

    /// The digest of a blob's bytes as they are, and how many they are.
    async fn hash_record(
        &self,
        record: &Record,
        digest: &Digest,
        report: &mut VerifyReport,
    ) -> Result<(Digest, u64)> {
        let storage = self.0.documents.storage().clone();
        let body = read_segments(storage, self.0.root.clone(), &record.segments);
        hash(body, digest.algorithm(), report).await
    }

    /// Looks whether a blob that a repository holds has bytes.
    async fn verify_held(
        &self,
        home: &Key,
        digest: &Digest,
        key: &Key,
        report: &mut VerifyReport,
    ) -> Result<()> {
        report.documents += 1;
        match self.holding(home, digest).await {
            Ok(Holding::Lost) => report.problem(key, "is held here and its bytes are lost"),
            Ok(_) => {}
            Err(error) => report.unreadable(key, error)?,
        }
        Ok(())
    }

    /// How it stands with a blob in a repository.
    async fn holding(&self, home: &Key, digest: &Digest) -> Result<Holding> {
        let held = self.0.documents.fresh(&layout::held(home, digest)).await?;
        let held = held.map(|held| held.head::<Held>()).transpose()?;
        if held.is_none_or(|held| held.gone) {
            return Ok(Holding::No);
        }
        let record = layout::record(&self.0.root, digest);
        let Some(record) = self.0.documents.fresh(&record).await? else {
            return Ok(Holding::Unknown);
        };
        Ok(match record.head::<Record>()?.state {
            State::Kept | State::Doomed => Holding::Yes,
            State::Lost => Holding::Lost,
            State::Collected => Holding::Unknown,
        })
    }

    /// Looks at a document and all that it names; once more, if something seems wrong with one that
    /// somebody is writing: they do so in several steps.
    async fn verify_document(
        &self,
        subject: &Subject,
        key: &Key,
        repair: bool,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let mut look = VerifyReport::default();
        for _ in 0..LOOKS {
            let before = self.0.documents.fresh(key).await;
            look = VerifyReport::default();
            self.look_at_document(subject, key, false, &mut look)
                .await?;
            let Ok(Some(before)) = before else { break };
            if look.problems.is_empty() {
                break;
            }
            let age = SystemTime::now().duration_since(before.modified);
            let young = HEAL_AFTER.checked_sub(age.unwrap_or_default());
            let now = self.0.documents.fresh(key).await?;
            if young.is_none() && now.is_some_and(|now| now.revision == before.revision) {
                break;
            }
            tokio::time::sleep(young.unwrap_or_default()).await;
        }
        if repair && !look.problems.is_empty() {
            look = VerifyReport::default();
            self.look_at_document(subject, key, true, &mut look).await?;
        }
        report.add(look);
        Ok(())
    }

    async fn look_at_document(
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
            Err(error) => return report.unreadable(key, error),
        };
        let home = subject.resource.home.under(&self.0.root);
        for bytes in named.bytes {
            self.verify_bytes(&home.join(&bytes.file)?, &bytes, report)
                .await?;
        }
        for digest in named.blobs {
            // Whatever else is wrong is told of the document that says that it is held.
            if let Ok(Holding::Unknown) = self.holding(&home, &digest).await {
                let held = layout::held(&home, &digest);
                report.problem(
                    &held,
                    "is named here and its bytes never came, or were collected",
                );
            }
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
        if !self.is_logged(key, &name, revision).await? {
            report.problem(key, "the log does not know its last change");
            if repair {
                let key = key.clone();
                let topic = Topic {
                    name,
                    key,
                    anew: true,
                };
                self.0.log.append(topic).await?;
                if let Some(problem) = report.problems.last_mut() {
                    problem.repaired = true;
                }
            }
        }
        Ok(())
    }

    /// Whether what the log said last of a document, which had this revision, is what it says now. It
    /// knows a later one of a document that was put back from a backup.
    async fn is_logged(&self, key: &Key, name: &str, revision: u64) -> Result<bool> {
        if self.0.view.revision(name) == Some(revision) {
            return Ok(true);
        }
        // It may have been written since the log was read.
        self.0.view.refresh().await?;
        let Some(seen) = self.0.view.revision(name) else {
            return Ok(false);
        };
        if seen <= revision {
            return Ok(seen == revision);
        }
        // So may the document.
        let now = self.0.documents.fresh(key).await?;
        Ok(now.is_some_and(|now| now.document.revision >= seen))
    }

    async fn verify_bytes(
        &self,
        key: &Key,
        stored: &StoredBytes,
        report: &mut VerifyReport,
    ) -> Result<()> {
        report.artifacts += 1;
        let object = self.0.documents.storage().get(key, GetOptions::default());
        let object = match object.await {
            Ok(Get::Found(object)) => object,
            Ok(Get::NotModified) | Err(StorageError::NotFound) => {
                report.problem(key, "is missing");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let (is, size) = hash(object.body, stored.algorithm, report).await?;
        if size != stored.size {
            report.problem(
                key,
                format!("has {size} bytes and should have {}", stored.size),
            );
        } else if is.hex() != stored.digest {
            let is = is.hex();
            report.problem(
                key,
                format!("hashes to {is} and should to {}", stored.digest),
            );
        }
        Ok(())
    }
}

/// How it stands with a blob in a repository.
enum Holding {
    No,
    Yes,
    /// There are no bytes: a push is under way, or broke off, or was told to send them again.
    Unknown,
    /// Its bytes are gone.
    Lost,
}

/// The digest of some bytes, and how many they are.
async fn hash(
    mut body: Body,
    algorithm: Algorithm,
    report: &mut VerifyReport,
) -> Result<(Digest, u64)> {
    let mut hasher = MultiHasher::new(&[algorithm]);
    let mut size = 0;
    while let Some(bytes) = body.next().await {
        let bytes = bytes?;
        size += bytes.len() as u64;
        hasher.update(&bytes);
    }
    report.bytes += size;
    Ok((hasher.finish().digest(algorithm), size))
}

/// The innermost cause of a failure, which says most.
fn cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
