//! Blobs: bytes named by their digest, which several repositories of a mount share, each of them
//! readable only through a repository that holds it.
//!
//! A repository holds a blob by a small document of its own; the blob's *record* names its bytes.
//! Whoever makes a repository hold a blob writes the first, then looks at the second; `gc` writes into
//! the second that it is about to collect the blob, then looks at the first of every repository. So
//! either it sees the holder, or the holder sees it, and writes the record, whereupon the collection's
//! last write fails. A record that nobody is about to collect is only read, however many come to hold
//! its blob.

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
pub(super) use self::hold::{is_over, mark};
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

/// How it stands with the bytes of a blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// They are there.
    #[default]
    Kept,
    /// They are there, and a collection found nobody who holds them: whoever comes to, says so here.
    Doomed,
    /// They were collected.
    Collected,
    /// They are missing or damaged. Whoever held the blob holds it again once it comes again.
    Lost,
}

/// The head of a blob's record. Its entries are the first repositories that held the blob, where one
/// may look for it: the name, and the folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) size: u64,
    pub(super) segments: Vec<Segment>,
    pub(super) state: State,
}

impl Record {
    /// Whether there are no bytes.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.state, State::Collected | State::Lost)
    }

    /// A record without bytes.
    pub(super) fn without_bytes(state: State) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }
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
    /// Where its record lies.
    key: Key,
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

    /// The blob, by what says that it is held and by its record, which lies under `key`. The first
    /// alone is what a crash left.
    fn read(
        digest: &Digest,
        key: Key,
        found: (Option<Arc<Snapshot>>, Option<Arc<Snapshot>>),
    ) -> Result<Option<Self>> {
        let (Some(held), Some(snapshot)) = found else {
            return Ok(None);
        };
        if held.head::<Held>()?.gone {
            return Ok(None);
        }
        let record = snapshot.head::<Record>()?;
        if record.is_gone() {
            return Ok(None);
        }
        Ok(Some(Self {
            digest: digest.clone(),
            held: held.modified,
            key,
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
        let (held, record) = (self.held(digest), self.record(digest));
        let found = try_join(documents.read(&held), documents.read(&record)).await?;
        Blob::read(digest, record, found)
    }

    /// A blob to read, if this repository holds it, which is looked at as ever. That its bytes are there
    /// as one file may have been looked at a moment ago: where they are no longer, that is found when
    /// they are opened, and they are looked for anew.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn readable_blob(&self, digest: &Digest) -> Result<Option<Blob>> {
        let documents = &self.store.0.documents;
        let (held, key) = (self.held(digest), self.record(digest));
        let (held, mut record) =
            try_join(documents.read(&held), documents.recent(&key, TRUSTED)).await?;
        if let (Some(_), Some(known)) = (&held, &record)
            && known.head::<Record>()?.segments.len() != 1
        {
            record = documents.read(&key).await?;
        }
        Blob::read(digest, key, (held, record))
    }

    /// The same as [`blob`](Self::blob), whatever age is trusted elsewhere: for who concludes from it that
    /// the blob may be named. The record is read last, so that it is doomed if a collection did not see
    /// who holds it.
    async fn fresh_blob(&self, digest: &Digest) -> Result<Option<Blob>> {
        let documents = &self.store.0.documents;
        let key = self.record(digest);
        let held = documents.fresh(&self.held(digest)).await?;
        let record = documents.fresh(&key).await?;
        Blob::read(digest, key, (held, record))
    }

    /// Says again that this repository holds a blob, if that was last said long ago: who is told
    /// that it is here, and so need not send it, can rely on it for half the grace of `gc`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn renew_blob(&self, blob: &Blob) -> Result<bool> {
        let is_doomed = blob.record.state == State::Doomed;
        if !is_doomed && !self.is_old(blob.held) {
            return Ok(true);
        }
        self.rejoin(&blob.digest).await
    }

    fn is_old(&self, held: SystemTime) -> bool {
        let age = SystemTime::now().duration_since(held);
        age.unwrap_or_default() >= self.store.0.grace / 2
    }

    /// Says anew that this repository holds a blob, if it does, and looks at its record after that;
    /// whether it holds it.
    pub(super) async fn rejoin(&self, digest: &Digest) -> Result<bool> {
        let holds = self.say_held(digest).await?;
        Ok(holds && !matches!(self.join_record(digest, None).await?, Joined::Gone))
    }

    /// Writes once more that this repository holds a blob, if it does; whether it does.
    async fn say_held(&self, digest: &Digest) -> Result<bool> {
        let say = |held: &mut Document<Held>| {
            let holds = held.revision > 0 && !held.head.gone;
            Ok((holds, holds))
        };
        let key = self.held(digest);
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
        let operation = self.operation(self.record(digest), Some(blob.size()), CONTENT_TYPE);
        for hook in &*self.store.0.hooks {
            hook.before_delete(&operation).await?;
        }
        let let_go = |held: &mut Document<Held>| {
            let holds = held.revision > 0 && !held.head.gone;
            held.head.gone = true;
            Ok((holds, holds))
        };
        let key = self.held(digest);
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

    /// Some repositories of this mount that hold a blob, or did, the first that came to; whoever asks
    /// may not even know of them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holders(&self, digest: &Digest) -> Result<Vec<Resource>> {
        let record = self.store.0.documents.read(&self.record(digest)).await?;
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
            state: State::Kept,
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
        let key = self.held(digest);
        self.store.0.documents.create(&key, hold).await
    }

    /// Looks at a blob's record once this repository holds the blob, and keeps a collection from
    /// concluding that nobody does. Where there is no record, or only one without bytes, `new` becomes
    /// it.
    async fn join_record(&self, digest: &Digest, new: Option<Record>) -> Result<Joined> {
        let home = self.home.below(&self.store.0.root);
        let home = home.ok_or_else(|| Error::internal("a repository outside its mount"))?;
        let home = serde_json::to_vec(home.as_str()).map_err(Error::internal)?;
        let (name, home): (Arc<str>, Bytes) = (self.name().into(), home.into());
        let creates = new.is_some();
        let join = move |record: &mut Document<Record>| {
            let (mut joined, mut write) = (Joined::Known(record.head.segments.clone()), false);
            if record.revision == 0 || record.head.is_gone() {
                let Some(new) = &new else {
                    return Ok((false, Joined::Gone));
                };
                record.head = new.clone();
                (joined, write) = (Joined::New, true);
            }
            if record.head.state == State::Doomed {
                record.head.state = State::Kept;
                write = true;
            }
            // The answer to an earlier attempt was lost.
            if new
                .as_ref()
                .is_some_and(|new| new.segments == record.head.segments)
            {
                joined = Joined::New;
            }
            if record.entries.len() < TOLD && !record.entries.contains_key(&name) {
                record.entries.insert(name.clone(), home.clone());
                write = true;
            }
            Ok((write, joined))
        };
        let key = self.record(digest);
        let documents = &self.store.0.documents;
        if creates {
            documents.create(&key, join).await
        } else {
            documents.change(&key, join).await
        }
    }

    fn held(&self, digest: &Digest) -> Key {
        layout::held(&self.home, digest)
    }

    fn record(&self, digest: &Digest) -> Key {
        layout::record(&self.store.0.root, digest)
    }
}

/// The folder of a repository, below the mount's, from its entry in a record.
fn home_of(entry: &[u8]) -> Result<Key> {
    let home: String = serde_json::from_slice(entry).map_err(Error::internal)?;
    Ok(Key::new(home)?)
}

/// What a repository that came to hold a blob found in its record.
#[derive(Clone)]
enum Joined {
    /// The blob was there, in these pieces.
    Known(Vec<Segment>),
    /// The record is new.
    New,
    /// There are no bytes.
    Gone,
}

/// How long a blob's record is trusted by who reads the blob.
const TRUSTED: Duration = Duration::from_secs(1);
/// How many documents or files are looked at together.
const AT_ONCE: usize = 16;
/// How many repositories a record tells of: what a mount that does not say from where looks through.
const TOLD: usize = 64;

/// How long `gc` leaves alone what it does not know to be in use, where nothing else is said.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it leaves alone bytes of uploads that nothing names yet, whatever it is told.
pub(crate) const SETTLE: Duration = Duration::from_secs(60);
