//! Blobs: bytes named by their digest, which several repositories of a mount share, each of them
//! readable only through a repository that holds it.
//!
//! A repository holds a blob by a small document of its own; the blob's *record* names its bytes and
//! the repositories that may hold it. Whoever makes a repository hold a blob writes the first, then
//! the second, and only both together count, so that what a crash left of the two holds nothing. `gc`
//! reads a record, then looks into each of its repositories, then writes the record if it is still
//! what it read: so either it sees the holder, or its write fails.

mod hold;
mod lost;
mod read;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

pub use self::hold::Hold;
pub(super) use self::read::read_segments;
use super::{Document, Repo, Resource, Snapshot, layout};
use crate::{
    digest::Digest,
    error::{Error, Result},
    storage::Key,
    task,
};

/// The media type that hooks are told of blobs.
pub(super) const CONTENT_TYPE: &str = "application/octet-stream";

/// A part of a blob's bytes, as it was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    /// The file.
    pub(super) file: String,
    /// Its size in bytes.
    pub(super) size: u64,
}

/// The head of a blob's record. Its entries are the repositories that hold the blob, or did: the
/// name, and the folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) size: u64,
    pub(super) segments: Vec<Segment>,
    /// Whether the bytes were collected, or lost. A blob that was collected is held by nobody; one
    /// that was lost is held again by whom it was, once it comes again.
    pub(super) gone: bool,
}

/// The head of the document by which a repository holds a blob.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    /// Whether it holds it no longer.
    pub(super) gone: bool,
}

/// A blob that a repository holds.
#[derive(Clone, Debug)]
pub struct Blob {
    digest: Digest,
    /// When its repository last said that it holds it.
    held: SystemTime,
    record: Arc<Record>,
    snapshot: Arc<Snapshot>,
}

impl Blob {
    /// Its digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.record.size
    }

    fn read(digest: &Digest, held: SystemTime, snapshot: Arc<Snapshot>) -> Result<Option<Self>> {
        let record = snapshot.head::<Record>()?;
        Ok((!record.gone).then(|| Self {
            digest: digest.clone(),
            held,
            record,
            snapshot,
        }))
    }
}

