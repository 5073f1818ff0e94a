//! Making bytes durable ahead of time, and the names in a folder once for all who wait for it.

use std::{
    collections::HashMap,
    fs::File,
    io,
    ops::Range,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Tells the system to begin with bringing a range of a file to the disk. Nothing is durable by that, and
/// nothing is lost where it cannot be told; nor does it hold up who goes on writing, as a sync would.
///
/// # Errors
/// Those of the disk.
#[allow(unsafe_code)]
pub(super) fn begin(file: &File, range: Range<u64>) -> io::Result<()> {
    let offset = |at| libc::off64_t::try_from(at).unwrap_or(libc::off64_t::MAX);
    let length = range.end - range.start;
    // SAFETY: the file is open for as long as the call lasts, which is given numbers and nothing else.
    let done = unsafe {
        libc::sync_file_range(
            file.as_raw_fd(),
            offset(range.start),
            offset(length),
            libc::SYNC_FILE_RANGE_WRITE,
        )
    };
    if done == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EIO | libc::ENOSPC | libc::EDQUOT) => Err(error),
        // The system, or a file system, that does not know it.
        _ => Ok(()),
    }
}

/// The folders that are being made durable in this process.
static FOLDERS: Mutex<Option<HashMap<PathBuf, Arc<Folder>>>> = Mutex::new(None);

/// A folder on its way to the disk. Whoever waited when a `sync` started takes its result, whoever
/// came later starts the next.
#[derive(Default)]
struct Folder {
    started: AtomicU64,
    /// The number of the last one that succeeded.
    finished: Mutex<u64>,
}

/// Makes the names in a folder durable, as they are when this is called.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = {
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        let folders = folders.get_or_insert_default();
        folders.entry(path.to_owned()).or_default().clone()
    };
    let result = folder.sync(path);
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    if Arc::strong_count(&folder) <= 2
        && let Some(folders) = folders.as_mut()
    {
        folders.remove(path);
    }
    result
}

impl Folder {
    fn sync(&self, path: &Path) -> io::Result<()> {
        let seen = self.started.load(Ordering::SeqCst);
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        if *finished > seen {
            return Ok(());
        }
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        File::open(path)?.sync_all()?;
        *finished = number;
        Ok(())
    }
}
