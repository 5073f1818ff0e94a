//! What a version keeps of bundles: files that are published together with those of other versions.
//!
//! The first version of a bundle has its record: how it stands, and which versions it has. Each version has
//! its own part, files that are not there yet. To publish a bundle, its versions first promise the files
//! their places, one by one; then one write of the record says that it is published. From the log's line
//! about that on, all of its files are there for who reads, in the parts or, once each version was settled,
//! as entries. Pure, so that a lost race can be run again.

use std::collections::BTreeMap;

use bytes::Bytes;
use registry_core::{
    Error, ErrorKind, Result,
    store::{Entries, StoredBytes},
};
use serde::{Deserialize, Serialize};

use super::{
    Entry, Head,
    change::{MAX_FILES, compare, deleted, full, taken, turn},
    is_live,
};
use crate::name::shown;

/// How many bundles a version keeps parts or records of: of those that are over, the newest.
const MAX_BUNDLES: usize = 20;
/// How many files and versions a version's bundles name together: they are in its head, all of which every
/// change of the version reads.
const MAX_NAMES: usize = 5000;

/// How it stands with a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Not all of its versions have their parts yet.
    #[default]
    Arriving,
    /// It waits to be published.
    Waiting,
    /// It is to be published: its versions promise its files their places.
    Publishing,
    /// It is published.
    Published,
    /// It could not be published.
    Failed,
    /// It is on its way out.
    Dropped,
}

/// What a version keeps of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Bundle {
    /// All its versions, as `group:artifact:version`, in the first of them, which has its record; none in
    /// the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// The first of them, where this is a part and not the record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first: String,
    /// What its uploader called it, in its record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How it stands, in its record.
    pub stage: Stage,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// Whether its versions were told how it ended, so that nothing more is to be done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
    /// Why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Whether nothing else may take the places of its files.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub promised: bool,
    /// Its files of this version while they are no entries: what these will be, as JSON.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// What its POM says that this version is packed as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packaging: Option<String>,
}

impl Bundle {
    /// Whether this is the record of the bundle, and not only a part of it.
    pub fn is_record(&self) -> bool {
        !self.versions.is_empty()
    }

    /// The version that has the record, as `group:artifact:version`.
    pub fn first(&self) -> &str {
        self.versions.first().unwrap_or(&self.first)
    }

    /// Whether nothing will come of the bundle whose record this is.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Failed | Stage::Dropped)
    }

    /// How many files and versions it names.
    fn names(&self) -> usize {
        self.files.len() + self.versions.len()
    }

    /// The entry of one of its files, as it is once the bundle was published at a time.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn entry(&self, file: &str, at: i64) -> Result<Option<Bytes>> {
        let entry = self.files.get(file);
        let entry = entry.map(|entry| Entry::parse(entry.as_bytes())?.dated(at));
        entry.transpose()
    }
}

impl Head {
    /// The bundles that have files here which are no entries yet.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &Bundle)> {
        let parts = self.bundles.iter();
        let parts = parts.filter(|(_, bundle)| !bundle.files.is_empty());
        parts.map(|(id, bundle)| (id.as_str(), bundle))
    }

    /// Refuses a file whose place is promised to another.
    pub(super) fn check_promises(&self, name: &str, sha256: &str, but: &str) -> Result<()> {
        for (_, bundle) in self
            .parts()
            .filter(|(id, part)| part.promised && *id != but)
        {
            let other = bundle
                .files
                .get(name)
                .map(|entry| Entry::parse(entry.as_bytes()));
            if other
                .transpose()?
                .is_some_and(|other| other.sha256 != sha256)
            {
                let name = shown(name);
                let message = format!(
                    "{name} is being published with other content by a deployment; try again once that \
                     has ended, or release another version"
                );
                return Err(Error::new(ErrorKind::Conflict, message));
            }
        }
        Ok(())
    }
}

/// Why a version has no room for another bundle that names so much, if that is so.
pub fn no_room(head: &Head, names: usize) -> Option<String> {
    crowd(head.bundles.values().filter(|other| !other.settled), names)
}

/// Why there is no room beside others.
fn crowd<'b>(others: impl Iterator<Item = &'b Bundle>, names: usize) -> Option<String> {
    let (count, named) = others.fold((0, 0), |(count, named), other| {
        (count + 1, named + other.names())
    });
    if count >= MAX_BUNDLES {
        return Some(format!("{MAX_BUNDLES} deployments with this version wait"));
    }
    (named + names > MAX_NAMES).then(|| {
        format!(
            "the deployments with this version that wait name {named} files and versions, and {MAX_NAMES} \
             are the most with those of another"
        )
    })
}

/// The refusal of what finds no room, for one who may drop these.
pub fn too_many(why: &str, own: &[&str]) -> Error {
    let rest = if own.is_empty() {
        "try again once one of them has ended".to_owned()
    } else {
        format!("publish or drop some of them: {}", own.join(", "))
    };
    Error::new(ErrorKind::Conflict, format!("{why}; {rest}"))
}

