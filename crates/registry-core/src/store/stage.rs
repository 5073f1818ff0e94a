//! Bytes on their way in: hashed as they stream, written once under a key of their own, and
//! forgotten unless a document comes to name them.

use std::{
    io::{self, Read},
    sync::{Arc, LazyLock},
    thread,
};

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};

use super::{
    catalog::StoredBytes,
    hooks::{Actor, Inspector, Operation},
    places::Places,
};
use crate::{
    digest::{Algorithm, Digests, MultiHasher},
    error::{Error, ErrorKind, Result},
    storage::{Key, Storage, Upload},
};

/// Smaller pieces than this are gathered before they are handed to the store, in bytes.
const PIECE: usize = 16 << 10;

/// What is said of bytes before they come.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The file's name without what makes it unique, such as `left-pad-1.0.0`.
    pub stem: &'a str,
    /// What follows the part that makes it unique, such as `.tgz`.
    pub extension: &'a str,
    /// The media type.
    pub content_type: &'static str,
    /// The size, if it was announced.
    pub size: Option<u64>,
    /// The most bytes that are taken.
    pub limit: u64,
    /// Which digests to compute.
    pub digests: &'a [Algorithm],
}

/// Takes in the bytes of one artifact.
pub struct StageWriter {
    upload: Box<dyn Upload>,
    hasher: Box<MultiHasher>,
    inspectors: Vec<Box<dyn Inspector>>,
    buffer: BytesMut,
    size: u64,
    limit: u64,
    file: String,
    unique: String,
    pub(crate) operation: Operation,
    storage: Arc<dyn Storage>,
}

/// Bytes that are written and durable, and that no document names yet. Dropped without a commit,
/// they are deleted.
#[derive(Debug)]
pub struct Staged {
    file: String,
    unique: String,
    size: u64,
    digests: Digests,
    /// What hashed the bytes, to hash those that follow.
    pub(crate) hasher: Box<MultiHasher>,
    pub(crate) operation: Operation,
    storage: Option<Arc<dyn Storage>>,
}

impl StageWriter {
    /// A writer of the first of `names`, which holds the second and with it is like no other.
    pub(crate) fn new(
        upload: Box<dyn Upload>,
        storage: Arc<dyn Storage>,
        (file, unique): (String, String),
        (hasher, limit): (Box<MultiHasher>, u64),
        operation: Operation,
        inspectors: Vec<Box<dyn Inspector>>,
    ) -> Self {
        Self {
            upload,
            hasher,
            inspectors,
            buffer: BytesMut::new(),
            size: 0,
            limit,
            file,
            unique,
            operation,
            storage,
        }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] beyond the limit, a hook's veto, or a failure of the store.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            let limit = self.limit;
            let message = format!("an artifact may have {limit} bytes at most");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        self.hasher.update(&bytes);
        for inspector in &mut self.inspectors {
            inspector.feed(&bytes)?;
        }
        if bytes.len() < PIECE {
            self.buffer.reserve(PIECE);
            self.buffer.extend_from_slice(&bytes);
            if self.buffer.len() < PIECE {
                return Ok(());
            }
            return self.flush().await;
        }
        self.flush().await?;
        Ok(self.upload.write(bytes).await?)
    }

    /// Hands over what was gathered.
    async fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = self.buffer.split().freeze();
        Ok(self.upload.write(piece).await?)
    }

    /// Makes the bytes durable.
    ///
    /// # Errors
    /// A hook's veto, or a failure of the store.
    pub async fn finish(mut self) -> Result<Staged> {
        for inspector in &mut self.inspectors {
            inspector.finish()?;
        }
        self.flush().await?;
        self.operation.size = Some(self.size);
        // From here on the bytes may exist: whatever happens, they are not left behind.
        let staged = Staged {
            file: self.file,
            unique: self.unique,
            size: self.size,
            digests: (*self.hasher).clone().finish(),
            hasher: self.hasher,
            operation: self.operation,
            storage: Some(self.storage),
        };
        self.upload.finish().await?;
        Ok(staged)
    }
}

impl Staged {
    /// The file, below the resource's folder.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What of the file's name no other has.
    pub(crate) fn unique(&self) -> &str {
        &self.unique
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digests asked for.
    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    /// What a document keeps to name the bytes by, with the digest of `algorithm`.
    pub fn stored(&self, algorithm: Algorithm) -> StoredBytes {
        StoredBytes {
            file: self.file.clone(),
            size: self.size,
            algorithm,
            digest: self.digests.hex(algorithm),
        }
    }

    /// A document names the bytes now: they stay.
    pub(crate) fn keep(&mut self) {
        self.storage = None;
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let Some(storage) = self.storage.take() else {
            return;
        };
        let key: Key = self.operation.key.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = storage.delete(&key).await {
                tracing::warn!(%key, ?error, "bytes that nothing names were not deleted; gc will");
            }
        });
    }
}

