//! The reading side of a log: a fold over its entries, kept up to date.

use std::{
    any::Any,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::StreamExt;

use super::{
    documents::Documents,
    log::{LogEntry, SEAL, read_chunk},
};
use crate::{
    digest::random_hex,
    error::{Error, Result},
    storage::{Get, GetOptions, Key, Version},
};

/// The least that a log grows between two checkpoints, in bytes.
const CHECKPOINT_LEAST: usize = 1 << 20;
/// The last line of a checkpoint that was written to its end.
const END: &str = "{\"end\":true}";
/// The size of a piece of a checkpoint as it is written, in bytes.
const PIECE: usize = 256 << 10;

/// A view of a whole mount, made of the log's entries: a search index, a list of names.
pub trait Fold: Any + Send + Sync {
    /// What checkpoints of it are called; to be changed with the form of what it makes of entries.
    fn name(&self) -> &'static str;

    /// Takes in one entry. The last one about a package holds.
    ///
    /// # Errors
    /// When the entry is damaged.
    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()>;

    /// The revision of the last entry about a package.
    fn revision(&self, name: &str) -> Option<u64>;

    /// Entries that make the same fold when applied to an empty one.
    ///
    /// # Errors
    /// What `to` says.
    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()>;
}

/// A fold and how far it has read.
pub(crate) struct View {
    documents: Documents,
    folder: Key,
    state: RwLock<State>,
    started: AtomicU64,
    position: tokio::sync::Mutex<Position>,
}

struct State {
    fold: Box<dyn Fold>,
    /// How many times it took in lines: what is made of it is the same while this is.
    changes: u64,
}

#[derive(Default)]
struct Position {
    /// The number of the last look at the log that finished.
    finished: u64,
    loaded: bool,
    chunk: u64,
    offset: usize,
    version: Option<Version>,
    since_checkpoint: usize,
    checkpoint_size: usize,
}

impl View {
    pub(crate) fn new(documents: Documents, folder: Key, fold: Box<dyn Fold>) -> Self {
        Self {
            documents,
            folder,
            state: RwLock::new(State { fold, changes: 0 }),
            started: AtomicU64::new(0),
            position: tokio::sync::Mutex::default(),
        }
    }

    /// Looks at the fold as it stands.
    ///
    /// # Errors
    /// When the fold is not an `F`.
    pub(crate) fn look<F: Fold, R>(&self, look: impl FnOnce(&F) -> R) -> Result<R> {
        Ok(self.look_at(look)?.1)
    }

    /// The same, with a number that stays as it is while the fold does.
    ///
    /// # Errors
    /// When the fold is not an `F`.
    pub(crate) fn look_at<F: Fold, R>(&self, look: impl FnOnce(&F) -> R) -> Result<(u64, R)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let fold: &dyn Any = &*state.fold;
        let fold = fold
            .downcast_ref::<F>()
            .ok_or_else(|| Error::internal("another fold"))?;
        Ok((state.changes, look(fold)))
    }

    pub(crate) fn revision(&self, name: &str) -> Option<u64> {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .fold
            .revision(name)
    }

    /// Takes in all that was appended before this call.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Result<()> {
        let seen = self.started.load(Ordering::SeqCst);
        let mut position = self.position.lock().await;
        if position.finished > seen {
            return Ok(()); // one that started after this call came is done
        }
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        if !position.loaded {
            self.load(&mut position).await?;
            position.loaded = true;
        }
        self.follow(&mut position).await?;
        position.finished = number;
        Ok(())
    }

    async fn follow(self: &Arc<Self>, position: &mut Position) -> Result<()> {
        let storage = self.documents.storage().clone();
        while let Some((version, bytes)) = read_chunk(
            &*storage,
            &self.folder,
            position.chunk,
            position.version.as_ref(),
        )
        .await?
        {
            let sealed = bytes.ends_with(SEAL);
            let end = bytes.len() - if sealed { SEAL.len() } else { 0 };
            let news = bytes.get(position.offset..end).ok_or_else(|| {
                Error::internal(format!(
                    "chunk {} of {} shrank",
                    position.chunk, self.folder
                ))
            })?;
            self.apply(news);
            position.since_checkpoint += news.len();
            if !sealed {
                position.offset = end;
                position.version = Some(version);
                return Ok(());
            }
            position.chunk += 1;
            position.offset = 0;
            position.version = None;
            if position.since_checkpoint >= CHECKPOINT_LEAST.max(position.checkpoint_size) {
                self.checkpoint(position)?;
            }
        }
        Ok(())
    }

    /// Takes in lines. One that is damaged is passed over: to stop at it would keep all that follows
    /// out of the view for good, whereas a package whose entry is missing is healed.
    fn apply(&self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.changes += 1;
        for line in lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let entry = serde_json::from_slice(line).map_err(Error::internal);
            if let Err(error) = entry.and_then(|entry| state.fold.apply(entry)) {
                tracing::error!(folder = %self.folder, ?error, "an entry of the log is damaged");
            }
        }
    }

    fn checkpoints(&self) -> Result<Key> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(self
            .folder
            .join(format!("checkpoint/{}", state.fold.name()))?)
    }

    /// Starts from the newest whole checkpoint, if there is one.
    async fn load(&self, position: &mut Position) -> Result<()> {
        let storage = self.documents.storage().clone();
        let mut all = Vec::new();
        let mut listed = storage.list(Some(&self.checkpoints()?), None);
        while let Some(entry) = listed.next().await {
            all.push(entry?.key);
        }
        for key in all.into_iter().rev() {
            let Some(chunk) = key.name().get(..10).and_then(|number| number.parse().ok()) else {
                continue;
            };
            let Get::Found(mut object) = storage.get(&key, GetOptions::default()).await? else {
                continue;
            };
            if !self.ends_well(&key, object.size).await? {
                continue;
            }
            let mut rest = Vec::new();
            while let Some(piece) = object.body.next().await {
                rest.extend_from_slice(&piece?);
                let whole = memchr::memrchr(b'\n', &rest).map_or(0, |at| at + 1);
                let lines: Vec<u8> = rest.drain(..whole).collect();
                self.apply(
                    lines
                        .strip_suffix(format!("{END}\n").as_bytes())
                        .unwrap_or(&lines),
                );
            }
            position.chunk = chunk;
            position.checkpoint_size = usize::try_from(object.size).unwrap_or(usize::MAX);
            return Ok(());
        }
        Ok(())
    }

    /// Whether a checkpoint was written to its end.
    async fn ends_well(&self, key: &Key, size: u64) -> Result<bool> {
        let end = format!("{END}\n");
        if size < end.len() as u64 {
            return Ok(false);
        }
        let range = Some(crate::storage::ByteRange::Last(end.len() as u64));
        let options = GetOptions {
            range,
            ..Default::default()
        };
        let Get::Found(object) = self.documents.storage().get(key, options).await? else {
            return Ok(false);
        };
        Ok(object.body.collect(end.len()).await? == end)
    }

    /// Writes the fold as it stands, at the start of a chunk, in the background.
    fn checkpoint(&self, position: &mut Position) -> Result<()> {
        let mut pieces = vec![Vec::new()];
        let mut size = 0;
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            state.fold.save(&mut |entry| {
                if pieces
                    .last()
                    .is_none_or(|piece: &Vec<u8>| piece.len() >= PIECE)
                {
                    pieces.push(Vec::with_capacity(PIECE + 1024));
                }
                if let Some(piece) = pieces.last_mut() {
                    serde_json::to_writer(&mut *piece, &entry).map_err(Error::internal)?;
                    piece.push(b'\n');
                }
                Ok(())
            })?;
            size += pieces.iter().map(Vec::len).sum::<usize>();
        }
        pieces.push(format!("{END}\n").into_bytes());
        position.since_checkpoint = 0;
        position.checkpoint_size = size;
        let name = format!("{:010}-{}", position.chunk, random_hex::<4>()?);
        let key = self.checkpoints()?.join(name)?;
        let storage = self.documents.storage().clone();
        tokio::spawn(async move {
            let written: Result<()> = async {
                let mut upload = storage.upload(&key).await?;
                for piece in pieces {
                    upload.write(Bytes::from(piece)).await?;
                }
                upload.finish().await?;
                Ok(())
            }
            .await;
            if let Err(error) = written {
                tracing::warn!(%key, ?error, "a checkpoint of the log was not written");
            }
        });
        Ok(())
    }
}
