//! Streamed writes to fresh files.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    mem,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
};

use super::{ambiguous, blocking, failed, sync, version, write};
use crate::storage::{StorageError, Upload, Version};

/// How much is gathered before it is written, at least.
///
/// It is gathered by copying: pieces that are held on to keep the far larger buffers alive that they
/// were read into.
const BATCH: usize = 256 << 10;

/// How much is gathered while what came before it is still being written; then the sender waits.
const MOST: usize = 512 << 10;

/// How much of a long upload is written before the system is told to begin with bringing it to the
/// disk, so that little is left to do at the end.
const FLUSH: u64 = 8 << 20;

/// How many uploads in this process may have it told at once; others do at their next turn.
static FLUSHES: Semaphore = Semaphore::const_new(32);

/// An upload to a file that is created under its final name: nobody else writes it.
///
/// Pieces are gathered into batches, each written on the blocking pool while the next arrives, so
/// that a slow client holds no thread; a batch grows while the one before it is being written. What
/// fits into one costs a single hop, at the end.
pub(super) struct FileUpload {
    path: PathBuf,
    batch: Vec<u8>,
    state: State,
}

enum State {
    /// Nothing was written yet.
    New,
    /// A batch is being written. Its memory comes back for the one after the next.
    Writing(JoinHandle<Result<(Writer, Vec<u8>), StorageError>>),
    /// Nothing is being written.
    Idle(Writer, Vec<u8>),
    /// A write failed, or all is done.
    Over,
}

impl FileUpload {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            batch: Vec::new(),
            state: State::New,
        }
    }

    fn is_writing(&self) -> bool {
        matches!(&self.state, State::Writing(writing) if !writing.is_finished())
    }

    /// Waits for the batch that is being written. `None` before the first.
    async fn idle(&mut self) -> Result<(Option<Writer>, Vec<u8>), StorageError> {
        if let State::Writing(writing) = &mut self.state {
            let result = writing.await;
            self.state = State::Over;
            let (writer, spare) = result.map_err(|error| ambiguous(io::Error::other(error)))??;
            self.state = State::Idle(writer, spare);
        }
        match mem::replace(&mut self.state, State::Over) {
            State::Idle(writer, spare) => Ok((Some(writer), spare)),
            State::New => Ok((None, Vec::new())),
            State::Writing(_) | State::Over => Err(failed(io::Error::other("the upload is over"))),
        }
    }

    /// Writes the batch, while the next is gathered.
    async fn write_batch(&mut self) -> Result<(), StorageError> {
        let (writer, mut spare) = self.idle().await?;
        spare.clear();
        let (batch, path) = (mem::replace(&mut self.batch, spare), self.path.clone());
        self.state = State::Writing(spawn_blocking(move || {
            let mut writer = writer.map_or_else(|| Writer::create(&path), Ok)?;
            let result = writer.write(&batch).map_err(failed);
            remove_if_failed(result, &path)?;
            Ok((writer, batch))
        }));
        Ok(())
    }
}

#[async_trait]
impl Upload for FileUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let room = MOST - self.batch.len();
            let (now, later) = rest.split_at(room.min(rest.len()));
            let length = self.batch.len() + now.len();
            if length > self.batch.capacity() {
                let capacity = length.next_power_of_two().min(MOST);
                self.batch.reserve_exact(capacity - self.batch.len());
            }
            self.batch.extend_from_slice(now);
            rest = later;
            if length == MOST || (length >= BATCH && !self.is_writing()) {
                self.write_batch().await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Version, StorageError> {
        let (writer, _) = self.idle().await?;
        let (batch, path) = (mem::take(&mut self.batch), self.path.clone());
        blocking(move || {
            let mut writer = writer.map_or_else(|| Writer::create(&path), Ok)?;
            let result = writer
                .write(&batch)
                .and_then(|()| writer.finish())
                .map_err(failed)
                .and_then(|metadata| {
                    sync::sync_folder(write::parent(&path)).map_err(ambiguous)?;
                    Ok(version(&metadata))
                });
            remove_if_failed(result, &path)
        })
        .await
    }

    async fn abort(mut self: Box<Self>) -> Result<(), StorageError> {
        match mem::replace(&mut self.state, State::Over) {
            State::New | State::Over => Ok(()),
            state => remove(state, mem::take(&mut self.path)).await,
        }
    }
}

impl Drop for FileUpload {
    fn drop(&mut self) {
        let state = mem::replace(&mut self.state, State::Over);
        if matches!(state, State::New | State::Over) {
            return;
        }
        let path = mem::take(&mut self.path);
        match tokio::runtime::Handle::try_current() {
            // Best effort: what stays is named by nothing.
            Ok(runtime) => drop(runtime.spawn(remove(state, path))),
            Err(_) => drop(fs::remove_file(path)),
        }
    }
}

/// Removes the file, once nothing is being written.
async fn remove(state: State, path: PathBuf) -> Result<(), StorageError> {
    if let State::Writing(writing) = state {
        // It may have failed; the file goes either way.
        let _ = writing.await;
    }
    blocking(move || match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    })
    .await
}

/// A file being written.
struct Writer {
    file: Arc<File>,
    size: u64,
    /// How much of it is on its way to the disk.
    flushed: u64,
    /// The system is being told so, which takes as long as its queue is full: beside the writing.
    flushing: Option<JoinHandle<io::Result<()>>>,
}

impl Writer {
    /// Creates the file, and its folders where they are missing.
    fn create(path: &Path) -> Result<Self, StorageError> {
        let file = write::in_folder(write::parent(path), || File::create_new(path));
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => StorageError::Precondition,
            _ => failed(error),
        })?;
        Ok(Self {
            file: Arc::new(file),
            size: 0,
            flushed: 0,
            flushing: None,
        })
    }

    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(batch)?;
        self.size += batch.len() as u64;
        let busy = matches!(&self.flushing, Some(flushing) if !flushing.is_finished());
        if self.size - self.flushed >= FLUSH
            && !busy
            && let Ok(place) = FLUSHES.try_acquire()
        {
            self.begun()?;
            let (file, range) = (Arc::clone(&self.file), self.flushed..self.size);
            self.flushing = Some(spawn_blocking(move || {
                let _place = place;
                sync::begin(&file, range)
            }));
            self.flushed = self.size;
        }
        Ok(())
    }

    /// What the disk said to what it was told last.
    fn begun(&mut self) -> io::Result<()> {
        match self.flushing.take() {
            Some(flushing) => Handle::current().block_on(flushing)?,
            None => Ok(()),
        }
    }

    /// Makes all bytes durable.
    fn finish(mut self) -> io::Result<fs::Metadata> {
        self.begun()?;
        self.file.sync_data()?;
        let metadata = self.file.metadata()?;
        if metadata.nlink() == 0 {
            // So slow that a collection took it for left behind.
            return Err(io::Error::other(
                "the file was removed while it was written",
            ));
        }
        Ok(metadata)
    }
}

/// Removes a file that failed to be written. Best effort: what stays is named by nothing.
fn remove_if_failed<T>(result: Result<T, StorageError>, path: &Path) -> Result<T, StorageError> {
    if result.is_err() {
        let _ = fs::remove_file(path);
    }
    result
}
