//! What the log tells of every gem: `/versions`, the lists of names and versions, search.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use registry_core::{
    Error, Result,
    digest::{Algorithm, Digest},
    store::{
        Document, Fold, LogEntry, RawDocument,
        search::{Hit, Query, SearchIndex},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    document::{self, Head},
    name,
    wire::Card,
};

mod text;

pub(crate) use text::{Reading, Text};

/// What `/versions` begins with. Clients pass over it; it stays as it is, so that what follows only
/// grows.
const HEADER: &[u8] = b"created_at: 2026-01-01T00:00:00Z\n---\n";

/// What the log says of a gem.
#[derive(Default, Serialize, Deserialize)]
struct Told<'a> {
    /// The name, as it is spelled.
    #[serde(borrow)]
    name: Cow<'a, str>,
    /// How many times a version of it came or went.
    changes: u64,
    /// The last of these, newest last: at least those that no entry before tells of.
    #[serde(borrow)]
    recent: Vec<Cow<'a, str>>,
    /// Where entries before this one may be lost: how it stands with every version of it, as the last
    /// change of each.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    all: Option<Vec<Cow<'a, str>>>,
    /// The MD5 of its `/info` after them, in hexadecimal.
    #[serde(borrow)]
    info: Cow<'a, str>,
    /// What search shows of it; nothing while all its versions are taken back.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    card: Option<&'a RawValue>,
    /// Whether it is a line of `/versions` just as it stands, in a checkpoint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    saved: bool,
}

/// What the log is to say of a gem; `anew` where it may have lost what it was told.
pub(crate) fn entry(document: &RawDocument, anew: bool) -> Result<Box<RawValue>> {
    let Document { head, entries, .. } = document.typed::<Head>()?;
    let published = document::published(&entries)?;
    let card = document::card(&head, &published)?;
    let card = card.map(|card| to_raw_value(&card)).transpose();
    let card = card.map_err(Error::internal)?;
    let info = document::info(&published);
    let info = Digest::of(Algorithm::Md5, info.as_bytes());
    let all = published.iter().map(|entry| entry.change().into());
    let told = Told {
        name: head.name.as_str().into(),
        changes: head.changes,
        recent: head.recent.iter().map(Into::into).collect(),
        all: anew.then(|| all.collect()),
        info: info.hex().into(),
        card: card.as_deref(),
        saved: false,
    };
    to_raw_value(&told).map_err(Error::internal)
}

/// The versions of a gem that are offered, in the order in which they came.
pub(crate) type Live = Arc<Vec<Box<str>>>;

/// A gem as the log tells of it.
#[derive(Default)]
struct Known {
    name: Arc<str>,
    revision: u64,
    changes: u64,
    /// The MD5 of its `/info`, as its last line of `/versions` has it.
    info: Box<str>,
    /// Whether the log lost changes of it that it has not been told anew.
    is_short: bool,
    live: Live,
    /// The versions that were taken back.
    gone: Vec<Box<str>>,
}

impl Known {
    fn is_live(&self, version: &str) -> bool {
        self.live.iter().any(|other| **other == *version)
    }

    /// Takes in what the log says, and tells the changes that are new: all that it has, where others
    /// were `lost`.
    fn take(&mut self, told: &Told<'_>, lost: bool) -> Vec<String> {
        let due = match told.saved || lost {
            true => u64::MAX,
            false => told.changes.saturating_sub(self.changes),
        };
        self.changes = told.changes;
        let is_other = *self.info != *told.info;
        self.info = (&*told.info).into();
        if let Some(all) = &told.all {
            let mut new = self.set(all);
            if new.is_empty() && is_other {
                // The new checksum needs a line.
                new.extend(self.live.last().map(ToString::to_string));
            }
            return new;
        }
        let due = usize::try_from(due).unwrap_or(usize::MAX);
        let recent = &told.recent[told.recent.len().saturating_sub(due)..];
        let live = Arc::make_mut(&mut self.live);
        for change in recent {
            let version = change.strip_prefix('-').unwrap_or(change);
            let came = version.len() == change.len();
            live.retain(|other| **other != *version);
            self.gone.retain(|other| **other != *version);
            let to = if came { &mut *live } else { &mut self.gone };
            to.push(version.into());
        }
        recent.iter().map(ToString::to_string).collect()
    }

