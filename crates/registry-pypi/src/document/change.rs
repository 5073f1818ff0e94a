//! Every change that a project can undergo. Pure, so that a lost race can be run again.

use std::time::Duration;

use jiff::Timestamp;
use registry_core::{Error as CoreError, ErrorKind, store::StoredBytes};

use super::{Entries, Entry, Head};
use crate::{
    Error, Version,
    file_name::{FileName, Kind},
    wire::{State, Status},
};

type Result<T> = std::result::Result<T, Error>;

/// The longest reason for a yank or a status, in bytes.
pub const MAX_REASON: usize = 1000;

/// A file that wants to be published.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The project's name, as it is spelled.
    pub project: String,
    /// The file's name.
    pub file: String,
    /// Its version.
    pub version: Version,
    /// Its entry, which names bytes that are stored already.
    pub entry: Entry,
}

/// What an operator allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// How long after its first file a release takes more; for ever without it.
    pub open_for: Option<Duration>,
    /// The most bytes of all files of a project; any number without it.
    pub max_project: Option<u64>,
}

/// What became of an [`Upload`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    New,
    /// The same file was there before: a retry, and nothing changed.
    Replay,
}

/// Adds a file.
///
/// # Errors
/// [`Error::Exists`] when its name or its content is that of another file, now or formerly;
/// [`ErrorKind::Denied`] when the project or the release takes no more files;
/// [`ErrorKind::TooLarge`] when the project grows too large.
pub fn add(head: &mut Head, entries: &mut Entries, new: &Upload, rules: Rules) -> Result<Added> {
    let blake2 = &new.entry.blake2;
    if let Some(there) = entries.get(&*new.file) {
        let there = Entry::parse(there)?;
        if there.sha256 == new.entry.sha256 && there.blake2 == *blake2 {
            return Ok(Added::Replay);
        }
        return Err(Error::exists(&new.file, blake2));
    }
    if head.gone.contains(&new.file) {
        return Err(Error::spent());
    }
    if let State::Archived | State::Quarantined = head.status.status {
        let status = head.status.status.as_str();
        let message = format!(
            "The project '{}' is {status} and takes no uploads.",
            head.name
        );
        return Err(CoreError::new(ErrorKind::Denied, message).into());
    }
    let others = entries
        .iter()
        .map(|(name, bytes)| Ok((name, Entry::parse(bytes)?)));
    let others = others.collect::<registry_core::Result<Vec<_>>>()?;
    if let Some((name, _)) = others.iter().find(|(_, other)| other.blake2 == *blake2) {
        return Err(Error::exists(name, blake2));
    }
    let of_release = others
        .iter()
        .filter(|(_, other)| is_of(other, &new.version));
    let of_release: Vec<&Entry> = of_release.map(|(_, other)| other).collect();
    check_release(new, &of_release, rules)?;
    let size: u64 = others.iter().map(|(_, other)| other.size).sum();
    if let Some(most) = rules.max_project
        && size.saturating_add(new.entry.size) > most
    {
        let message = format!(
            "Project size too large. Limit for project '{}' total size is {most} bytes.",
            new.project
        );
        return Err(CoreError::new(ErrorKind::TooLarge, message).into());
    }
    let mut entry = new.entry.clone();
    if let Some(first) = of_release.first() {
        entry.version.clone_from(&first.version);
    }
    head.name.clone_from(&new.project);
    entries.insert(new.file.as_str().into(), entry.to_bytes()?);
    Ok(Added::New)
}

/// Whether a release takes one more file.
fn check_release(new: &Upload, others: &[&Entry], rules: Rules) -> Result<()> {
    if new.entry.kind == Kind::Sdist && others.iter().any(|other| other.kind == Kind::Sdist) {
        return Err(invalid("Only one sdist may be uploaded per release."));
    }
    let Some(open_for) = rules.open_for else {
        return Ok(());
    };
    let time = |entry: &Entry| entry.time.parse::<Timestamp>().ok();
    let first = others.iter().filter_map(|other| time(other)).min();
    let age = first.zip(time(&new.entry));
    let age = age.map(|(first, now)| now.duration_since(first).unsigned_abs());
    if age.is_some_and(|age| age > open_for) {
        let message = format!(
            "Uploading new files to releases older than {} is not allowed.",
            spoken(open_for)
        );
        return Err(invalid(message));
    }
    Ok(())
}

/// A duration in the largest unit that it is whole in.
fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    for (unit, length) in [("days", 86_400), ("hours", 3_600), ("minutes", 60)] {
        if seconds > 0 && seconds.is_multiple_of(length) {
            return format!("{} {unit}", seconds / length);
        }
    }
    format!("{seconds} seconds")
}

