//! Every change that a package can undergo. Pure, so that a lost race can be run again.

mod zips;

pub use zips::{forget, is_due};

use bytes::Bytes;
use registry_core::{
    Error, ErrorKind, Result,
    store::{Entries, StoredBytes},
};

use super::{Dist, Entry, Gone, Head, Known, dist_key, no_package, versions};
use crate::{PackageName, Version, advisory::Advisory, wire::Abandoned};

/// How many advisories a package may have.
const MAX_ADVISORIES: usize = 200;

/// A version that wants to be published.
#[derive(Clone, Debug)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// Its entry.
    pub entry: Bytes,
    /// The SHA-1 of its zip.
    pub reference: String,
    /// Its zip, which is stored already.
    pub dist: Dist,
}

/// What became of a [`Release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is there now.
    New,
    /// The same zip was there before: a retry, and nothing changed.
    Replay,
}

/// A change that was made, and the bytes that nothing names any more.
pub type Removed = Vec<StoredBytes>;

/// Publishes a version at `now`, in seconds since 1970. A branch takes the place of what was there. Tells which
/// bytes are one too many, where the zip was there already.
///
/// # Errors
/// [`ErrorKind::Conflict`] when a release is there, or was, with another zip.
pub fn publish(
    head: &mut Head,
    entries: &mut Entries,
    new: &Release,
    now: u64,
) -> Result<(Published, Option<StoredBytes>)> {
    let key = new.version.normalized();
    let before = entries.get(key).cloned();
    let before = before
        .as_ref()
        .map(|before| Entry::parse(before))
        .transpose()?;
    if let Some(there) = &before {
        let same = there.reference == new.reference && same_zip(entries, new)?;
        // A branch may move on without a change of what is in the zip.
        let moved = new.version.is_dev() && there.source != Entry::parse(&new.entry)?.source;
        if same && !moved {
            return Ok((Published::Replay, None));
        }
        if !new.version.is_dev() {
            return Err(taken(&new.version, "is there", &there.version));
        }
    }
    if let Some(gone) = head.gone.get(key)
        && !new.version.is_dev()
        && gone.sha256 != new.dist.sha256
    {
        return Err(taken(&new.version, "was deleted", new.version.pretty()));
    }
    let mut double = None;
    let dist = dist_key(&new.reference);
    let there = entries.get(&*dist).map(|dist| Dist::parse(dist));
    let there = there.transpose()?;
    if there.is_none() {
        entries.insert(dist.into(), new.dist.to_bytes()?);
    } else if let Some(there) = there.filter(|there| there.sha256 == new.dist.sha256) {
        // Not what is named: this may be a change that was made, and whose answer was lost.
        if there.file != new.dist.file {
            double = Some(new.dist.stored());
        }
    } else {
        let message = "another zip of this package has the same SHA-1; pack it anew";
        return Err(Error::new(ErrorKind::Conflict, message));
    }
    let (is_first, is_dev) = (versions(entries).next().is_none(), new.version.is_dev());
    entries.insert(key.into(), new.entry.clone());
    head.gone.remove(key);
    head.may_lead(&new.version, &new.entry)?;
    touch(head, is_first || !is_dev, is_first || is_dev, now);
    if let Some(before) = before.filter(|before| before.reference != new.reference) {
        zips::leave(entries, &before.reference, key, now)?;
    }
    Ok((Published::New, double))
}

/// Whether the zip of this SHA-1 that is there is the same in earnest.
fn same_zip(entries: &Entries, new: &Release) -> Result<bool> {
    match entries.get(&*dist_key(&new.reference)) {
        Some(dist) => Ok(Dist::parse(dist)?.sha256 == new.dist.sha256),
        None => Ok(false),
    }
}

fn taken(version: &Version, how: &str, spelled: &str) -> Error {
    let message = format!(
        "version {} {how} with other content{}; a release never changes, publish another version",
        version.pretty(),
        if spelled == version.pretty() {
            String::new()
        } else {
            format!(" as {spelled}")
        }
    );
    Error::new(ErrorKind::Conflict, message)
}

/// Says that lists of versions changed at `now`: each later than it ever did before, and no more than
/// that.
fn touch(head: &mut Head, releases: bool, branches: bool, now: u64) {
    if releases {
        head.releases = now.max(head.releases + 1);
    }
    if branches {
        head.branches = now.max(head.branches + 1);
    }
}