/// How many inspections run at once; more wait.
const INSPECTIONS: usize = 256;
static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(INSPECTIONS));

/// A look into bytes as they stream, by code that reads: it runs on a thread of its own and is fed
/// through a short queue, so that an archive is checked without ever being whole in memory.
///
/// The thread is none of the runtime's: it waits for the client, who may be slow, and as soon as all
/// threads for blocking work did that, nobody would be left to write the bytes that it waits for.
pub struct Inspection<T> {
    feed: Option<mpsc::Sender<Bytes>>,
    verdict: oneshot::Receiver<Result<T>>,
}

impl<T: Send + 'static> Inspection<T> {
    /// Starts `inspect` on the bytes that will be fed, once there is a place for it among those of `actor`.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`] when there are too many of the actor's,
    /// [`ErrorKind::Unavailable`] when there are too many, or no thread can be had.
    pub async fn start(
        actor: &Actor,
        inspect: impl FnOnce(&mut dyn Read) -> Result<T> + Send + 'static,
    ) -> Result<Self> {
        let place = PLACES.take(actor).await?;
        let (feed, queue) = mpsc::channel(4);
        let (say, verdict) = oneshot::channel();
        let work = move || {
            let mut queue = Queue {
                queue,
                current: Bytes::new(),
            };
            let said = inspect(&mut queue);
            // It is over, though the client may still be sending.
            drop(place);
            // Whoever went away does not want the verdict.
            drop(say.send(said));
        };
        let thread = thread::Builder::new().name("inspect".into());
        thread.spawn(work).map_err(Error::unavailable)?;
        Ok(Self {
            feed: Some(feed),
            verdict,
        })
    }

    /// Starts `inspect` as [`start`](Self::start) does, and gives it what it can hand on messages by, to
    /// be taken in while it is fed.
    ///
    /// # Errors
    /// As there.
    pub async fn start_telling<M: Send + 'static>(
        actor: &Actor,
        inspect: impl FnOnce(&mut dyn Read, &Teller<M>) -> Result<T> + Send + 'static,
    ) -> Result<(Self, Told<M>)> {
        let (say, told) = mpsc::channel(4);
        let teller = Teller(say);
        let inspection = Self::start(actor, move |reader: &mut dyn Read| inspect(reader, &teller));
        Ok((inspection.await?, Told(told)))
    }

    /// Feeds more bytes. Code that has seen enough, or too much, takes no more; that is no error
    /// until [`finish`](Self::finish).
    pub async fn feed(&mut self, bytes: Bytes) {
        if let Some(feed) = &self.feed
            && feed.send(bytes).await.is_err()
        {
            self.feed = None;
        }
    }

    /// Ends the bytes and takes the verdict.
    ///
    /// # Errors
    /// What the code said.
    pub async fn finish(mut self) -> Result<T> {
        self.feed = None;
        self.verdict.await.map_err(Error::internal)?
    }
}

/// Hands on what an [`Inspection`] finds.
pub struct Teller<M>(mpsc::Sender<M>);

impl<M> Teller<M> {
    /// Hands on a message; waits until there is room for it.
    ///
    /// # Errors
    /// When nobody takes it in any more.
    pub fn tell(&self, message: M) -> Result<()> {
        let sent = self.0.blocking_send(message);
        sent.map_err(|_| Error::internal("nobody takes in what is told"))
    }
}

/// What an [`Inspection`] hands on.
pub struct Told<M>(mpsc::Receiver<M>);

impl<M> Told<M> {
    /// The next message; nothing once the code has ended.
    pub async fn next(&mut self) -> Option<M> {
        self.0.recv().await
    }
}

struct Queue {
    queue: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Read for Queue {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.queue.blocking_recv() {
                Some(bytes) => self.current = bytes,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many are refused while their clients go on sending, there is room for more.
    #[tokio::test]
    async fn a_refused_inspection_takes_no_place() {
        let mut refused = Vec::new();
        for _ in 0..=INSPECTIONS {
            let refuse = |_: &mut dyn Read| Err::<(), _>(Error::invalid("no"));
            let actor = Actor::default();
            refused.push(Inspection::start(&actor, refuse).await.unwrap());
        }
        for inspection in refused {
            assert_eq!(inspection.finish().await.unwrap_err().message(), "no");
        }
    }
}
