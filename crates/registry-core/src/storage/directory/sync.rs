//! Making the names in a folder durable, once for all who wait for it.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

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