/// Takes in a bundle's part, and forgets old bundles that are over.
///
/// # Errors
/// `Conflict` when too many wait, or name too much.
pub fn take_in(head: &mut Head, id: &str, bundle: &Bundle) -> Result<()> {
    loop {
        let others = head.bundles.iter().filter(|(other, _)| *other != id);
        let Some(why) = crowd(others.clone().map(|(_, other)| other), bundle.names()) else {
            break;
        };
        let over = others.filter(|(_, other)| other.settled);
        let oldest = over.min_by_key(|(_, other)| other.since);
        let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
            return Err(too_many(&why, &[]));
        };
        head.bundles.remove(&oldest);
    }
    head.bundles.insert(id.to_owned(), bundle.clone());
    Ok(())
}

/// Refuses a bundle that could not be published with these files.
///
/// # Errors
/// `Conflict` for a file that is there, or was, or is promised its place, with other content;
/// `DigestMismatch` when a checksum came before that is not a file's; `TooLarge` for too many files.
pub fn check(
    head: &Head,
    entries: &Entries,
    id: &str,
    files: &BTreeMap<String, String>,
) -> Result<()> {
    let mut count = entries.len();
    for (name, entry) in files {
        let entry = Entry::parse(entry.as_bytes())?;
        head.check_promises(name, entry.sha256, id)?;
        match entries.get(name.as_str()) {
            Some(there) if Entry::parse(there)?.sha256 != entry.sha256 => return Err(taken(name)),
            Some(_) => {}
            None if head.gone.contains(name) => return Err(deleted(name)),
            None => {
                count += 1;
                compare(
                    name,
                    &entry,
                    head.held.get(name).unwrap_or(&super::Held::new()),
                )?;
            }
        }
    }
    if count > MAX_FILES {
        return Err(full());
    }
    Ok(())
}

/// What became of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It was made.
    New,
    /// It was made before.
    Known,
    /// There is no part whose files it could be for.
    Gone,
}

/// Promises the files of a part their places.
///
/// # Errors
/// As for [`check`].
pub fn promise(head: &mut Head, entries: &Entries, id: &str) -> Result<Promise> {
    match head.bundles.get(id) {
        None => return Ok(Promise::Gone),
        Some(bundle) if bundle.files.is_empty() => return Ok(Promise::Gone),
        Some(bundle) if bundle.promised => return Ok(Promise::Known),
        Some(bundle) => check(head, entries, id, &bundle.files)?,
    }
    if let Some(bundle) = head.bundles.get_mut(id) {
        bundle.promised = true;
    }
    Ok(Promise::New)
}

/// Makes entries of the files of a bundle that was published at a time, or, where it was not, lets them go.
/// Tells whether there were any, and which bytes are named no longer.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn settle(
    head: &mut Head,
    entries: &mut Entries,
    id: &str,
    published: Option<i64>,
) -> Result<(bool, Vec<StoredBytes>)> {
    let Some(bundle) = head.bundles.get_mut(id) else {
        return Ok((false, Vec::new()));
    };
    let (files, packaging) = (std::mem::take(&mut bundle.files), bundle.packaging.take());
    bundle.promised = false;
    if !bundle.is_record() {
        head.bundles.remove(id);
    }
    let (changed, was_live) = (!files.is_empty(), is_live(entries));
    let mut removed = Vec::new();
    for (name, entry) in files {
        let entry = Entry::parse(entry.as_bytes())?;
        // What was put meanwhile is the same, and what was deleted stays so.
        match published {
            Some(at) if !entries.contains_key(&*name) && !head.gone.contains(&name) => {
                head.held.remove(&name);
                entries.insert(name.into(), entry.dated(at)?);
            }
            _ => removed.push(entry.stored()),
        }
    }
    if let Some(at) = published {
        if let Some(packaging) = packaging {
            head.packaging = Some(packaging).filter(|packaging| packaging != "jar");
        }
        turn(head, entries, was_live, at);
    }
    Ok((changed, removed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|number| number.to_string())
    }

    #[test]
    fn those_that_wait_leave_no_room_and_those_that_are_over_do() {
        let part = |files| Bundle {
            files: named(files).map(|name| (name, String::new())).collect(),
            ..Bundle::default()
        };
        let record = Bundle {
            versions: named(1500).collect(),
            ..part(500)
        };
        let mut head = Head::default();
        for (id, bundle) in [
            ("a", &part(2000)),
            ("b", &record),
            ("a", &part(2000)),
            ("c", &part(1000)),
        ] {
            take_in(&mut head, id, bundle).unwrap();
        }
        let before = head.clone();
        assert!(no_room(&head, 0).is_none());
        assert!(no_room(&head, 1).is_some());
        let error = take_in(&mut head, "d", &part(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(head, before);
        if let Some(record) = head.bundles.get_mut("b") {
            record.files.clear();
            record.settled = true;
        }
        assert!(no_room(&head, 2000).is_none());
        take_in(&mut head, "d", &part(500)).unwrap();
        assert!(head.bundles.contains_key("b"));
        take_in(&mut head, "e", &part(1)).unwrap();
        assert!(!head.bundles.contains_key("b"));
    }
}
