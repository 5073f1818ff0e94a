//! The log of a mount: which packages changed, in one order that every replica agrees on.
//!
//! Entries are lines of JSON in numbered chunks. The last chunk grows by compare-and-swap; a full
//! one ends with a seal, after which the next may be created and the sealed one never changes.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{
    catalog::Catalog,
    documents::{Documents, lock, pause},
};
use crate::{
    error::{Error, Result},
    storage::{Get, GetOptions, Key, PutMode, Storage, StorageError, Version},
};

/// The last line of a full chunk.
pub(crate) const SEAL: &[u8] = b"{\"sealed\":true}\n";
/// How long an append is tried against other writers and a failing store.
const PATIENCE: Duration = Duration::from_secs(30);
/// The size at which a chunk is sealed, on a directory and on a bucket, in bytes.
const CHUNK_LOCAL: usize = 32 << 10;
const CHUNK_REMOTE: usize = 256 << 10;
/// The largest chunk that is read, in bytes.
pub(crate) const MAX_CHUNK: usize = 16 << 20;

/// A line of the log: the state of one package after a change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogEntry<'a> {
    /// The package.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The revision of its document.
    pub revision: u64,
    /// What views need to know of it, as the protocol wrote it.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// The name and the document that an append speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) name: Arc<str>,
    pub(crate) key: Key,
}

/// The writing side of a log.
#[derive(Clone)]
pub(crate) struct Log(Arc<Inner>);

struct Inner {
    documents: Documents,
    catalog: Arc<dyn Catalog>,
    folder: Key,
    lane: Mutex<Lane>,
}

#[derive(Default)]
struct Lane {
    led: bool,
    waiting: Vec<(Subject, oneshot::Sender<Result<()>>)>,
}

/// The last chunk as this process last saw it.
#[derive(Default)]
struct Tail {
    number: u64,
    version: Option<Version>,
    bytes: Vec<u8>,
}

/// What the leader knows of the end of the log.
#[derive(Default)]
struct Known {
    /// The last chunk, if nobody else has changed it.
    tail: Option<Tail>,
    /// A chunk that exists, or that comes next: where to look from.
    number: Option<u64>,
}

impl Log {
    pub(crate) fn new(documents: Documents, catalog: Arc<dyn Catalog>, folder: Key) -> Self {
        Self(Arc::new(Inner {
            documents,
            catalog,
            folder,
            lane: Mutex::default(),
        }))
    }

    /// Appends what the document of `subject` says now. Shares its write with all who wait.
    pub(crate) async fn append(&self, subject: Subject) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        {
            let mut lane = lock(&self.0.lane);
            lane.waiting.push((subject, reply));
            if !lane.led {
                lane.led = true;
                tokio::spawn(Leader(self.0.clone()).lead());
            }
        }
        answer
            .await
            .map_err(|_| Error::internal("the log's writer broke off"))?
    }
}

struct Leader(Arc<Inner>);

impl Drop for Leader {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut lane = lock(&self.0.lane);
            lane.led = false;
            lane.waiting.clear();
        }
    }
}

impl Leader {
    async fn lead(self) {
        let mut tail = Known::default();
        loop {
            let group = {
                let mut lane = lock(&self.0.lane);
                if lane.waiting.is_empty() {
                    lane.led = false;
                    return;
                }
                std::mem::take(&mut lane.waiting)
            };
            let (subjects, replies): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let end = self.append(&mut tail, &subjects).await;
            for reply in replies {
                // Whoever went away does not want the answer.
                drop(reply.send(end.clone()));
            }
        }
    }

    async fn append(&self, last: &mut Known, subjects: &[Subject]) -> Result<()> {
        let give_up = Instant::now() + PATIENCE;
        for round in 0u32.. {
            // The order matters: first the chunk, then the documents, then the write.
            let tail = match last.tail.take() {
                Some(tail) => tail,
                None => self.0.tail(last.number).await?,
            };
            last.number = Some(tail.number);
            let lines = self.0.lines(subjects).await?;
            if lines.is_empty() {
                last.tail = Some(tail);
                return Ok(());
            }
            match self.0.extend(tail, &lines).await {
                Ok(Some(next)) => {
                    last.tail = Some(next);
                    return Ok(());
                }
                Ok(None) => {}
                Err(error) if Instant::now() > give_up => return Err(error),
                Err(error) => {
                    tracing::warn!(?error, "the log did not take an append; trying again")
                }
            }
            if Instant::now() > give_up {
                return Err(Error::unavailable(
                    "other writers of the log were always faster",
                ));
            }
            pause(round).await;
        }
        Err(Error::internal("unreachable"))
    }
}

