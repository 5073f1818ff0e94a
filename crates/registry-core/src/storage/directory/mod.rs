//! Objects as files of a directory.
//!
//! A key is the path of its file. What a file system lacks for a [`Storage`], this adds:
//! compare-and-swap, held between processes by a lock file; versions that differ though inodes
//! and clocks repeat; and `fsync` of file and folder before a write is answered.
//!
//! Names that begin with a dot are this module's own and no objects: `.locks/` in the root, and
//! `.tmp-*` beside the files that are being replaced.

mod list;
mod read;
mod sync;
#[cfg(test)]
mod tests;
mod upload;
mod write;

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::{
    Entry, Get, GetOptions, Key, Profile, PutMode, Storage, StorageError, Upload, Version,
};

/// The folder of lock files, below the root.
const LOCKS: &str = ".locks";

/// A [`Storage`] in a directory of a local file system. Clones are the same storage.
///
/// Several processes may share the directory. No key may be a folder of another key.
#[derive(Clone, Debug)]
pub struct Directory {
    root: Arc<Path>,
}

impl Directory {
    /// Opens a directory, and creates it where it is missing.
    ///
    /// # Errors
    /// When it cannot be created or written, or when its file system keeps no nanoseconds of a
    /// file's time, which tell one version from the next.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        let path = path.as_ref();
        let root = prepare(path).map_err(|error| failed(describe(path, error)))?;
        Ok(Self { root: root.into() })
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }
}

/// Creates what a storage needs, durably, and answers its absolute path.
fn prepare(path: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(path)?;
    let root = fs::canonicalize(path)?;
    let locks = root.join(LOCKS);
    fs::create_dir_all(&locks)?;
    sync::sync_folder(&root)?;
    if let Some(parent) = root.parent() {
        // A parent that we may enter but not read has been there before.
        match sync::sync_folder(parent) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            result => result?,
        }
    }
    if keeps_nanoseconds(&locks)? {
        Ok(root)
    } else {
        let message = "its file system keeps no nanoseconds of a file's modification time, \
                       so that quick changes could not be told apart; use another file system";
        Err(io::Error::new(ErrorKind::Unsupported, message))
    }
}

fn keeps_nanoseconds(folder: &Path) -> io::Result<bool> {
    let path = write::temporary(folder)?;
    let odd = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    let probe = || {
        let file = fs::File::create_new(&path)?;
        file.set_modified(odd)?;
        drop(file);
        fs::metadata(&path)?.modified()
    };
    let read_back = probe();
    fs::remove_file(&path)?;
    Ok(read_back? == odd)
}

/// The version of a file: when it was written, to the nanosecond, which inode, how long.
fn version(metadata: &fs::Metadata) -> Version {
    let [nanoseconds, inode, size] = marks(metadata);
    Version::new(format!("{nanoseconds:x}-{inode:x}-{size:x}"))
}

/// Whether a file is of this version, which is asked so often that the text is not made for it.
fn is_version(version: &Version, metadata: &fs::Metadata) -> bool {
    let read = |mark| u64::from_str_radix(mark, 16);
    let known = version.as_str().split('-').map(read);
    known.eq(marks(metadata).map(Ok))
}

/// What tells the versions of a file apart. A time that is before 1970 or beyond 2554 wraps around.
fn marks(metadata: &fs::Metadata) -> [u64; 3] {
    let seconds = metadata.mtime().wrapping_mul(1_000_000_000);
    let nanoseconds = seconds.wrapping_add(metadata.mtime_nsec()).cast_unsigned();
    [nanoseconds, metadata.ino(), metadata.size()]
}

/// An error of a call that had no effect.
fn failed(error: io::Error) -> StorageError {
    const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StorageError::Full(error.into()),
        ErrorKind::TimedOut | ErrorKind::OutOfMemory => StorageError::Unavailable(error.into()),
        _ if error
            .raw_os_error()
            .is_some_and(|code| TOO_MANY_OPEN_FILES.contains(&code)) =>
        {
            StorageError::Unavailable(error.into())
        }
        _ => StorageError::Failed(error.into()),
    }
}

/// An error of a call that may have had its effect.
fn ambiguous(error: io::Error) -> StorageError {
    StorageError::Unavailable(error.into())
}

/// An error that says which path it is about.
fn describe(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Whether an error says that there is no file of that name.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Runs what blocks where it may. A caller that goes away does not stop it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StorageError::Unavailable(error.into())),
    }
}

#[async_trait]
impl Storage for Directory {
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Get, StorageError> {
        read::get(&self.path(key), &options)
    }

    async fn put(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<Version, StorageError> {
        let (root, path, key) = (Arc::clone(&self.root), self.path(key), key.clone());
        blocking(move || write::put(&root, &key, &path, &bytes, &mode)).await
    }

    async fn upload(&self, key: &Key) -> Result<Box<dyn Upload>, StorageError> {
        Ok(Box::new(upload::FileUpload::new(self.path(key))))
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        let (root, path, key) = (Arc::clone(&self.root), self.path(key), key.clone());
        blocking(move || write::delete(&root, &key, &path)).await
    }

    fn list(
        &self,
        prefix: Option<&Key>,
        after: Option<&Key>,
    ) -> BoxStream<'static, Result<Entry, StorageError>> {
        list::list(Arc::clone(&self.root), prefix, after)
    }

    fn profile(&self) -> Profile {
        Profile {
            conditional_writes: true,
            local: true,
        }
    }
}
