//! The log of a mount: which packages changed, in one order that every replica agrees on.
//!
//! Entries are lines of JSON in numbered chunks. The last chunk grows by compare-and-swap; a full
//! one ends with a seal, after which the next may be created and the sealed one never changes.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{
    catalog::Catalog,
    documents::{Documents, lock, pause},
};
use crate::{
    error::{Error, ErrorKind, Result},
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
/// The longest line that is written, in bytes. A chunk that is not full, as much again and one such
/// line still can be read.
const MAX_LINE: usize = 4 << 20;
/// How many documents are read at once for an append. The longer they take, the likelier another
/// writer is faster.
const AT_ONCE: usize = 64;

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
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) key: Key,
    /// Whether entries about it may be lost.
    pub(crate) anew: bool,
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
    waiting: Vec<Waiting>,
    /// A chunk that exists, or that comes next: where the next leader looks from.
    number: Option<u64>,
}

type Waiting = (Topic, oneshot::Sender<Result<()>>);

/// What an append writes, and for which topics: their line is there, or why it is not.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    told: HashMap<Topic, Result<()>>,
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

    /// Appends what the document of `topic` says now. Shares its write with all who wait.
    pub(crate) async fn append(&self, topic: Topic) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        {
            let mut lane = lock(&self.0.lane);
            lane.waiting.push((topic, reply));
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
        let mut last = Known {
            tail: None,
            number: lock(&self.0.lane).number,
        };
        let mut group = Vec::new();
        loop {
            {
                let mut lane = lock(&self.0.lane);
                lane.number = last.number;
                group.append(&mut lane.waiting);
                if group.is_empty() {
                    lane.led = false;
                    return;
                }
            }
            let end = self.append(&mut last, &group).await;
            for (topic, reply) in std::mem::take(&mut group) {
                let end = match &end {
                    Ok(told) => told.get(&topic).cloned(),
                    Err(error) => Some(Err(error.clone())),
                };
                match end {
                    // Whoever went away does not want the answer.
                    Some(end) => drop(reply.send(end)),
                    // There was no room for it; it is the first of the next write.
                    None => group.push((topic, reply)),
                }
            }
        }
    }

    /// Appends a line for as many of the topics as fit into one write, the first of them at
    /// least, and says which.
    async fn append(
        &self,
        last: &mut Known,
        group: &[Waiting],
    ) -> Result<HashMap<Topic, Result<()>>> {
        let give_up = Instant::now() + PATIENCE;
        for round in 0u32.. {
            // The order matters: first the chunk, then the documents, then the write.
            let tail = match last.tail.take() {
                Some(tail) => tail,
                None => self.0.tail(last.number).await?,
            };
            last.number = Some(tail.number);
            let Lines { bytes, told } = self.0.lines(group).await?;
            if bytes.is_empty() {
                last.tail = Some(tail);
                return Ok(told);
            }
            match self.0.extend(tail, &bytes).await {
                Ok(Some(next)) => {
                    last.number = Some(next.number);
                    last.tail = Some(next);
                    return Ok(told);
                }
                Ok(None) => {}
                Err(error) if is_full(&error) || Instant::now() > give_up => return Err(error),
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

    /// What the documents say now, a line each, of as many of the group as make a chunk.
    async fn lines(&self, group: &[Waiting]) -> Result<Lines> {
        let mut seen = HashSet::new();
        let topics = group.iter().map(|(topic, _)| topic);
        let topics: Vec<Topic> = topics
            .filter(|topic| seen.insert(*topic))
            .cloned()
            .collect();
        let read = topics.into_iter().map(|topic| async move {
            let line = self.line(&topic).await;
            (topic, line)
        });
        let mut read = stream::iter(read).buffered(AT_ONCE);
        let mut lines = Lines::default();
        while lines.bytes.len() < self.chunk_size()
            && let Some((topic, line)) = read.next().await
        {
            let end = match line {
                Ok(line) => {
                    lines.bytes.extend_from_slice(&line);
                    Ok(())
                }
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                // A damaged document does not keep others out of the log.
                Err(error) => Err(error),
            };
            lines.told.insert(topic, end);
        }
        Ok(lines)
    }

    /// What a document says now; empty when there is none.
    async fn line(&self, topic: &Topic) -> Result<Vec<u8>> {
        let Some(snapshot) = self.documents.fresh(&topic.key).await? else {
            return Ok(Vec::new());
        };
        let data = match topic.anew {
            true => self.catalog.entry_anew(&topic.name, &snapshot.document)?,
            false => self.catalog.entry(&topic.name, &snapshot.document)?,
        };
        let entry = LogEntry {
            name: Cow::Borrowed(&*topic.name),
            revision: snapshot.document.revision,
            data: &data,
        };
        let mut line = serde_json::to_vec(&entry).map_err(Error::internal)?;
        line.push(b'\n');
        if line.len() > MAX_LINE {
            let (name, length) = (&topic.name, line.len());
            return Err(Error::internal(format!(
                "what the log is to say of {name} has {length} bytes, more than {MAX_LINE}"
            )));
        }
        Ok(line)
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

/// Whether there is no room, which waiting does not make.
fn is_full(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let storage = source.and_then(|source| source.downcast_ref());
    matches!(storage, Some(StorageError::Full(_)))
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
