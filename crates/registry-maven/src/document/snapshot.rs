//! The builds of a snapshot: which of them is the newest, and which go when it is cleaned up.

use std::collections::{BTreeMap, BTreeSet};

use registry_core::{Result, store::Entries};

use super::Entry;
use crate::{ArtifactId, VersionName, name::FileName, version::Build};

/// The newest file of one kind, by classifier and extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// The file. Where it names no build, each deploy takes the place of the one before.
    pub file: FileName,
    /// When it was stored, in milliseconds since 1970.
    pub at: i64,
}

/// What tells the files of one build apart: the classifier and the extension.
pub type Kind = (Option<Box<str>>, Box<str>);

/// The newest file of each kind.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn newest(
    entries: &Entries,
    artifact: &ArtifactId,
    version: &VersionName,
) -> Result<BTreeMap<Kind, Newest>> {
    let mut all: BTreeMap<Kind, Newest> = BTreeMap::new();
    for (name, entry) in entries {
        let Ok(file) = FileName::parse(artifact, version, name) else {
            continue;
        };
        let kind = (file.classifier.clone(), file.extension.clone());
        let at = Entry::parse(entry)?.at;
        let found = Newest { file, at };
        match all.get(&kind) {
            Some(known) if !is_newer(&found, known) => {}
            _ => drop(all.insert(kind, found)),
        }
    }
    Ok(all)
}

/// Builds go by their own time and number; beside what names no build, all go by when they came.
fn is_newer(found: &Newest, known: &Newest) -> bool {
    match (&found.file.build, &known.file.build) {
        (Some(found), Some(known)) => found > known,
        _ => found.at > known.at,
    }
}

/// The name of the file that is meant by one that names no build.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn resolve(
    entries: &Entries,
    artifact: &ArtifactId,
    version: &VersionName,
    file: &FileName,
) -> Result<Option<String>> {
    let mut newest: Option<Newest> = None;
    // There may be very many builds: only names that can be of the kind are taken apart.
    let alike = |name: &str| name.ends_with(&*file.extension);
    for (name, entry) in entries.iter().filter(|(name, _)| alike(name)) {
        let Ok(found) = FileName::parse(artifact, version, name) else {
            continue;
        };
        if kind(&found) == kind(file) {
            let at = Entry::parse(entry)?.at;
            let found = Newest { file: found, at };
            if newest.as_ref().is_none_or(|known| is_newer(&found, known)) {
                newest = Some(found);
            }
        }
    }
    Ok(newest.map(|newest| newest.file.as_str().to_owned()))
}

fn kind(file: &FileName) -> (Option<&str>, &str) {
    (file.classifier.as_deref(), &file.extension)
}

/// What a clean-up keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// How many of the newest builds, one at least.
    pub count: Option<usize>,
    /// Builds that came since, in milliseconds since 1970.
    pub since: Option<i64>,
}

/// The builds that a clean-up removes, the oldest first, and their files. The newest stays whatever
/// its age; of the others go those that are beyond the count and, where both are told, old enough.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn outdated(
    entries: &Entries,
    artifact: &ArtifactId,
    version: &VersionName,
    keep: Keep,
) -> Result<BTreeMap<Build, BTreeSet<String>>> {
    let mut builds: BTreeMap<Build, (i64, BTreeSet<String>)> = BTreeMap::new();
    for (name, entry) in entries {
        let file = FileName::parse(artifact, version, name);
        if let Some(build) = file.ok().and_then(|file| file.build) {
            let (at, files) = builds.entry(build).or_default();
            *at = (*at).max(Entry::parse(entry)?.at);
            files.insert(name.to_string());
        }
    }
    let kept = keep.count.unwrap_or(1).max(1);
    let count = builds.len().saturating_sub(kept);
    let old = builds.into_iter().take(count);
    let old = old.filter(|(_, (at, _))| keep.since.is_none_or(|since| *at < since));
    Ok(old.map(|(build, (_, files))| (build, files)).collect())
}
