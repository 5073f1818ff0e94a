//! Zips that no version is any more: of branches that moved on, and of what was deleted.

use std::collections::HashSet;

use registry_core::{Result, store::Entries};

use super::Removed;
use crate::{
    Version,
    document::{Dist, Entry, Head, OTHERS, dist_key, dists, versions},
};

/// Notes that a branch has moved on from a zip, or was deleted, at `now`.
pub(super) fn leave(entries: &mut Entries, reference: &str, branch: &str, now: u64) -> Result<()> {
    if let Some(bytes) = entries.get(&*dist_key(reference)) {
        let mut dist = Dist::parse(bytes)?;
        dist.leave(branch, now);
        put(entries, reference, &dist)?;
    }
    Ok(())
}

fn put(entries: &mut Entries, reference: &str, dist: &Dist) -> Result<()> {
    entries.insert(dist_key(reference).into(), dist.to_bytes()?);
    Ok(())
}

/// Whether there are zips that branches moved on from before `since`, in seconds since 1970.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn is_due(entries: &Entries, since: u64) -> Result<bool> {
    Ok(!found(entries, |dist| is_old(dist, since))?.is_empty())
}

fn is_old(dist: &Dist, since: u64) -> bool {
    dist.left.is_some_and(|left| left < since)
}

/// Takes away the zips that are due and that no release is or was; and forgets the deleted branches that no
/// zip notes any more. Tells whether any were due.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn forget(head: &mut Head, entries: &mut Entries, since: u64) -> Result<(bool, Removed)> {
    let is_old = |dist: &Dist| is_old(dist, since);
    let removed = take(head, entries, is_old)?;
    // What stays is not looked at again until a branch moves on from it once more.
    let stays = found(entries, is_old)?;
    let were_due = !removed.is_empty() || !stays.is_empty();
    for (reference, mut dist) in stays {
        dist.forget(|_| true);
        put(entries, &reference, &dist)?;
    }
    let (mut noted, mut with_others) = (HashSet::new(), HashSet::new());
    for (_, dist) in found(entries, |dist| !dist.branches.is_empty())? {
        if dist.branches.contains(OTHERS) {
            with_others.insert(dist.sha256);
        }
        noted.extend(dist.branches);
    }
    head.gone.retain(|version, gone| {
        is_release(version) || noted.contains(version) || with_others.contains(&gone.sha256)
    });
    Ok((were_due, removed))
}

fn is_release(version: &str) -> bool {
    !Version::from_normalized(version, version).is_dev()
}

/// Takes away all zips that the deleted versions that are meant ever were, but for those that are or were
/// another's. Tells whether anything changed.
pub(super) fn purge(
    head: &mut Head,
    entries: &mut Entries,
    is_meant: impl Fn(&str) -> bool,
) -> Result<(bool, Removed)> {
    let mut changed = false;
    let mut meant = HashSet::new();
    for (version, gone) in &mut head.gone {
        if is_meant(version) {
            changed |= !std::mem::replace(&mut gone.purged, true);
            meant.insert(gone.sha256.clone());
        }
    }
    let was_meant = |dist: &Dist| dist.branches.iter().any(|branch| is_meant(branch));
    for (reference, mut dist) in found(entries, was_meant)? {
        dist.forget(&is_meant);
        put(entries, &reference, &dist)?;
        meant.insert(dist.sha256);
        changed = true;
    }
    let goes = |dist: &Dist| meant.contains(&dist.sha256) && dist.branches.is_empty();
    let removed = take(head, entries, goes)?;
    Ok((changed || !removed.is_empty(), removed))
}

/// Takes away the zips that go, but for those that are a version now, and those that a deleted release was
/// that is not purged. (What a deleted branch was is noted with its zip.)
fn take(head: &Head, entries: &mut Entries, goes: impl Fn(&Dist) -> bool) -> Result<Removed> {
    let mut used = HashSet::new();
    for (_, bytes) in versions(entries) {
        used.insert(Entry::parse(bytes)?.reference.into_owned());
    }
    let kept = head
        .gone
        .iter()
        .filter(|(of, gone)| is_release(of) && !gone.purged);
    let kept: HashSet<&str> = kept.map(|(_, gone)| &*gone.sha256).collect();
    let mut removed = Removed::new();
    for (reference, dist) in found(entries, goes)? {
        if !used.contains(&reference) && !kept.contains(&*dist.sha256) {
            entries.remove(&*dist_key(&reference));
            removed.push(dist.stored());
        }
    }
    Ok(removed)
}

/// The zips that are meant, by their SHA-1.
fn found(entries: &Entries, is_meant: impl Fn(&Dist) -> bool) -> Result<Vec<(String, Dist)>> {
    let mut found = Vec::new();
    for (reference, bytes) in dists(entries) {
        let dist = Dist::parse(bytes)?;
        if is_meant(&dist) {
            found.push((reference.to_owned(), dist));
        }
    }
    Ok(found)
}