impl Inner {
    fn chunk_size(&self) -> usize {
        if self.documents.storage().profile().local {
            CHUNK_LOCAL
        } else {
            CHUNK_REMOTE
        }
    }

    /// What the documents say now, a line each.
    async fn lines(&self, subjects: &[Subject]) -> Result<Vec<u8>> {
        let mut lines = Vec::new();
        let unique: HashMap<&Subject, ()> = subjects.iter().map(|subject| (subject, ())).collect();
        for subject in unique.into_keys() {
            let Some(snapshot) = self.documents.read(&subject.key).await? else {
                continue;
            };
            let data = self.catalog.entry(&subject.name, &snapshot.document)?;
            let entry = LogEntry {
                name: Cow::Borrowed(&*subject.name),
                revision: snapshot.document.revision,
                data: &data,
            };
            serde_json::to_writer(&mut lines, &entry).map_err(Error::internal)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }

    /// The last chunk: the newest, or the one to come after it if it is sealed.
    async fn tail(&self, from: Option<u64>) -> Result<Tail> {
        let storage = self.documents.storage();
        let mut number = match from {
            Some(number) => number,
            None => newest_chunk(&**storage, &self.folder).await?,
        };
        loop {
            let Some(chunk) = read_chunk(&**storage, &self.folder, number, None).await? else {
                return Ok(Tail {
                    number,
                    ..Tail::default()
                });
            };
            let (version, bytes) = chunk;
            if !bytes.ends_with(SEAL) {
                return Ok(Tail {
                    number,
                    version: Some(version),
                    bytes: bytes.to_vec(),
                });
            }
            number += 1;
        }
    }

    /// Adds lines to the last chunk; `None` when another writer was faster.
    async fn extend(&self, tail: Tail, lines: &[u8]) -> Result<Option<Tail>> {
        let Tail {
            number,
            version,
            mut bytes,
        } = tail;
        bytes.extend_from_slice(lines);
        let full = bytes.len() >= self.chunk_size();
        if full {
            bytes.extend_from_slice(SEAL);
        }
        let key = chunk_key(&self.folder, number)?;
        let mode = version.map_or(PutMode::Create, PutMode::Update);
        let storage = self.documents.storage();
        let version = match storage
            .put(&key, Bytes::copy_from_slice(&bytes), mode)
            .await
        {
            Ok(version) => version,
            Err(StorageError::Precondition | StorageError::Unavailable(_)) => {
                // Ours may have landed all the same: chunks only grow, so it would be a prefix.
                match read_chunk(&**storage, &self.folder, number, None).await? {
                    Some((version, now)) if now == bytes => version,
                    Some((_, now)) if now.starts_with(&bytes) => {
                        return Ok(Some(self.tail(Some(number)).await?));
                    }
                    _ => return Ok(None),
                }
            }
            Err(error) => return Err(error.into()),
        };
        if full {
            return Ok(Some(Tail {
                number: number + 1,
                ..Tail::default()
            }));
        }
        Ok(Some(Tail {
            number,
            version: Some(version),
            bytes,
        }))
    }
}

/// The key of a chunk.
pub(crate) fn chunk_key(folder: &Key, number: u64) -> Result<Key> {
    Ok(folder.join(format!("{number:010}"))?)
}

/// The highest number in use, or 0.
async fn newest_chunk(storage: &dyn Storage, folder: &Key) -> Result<u64> {
    let mut newest = 0;
    let mut listed = storage.list(Some(folder), None);
    while let Some(entry) = listed.next().await {
        // Checkpoints lie below the chunks, in a folder whose name sorts after every number.
        let entry = entry?;
        let Ok(number) = entry.key.name().parse() else {
            break;
        };
        newest = number;
    }
    Ok(newest)
}

/// A chunk and its version; `None` when it does not exist or still has the version `known`.
pub(crate) async fn read_chunk(
    storage: &dyn Storage,
    folder: &Key,
    number: u64,
    known: Option<&Version>,
) -> Result<Option<(Version, Bytes)>> {
    let options = GetOptions {
        if_none_match: known.cloned(),
        ..Default::default()
    };
    match storage.get(&chunk_key(folder, number)?, options).await {
        Ok(Get::Found(object)) => Ok(Some((
            object.version,
            object.body.collect(MAX_CHUNK).await?,
        ))),
        Ok(Get::NotModified) | Err(StorageError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
