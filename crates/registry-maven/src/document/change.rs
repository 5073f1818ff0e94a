//! Every change that a version can undergo. Pure, so that a lost race can be run again.

use bytes::Bytes;
use registry_core::{
    Error, ErrorKind, Result,
    digest::Algorithm,
    store::{Entries, StoredBytes},
};

use super::{Entry, Head, Held, is_live, no_file};
use crate::{name::shown, version::VersionName};

/// How many files a version may have.
pub(super) const MAX_FILES: usize = 50_000;
/// For how many files that have not come a version holds checksums.
const MAX_HELD: usize = 500;

/// A file that wants to be put.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Its name.
    pub name: String,
    /// Its entry, with the name of bytes that are stored already.
    pub entry: Bytes,
    /// Whether another may take its place: it names no build of its own.
    pub mutable: bool,
    /// Whether it may be put though it was deleted.
    pub revives: bool,
    /// What it says that the version is packed as, if it is a POM.
    pub packaging: Option<String>,
    /// When, in milliseconds since 1970.
    pub now: i64,
}

/// What became of a [`NewFile`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    New,
    /// It took the place of these bytes.
    Replaced(StoredBytes),
    /// The same bytes were there before, and nothing changed.
    Replay,
}

/// Puts a file.
///
/// # Errors
/// `Conflict` for other bytes than are there, or were, and may not change; `DigestMismatch` when a
/// checksum came before that is not of these bytes; `TooLarge` for too many files.
pub fn add(head: &mut Head, entries: &mut Entries, new: &NewFile) -> Result<Added> {
    let incoming = Entry::parse(&new.entry)?;
    let name = new.name.as_str();
    if head.gone.contains(name) && !new.revives {
        return Err(deleted(name));
    }
    let before = entries.get(name).cloned();
    let before = before.as_deref().map(Entry::parse).transpose()?;
    if let Some(before) = &before {
        if before.sha256 == incoming.sha256 {
            return Ok(Added::Replay);
        }
        if !new.mutable {
            return Err(taken(name));
        }
    } else if entries.len() >= MAX_FILES {
        return Err(full());
    }
    head.check_promises(name, incoming.sha256, "")?;
    if let Some(held) = head.held.get(name) {
        compare(name, &incoming, held)?;
    }
    head.held.remove(name);
    head.gone.remove(name);
    if let Some(packaging) = &new.packaging {
        head.packaging = Some(packaging.clone()).filter(|packaging| packaging != "jar");
    }
    let was_live = is_live(entries);
    entries.insert(name.into(), new.entry.clone());
    turn(head, entries, was_live, new.now);
    Ok(match before {
        Some(before) => Added::Replaced(before.stored()),
        None => Added::New,
    })
}

/// Compares a file with checksums of it.
///
/// # Errors
/// `DigestMismatch` when one is not the file's.
pub fn compare(name: &str, file: &Entry<'_>, held: &Held) -> Result<()> {
    for (algorithm, held) in held {
        let is = file.checksum(*algorithm).unwrap_or_default();
        if is != held {
            return Err(mismatch(name, *algorithm, held, is));
        }
    }
    Ok(())
}

/// Notes when a version came or went.
pub(super) fn turn(head: &mut Head, entries: &Entries, was_live: bool, now: i64) {
    if is_live(entries) != was_live {
        head.since = now;
    }
}

/// Takes a checksum: compares it with the file's, or holds it until the file comes. Tells whether the
/// document changed.
///
/// # Errors
/// `DigestMismatch` when it is not the file's, `TooLarge` when too many are held.
pub fn checksum(
    head: &mut Head,
    entries: &Entries,
    file: &str,
    (algorithm, hex): (Algorithm, &str),
) -> Result<bool> {
    if let Some(entry) = entries.get(file) {
        let entry = Entry::parse(entry)?;
        let is = entry.checksum(algorithm).unwrap_or_default();
        if is == hex {
            return Ok(false);
        }
        return Err(mismatch(file, algorithm, hex, is));
    }
    if !head.held.contains_key(file) && head.held.len() >= MAX_HELD {
        let message = "too many checksums came without their files; put the files first";
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let held = head.held.entry(file.to_owned()).or_default();
    Ok(held.insert(algorithm, hex.to_owned()).as_deref() != Some(hex))
}

/// Deletes a file; gives the bytes that it had.
///
/// # Errors
/// `NotFound` when it is not there.
pub fn delete(
    head: &mut Head,
    entries: &mut Entries,
    version: &VersionName,
    file: &str,
    now: i64,
) -> Result<StoredBytes> {
    let was_live = is_live(entries);
    let entry = entries.remove(file).ok_or_else(|| no_file(file))?;
    // What is built again and again under a time of its own needs no such memory.
    if !version.is_snapshot() {
        head.gone.insert(file.to_owned());
    }
    turn(head, entries, was_live, now);
    Ok(Entry::parse(&entry)?.stored())
}

/// Deletes every file; gives the bytes that they had.
///
/// # Errors
/// `NotFound` when there is none.
pub fn delete_all(
    head: &mut Head,
    entries: &mut Entries,
    version: &VersionName,
    now: i64,
) -> Result<Vec<StoredBytes>> {
    if entries.is_empty() {
        let message = "there is no version at this address; versions are removed one by one";
        return Err(Error::not_found(message));
    }
    let files: Vec<_> = entries.keys().cloned().collect();
    let each = files.iter();
    let gone = each.map(|file| delete(head, entries, version, file, now));
    gone.collect()
}

/// The refusal of more files than a version may have.
pub(super) fn full() -> Error {
    let message = format!("a version may have {MAX_FILES} files at most; prune its snapshots");
    Error::new(ErrorKind::TooLarge, message)
}

/// The refusal of a file that was deleted.
pub(crate) fn deleted(file: &str) -> Error {
    let message = format!(
        "{} was deleted, and cannot be put again; release another version",
        shown(file)
    );
    Error::new(ErrorKind::Conflict, message)
}

/// The refusal of other bytes than are there.
pub(crate) fn taken(file: &str) -> Error {
    let message = format!(
        "{} is already there with other content, and cannot change; release another version",
        shown(file)
    );
    Error::new(ErrorKind::Conflict, message)
}

fn mismatch(file: &str, algorithm: Algorithm, said: &str, is: &str) -> Error {
    let (file, algorithm) = (shown(file), algorithm.as_str());
    let message = format!(
        "the {algorithm} of {file} is {is}, and its checksum file says {said}; put both again"
    );
    Error::new(ErrorKind::DigestMismatch, message)
}
