//! Writing files whole, and removing them.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{LOCKS, ambiguous, failed, is_absent, sync::sync_folder, version};
use crate::{
    digest,
    storage::{Key, PutMode, StorageError, Version},
};

/// Writes a file whole, under the key's lock.
pub(super) fn put(
    root: &Path,
    key: &Key,
    path: &Path,
    bytes: &[u8],
    mode: &PutMode,
) -> Result<Version, StorageError> {
    let _lock = lock(root, key).map_err(failed)?;
    let current = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if is_absent(&error) => None,
        Err(error) => return Err(failed(error)),
    };
    let holds = match (mode, &current) {
        (PutMode::Replace, _) | (PutMode::Create, None) => true,
        (PutMode::Update(expected), Some(current)) => *expected == version(current),
        (PutMode::Create, Some(_)) | (PutMode::Update(_), None) => false,
    };
    if !holds {
        return Err(StorageError::Precondition);
    }
    let modified = match current {
        Some(current) => next_time(current.modified().map_err(failed)?),
        None => SystemTime::now(),
    };
    let folder = parent(path);
    let write = || Temporary::write(folder, bytes, modified);
    let (written, version) = in_folder(folder, write).map_err(failed)?;
    written.rename(path).map_err(failed)?;
    sync_folder(folder).map_err(ambiguous)?;
    Ok(version)
}

/// Removes a file, if it is there, under the key's lock.
pub(super) fn delete(root: &Path, key: &Key, path: &Path) -> Result<(), StorageError> {
    let _lock = lock(root, key).map_err(failed)?;
    match fs::remove_file(path) {
        Ok(()) => sync_folder(parent(path)).map_err(ambiguous),
        // A folder is no object.
        Err(error) if is_absent(&error) || error.kind() == ErrorKind::IsADirectory => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Locks a key against every other writer, in this process and in others, until dropped.
///
/// Keys share 256 locks. The file is opened anew each time, because a lock belongs to an open
/// file, and so excludes this process's other threads too.
fn lock(root: &Path, key: &Key) -> io::Result<File> {
    let stripe = digest::sha256(key.as_str().as_bytes())[0];
    let path = root.join(LOCKS).join(format!("{stripe:02x}"));
    let open = || File::options().append(true).create(true).open(&path);
    let file = in_folder(parent(&path), open)?;
    file.lock()?;
    Ok(file)
}

/// Now, but later than `old`: clocks repeat, and may be set back.
fn next_time(old: SystemTime) -> SystemTime {
    let after = old.checked_add(Duration::from_nanos(1)).unwrap_or(old);
    SystemTime::now().max(after)
}

/// The folder of a file. Paths here always have one.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// A fresh name for a file that is no object.
pub(super) fn temporary(folder: &Path) -> io::Result<PathBuf> {
    let random = digest::random_hex::<8>().map_err(io::Error::other)?;
    Ok(folder.join(format!(".tmp-{random}")))
}

/// Does `work`, which creates a file in `folder`; where the folder is missing, creates it first.
pub(super) fn in_folder<T>(folder: &Path, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match work() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_folder(folder)?;
            work()
        }
        result => result,
    }
}

/// Creates a folder and the ones above it, durably.
///
/// One that is there by now may have come from another writer who has yet to make it durable.
fn make_folder(folder: &Path) -> io::Result<()> {
    let above = parent(folder);
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound && above != folder => {
            make_folder(above)?;
            match fs::create_dir(folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(above)
}

/// A file under a name of its own, removed when dropped unless it got another.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    /// Writes a file durably.
    fn write(folder: &Path, bytes: &[u8], modified: SystemTime) -> io::Result<(Self, Version)> {
        let path = temporary(folder)?;
        let mut file = File::create_new(&path)?;
        let temporary = Self {
            path,
            renamed: false,
        };
        file.write_all(bytes)?;
        file.set_modified(modified)?;
        file.sync_all()?;
        Ok((temporary, version(&file.metadata()?)))
    }

    fn rename(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // Best effort: what stays is no object.
            let _ = fs::remove_file(&self.path);
        }
    }
}
