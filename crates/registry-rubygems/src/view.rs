//! What the log tells of every gem: `/versions`, the lists of names and versions, search.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use registry_core::{
    Error, Result,
    digest::{Algorithm, Digest},
    store::{
        Fold, LogEntry, RawDocument,
        search::{Hit, Query, SearchIndex},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    document::{self, Head},
    wire::Card,
};

mod text;

pub(crate) use text::{Reading, Text};

/// What `/versions` begins with. Clients pass over it; it stays as it is, so that what follows only
/// grows.
const HEADER: &[u8] = b"created_at: 2026-01-01T00:00:00Z\n---\n";

/// What the log says of a gem.
#[derive(Serialize, Deserialize)]
struct Told<'a> {
    /// The name, as it is spelled.
    #[serde(borrow)]
    name: Cow<'a, str>,
    /// How many times a version of it came or went.
    changes: u64,
    /// The last of these, newest last: at least those that no entry before tells of.
    #[serde(borrow)]
    recent: Vec<Cow<'a, str>>,
    /// The MD5 of its `/info` after them, in hexadecimal.
    #[serde(borrow)]
    info: Cow<'a, str>,
    /// What search shows of it; nothing while all its versions are taken back.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    card: Option<&'a RawValue>,
}

/// What the log is to say of a gem.
pub(crate) fn entry(document: &RawDocument) -> Result<Box<RawValue>> {
    let document = document.typed::<Head>()?;
    let card = document::card(&document.head, &document.entries)?;
    let card = card.map(|card| to_raw_value(&card)).transpose();
    let card = card.map_err(Error::internal)?;
    let info = document::info(&document.entries)?;
    let info = Digest::of(Algorithm::Md5, info.as_bytes());
    let told = Told {
        name: document.head.name.as_str().into(),
        changes: document.head.changes,
        recent: document.head.recent.iter().map(Into::into).collect(),
        info: info.hex().into(),
        card: card.as_deref(),
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
    live: Live,
}

/// A view of all gems of a mount.
pub(crate) struct Gems {
    /// By the names that all spellings have in common.
    all: BTreeMap<Box<str>, Known>,
    versions: Text,
    search: SearchIndex,
}

impl Default for Gems {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
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

    /// `/versions`, but only of these gems, which are sorted.
    pub(crate) fn versions_of(&self, names: &[Arc<str>]) -> Text {
        let mut text = Text::new(HEADER);
        self.versions.lines(HEADER.len(), |line| {
            if let Some(line) = Line::parse(line)
                && names
                    .binary_search_by(|name| (**name).cmp(line.name))
                    .is_ok()
            {
                text.append(&line.to_bytes());
            }
        });
        text
    }

    /// Gems of which versions are offered, with these.
    pub(crate) fn live(&self) -> Vec<(Arc<str>, Live)> {
        let live = self.all.values().filter(|known| !known.live.is_empty());
        live.map(|known| (known.name.clone(), known.live.clone()))
            .collect()
    }

    /// All gems, sorted by how they are spelled, be versions of them offered or not.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.all.values().map(|known| known.name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// Whether a version of the gem that is spelled so is offered.
    pub(crate) fn offers(&self, name: &str, slug: &str) -> bool {
        let known = self.all.get(&*name.to_ascii_lowercase());
        known.is_some_and(|known| {
            &*known.name == name && known.live.iter().any(|version| **version == *slug)
        })
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
        let known = self.all.entry(lower.into()).or_default();
        known.revision = revision;
        if *known.name != *told.name {
            known.name = (&*told.name).into();
        }
        let new = told.changes.saturating_sub(known.changes);
        let new = usize::try_from(new).unwrap_or(usize::MAX);
        if new > told.recent.len() {
            tracing::error!(gem = %told.name, "the log lost changes of a gem");
        }
        let new = &told.recent[told.recent.len().saturating_sub(new)..];
        if new.is_empty() {
            return;
        }
        known.changes = told.changes;
        let live = Arc::make_mut(&mut known.live);
        for change in new {
            let version = change.strip_prefix('-').unwrap_or(change);
            live.retain(|other| **other != *version);
            if version.len() == change.len() {
                live.push(version.into());
            }
        }
        let line = Line {
            name: &told.name,
            changes: &new.join(","),
            info: &told.info,
        };
        self.versions.append(&line.to_bytes());
    }
}

/// What a search text asks for: gems whose names or descriptions hold every word of it.
pub(crate) fn query(text: &str) -> Query {
    Query::new(text, |_| None)
}

/// How scopes spell a gem that was found.
pub(crate) fn resource(hit: Hit<'_>) -> Cow<'_, str> {
    match serde_json::from_str::<Card>(hit.shown) {
        Ok(card) => card.name.into(),
        Err(_) => hit.name.into(),
    }
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
        "gems-1"
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

    /// An entry for each line of `/versions`, since these are to be the same again.
    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        let all = self.search.all();
        let cards: BTreeMap<&str, Option<&str>> = all.map(|(name, _, card)| (name, card)).collect();
        let mut told: BTreeMap<&str, u64> = BTreeMap::new();
        let mut saved = Ok(());
        self.versions.lines(HEADER.len(), |line| {
            if saved.is_err() {
                return;
            }
            saved = (|| {
                let damaged = || Error::internal("a damaged line of versions");
                let line = Line::parse(line).ok_or_else(damaged)?;
                let lower = line.name.to_ascii_lowercase();
                let (lower, known) = self.all.get_key_value(&*lower).ok_or_else(damaged)?;
                let recent: Vec<_> = line.changes.split(',').map(Cow::from).collect();
                let changes = told.entry(lower).or_default();
                *changes += recent.len() as u64;
                let card = cards.get(&**lower).copied().flatten();
                let card = card.filter(|_| *changes == known.changes);
                let card: Option<&RawValue> = card
                    .map(serde_json::from_str)
                    .transpose()
                    .map_err(Error::internal)?;
                let data = Told {
                    name: line.name.into(),
                    changes: *changes,
                    recent,
                    info: line.info.into(),
                    card,
                };
                let data = to_raw_value(&data).map_err(Error::internal)?;
                to(LogEntry {
                    name: (&**lower).into(),
                    revision: known.revision,
                    data: &data,
                })
            })();
        });
        saved
    }
}

#[cfg(test)]
mod tests;
