//! What the log tells of bundles: how they stand, and what their versions are once they are published.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::document::bundle::{Bundle, Stage};

/// What the log says of a bundle where it speaks of its first version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// How it stands.
    pub(super) stage: Stage,
    /// Since when, in milliseconds since 1970.
    pub(super) at: i64,
    /// Whether nothing more is to be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) settled: bool,
}

impl Record {
    pub(super) fn of(bundle: &Bundle) -> Self {
        Self {
            stage: bundle.stage,
            at: bundle.since,
            settled: bundle.settled,
        }
    }
}

/// How a bundle ended, for its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The log does not know of it, of which nothing follows.
    Unknown,
    /// It has not ended.
    Open,
    /// It was published, in milliseconds since 1970.
    Published(i64),
    /// Nothing will come of it.
    Over,
}

/// What a version is once a bundle is published, by the bundle's id.
pub(super) type Pending = Vec<(Box<str>, Arc<str>)>;

/// All bundles of a mount.
#[derive(Default)]
pub(super) struct Bundles {
    /// Each with its first version, as `group:artifact:version`.
    records: BTreeMap<Box<str>, (Box<str>, Record)>,
    /// The ids of those that begin with a version.
    firsts: BTreeMap<Box<str>, Vec<Box<str>>>,
    /// By version, those that it has parts of.
    pending: BTreeMap<Box<str>, Pending>,
}

impl Bundles {
    /// The first version of a bundle.
    pub(super) fn first(&self, id: &str) -> Option<&str> {
        self.records.get(id).map(|(first, _)| &**first)
    }

    pub(super) fn fate(&self, id: &str) -> Fate {
        match self.records.get(id).map(|(_, record)| record) {
            Some(record) if record.stage == Stage::Published => Fate::Published(record.at),
            Some(record) if !matches!(record.stage, Stage::Failed | Stage::Dropped) => Fate::Open,
            Some(_) => Fate::Over,
            None => Fate::Unknown,
        }
    }

    /// Those that broke off before a time, or wait since before another, in milliseconds since 1970.
    pub(super) fn left_over(&self, broken_off: i64, waited: i64) -> Vec<String> {
        let all = self.records.iter().filter(|(_, (_, record))| {
            let before = match record.stage {
                Stage::Waiting => waited,
                _ => broken_off,
            };
            record.at < before && !record.settled
        });
        all.map(|(id, _)| id.to_string()).collect()
    }

    /// Takes in what is told of a version; gives the versions that are another thing now, since a bundle
    /// of theirs was published, and what was pending for this one.
    pub(super) fn take(
        &mut self,
        version: &str,
        records: BTreeMap<Box<str>, Record>,
        pending: Pending,
    ) -> (Vec<Box<str>>, Pending) {
        let before = if pending.is_empty() {
            self.pending.remove(version)
        } else {
            self.pending.insert(version.into(), pending)
        };
        let changed = self.take_records(version, records);
        (changed, before.unwrap_or_default())
    }

    fn take_records(
        &mut self,
        version: &str,
        records: BTreeMap<Box<str>, Record>,
    ) -> Vec<Box<str>> {
        for id in self.firsts.remove(version).into_iter().flatten() {
            if !records.contains_key(&id) {
                self.records.remove(&id);
            }
        }
        if records.is_empty() {
            return Vec::new();
        }
        self.firsts
            .insert(version.into(), records.keys().cloned().collect());
        let mut published = Vec::new();
        for (id, record) in records {
            let is_published = record.stage == Stage::Published;
            let known = self.records.insert(id.clone(), (version.into(), record));
            if is_published && known.is_none_or(|(_, known)| known.stage != Stage::Published) {
                published.push(id);
            }
        }
        if published.is_empty() {
            return Vec::new();
        }
        let of = |parts: &Pending| parts.iter().any(|(id, _)| published.contains(id));
        let changed = self.pending.iter().filter(|(_, parts)| of(parts));
        changed.map(|(version, _)| version.clone()).collect()
    }

    /// What a version is by its published bundles, and since when, in milliseconds since 1970.
    pub(super) fn published(&self, version: &str) -> Option<(i64, Arc<str>)> {
        let parts = self.pending.get(version)?.iter();
        let mut published = parts.filter_map(|(id, shape)| match self.fate(id) {
            Fate::Published(at) => Some((at, shape.clone())),
            Fate::Unknown | Fate::Open | Fate::Over => None,
        });
        published.next_back()
    }

    /// What the log is to tell of a version, to make this again.
    pub(super) fn told(&self, version: &str) -> (BTreeMap<Box<str>, Record>, Pending) {
        let ids = self.firsts.get(version).into_iter().flatten();
        let records = ids.filter_map(|id| Some((id.clone(), self.records.get(id)?.1.clone())));
        let pending = self.pending.get(version).cloned();
        (records.collect(), pending.unwrap_or_default())
    }
}
