//! Listing: a walk in the order of keys, which holds one folder per level.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path, sync::Arc, vec};

use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};

use super::{blocking, failed, is_absent};
use crate::storage::{Entry, Key, StorageError};

/// How many entries are gathered in one hop.
const PAGE: usize = 256;

/// Lists the files below a folder whose keys are greater than `after`.
pub(super) fn list(
    root: Arc<Path>,
    prefix: Option<&Key>,
    after: Option<&Key>,
) -> BoxStream<'static, Result<Entry, StorageError>> {
    let walk = Walk {
        root,
        after: after.cloned(),
        start: Some(prefix.cloned()),
        folders: Vec::new(),
    };
    stream::try_unfold(walk, |mut walk| async move {
        let (page, walk) = blocking(move || Ok((walk.page().map_err(failed)?, walk))).await?;
        let page = (!page.is_empty()).then(|| stream::iter(page.into_iter().map(Ok)));
        Ok::<_, StorageError>(page.map(|page| (page, walk)))
    })
    .try_flatten()
    .boxed()
}

struct Walk {
    root: Arc<Path>,
    after: Option<Key>,
    /// The folder to begin with, until it is entered.
    start: Option<Option<Key>>,
    /// What is left of each folder from the first down to where the walk is.
    folders: Vec<vec::IntoIter<Child>>,
}

/// A file or folder. Ordered as the keys are that it stands for: `a-b` before `a/c` before `a0`.
struct Child {
    key: Key,
    is_folder: bool,
}

impl Child {
    fn sort_key(&self) -> impl Iterator<Item = u8> {
        let end = self.is_folder.then_some(b'/');
        self.key.as_str().bytes().chain(end)
    }

    /// Whether it holds no key greater than `after`.
    fn is_behind(&self, after: &Key) -> bool {
        if self.is_folder && after.below(&self.key).is_some() {
            return false;
        }
        self.sort_key().le(after.as_str().bytes())
    }
}

impl Walk {
    /// The next entries; none at the end.
    fn page(&mut self) -> io::Result<Vec<Entry>> {
        if let Some(start) = self.start.take() {
            self.enter(start.as_ref())?;
        }
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(folder) = self.folders.last_mut() else {
                break;
            };
            match folder.next() {
                Some(child) if child.is_folder => self.enter(Some(&child.key))?,
                Some(child) => page.extend(self.entry(child.key)?),
                None => {
                    self.folders.pop();
                }
            }
        }
        Ok(page)
    }

    /// Reads and sorts a folder. One that is gone, or is none, is empty.
    fn enter(&mut self, folder: Option<&Key>) -> io::Result<()> {
        let path = match folder {
            Some(folder) => self.root.join(folder.as_str()),
            None => self.root.to_path_buf(),
        };
        let mut children = Vec::new();
        let entries = match fs::read_dir(path) {
            Err(error) if is_absent(&error) => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            if let Some(child) = child(folder, &entry?)?
                && !self
                    .after
                    .as_ref()
                    .is_some_and(|after| child.is_behind(after))
            {
                children.push(child);
            }
        }
        children.sort_unstable_by(|a, b| a.sort_key().cmp(b.sort_key()));
        self.folders.push(children.into_iter());
        Ok(())
    }

    /// A file as listed, unless it is gone by now.
    fn entry(&self, key: Key) -> io::Result<Option<Entry>> {
        let metadata = match fs::metadata(self.root.join(key.as_str())) {
            Err(error) if is_absent(&error) => return Ok(None),
            metadata => metadata?,
        };
        Ok(Some(Entry {
            key,
            size: metadata.size(),
            modified: metadata.modified()?,
        }))
    }
}

/// What a folder's entry stands for; nothing where its name is no key or it is no file or folder.
fn child(folder: Option<&Key>, entry: &fs::DirEntry) -> io::Result<Option<Child>> {
    let name = entry.file_name();
    let Some(name) = name.to_str() else {
        return Ok(None);
    };
    let key = match folder {
        Some(folder) => folder.join(name),
        None => Key::new(name),
    };
    let Ok(key) = key else { return Ok(None) };
    let kind = match entry.file_type() {
        Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()).map(|found| found.file_type()),
        kind => kind,
    };
    let kind = match kind {
        Err(error) if is_absent(&error) => return Ok(None),
        kind => kind?,
    };
    let is_folder = kind.is_dir();
    Ok((is_folder || kind.is_file()).then_some(Child { key, is_folder }))
}
