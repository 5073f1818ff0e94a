//! The end of an upload: its bytes become a blob.

use super::super::blobs::Held;
use super::{
    CONTENT_TYPE, Document, End, Finished, Piece, Received, Repo, Segment, Session, Staged, Upload,
    check_length, layout, names::is_old, read_segments, segment, settle, unknown,
};
use crate::{
    body::Body,
    digest::{Digest, MultiHasher},
    error::{Error, ErrorKind, Result},
};

impl Upload {
    pub(super) async fn end(
        self,
        digest: Digest,
        body: Body,
        piece: Piece,
        began: bool,
    ) -> Result<Finished> {
        let last = match self.last_piece(&digest, body, piece, began).await {
            // The answer to an earlier attempt was lost, and all its bytes come again.
            Err(_) if began && self.is_finished(&digest).await? => return Ok(Finished::Done),
            last => last?,
        };
        let (last, is) = match last {
            Last::Piece(last, is) => (last, is),
            Last::OutOfOrder(offset) => return Ok(Finished::OutOfOrder(offset)),
        };
        let absent = last.as_ref().is_some_and(|last| last.absent) || !began;
        let from = last.as_ref().map(|last| last.from);
        let staged = last.and_then(|last| last.staged);
        let closed = self.close(absent, digest.clone(), is, from, staged).await?;
        let (size, segments) = match closed {
            Closed::Now { size, segments } => (size, segments),
            Closed::OutOfOrder(offset) => return Ok(Finished::OutOfOrder(offset)),
            // A repetition of what was done before, or was broken off by a crash.
            Closed::Before if self.repo.blob(&digest).await?.is_some() => {
                return Ok(Finished::Done);
            }
            Closed::Before => self.broken_off(&digest).await?,
        };
        let kept = self.repo.commit_blob(&digest, size, segments.clone());
        if !kept.await? {
            self.repo.discard(&segments).await;
        }
        let record = layout::record(&self.repo.store.0.root, &digest);
        let operation = self.repo.operation(record, Some(size), CONTENT_TYPE);
        for hook in &*self.repo.store.0.hooks {
            hook.after_put(&operation).await;
        }
        Ok(Finished::Done)
    }

    /// The size and the pieces of an upload that has ended and whose blob nobody came to write.
    async fn broken_off(&self, digest: &Digest) -> Result<(u64, Vec<Segment>)> {
        let documents = &self.repo.store.0.documents;
        let held = documents
            .fresh(&layout::held(&self.repo.home, digest))
            .await?;
        // It was there, and was removed.
        if let Some(held) = held
            && held.head::<Held>()?.gone
        {
            return Err(unknown());
        }
        let session = documents.fresh(&self.key).await?.ok_or_else(unknown)?;
        let session = session.typed::<Session>()?.head;
        if !self.repo.store.are_whole(&session.segments).await? {
            return Err(unknown());
        }
        Ok((session.offset, session.segments))
    }

    /// Whether it has ended with this blob, which is still held.
    async fn is_finished(&self, digest: &Digest) -> Result<bool> {
        let documents = &self.repo.store.0.documents;
        let Some(session) = documents.fresh(&self.key).await? else {
            return Ok(false);
        };
        let end = session.typed::<Session>()?.head.end;
        let ours = matches!(end, Some(End::Finished(known)) if known == *digest);
        Ok(ours && self.repo.blob(digest).await?.is_some())
    }

