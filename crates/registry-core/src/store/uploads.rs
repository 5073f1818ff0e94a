//! Uploads of blobs in pieces, on any replica.
//!
//! An upload begins as nothing but a signed name. Each piece is written under a key of its own; then
//! one compare-and-swap of the session adds it, with the state of the hash function after it. Of two
//! pieces for one offset, one loses. The bytes stay where they are: the blob's record comes to name
//! them.

mod finish;
mod names;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use self::names::is_expired;
use self::names::is_old;
use super::{
    Document, Repo, Snapshot, Staged,
    blobs::{CONTENT_TYPE, Segment, read_segments},
    layout,
};
use crate::{
    body::Body,
    digest::{Algorithm, Digest, MultiHasher, random_hex},
    error::{Error, ErrorKind, Result},
    storage::Key,
    task,
};

/// For what the names of uploads are signed.
const PURPOSE: &str = "upload";
/// How long an upload may go without a piece.
pub(super) const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How many pieces an upload may have.
const MAX_SEGMENTS: usize = 10_000;

/// An upload of a blob to one repository.
#[derive(Clone)]
pub struct Upload {
    repo: Repo,
    uuid: String,
    /// What the bytes are hashed with as they come.
    algorithm: Algorithm,
    name: String,
    key: Key,
    /// The most bytes of the blob.
    limit: u64,
}

/// What came of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It was added, and this is where the next begins.
    At(u64),
    /// It does not begin where the upload stands, which is here. Nothing was added.
    OutOfOrder(u64),
}

/// What came of the end of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The repository holds the blob.
    Done,
    /// The last piece does not begin where the upload stands, which is here. The upload goes on.
    OutOfOrder(u64),
}

/// A piece of an upload, as its sender announces it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins; wherever the upload stands, if it is not said.
    pub from: Option<u64>,
    /// How long it is, if that is said.
    pub length: Option<u64>,
}

/// The head of an upload's document.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Session {
    /// To be read by people; the name's signature binds an upload to its repository.
    repository: String,
    pub(super) offset: u64,
    /// The state of the hash function after the bytes so far; none before the first.
    state: Option<String>,
    pub(super) segments: Vec<Segment>,
    pub(super) end: Option<End>,
}

/// How an upload ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum End {
    /// Its bytes became this blob.
    Finished(Digest),
    /// It was given up, or forgotten.
    Dropped,
}

fn unknown() -> Error {
    Error::not_found("there is no such upload here: it was finished, cancelled, or has expired")
}

impl Session {
    /// The digest of all bytes so far.
    fn digest(&self, algorithm: Algorithm) -> Result<Digest> {
        Ok(self.hasher(algorithm)?.finish().digest(algorithm))
    }

    fn hasher(&self, algorithm: Algorithm) -> Result<MultiHasher> {
        match &self.state {
            Some(state) => MultiHasher::resume(algorithm, state),
            None => Ok(MultiHasher::new(&[algorithm])),
        }
    }