impl Repo {
    /// A blob, if this repository holds it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn blob(&self, digest: &Digest) -> Result<Option<Blob>> {
        let documents = &self.store.0.documents;
        let (held, record) = (self.held(digest)?, self.record(digest)?);
        let found = try_join(documents.read(&held), documents.read(&record));
        self.read_held(digest, found.await?)
    }

    /// The same, whatever age is trusted elsewhere: for who concludes from it that the blob may be
    /// named.
    async fn fresh_blob(&self, digest: &Digest) -> Result<Option<Blob>> {
        let documents = &self.store.0.documents;
        let (held, record) = (self.held(digest)?, self.record(digest)?);
        let found = try_join(documents.fresh(&held), documents.fresh(&record));
        self.read_held(digest, found.await?)
    }

    /// The blob, by what says that it is held and by its record. One of them alone is what a crash
    /// or a collection left: where the record does not know of this repository, a collection would
    /// not ask it.
    fn read_held(
        &self,
        digest: &Digest,
        found: (Option<Arc<Snapshot>>, Option<Arc<Snapshot>>),
    ) -> Result<Option<Blob>> {
        match found {
            (Some(held), Some(record))
                if !held.head::<Held>()?.gone && record.entries.contains_key(self.name()) =>
            {
                Blob::read(digest, held.modified, record)
            }
            _ => Ok(None),
        }
    }

    /// Says again that this repository holds a blob, if that was last said long ago: who is told
    /// that it is here, and so need not send it, can rely on it for half the grace of `gc`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn renew_blob(&self, blob: &Blob) -> Result<bool> {
        if !self.is_old(blob.held) {
            return Ok(true);
        }
        self.say_held(&blob.digest).await
    }

    fn is_old(&self, held: SystemTime) -> bool {
        let age = SystemTime::now().duration_since(held);
        age.unwrap_or_default() >= self.store.0.grace / 2
    }

    /// Writes once more that this repository holds a blob, if it does; whether it does.
    async fn say_held(&self, digest: &Digest) -> Result<bool> {
        let say = |held: &mut Document<Held>| {
            let holds = held.revision > 0 && !held.head.gone;
            Ok((holds, holds))
        };
        let key = self.held(digest)?;
        self.store.0.documents.change(&key, say).await
    }

    /// Removes a blob from this repository, at once and for whoever reads through any replica.
    /// Others that hold it keep it. Whether it was held.
    ///
    /// # Errors
    /// A hook's veto, or when the store fails.
    pub async fn remove_blob(&self, digest: &Digest) -> Result<bool> {
        let Some(blob) = self.blob(digest).await? else {
            return Ok(false);
        };
        let operation = self.operation(self.record(digest)?, Some(blob.size()), CONTENT_TYPE);
        for hook in &*self.store.0.hooks {
            hook.before_delete(&operation).await?;
        }
        let let_go = |held: &mut Document<Held>| {
            let holds = held.revision > 0 && !held.head.gone;
            held.head.gone = true;
            Ok((holds, holds))
        };
        let key = self.held(digest)?;
        let held = self.store.0.documents.change(&key, let_go).await?;
        if held {
            for hook in &*self.store.0.hooks {
                hook.after_delete(&operation).await;
            }
        }
        Ok(held)
    }

    /// Makes this repository hold a blob that another one holds; false when that one does not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn mount_blob(&self, digest: &Digest, from: &Repo) -> Result<bool> {
        if from.blob(digest).await?.is_none() {
            return Ok(false);
        }
        let repo = self.clone();
        let digest = digest.clone();
        let work = async move { repo.join(&digest).await };
        task::carry_through(work).await?
    }

    /// The repositories of this mount that hold a blob, or did; whoever asks may not even know of
    /// them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holders(&self, digest: &Digest) -> Result<Vec<Resource>> {
        let record = self.store.0.documents.read(&self.record(digest)?).await?;
        let Some(record) = record else {
            return Ok(Vec::new());
        };
        let all = record.entries.iter().map(|(name, home)| {
            Ok(Resource {
                name: name.clone(),
                home: home_of(home)?,
            })
        });
        all.collect()
    }

    /// Adds a blob whose bytes lie in `segments` to this repository; whether they are the ones that
    /// are kept, or others with the same digest were there already.
    pub(super) async fn commit_blob(
        &self,
        digest: &Digest,
        size: u64,
        segments: Vec<Segment>,
    ) -> Result<bool> {
        self.hold_blob(digest).await?;
        let record = Record {
            size,
            segments,
            gone: false,
        };
        match self.join_record(digest, Some(record.clone())).await? {
            Joined::New => Ok(true),
            Joined::Known(known) => self.replace_lost(digest, known, record).await,
            Joined::Gone => Ok(false),
        }
    }

    /// Writes that this repository holds a blob.
    async fn hold_blob(&self, digest: &Digest) -> Result<()> {
        let hold = |held: &mut Document<Held>| {
            held.head.gone = false;
            Ok((true, ()))
        };
        let key = self.held(digest)?;
        self.store.0.documents.create(&key, hold).await
    }

    /// Enters this repository into a blob's record, and writes the record even if it stands there
    /// already, since a collection may be about to conclude that nobody holds the blob. Where there
    /// is no record, or only that of a blob that was collected, `new` becomes it.
    async fn join_record(&self, digest: &Digest, new: Option<Record>) -> Result<Joined> {
        let home = self.home.below(&self.store.0.root);
        let home = home.ok_or_else(|| Error::internal("a repository outside its mount"))?;
        let home = serde_json::to_vec(home.as_str()).map_err(Error::internal)?;
        let (name, home): (Arc<str>, Bytes) = (self.name().into(), home.into());
        let creates = new.is_some();
        let join = move |record: &mut Document<Record>| {
            let mut joined = Joined::Known(record.head.segments.clone());
            if record.revision == 0 || record.head.gone {
                let Some(new) = &new else {
                    return Ok((false, Joined::Gone));
                };
                record.head = new.clone();
                joined = Joined::New;
            }
            // The answer to an earlier attempt was lost.
            if new
                .as_ref()
                .is_some_and(|new| new.segments == record.head.segments)
            {
                joined = Joined::New;
            }
            record.entries.insert(name.clone(), home.clone());
            Ok((true, joined))
        };
        let key = self.record(digest)?;
        let documents = &self.store.0.documents;
        if creates {
            documents.create(&key, join).await
        } else {
            documents.change(&key, join).await
        }
    }

    fn held(&self, digest: &Digest) -> Result<Key> {
        layout::held(&self.home, digest)
    }

    fn record(&self, digest: &Digest) -> Result<Key> {
        layout::record(&self.store.0.root, digest)
    }
}

/// The folder of a repository, below the mount's, from its entry in a record.
pub(super) fn home_of(entry: &[u8]) -> Result<Key> {
    let home: String = serde_json::from_slice(entry).map_err(Error::internal)?;
    Ok(Key::new(home)?)
}

/// What became of a repository's entry in a record.
#[derive(Clone)]
enum Joined {
    /// The blob was there, in these pieces.
    Known(Vec<Segment>),
    /// The record is new.
    New,
    /// There is no such blob.
    Gone,
}

/// How long `gc` leaves alone what it does not know to be in use, where nothing else is said.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it leaves alone bytes of uploads that nothing names yet, whatever it is told.
pub(crate) const SETTLE: Duration = Duration::from_secs(60);
