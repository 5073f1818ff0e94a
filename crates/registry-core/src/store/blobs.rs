//! Blobs: bytes named by their digest, which several repositories of a mount share, each of them
//! readable only through a repository that holds it.
//!
//! A repository holds a blob by a small document of its own; the blob's *record* names its bytes and
//! the repositories that may hold it. Whoever makes a repository hold a blob writes the first, then
//! the second, and only both together count, so that what a crash left of the two holds nothing. `gc`
//! reads a record, then looks into each of its repositories, then writes the record if it is still
//! what it read: so either it sees the holder, or its write fails.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future::try_join, stream};
use serde::{Deserialize, Serialize};

use super::{Document, Repo, Resource, Snapshot, layout};
use crate::{
    body::Body,
    digest::Digest,
    error::{Error, Result},
    storage::{ByteRange, Get, GetOptions, Key, Object, Storage, StorageError},
};

/// The media type that hooks are told of blobs.
pub(super) const CONTENT_TYPE: &str = "application/octet-stream";
/// How many documents are looked at together.
pub(super) const AT_ONCE: usize = 16;

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
    /// Whether the bytes were collected.
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

    /// Opens a blob, or a part of it.
    ///
    /// # Errors
    /// A hook's veto, or when the store fails.
    pub async fn open_blob(
        &self,
        blob: &Blob,
        range: Option<ByteRange>,
        head: bool,
    ) -> Result<Object> {
        let operation = self.operation(self.record(&blob.digest)?, Some(blob.size()), CONTENT_TYPE);
        for hook in &*self.store.0.hooks {
            hook.before_get(&operation).await?;
        }
        let object = self.read_blob(blob, range, head).await?;
        for hook in &*self.store.0.hooks {
            hook.after_get(&operation).await;
        }
        Ok(object)
    }

    async fn read_blob(&self, blob: &Blob, range: Option<ByteRange>, head: bool) -> Result<Object> {
        let size = blob.size();
        let range = match range {
            Some(range) => range
                .resolve(size)
                .ok_or_else(|| Error::range_not_satisfiable(size))?,
            None => 0..size,
        };
        let mut object = Object {
            version: blob.snapshot.version.clone(),
            size,
            modified: blob.snapshot.modified,
            range: range.clone(),
            body: Body::empty(),
        };
        if head || range.is_empty() {
            return Ok(object);
        }
        // The first part is opened at once, so that bytes that are missing are an error and not an
        // answer that breaks off.
        let mut parts = parts(&blob.record.segments, range.clone());
        let (storage, root) = (self.storage().clone(), self.store.0.root.clone());
        let first = match parts.next() {
            Some(part) => open_part(&*storage, &root, part).await,
            None => Ok(Body::empty()),
        };
        let first = match first {
            Ok(first) => first,
            Err(error) => return Err(self.lost(blob, error).await?),
        };
        let rest: Vec<Part> = parts.collect();
        if rest.is_empty() {
            object.body = first;
            return Ok(object);
        }
        let rest = stream::iter(rest).then(move |part| {
            let (storage, root) = (storage.clone(), root.clone());
            async move { Ok::<_, Error>(open_part(&*storage, &root, part).await?) }
        });
        let all = stream::once(async { Ok(first) }).chain(rest).try_flatten();
        object.body = Body::from_stream(all, Some(range.end - range.start));
        Ok(object)
    }

    /// What to say of bytes that could not be opened: a blob that was removed and collected since
    /// it was looked up is not there.
    async fn lost(&self, blob: &Blob, error: StorageError) -> Result<Error> {
        if !matches!(error, StorageError::NotFound) {
            return Ok(error.into());
        }
        let key = self.record(&blob.digest)?;
        let now = self.store.0.documents.fresh(&key).await?;
        let same = now.is_some_and(|now| now.version == blob.snapshot.version);
        Ok(if same {
            Error::internal(format!("the bytes of {} are missing", blob.digest))
        } else {
            Error::not_found("the blob was removed")
        })
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
        tokio::spawn(work).await.map_err(Error::internal)?
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
            let home: String = serde_json::from_slice(home).map_err(Error::internal)?;
            Ok(Resource {
                name: name.clone(),
                home: Key::new(home)?,
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
        Ok(matches!(
            self.join_record(digest, Some(record)).await?,
            Joined::New
        ))
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
            let mut joined = Joined::Known;
            if record.revision == 0 || record.head.gone {
                let Some(new) = &new else {
                    return Ok((false, Joined::Gone));
                };
                record.head = new.clone();
                record.entries.clear();
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
        let all: Vec<(Digest, bool)> = look.try_collect().await?;
        let (held, missing): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, held)| *held);
        let digests = |all: Vec<(Digest, bool)>| all.into_iter().map(|(digest, _)| digest);
        Ok(Hold {
            repo: self.clone(),
            before,
            held: digests(held).collect(),
            missing: digests(missing).collect(),
        })
    }

    /// Says again that a blob is held, if it is; so that the record hears of it, too, if collections
    /// are `under_way`.
    async fn hold_one(&self, digest: &Digest, under_way: bool) -> Result<(Digest, bool)> {
        let held = match self.fresh_blob(digest).await? {
            Some(_) if under_way => self.join(digest).await?,
            Some(blob) => self.renew_blob(&blob).await?,
            None => false,
        };
        Ok((digest.clone(), held))
    }

    /// What collections are under way in this repository, and how many there were.
    async fn collections(&self) -> Result<Collections> {
        let key = layout::collections(&self.home)?;
        let now = self.store.0.documents.fresh(&key).await?;
        Ok(now.map_or_else(Collections::default, |now| Collections {
            revision: now.revision,
            under_way: !now.entries.is_empty(),
        }))
    }

    fn held(&self, digest: &Digest) -> Result<Key> {
        layout::held(&self.home, digest)
    }

    fn record(&self, digest: &Digest) -> Result<Key> {
        layout::record(&self.store.0.root, digest)
    }
}

