//! Whether the links in a zip lead out of it.
//!
//! Which entries are links is told only at the end of a zip. So of every entry that could be one it is
//! kept how far it would climb, under a hash of its path: nobody outside can tell which have the same.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    io::Read,
};

use registry_core::archive::zip::{Entry, Fault};

/// The longest path that a link may lead to, in bytes, and that an entry may have.
const MAX_PATH: usize = 1024;
/// How many folders a zip may have.
const MAX_FOLDERS: usize = 50_000;
/// How many entries are kept that could be links. Most files could not.
const MAX_CANDIDATES: usize = 10_000;

/// What of a zip's entries decides over its links.
#[derive(Debug, Default)]
pub(super) struct Links {
    hasher: RandomState,
    /// How far up each entry leads, if it is a link and stays otherwise below that.
    climbs: HashMap<u64, usize>,
    /// The folders that entries lie in.
    folders: HashSet<u64>,
}

impl Links {
    /// Looks at an entry.
    pub(super) fn take(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        let path = entry.path;
        if path.len() > MAX_PATH {
            let message = format!("the paths in it may have {MAX_PATH} bytes at most");
            return Err(Fault::Invalid(message));
        }
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if !self.folders.insert(self.hasher.hash_one(above)) {
                break;
            }
            folder = above;
        }
        if self.folders.len() > MAX_FOLDERS {
            let message = format!("it holds more than {MAX_FOLDERS} folders");
            return Err(Fault::TooLarge(message));
        }
        if entry.size <= MAX_PATH as u64 && !path.ends_with('/') {
            let mut target = Vec::new();
            entry
                .content
                .take(MAX_PATH as u64 + 1)
                .read_to_end(&mut target)?;
            if let Some(climb) = climb(&target)
                && self.climbs.len() < MAX_CANDIDATES
            {
                self.climbs.insert(self.hasher.hash_one(path), climb);
            }
        }
        Ok(())
    }

    /// Refuses links that lead out of the package, whose root is so many folders down, and those
    /// through which other entries would be unpacked.
    pub(super) fn check(&self, links: &[String], root: usize) -> Result<(), Fault> {
        for link in links {
            let key = self.hasher.hash_one(link.as_str());
            let depth = link.matches('/').count().saturating_sub(root);
            let stays = self.climbs.get(&key).is_some_and(|climb| *climb <= depth);
            if !stays || self.folders.contains(&key) {
                return Err(Fault::Invalid(format!(
                    "its link {link:?} leads out of it, or has files below it"
                )));
            }
        }
        Ok(())
    }
}

/// How many folders a link's target climbs before it goes down; `None` for what is no such path.
fn climb(target: &[u8]) -> Option<usize> {
    let target = std::str::from_utf8(target).ok()?;
    let strange = |c: char| c.is_control() || matches!(c, '\\' | ':');
    if target.is_empty() || target.len() > MAX_PATH || target.contains(strange) {
        return None;
    }
    if target.starts_with('/') {
        return None;
    }
    let mut parts = target.split('/').filter(|part| !matches!(*part, "" | "."));
    let mut climb = 0;
    for part in &mut parts {
        if part != ".." {
            break;
        }
        climb += 1;
    }
    // Behind another link, going up leads elsewhere than it seems.
    (!parts.any(|part| part == "..")).then_some(climb)
}
