//! Streamed writes to fresh files.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, IoSlice, Write},
    mem,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::{ambiguous, blocking, failed, version, write};
use crate::storage::{StorageError, Upload, Version};

/// How much is gathered before it is written. As much may be on its way to the disk meanwhile.
const BATCH: usize = 512 << 10;

/// An upload to a file that is created under its final name: nobody else writes it.
///
/// Pieces are gathered into batches, each written on the blocking pool while the next arrives, so
/// that a slow client holds no thread. What fits into one batch costs a single hop, at the end.
pub(super) struct FileUpload {
    path: PathBuf,
    batch: Vec<Bytes>,
    batched: usize,
    state: State,
}

enum State {
    /// Nothing was written yet.
    New,
    /// A batch is being written.
    Writing(JoinHandle<Result<File, StorageError>>),
    /// Nothing is being written.
    Idle(File),
    /// A write failed, or all is done.
    Over,
}

impl FileUpload {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            batch: Vec::new(),
            batched: 0,
            state: State::New,
        }
    }

    /// Waits for the batch that is being written. `None` before the first.
    async fn idle(&mut self) -> Result<Option<File>, StorageError> {
        if let State::Writing(writing) = &mut self.state {
            let result = writing.await;
            self.state = State::Over;
            self.state = State::Idle(result.map_err(|error| ambiguous(io::Error::other(error)))??);
        }
        match mem::replace(&mut self.state, State::Over) {
            State::Idle(file) => Ok(Some(file)),
            State::New => Ok(None),
            State::Writing(_) | State::Over => Err(failed(io::Error::other("the upload is over"))),
        }
    }

    fn take_batch(&mut self) -> Vec<Bytes> {
        self.batched = 0;
        mem::take(&mut self.batch)
    }
}

#[async_trait]
impl Upload for FileUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.batched += bytes.len();
        self.batch.push(bytes);
        if self.batched < BATCH {
            return Ok(());
        }
        let file = self.idle().await?;
        let (batch, path) = (self.take_batch(), self.path.clone());
        self.state = State::Writing(spawn_blocking(move || {
            let mut file = file.map_or_else(|| create(&path), Ok)?;
            let result = write_all(&mut file, &batch).map_err(failed);
            remove_if_failed(result, &path)?;
            Ok(file)
        }));
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Version, StorageError> {
        let file = self.idle().await?;
        let (batch, path) = (self.take_batch(), self.path.clone());
        let version = blocking(move || {
            let mut file = file.map_or_else(|| create(&path), Ok)?;
            let result = write_all(&mut file, &batch)
                .and_then(|()| file.sync_data())
                .map_err(failed)
                .and_then(|()| write::sync_folder(write::parent(&path)).map_err(ambiguous))
                .and_then(|()| file.metadata().map_err(ambiguous));
            Ok(version(&remove_if_failed(result, &path)?))
        });
        version.await
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

/// Creates the file, and its folders where they are missing.
fn create(path: &Path) -> Result<File, StorageError> {
    let file = write::in_folder(write::parent(path), || File::create_new(path));
    file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => StorageError::Precondition,
        _ => failed(error),
    })
}

/// Removes a file that failed to be written. Best effort: what stays is named by nothing.
fn remove_if_failed<T>(result: Result<T, StorageError>, path: &Path) -> Result<T, StorageError> {
    if result.is_err() {
        let _ = fs::remove_file(path);
    }
    result
}

fn write_all(file: &mut File, batch: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<_> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let mut slices = slices.as_mut_slice();
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
