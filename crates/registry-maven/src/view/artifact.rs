//! An artifact and its versions, as the log tells of them.

use std::{collections::BTreeMap, sync::Arc};

use registry_core::Result;

use super::Shape;
use crate::{VersionName, wire::Hit};

#[derive(Default)]
pub(super) struct Artifact {
    pub(super) versions: BTreeMap<Box<str>, Version>,
    /// How many are there.
    pub(super) live: usize,
    /// The highest that is there.
    pub(super) latest: Option<Box<str>>,
    /// The revision of its prefix's document.
    pub(super) plugin: u64,
    /// When its metadata last changed, as this view counts.
    pub(super) stamp: u64,
}

#[derive(Clone)]
pub(super) struct Version {
    pub(super) revision: u64,
    pub(super) at: i64,
    /// What it is; nothing while it is not there.
    pub(super) shape: Option<Arc<str>>,
}

impl Version {
    pub(super) fn is_live(&self) -> bool {
        self.shape.is_some()
    }
}

impl Artifact {
    /// The versions that are there, or the only one that is asked for, as a search shows them: the
    /// highest first.
    pub(super) fn hits<'a>(
        &'a self,
        name: &'a str,
        only: Option<&str>,
    ) -> impl Iterator<Item = Hit> + 'a {
        let mut live: Vec<(VersionName, &Version)> = match only {
            None => self.live().filter_map(parsed).collect(),
            Some(only) => {
                let one = self.versions.get_key_value(only);
                let one = one.filter(|(_, state)| state.is_live());
                one.and_then(|(version, state)| parsed((version, state)))
                    .into_iter()
                    .collect()
            }
        };
        live.sort_by_cached_key(|(version, _)| std::cmp::Reverse(version.clone()));
        live.into_iter().map(move |(version, state)| Hit {
            id: format!("{name}:{version}"),
            v: Some(version.to_string()),
            ..hit(name, state)
        })
    }

    pub(super) fn live(&self) -> impl Iterator<Item = (&str, &Version)> {
        let live = self.versions.iter().filter(|(_, state)| state.is_live());
        live.map(|(name, state)| (&**name, state))
    }

    /// Whether there is anything to show of it.
    pub(super) fn is_there(&self) -> bool {
        self.live > 0
    }

    /// Takes in a version; gives what it was before.
    pub(super) fn put(&mut self, name: &str, state: Version) -> Result<Option<Version>> {
        let comes = state.shape.is_some();
        let before = self.versions.insert(name.into(), state);
        let was_live = before.as_ref().is_some_and(|state| state.shape.is_some());
        self.live += usize::from(comes);
        self.live -= usize::from(was_live);
        let new: VersionName = name.parse()?;
        match &self.latest {
            Some(latest) if **latest == *name && !comes => {
                let live = self.live().filter_map(|(name, _)| name.parse().ok());
                let highest: Option<VersionName> = live.max();
                self.latest = highest.map(|highest| highest.as_str().into());
            }
            Some(latest) if !comes || latest.parse::<VersionName>()? >= new => {}
            None if !comes => {}
            _ => self.latest = Some(name.into()),
        }
        Ok(before)
    }
}

fn parsed<'a>((name, state): (&str, &'a Version)) -> Option<(VersionName, &'a Version)> {
    Some((name.parse().ok()?, state))
}

/// A version as a search shows it, but for what depends on what was asked for.
pub(super) fn hit(name: &str, state: &Version) -> Hit {
    let (group, artifact) = name.split_once(':').unwrap_or((name, ""));
    let shape = state.shape.as_deref().unwrap_or_default();
    let shape: Shape = serde_json::from_str(shape).unwrap_or_default();
    Hit {
        id: name.to_owned(),
        g: group.to_owned(),
        a: artifact.to_owned(),
        v: None,
        latest: None,
        p: shape.p,
        timestamp: state.at,
        versions: None,
        ec: shape.ec.into_iter().collect(),
        tags: [],
    }
}