    /// Takes in how it stands with every version, and tells what differs.
    fn set(&mut self, all: &[Cow<'_, str>]) -> Vec<String> {
        let (gone, offered): (Vec<&str>, Vec<&str>) = all
            .iter()
            .map(|change| &**change)
            .partition(|change| change.starts_with('-'));
        let now: HashSet<&str> = offered.iter().copied().collect();
        let before: HashSet<&str> = self.live.iter().map(|version| &**version).collect();
        let went = self
            .live
            .iter()
            .filter(|version| !now.contains(&***version));
        let mut new: Vec<String> = went.map(|version| format!("-{version}")).collect();
        let came = offered.iter().filter(|version| !before.contains(*version));
        new.extend(came.map(ToString::to_string));
        self.gone = gone.iter().map(|change| change[1..].into()).collect();
        self.live = Arc::new(offered.into_iter().map(Into::into).collect());
        new
    }
}

/// A view of all gems of a mount.
pub(crate) struct Gems {
    /// By the names that all spellings have in common.
    all: BTreeMap<Box<str>, Known>,
    /// Of files' names that could be of several gems, in lower case: the gem that was the first to have
    /// one, as scopes call it.
    first: HashMap<Box<str>, Box<str>>,
    versions: Text,
    search: SearchIndex,
}

impl Default for Gems {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            first: HashMap::new(),
            versions: Text::new(HEADER),
            search: SearchIndex::default(),
        }
    }
}

impl Gems {
    /// `/versions`.
    pub(crate) fn versions(&self) -> &Text {
        &self.versions
    }

    /// Gems of which versions are offered, with these; only those of `names`, if there are any, which are
    /// sorted.
    pub(crate) fn live(&self, names: Option<&[String]>) -> Vec<(Arc<str>, Live)> {
        let live = self.all.iter().filter(|(name, known)| {
            !known.live.is_empty() && names.is_none_or(|names| holds(names, name))
        });
        live.map(|(_, known)| (known.name.clone(), known.live.clone()))
            .collect()
    }

    /// All gems, sorted, as scopes call them, be versions of them offered or not.
    pub(crate) fn names(&self) -> Vec<String> {
        self.all.keys().map(|name| name.to_string()).collect()
    }

    /// Whether a version of the gem that is spelled so is offered.
    pub(crate) fn offers(&self, name: &str, slug: &str) -> bool {
        let known = self.all.get(&*name.to_ascii_lowercase());
        known.is_some_and(|known| &*known.name == name && known.is_live(slug))
    }

    /// The gem whose file is called so, as scopes call it, if others could have such a file: the first of
    /// them in the log, be its version taken back or not.
    pub(crate) fn first(&self, full: &str) -> Option<&str> {
        self.first
            .get(&*full.to_ascii_lowercase())
            .map(|name| &**name)
    }

    /// How many changes of a gem the log tells of.
    pub(crate) fn changes(&self, lower: &str) -> u64 {
        self.all.get(lower).map_or(0, |known| known.changes)
    }

    pub(crate) fn search(&self) -> &SearchIndex {
        &self.search
    }

    /// Takes in a line of `/versions`, with what else the log says.
    fn take(&mut self, lower: &str, told: &Told<'_>, revision: u64) {
        self.note_files(lower, told);
        let known = self.all.entry(lower.into()).or_default();
        let lost = told.lost(known, revision);
        known.is_short = match told.all {
            // A checkpoint keeps that it is.
            Some(_) => revision == 0,
            None => known.is_short || lost,
        };
        // What was lost is told anew when the gem's document is found ahead of this.
        known.revision = if known.is_short { 0 } else { revision };
        if *known.name != *told.name {
            known.name = (&*told.name).into();
        }
        let new = known.take(told, lost);
        if new.is_empty() {
            return;
        }
        let line = Line {
            name: &told.name,
            changes: &new.join(","),
            info: &told.info,
        };
        self.versions.append(&line.to_bytes());
    }

    /// Notes whose the files are that it tells of.
    fn note_files(&mut self, lower: &str, told: &Told<'_>) {
        for change in told.all.as_ref().unwrap_or(&told.recent) {
            let version = change.strip_prefix('-').unwrap_or(change);
            let full = format!("{lower}-{version}").to_ascii_lowercase();
            if name::releases(&full).nth(1).is_some() {
                self.first.entry(full.into()).or_insert(lower.into());
            }
        }
    }
}