/// Yanks a file, or without one the whole release, files yet to come included. What is yanked already
/// keeps its reason where none is given.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no such thing, [`ErrorKind::Invalid`] for a reason that is
/// too long.
pub fn yank(
    head: &mut Head,
    entries: &mut Entries,
    version: &Version,
    file: Option<&str>,
    reason: Option<&str>,
) -> Result<bool> {
    check_reason(reason.unwrap_or_default())?;
    let because = |known: Option<String>| {
        let reason = reason.map(ToOwned::to_owned);
        reason.or(known).unwrap_or_default()
    };
    let files = files(entries, version, file)?;
    let before = head.yanked.clone();
    let mut changed = false;
    if file.is_none() {
        for (_, entry) in &files {
            let known = head.yanked.remove(&entry.version);
            head.yanked.insert(entry.version.clone(), because(known));
        }
        changed = before != head.yanked;
    }
    for (name, mut entry) in files {
        // One that was yanked with its release needs no mark of its own.
        let own = file.is_some().then(|| because(entry.yanked.clone()));
        if entry.yanked != own {
            entry.yanked = own;
            entries.insert(name, entry.to_bytes()?);
            changed = true;
        }
    }
    Ok(changed)
}

/// Takes a yank back, from a file or from a whole release.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no such thing.
pub fn unyank(
    head: &mut Head,
    entries: &mut Entries,
    version: &Version,
    file: Option<&str>,
) -> Result<bool> {
    let meant = files(entries, version, file)?;
    let mut changed = false;
    for (name, mut entry) in files(entries, version, None)? {
        let release = head.yanked.get(&entry.version);
        let own = if meant.iter().any(|(meant, _)| *meant == name) {
            None
        } else {
            // The others of a release that was yanked as a whole stay so, each by itself.
            entry.yanked.clone().or_else(|| release.cloned())
        };
        if entry.yanked != own {
            entry.yanked = own;
            entries.insert(name, entry.to_bytes()?);
            changed = true;
        }
    }
    for (_, entry) in meant {
        changed |= head.yanked.remove(&entry.version).is_some();
    }
    Ok(changed)
}

/// Deletes a file, or without one all of a release; their names stay spent. Gives the bytes that
/// nothing names any more.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no such thing and never was.
pub fn delete(
    head: &mut Head,
    entries: &mut Entries,
    version: &Version,
    file: Option<&str>,
) -> Result<Vec<StoredBytes>> {
    let found = match files(entries, version, file) {
        Err(error) if error.kind() == ErrorKind::NotFound && were_deleted(head, version, file) => {
            return Ok(Vec::new());
        }
        found => found?,
    };
    let mut bytes = Vec::new();
    for (name, entry) in found {
        entries.remove(&name);
        bytes.extend(entry.stored());
        head.gone.insert(name.to_string());
    }
    if files(entries, version, None).is_err() {
        let of_release = |yanked: &str| {
            yanked
                .parse()
                .is_ok_and(|yanked: Version| yanked == *version)
        };
        head.yanked.retain(|yanked, _| !of_release(yanked));
    }
    Ok(bytes)
}

/// Sets how a project stands.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a project that never had files, [`ErrorKind::Invalid`] for a reason that is
/// too long, [`ErrorKind::Denied`] when a quarantine is begun or ended without `may_quarantine`.
pub fn set_status(head: &mut Head, status: &Status, may_quarantine: bool) -> Result<bool> {
    // One whose files were all deleted still takes uploads or does not.
    if head.name.is_empty() {
        return Err(CoreError::not_found("the project was not found").into());
    }
    check_reason(status.reason.as_deref().unwrap_or_default())?;
    if head.status == *status {
        return Ok(false);
    }
    let quarantine = [head.status.status, status.status].contains(&State::Quarantined);
    if quarantine && !may_quarantine {
        let message = "a quarantine is begun and ended by who may delete the project's files";
        return Err(CoreError::new(ErrorKind::Denied, message).into());
    }
    head.status = status.clone();
    Ok(true)
}

/// Whether the files that are meant by a version, and a name where there is one, were there once: their
/// names say of which version they were.
fn were_deleted(head: &Head, version: &Version, file: Option<&str>) -> bool {
    let project = head.name.parse().ok();
    let of_version = |name: &String| {
        FileName::parse(name, project.as_ref()).is_ok_and(|name| name.version == *version)
    };
    let mut gone = head.gone.iter();
    gone.any(|name| file.is_none_or(|file| file == name) && of_version(name))
}

/// The files that are meant by a version, and a name where there is one.
fn files(
    entries: &Entries,
    version: &Version,
    file: Option<&str>,
) -> Result<Vec<(std::sync::Arc<str>, Entry)>> {
    let mut all = Vec::new();
    for (name, bytes) in entries {
        let entry = Entry::parse(bytes)?;
        if is_of(&entry, version) && file.is_none_or(|file| **name == *file) {
            all.push((name.clone(), entry));
        }
    }
    if all.is_empty() {
        let what = match file {
            Some(file) => format!("the file {file} was not found in version {version}"),
            None if entries.is_empty() => "the project was not found".to_owned(),
            None => format!("the version {version} was not found"),
        };
        return Err(CoreError::not_found(what).into());
    }
    Ok(all)
}

fn is_of(entry: &Entry, version: &Version) -> bool {
    entry
        .version
        .parse::<Version>()
        .is_ok_and(|of| of == *version)
}

fn check_reason(reason: &str) -> Result<()> {
    if reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
        return Err(invalid(format!(
            "a reason is one line of {MAX_REASON} bytes at most"
        )));
    }
    Ok(())
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    CoreError::invalid(message).into()
}