    /// Receives the last piece, and hashes all bytes if that was not done as they came.
    async fn last_piece(
        &self,
        digest: &Digest,
        body: Body,
        piece: Piece,
        began: bool,
    ) -> Result<Last> {
        let same = digest.algorithm() == self.algorithm;
        if began && same && body.length() == Some(0) && piece.from.is_none() {
            // The session itself knows the digest of its bytes.
            return Ok(Last::Piece(None, None));
        }
        let session = if began { self.session().await? } else { None };
        let absent = session.is_none();
        let session = session.unwrap_or_default();
        let from = session.offset;
        if piece.from.is_some_and(|piece| piece != from) && body.length() != Some(0) {
            return Ok(Last::OutOfOrder(from));
        }
        // Before the last bytes come, since nothing names those while the others are read.
        let hasher = if from == 0 || !same {
            let hasher = MultiHasher::new(&[digest.algorithm()]);
            self.repo.hash_again(&session.segments, hasher).await?
        } else {
            session.hasher(self.algorithm)?
        };
        let hashed = hasher.clone();
        let Received { staged, broken } = self.receive(from, hasher, body).await?;
        if let Some(broken) = broken {
            return Err(broken);
        }
        check_length(piece, staged.as_ref())?;
        let hashed = staged
            .as_ref()
            .map_or(hashed, |staged| (*staged.hasher).clone());
        let is = hashed.finish().digest(digest.algorithm());
        let last = LastPiece {
            absent,
            from,
            staged,
        };
        Ok(Last::Piece(Some(Box::new(last)), Some(is)))
    }

    /// Ends the session, if its bytes and those of `staged` are the ones that `digest` names.
    async fn close(
        &self,
        absent: bool,
        digest: Digest,
        is: Option<Digest>,
        from: Option<u64>,
        staged: Option<Staged>,
    ) -> Result<Closed> {
        let last = staged.as_ref().map(segment);
        let (repo, uuid, algorithm) = (self.repo.clone(), self.uuid.clone(), self.algorithm);
        let close = move |document: &mut Document<Session>| {
            let session = &mut document.head;
            match &session.end {
                Some(End::Finished(known)) if *known == digest => {
                    // Ours, if the answer to an earlier attempt was lost.
                    let ours = last
                        .as_ref()
                        .is_some_and(|last| session.segments.contains(last));
                    let (size, segments) = (session.offset, session.segments.clone());
                    let now = Closed::Now { size, segments };
                    return Ok((false, if ours { now } else { Closed::Before }));
                }
                Some(_) => return Err(unknown()),
                None if document.revision == 0 && is_old(&uuid) => return Err(unknown()),
                None => {}
            }
            if from.is_some_and(|from| from != session.offset) {
                return Ok((false, Closed::OutOfOrder(session.offset)));
            }
            let is = match &is {
                Some(is) => is.clone(),
                None => session.digest(algorithm)?,
            };
            if is != digest {
                let message = format!("the bytes received hash to {is} and not to {digest}");
                return Err(Error::new(ErrorKind::DigestMismatch, message));
            }
            if let Some(last) = &last {
                session.push(&repo, last.clone())?;
            }
            session.state = None;
            session.end = Some(End::Finished(digest.clone()));
            let (size, segments) = (session.offset, session.segments.clone());
            Ok((true, Closed::Now { size, segments }))
        };
        let closed = self.write(absent, close).await;
        settle(staged, &closed, |closed| {
            matches!(closed, Closed::Now { .. })
        });
        closed
    }
}

/// What the last request of an upload brought.
enum Last {
    /// A piece, or nothing that has to be looked at; and the digest of all bytes, if it is known.
    Piece(Option<Box<LastPiece>>, Option<Digest>),
    /// A piece from elsewhere; the upload stands here.
    OutOfOrder(u64),
}

struct LastPiece {
    /// Whether there was no session yet.
    absent: bool,
    from: u64,
    staged: Option<Staged>,
}

/// What the end of a session came to.
enum Closed {
    Now { size: u64, segments: Vec<Segment> },
    Before,
    OutOfOrder(u64),
}

impl Repo {
    /// Reads bytes again, to hash them with another function than they were hashed with. A few uploads
    /// at a time: a small request makes the registry read much.
    async fn hash_again(
        &self,
        segments: &[Segment],
        mut hasher: MultiHasher,
    ) -> Result<MultiHasher> {
        if segments.is_empty() {
            return Ok(hasher);
        }
        let turn = self.store.0.hashing.acquire().await;
        let _turn = turn.map_err(Error::internal)?;
        let root = self.store.0.root.clone();
        let mut body = read_segments(self.storage().clone(), root, segments);
        while let Some(bytes) = body.next().await {
            hasher.update(&bytes?);
        }
        Ok(hasher)
    }
}