impl Told<'_> {
    /// Whether there were changes that it does not tell of, beside those that are known.
    fn lost(&self, known: &Known, revision: u64) -> bool {
        if self.saved || self.all.is_some() {
            return false;
        }
        let behind = revision < known.revision || self.changes < known.changes;
        let equal = revision == known.revision || self.changes == known.changes;
        // As it is after the document was put back from a backup.
        let is_other = behind || (equal && *self.info != *known.info);
        let told = self.recent.len() as u64;
        let lost = is_other || self.changes - known.changes > told;
        if lost {
            tracing::warn!(gem = %self.name, "the log lost changes of a gem");
        }
        lost
    }
}

/// Those lines of a text of `/versions` that are of these gems, which are sorted.
pub(crate) fn versions_of(text: &Reading, names: &[String]) -> Vec<u8> {
    let mut some = HEADER.to_vec();
    text.lines(HEADER.len(), |bytes| {
        let line = Line::parse(bytes);
        if line.is_some_and(|line| holds(names, &line.name.to_ascii_lowercase())) {
            some.extend_from_slice(bytes);
            some.push(b'\n');
        }
    });
    some
}

/// Whether a name is among some that are sorted.
fn holds(names: &[String], name: &str) -> bool {
    names
        .binary_search_by(|other| other.as_str().cmp(name))
        .is_ok()
}

/// What a search text asks for: gems whose names or descriptions hold every word of it.
pub(crate) fn query(text: &str) -> Query {
    Query::new(text, |_| None)
}

/// How scopes call a gem that was found: as the log does.
pub(crate) fn resource(hit: Hit<'_>) -> Cow<'_, str> {
    hit.name.into()
}

/// A line of `/versions`.
struct Line<'a> {
    name: &'a str,
    /// What came and went, with commas between.
    changes: &'a str,
    info: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut parts = str::from_utf8(line).ok()?.split_ascii_whitespace();
        Some(Self {
            name: parts.next()?,
            changes: parts.next()?,
            info: parts.next()?,
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        format!("{} {} {}\n", self.name, self.changes, self.info).into_bytes()
    }
}

impl Fold for Gems {
    fn name(&self) -> &'static str {
        "gems-3"
    }

    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()> {
        let told: Told<'_> = serde_json::from_str(entry.data.get()).map_err(Error::internal)?;
        self.take(&entry.name, &told, entry.revision);
        let Some(card) = told.card else {
            return self.search.remove(entry.revision, &entry.name);
        };
        let shown: Card = serde_json::from_str(card.get()).map_err(Error::internal)?;
        self.search
            .insert(entry.revision, &entry.name, card, |parts| {
                parts.text(&shown.info);
            })
    }

    fn revision(&self, name: &str) -> Option<u64> {
        self.all.get(name).map(|known| known.revision)
    }

    /// An entry for each line of `/versions`, since these are to be the same again, and behind them one
    /// for each gem.
    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        let mut save = |name: &str, revision, told: &Told<'_>| {
            let data = to_raw_value(told).map_err(Error::internal)?;
            let name = name.into();
            to(LogEntry {
                name,
                revision,
                data: &data,
            })
        };
        let mut saved = Ok(());
        self.versions.read().lines(HEADER.len(), |line| {
            if let (Ok(()), Some(line)) = (&saved, Line::parse(line)) {
                let told = Told {
                    name: line.name.into(),
                    recent: line.changes.split(',').map(Cow::from).collect(),
                    info: line.info.into(),
                    saved: true,
                    ..Told::default()
                };
                saved = save(&line.name.to_ascii_lowercase(), 0, &told);
            }
        });
        saved?;
        let cards = self.search.all();
        let cards: BTreeMap<&str, Option<&str>> =
            cards.map(|(name, _, card)| (name, card)).collect();
        for (lower, known) in &self.all {
            let card = cards.get(&**lower).copied().flatten();
            let card: Option<&RawValue> = card
                .map(serde_json::from_str)
                .transpose()
                .map_err(Error::internal)?;
            let gone = known
                .gone
                .iter()
                .map(|version| format!("-{version}").into());
            let told = Told {
                name: (&*known.name).into(),
                changes: known.changes,
                all: Some(
                    known
                        .live
                        .iter()
                        .map(|version| (&**version).into())
                        .chain(gone)
                        .collect(),
                ),
                info: (&*known.info).into(),
                card,
                ..Told::default()
            };
            save(lower, known.revision, &told)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