/// Deletes a version, or all of them. Its zip stays for lock files that name it, unless it is to be
/// purged too, with all that the version ever was. Tells whether anything changed.
///
/// # Errors
/// [`ErrorKind::NotFound`] when it is not there and never was.
pub fn delete(
    head: &mut Head,
    entries: &mut Entries,
    name: &PackageName,
    version: Option<&Version>,
    purge: bool,
    now: u64,
) -> Result<(bool, Removed)> {
    let is_meant = |of: &str| version.is_none_or(|version| version.normalized() == of);
    let meant = versions(entries)
        .map(|(of, _)| of)
        .filter(|of| is_meant(of));
    let meant: Vec<Version> = meant.map(|of| Version::from_normalized(of, of)).collect();
    if meant.is_empty() && !head.gone.keys().any(|gone| is_meant(gone)) {
        return Err(match version {
            Some(version) if head.releases > 0 => {
                let version = version.pretty();
                Error::not_found(format!("the package {name} has no version {version}"))
            }
            _ => no_package(name),
        });
    }
    for version in &meant {
        let Some(bytes) = entries.remove(version.normalized()) else {
            continue;
        };
        let reference = Entry::parse(&bytes)?.reference;
        let dist = entries.get(&*dist_key(&reference));
        let dist = dist.map(|dist| Dist::parse(dist)).transpose()?;
        let sha256 = dist.map(|dist| dist.sha256).unwrap_or_default();
        let gone = Gone {
            sha256,
            purged: false,
        };
        head.gone.insert(version.normalized().to_owned(), gone);
        if version.is_dev() {
            zips::leave(entries, &reference, version.normalized(), now)?;
        }
    }
    let is_dev = |version: &Version| version.is_dev();
    let (releases, branches) = (!meant.iter().all(is_dev), meant.iter().any(is_dev));
    touch(head, releases, branches, now);
    let (purged, removed) = match purge {
        true => zips::purge(head, entries, is_meant)?,
        false => (false, Removed::new()),
    };
    head.find_leading(entries)?;
    Ok((purged || !meant.is_empty(), removed))
}

/// Says that nobody is to take up a package any more, or with `None` takes that back. Tells whether it
/// was otherwise before.
///
/// # Errors
/// [`ErrorKind::NotFound`] when the package is not there.
pub fn abandon(
    head: &mut Head,
    entries: &Entries,
    name: &PackageName,
    abandoned: Option<Abandoned>,
    now: u64,
) -> Result<bool> {
    check_there(head, name)?;
    if head.abandoned == abandoned {
        return Ok(false);
    }
    head.abandoned = abandoned;
    touch(head, true, true, now);
    head.find_leading(entries)?;
    Ok(true)
}

/// Puts an advisory, or another in its place. Tells whether it was otherwise before.
///
/// # Errors
/// [`ErrorKind::NotFound`] when the package is not there, [`ErrorKind::TooLarge`] for one too many.
pub fn put_advisory(
    head: &mut Head,
    name: &PackageName,
    id: &str,
    mut advisory: Advisory,
    now: u64,
) -> Result<bool> {
    check_there(head, name)?;
    if let Some(known) = head.advisories.get(id) {
        // When it was first sent stays.
        advisory.reported_at.clone_from(&known.advisory.reported_at);
        if known.advisory == advisory {
            return Ok(false);
        }
    }
    let known = Known {
        updated: now,
        advisory,
    };
    head.advisories.insert(id.to_owned(), known);
    if head.advisories.len() > MAX_ADVISORIES {
        let message = format!("a package may have {MAX_ADVISORIES} advisories at most");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    touch(head, true, false, now);
    Ok(true)
}

/// Takes an advisory back. Tells whether it was there.
///
/// # Errors
/// [`ErrorKind::NotFound`] when the package is not there.
pub fn delete_advisory(head: &mut Head, name: &PackageName, id: &str, now: u64) -> Result<bool> {
    check_there(head, name)?;
    let was_there = head.advisories.remove(id).is_some();
    if was_there {
        touch(head, true, false, now);
    }
    Ok(was_there)
}

fn check_there(head: &Head, name: &PackageName) -> Result<()> {
    match head.card {
        Some(_) => Ok(()),
        None => Err(no_package(name)),
    }
}