/// What became of a repository's entry in a record.
#[derive(Clone, Copy)]
enum Joined {
    /// The blob was there.
    Known,
    /// The record is new.
    New,
    /// There is no such blob.
    Gone,
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
    held: Vec<Digest>,
    missing: Vec<Digest>,
}

impl Hold {
    /// The blobs that the repository does not hold.
    pub fn missing(&self) -> &[Digest] {
        &self.missing
    }

    /// Makes sure, once the document is written, that no collection that began meanwhile has taken
    /// a blob that it did not know to be named. Those that were taken are the answer; their bytes
    /// have to be sent again, and the document that names them is not to stay.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn confirm(self) -> Result<Vec<Digest>> {
        let now = self.repo.collections().await?;
        // One that begins later reads the document; one that was under way before found that its
        // blobs were written since it read them.
        if now.revision == self.before.revision {
            return Ok(Vec::new());
        }
        let mut lost = Vec::new();
        for digest in self.held {
            // That somebody says that it is held is not enough: it may be another who lost it.
            if !self.repo.join(&digest).await? {
                lost.push(digest);
            }
        }
        Ok(lost)
    }
}

impl Repo {
    /// Makes this repository hold a blob, if its bytes are still there.
    async fn join(&self, digest: &Digest) -> Result<bool> {
        self.hold_blob(digest).await?;
        Ok(!matches!(
            self.join_record(digest, None).await?,
            Joined::Gone
        ))
    }
}

/// The part of a segment that a range covers.
struct Part {
    file: String,
    range: Option<ByteRange>,
}

/// The parts of segments that make up a range of them all.
fn parts(segments: &[Segment], range: std::ops::Range<u64>) -> impl Iterator<Item = Part> + '_ {
    let mut end = 0;
    segments.iter().filter_map(move |segment| {
        let start = end;
        end += segment.size;
        let (first, last) = (range.start.max(start), range.end.min(end));
        (first < last).then(|| Part {
            file: segment.file.clone(),
            range: (last - first < segment.size)
                .then(|| ByteRange::Inclusive(first - start, last - 1 - start)),
        })
    })
}

async fn open_part(storage: &dyn Storage, root: &Key, part: Part) -> Result<Body, StorageError> {
    let key =
        layout::content(root, &part.file).map_err(|error| StorageError::Failed(error.into()))?;
    let options = GetOptions {
        range: part.range,
        ..GetOptions::default()
    };
    match storage.get(&key, options).await? {
        Get::Found(object) => Ok(object.body),
        Get::NotModified => Err(StorageError::Failed("not modified since never".into())),
    }
}

/// All bytes of segments, one after the other.
pub(super) fn read_segments(storage: Arc<dyn Storage>, root: Key, segments: &[Segment]) -> Body {
    let size = segments.iter().map(|segment| segment.size).sum();
    let all: Vec<Part> = parts(segments, 0..size).collect();
    let all = stream::iter(all).then(move |part| {
        let (storage, root) = (storage.clone(), root.clone());
        async move { Ok::<_, Error>(open_part(&*storage, &root, part).await?) }
    });
    Body::from_stream(all.try_flatten(), Some(size))
}

/// How long `gc` leaves alone what it does not know to be in use, where nothing else is said.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it leaves alone bytes of uploads that nothing names yet, whatever it is told.
pub(crate) const SETTLE: Duration = Duration::from_secs(60);