    fn push(&mut self, repo: &Repo, segment: Segment) -> Result<()> {
        if self.segments.len() >= MAX_SEGMENTS {
            let message = format!(
                "an upload may come in {MAX_SEGMENTS} pieces at most; begin again with larger ones"
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        repo.name().clone_into(&mut self.repository);
        self.offset += segment.size;
        self.segments.push(segment);
        Ok(())
    }
}

/// A piece as received.
struct Received {
    staged: Option<Staged>,
    /// Why it ended before its time.
    broken: Option<Error>,
}

impl Upload {
    /// The name by which [`Repo::find_upload`] finds it on any replica: one segment of a path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its UUID, which the name holds.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// How many bytes have come.
    ///
    /// # Errors
    /// `NotFound` when the upload has ended.
    pub async fn offset(&self) -> Result<u64> {
        Ok(self.session().await?.map_or(0, |session| session.offset))
    }

    /// Adds a piece. What of it comes before the connection is cut is kept, if the sender did not
    /// say which bytes they are. It runs to its end whatever becomes of the caller.
    ///
    /// # Errors
    /// `NotFound` when the upload has ended, `Invalid` for a piece of another length than announced
    /// or that broke off, `TooLarge`, a hook's veto, or when the store fails.
    pub async fn append(self, body: Body, piece: Piece) -> Result<Progress> {
        let work = self.take_in(body, piece);
        task::carry_through(work).await?
    }

    /// Adds the last piece, if `body` is not empty, and makes the repository hold the blob. It runs
    /// to its end whatever becomes of the caller.
    ///
    /// # Errors
    /// `DigestMismatch` when the bytes are others (the upload then stands where it stood), and what
    /// [`append`](Self::append) says.
    pub async fn finish(self, digest: Digest, body: Body, piece: Piece) -> Result<Finished> {
        let work = self.end(digest, body, piece, true);
        task::carry_through(work).await?
    }

    /// Takes in a whole blob: [`finish`](Self::finish) for an upload that has only begun.
    ///
    /// # Errors
    /// As there.
    pub async fn whole(self, digest: Digest, body: Body) -> Result<Finished> {
        let work = self.end(digest, body, Piece::default(), false);
        task::carry_through(work).await?
    }

    /// Gives the upload up; its bytes go.
    ///
    /// # Errors
    /// `NotFound` when it has ended.
    pub async fn cancel(&self) -> Result<()> {
        self.session().await?;
        let drop_it = |document: &mut Document<Session>| {
            let session = &mut document.head;
            if session.end.is_some() {
                return Err(unknown());
            }
            session.end = Some(End::Dropped);
            session.state = None;
            Ok((true, std::mem::take(&mut session.segments)))
        };
        let documents = &self.repo.store.0.documents;
        let segments = documents.create(&self.key, drop_it).await?;
        self.repo.discard(&segments).await;
        Ok(())
    }

    /// The session as it is now; `None` before the first piece.
    async fn session(&self) -> Result<Option<Session>> {
        let now = self.repo.store.0.documents.fresh(&self.key).await?;
        let Some(now) = now else {
            // Without a session only the name tells how old it is.
            return if is_old(&self.uuid) {
                Err(unknown())
            } else {
                Ok(None)
            };
        };
        open(&now).map(Some)
    }

    async fn take_in(self, body: Body, piece: Piece) -> Result<Progress> {
        let session = self.session().await?;
        let absent = session.is_none();
        let session = session.unwrap_or_default();
        if piece.from.is_some_and(|from| from != session.offset) {
            return Ok(Progress::OutOfOrder(session.offset));
        }
        let hasher = session.hasher(self.algorithm)?;
        let Received { staged, broken } = self.receive(session.offset, hasher, body).await?;
        // Of a piece whose place was said, all or nothing: its sender sends it again.
        if let Some(broken) = broken.clone().filter(|_| piece.from.is_some()) {
            return Err(broken);
        }
        if broken.is_none() {
            check_length(piece, staged.as_ref())?;
        }
        let progress = match staged {
            Some(staged) => self.extend(absent, session.offset, staged).await?,
            None => Progress::At(session.offset),
        };
        broken.map_or(Ok(progress), Err)
    }

    /// Writes the bytes of a piece that begins at `from`; `hasher` goes on over them.
    async fn receive(&self, from: u64, hasher: MultiHasher, mut body: Body) -> Result<Received> {
        let left = self.limit.saturating_sub(from);
        if body.length().is_some_and(|announced| announced > left) {
            let message = format!("a blob may have {} bytes at most", self.limit);
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let mut first = None;
        while first.as_ref().is_none_or(bytes::Bytes::is_empty) {
            match body.next().await {
                Some(Ok(bytes)) => first = Some(bytes),
                end => {
                    return Ok(Received {
                        staged: None,
                        broken: end.and_then(Result::err),
                    });
                }
            }
        }
        let unique = random_hex::<16>()?;
        let key = layout::content(&self.repo.store.0.root, &unique)?;
        let operation = self.repo.operation(key, body.length(), CONTENT_TYPE);
        let take = (Box::new(hasher), left);
        let names = (unique.clone(), unique);
        let mut writer = self.repo.stage_at(names, operation, take).await?;
        let mut broken = None;
        let mut next = first.map(Ok);
        while let Some(bytes) = next {
            match bytes {
                Ok(bytes) => writer.write(bytes).await?,
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
            next = body.next().await;
        }
        Ok(Received {
            staged: Some(writer.finish().await?),
            broken,
        })
    }

    /// Adds a piece to the session, if that still stands where the piece begins.
    async fn extend(&self, absent: bool, from: u64, staged: Staged) -> Result<Progress> {
        let segment = segment(&staged);
        let state = staged.hasher.state(self.algorithm);
        let (repo, uuid) = (self.repo.clone(), self.uuid.clone());
        let add = move |document: &mut Document<Session>| {
            let session = &mut document.head;
            if session.segments.contains(&segment) {
                // The answer to an earlier attempt was lost.
                return Ok((false, Progress::At(session.offset)));
            }
            if session.end.is_some() || (document.revision == 0 && is_old(&uuid)) {
                return Err(unknown());
            }
            if session.offset != from {
                return Ok((false, Progress::OutOfOrder(session.offset)));
            }
            session.push(&repo, segment.clone())?;
            session.state.clone_from(&state);
            Ok((true, Progress::At(session.offset)))
        };
        let added = self.write(absent, add).await;
        let lands = |progress: &Progress| matches!(progress, Progress::At(_));
        settle(Some(staged), &added, lands);
        added
    }

    async fn write<R: Send + 'static>(
        &self,
        absent: bool,
        change: impl FnMut(&mut Document<Session>) -> Result<(bool, R)> + Send + 'static,
    ) -> Result<R> {
        let documents = &self.repo.store.0.documents;
        if absent {
            documents.create(&self.key, change).await
        } else {
            documents.change(&self.key, change).await
        }
    }
}

/// The session in a document, if it goes on.
fn open(snapshot: &Snapshot) -> Result<Session> {
    let document = snapshot.typed::<Session>()?;
    if document.head.end.is_some() || is_expired(document.modified) {
        return Err(unknown());
    }
    Ok(document.head)
}

fn segment(staged: &Staged) -> Segment {
    Segment {
        file: staged.file().to_owned(),
        size: staged.size(),
    }
}

fn check_length(piece: Piece, staged: Option<&Staged>) -> Result<()> {
    let is = staged.map_or(0, Staged::size);
    match piece.length {
        Some(length) if length != is => Err(Error::invalid(format!(
            "{length} bytes were announced and {is} came"
        ))),
        _ => Ok(()),
    }
}

/// Keeps a piece's bytes if the session names them, or may: whether a write landed is not known
/// when the store is failing, and then `gc` judges.
fn settle<R>(staged: Option<Staged>, end: &Result<R>, lands: impl Fn(&R) -> bool) {
    let keep = match end {
        Ok(value) => lands(value),
        Err(error) => matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal),
    };
    if let Some(mut staged) = staged.filter(|_| keep) {
        staged.keep();
    }
}

impl Repo {
    /// Deletes bytes that nothing names any more. Best effort: what stays is for `gc`.
    async fn discard(&self, segments: &[Segment]) {
        self.store.discard_segments(segments).await;
    }
}
