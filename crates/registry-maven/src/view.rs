//! What the log tells of every version and plugin, and what is made of it: metadata, listings,
//! search.

mod artifact;
mod bundles;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Bound::{Included, Unbounded},
    sync::Arc,
};

use registry_core::{
    Error, Result,
    store::{Fold, LogEntry, RawDocument, search::SearchIndex},
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

pub(crate) use self::bundles::Fate;
use self::{
    artifact::{Artifact, Version, hit},
    bundles::{Bundles, Record},
};
use crate::{
    VersionName,
    document::{Head, Prefix, is_live},
    name::{FileName, Levels},
    wire::Hit,
};

/// Of how many kinds of files of a version the log tells.
const MAX_ENDINGS: usize = 40;
/// The longest that it tells of, in bytes.
const MAX_ENDING: usize = 80;

/// What the log says of a version.
#[derive(Serialize, Deserialize)]
struct Told {
    /// When it came, or when it went, in milliseconds since 1970.
    at: i64,
    /// What it is, while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<Box<RawValue>>,
    /// The bundles of which it is the first version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    bundles: BTreeMap<Box<str>, Record>,
    /// What it is once a bundle is published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<(Box<str>, Box<RawValue>)>,
}

/// What a version is. Many are alike, and share one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// Its packaging.
    pub(crate) p: String,
    /// What follows `artifact-version` in the names of its files.
    pub(crate) ec: BTreeSet<String>,
}

/// What the log is to say of a document.
pub(crate) fn entry(name: &str, document: &RawDocument) -> Result<Box<RawValue>> {
    let mut parts = name.splitn(3, ':');
    let (_, artifact, version) = (parts.next(), parts.next(), parts.next());
    let told = match (artifact, version) {
        (Some(artifact), Some(version)) => {
            let head: Head = document.typed()?.head;
            let shape = |packaging: &Option<String>, files: &mut dyn Iterator<Item = &str>| {
                let p = packaging.clone().unwrap_or_else(|| "jar".to_owned());
                let ec = endings(artifact, version, files);
                to_raw_value(&Shape { p, ec }).map_err(Error::internal)
            };
            let there = || document.entries.keys().map(|file| &**file);
            let live = is_live(&document.entries);
            let pending = head.parts().map(|(id, part)| {
                let mut files = there().chain(part.files.keys().map(String::as_str));
                let packaging = part.packaging.as_ref().or(head.packaging.as_ref());
                Ok((id.into(), shape(&packaging.cloned(), &mut files)?))
            });
            let pending = pending.collect::<Result<_>>()?;
            let records = head.bundles.iter().filter(|(_, bundle)| bundle.is_record());
            let records = records.map(|(id, bundle)| (id.as_str().into(), Record::of(bundle)));
            to_raw_value(&Told {
                at: head.since,
                shape: live
                    .then(|| shape(&head.packaging, &mut there()))
                    .transpose()?,
                bundles: records.collect(),
                pending,
            })
        }
        _ => to_raw_value(&document.typed::<Prefix>()?.head),
    };
    told.map_err(Error::internal)
}

/// What follows the version in the names of a version's files: `-sources.jar`, `.pom`. Of many or long
/// ones, those without a classifier first: each change of the version has the log tell of them again.
fn endings<'a>(
    artifact: &str,
    version: &str,
    files: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    let (Ok(artifact), Ok(version)) = (artifact.parse(), version.parse()) else {
        return BTreeSet::new();
    };
    let files = files.filter_map(|file| FileName::parse(&artifact, &version, file).ok());
    let files = files.filter(|file| !file.is_signature());
    let endings = files.map(|file| match file.classifier {
        Some(classifier) => (true, format!("-{classifier}.{}", file.extension)),
        None => (false, format!(".{}", file.extension)),
    });
    let short: BTreeSet<_> = endings.filter(|(_, end)| end.len() <= MAX_ENDING).collect();
    let first = short.into_iter().take(MAX_ENDINGS);
    first.map(|(_, ending)| ending).collect()
}

/// The prefixes of plugins by their artifacts, and when they last changed.
type Plugins = (u64, BTreeMap<Box<str>, Prefix>);

/// All artifacts of a mount.
#[derive(Default)]
pub(crate) struct Artifacts {
    /// By `group:artifact`.
    all: BTreeMap<Box<str>, Artifact>,
    /// The plugins of each group that has some, and when they last changed.
    plugins: BTreeMap<Box<str>, Plugins>,
    /// What versions are, each once.
    shapes: HashSet<Arc<str>>,
    bundles: Bundles,
    /// To find artifacts by.
    found: SearchIndex,
    /// Counts the changes of metadata.
    stamp: u64,
}

/// What is in the metadata of a folder.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// The versions of the artifact that the folder is of.
    pub(crate) versions: Vec<String>,
    /// The plugins of the group that the folder is of: artifact and prefix.
    pub(crate) plugins: Vec<(String, Prefix)>,
    /// When that last changed, in milliseconds since 1970.
    pub(crate) at: i64,
}

impl Artifacts {
    /// What artifacts are found by.
    pub(crate) fn found(&self) -> &SearchIndex {
        &self.found
    }

    /// Stands for the metadata of a folder until that changes; nothing where it has none.
    pub(crate) fn stamp(&self, levels: &Levels) -> Option<u64> {
        let (artifact, plugins) = (self.artifact(levels), self.plugins(levels));
        if plugins.is_none() && artifact.is_none_or(|artifact| artifact.live == 0) {
            return None;
        }
        // That of an artifact which went counts too: what was there with it is another thing.
        let stamps = artifact.map(|artifact| artifact.stamp);
        stamps.max(plugins.map(|(stamp, _)| *stamp))
    }

    /// What is in the metadata of a folder.
    pub(crate) fn listed(&self, levels: &Levels) -> Listed {
        let mut listed = Listed::default();
        if let Some(artifact) = self.artifact(levels) {
            listed.versions = artifact.live().map(|(name, _)| name.to_string()).collect();
            let times = artifact.versions.values().map(|version| version.at);
            listed.at = times.max().unwrap_or_default();
        }
        for (artifact, prefix) in self.plugins(levels).iter().flat_map(|(_, all)| all) {
            listed.at = listed.at.max(prefix.at);
            listed.plugins.push((artifact.to_string(), prefix.clone()));
        }
        listed
    }

    /// The first version of a bundle, as `group:artifact:version`.
    pub(crate) fn bundle(&self, id: &str) -> Option<String> {
        self.bundles.first(id).map(str::to_owned)
    }

    /// How a bundle ended.
    pub(crate) fn fate(&self, id: &str) -> Fate {
        self.bundles.fate(id)
    }

    /// The bundles that broke off before a time, or wait since another, in milliseconds since 1970.
    pub(crate) fn left_over(&self, broken_off: i64, waited: i64) -> Vec<String> {
        self.bundles.left_over(broken_off, waited)
    }

    fn artifact(&self, levels: &Levels) -> Option<&Artifact> {
        let (group, artifact) = levels.artifact.as_ref()?;
        self.all.get(&*format!("{group}:{artifact}"))
    }

    fn plugins(&self, levels: &Levels) -> Option<&Plugins> {
        self.plugins.get(levels.group.as_ref()?.as_str())
    }

    /// The versions of an artifact that are there.
    pub(crate) fn versions(&self, name: &str) -> Vec<String> {
        let live = self.all.get(name).into_iter().flat_map(Artifact::live);
        live.map(|(version, _)| version.to_string()).collect()
    }

    /// The artifacts, as `group:artifact`, of a group and of all below it; of every group for one
    /// without a name.
    pub(crate) fn names(&self, group: &str) -> Vec<String> {
        let below = self
            .range(group)
            .filter(|(_, artifact)| artifact.is_there());
        let below = below.filter(|(name, _)| part(name, group).is_some());
        below.map(|(name, _)| name.to_string()).collect()
    }

    /// What lies in the folder of a group: groups below it, and artifacts.
    pub(crate) fn folders(&self, group: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut from = group.to_owned();
        let wanted =
            |(name, artifact): &(&str, &Artifact)| artifact.is_there() || !name.starts_with(group);
        loop {
            let first = self.range(&from).find(wanted).map(|(name, _)| name);
            let Some(name) = first.filter(|name| name.starts_with(group)) else {
                return found;
            };
            let next = match part(name, group) {
                Some((folder, next)) => {
                    found.insert(folder.to_owned());
                    next
                }
                None => format!("{name}\0"),
            };
            from = next;
        }
    }

    fn range(&self, from: &str) -> impl Iterator<Item = (&str, &Artifact)> {
        let all = self.all.range::<str, _>((Included(from), Unbounded));
        all.map(|(name, artifact)| (&**name, artifact))
    }

    /// The snapshots of all artifacts: artifact, as `group:artifact`, and version.
    pub(crate) fn snapshots(&self) -> Vec<(String, VersionName)> {
        let mut all = Vec::new();
        for (name, artifact) in &self.all {
            let names = artifact
                .live()
                .filter_map(|(version, _)| version.parse().ok());
            let snapshots = names.filter(VersionName::is_snapshot);
            all.extend(snapshots.map(|version| (name.to_string(), version)));
        }
        all
    }

    /// How many versions of these artifacts are there, or how many have the one version that is asked
    /// for, and a page of them as a search shows them: how many come before it, and its size.
    pub(crate) fn versions_of(
        &self,
        names: &[String],
        only: Option<&str>,
        (from, size): (usize, usize),
    ) -> (usize, Vec<Hit>) {
        let (mut seen, mut page) = (0, Vec::new());
        for name in names {
            let Some(artifact) = self.all.get(&**name) else {
                continue;
            };
            let count = match only {
                None => artifact.live,
                Some(only) => {
                    usize::from(artifact.versions.get(only).is_some_and(Version::is_live))
                }
            };
            if seen + count > from && page.len() < size {
                let hits = artifact.hits(name, only).skip(from.saturating_sub(seen));
                page.extend(hits.take(size - page.len()));
            }
            seen += count;
        }
        (seen, page)
    }

    fn take(&mut self, entry: &LogEntry<'_>) -> Result<()> {
        let data = entry.data.get();
        let Some((name, version)) = split(&entry.name) else {
            let prefix = serde_json::from_str(data).map_err(Error::internal)?;
            return self.take_prefix(&entry.name, entry.revision, prefix);
        };
        let told: Told = serde_json::from_str(data).map_err(Error::internal)?;
        let shape = told.shape.map(|shape| self.shape(shape.get()));
        let pending = told.pending.into_iter();
        let pending = pending.map(|(id, shape)| (id, self.shape(shape.get())));
        let pending = pending.collect();
        let (changed, pending) = self.bundles.take(&entry.name, told.bundles, pending);
        let state = Version {
            revision: entry.revision,
            at: told.at,
            shape,
        };
        self.put(name, version, state)?;
        for of in changed {
            let Some((name, version)) = split(&of).filter(|_| *of != *entry.name) else {
                continue;
            };
            let known = self.all.get(name).and_then(|all| all.versions.get(version));
            if let Some(state) = known.cloned() {
                self.put(name, version, state)?;
            }
        }
        for (_, shape) in pending {
            self.forget(Some(shape));
        }
        Ok(())
    }

    /// Takes in a version, which is what its published bundles make of it.
    fn put(&mut self, name: &str, version: &str, mut state: Version) -> Result<()> {
        if let Some((at, shape)) = self.bundles.published(&format!("{name}:{version}")) {
            state.at = if state.is_live() { state.at } else { at };
            let told = state.shape.replace(shape);
            self.forget(told);
        }
        let (listed, shape) = ((state.at, state.is_live()), state.shape.clone());
        let revision = state.revision;
        let artifact = self.all.entry(name.into()).or_default();
        let before = artifact.put(version, state)?;
        let was = before.as_ref().map(|state| (state.at, state.is_live()));
        let before = before.and_then(|state| state.shape);
        if was.unwrap_or_default() != listed {
            self.stamp += 1;
            artifact.stamp = self.stamp;
        } else if before == shape {
            return Ok(());
        }
        self.forget(before);
        self.show(name, revision)
    }

    fn take_prefix(&mut self, name: &str, revision: u64, prefix: Prefix) -> Result<()> {
        let unknown = || Error::internal(format!("the log speaks of {name}"));
        let (group, artifact) = name.split_once(':').ok_or_else(unknown)?;
        self.all.entry(name.into()).or_default().plugin = revision;
        self.stamp += 1;
        let (stamp, plugins) = self.plugins.entry(group.into()).or_default();
        *stamp = self.stamp;
        plugins.insert(artifact.into(), prefix);
        Ok(())
    }

    /// The one of its kind.
    fn shape(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.shapes.get(text) {
            return known.clone();
        }
        let shape: Arc<str> = text.into();
        self.shapes.insert(shape.clone());
        shape
    }

    /// Lets go of a shape that no version has any more.
    fn forget(&mut self, shape: Option<Arc<str>>) {
        // It is held here and among the shapes.
        if let Some(shape) = shape.filter(|shape| Arc::strong_count(shape) == 2) {
            self.shapes.remove(&shape);
        }
    }

    /// Lets an artifact be found as it is now.
    fn show(&mut self, name: &str, revision: u64) -> Result<()> {
        let artifact = self.all.get(name);
        let latest = artifact.and_then(|artifact| {
            let latest = artifact.latest.as_deref()?;
            Some((artifact.live, latest, artifact.versions.get(latest)?))
        });
        let Some((count, latest, state)) = latest else {
            return self.found.remove(revision, name);
        };
        let mut shown = hit(name, state);
        shown.latest = Some(latest.to_owned());
        shown.versions = Some(count);
        let json = to_raw_value(&shown).map_err(Error::internal)?;
        self.found.insert(revision, name, &json, |card| {
            card.list([&*shown.g]);
            card.list([&*shown.a]);
            card.list([&*shown.p]);
            card.list(shown.ec.iter().map(String::as_str));
        })
    }
}

/// The artifact and the version that the log calls `group:artifact:version`.
fn split(name: &str) -> Option<(&str, &str)> {
    let (name, version) = name.rsplit_once(':')?;
    name.contains(':').then_some((name, version))
}

/// The folder, in that of a group, in which an artifact of this name lies, and from where on names
/// follow that lie elsewhere; nothing when it does not lie below the group.
fn part<'a>(name: &'a str, group: &str) -> Option<(&'a str, String)> {
    let mut rest = name.strip_prefix(group)?;
    if !group.is_empty() {
        if let Some(artifact) = rest.strip_prefix(':') {
            return Some((artifact, format!("{name}\0")));
        }
        rest = rest.strip_prefix('.')?;
    }
    let end = rest.find(['.', ':'])?;
    let after = if rest[end..].starts_with('.') {
        '/'
    } else {
        ';'
    };
    let through = &name[..name.len() - rest.len() + end];
    Some((&rest[..end], format!("{through}{after}")))
}

/// What lies in the folder of a group, of these artifacts.
pub(crate) fn folders_of(names: &[String], group: &str) -> BTreeSet<String> {
    let parts = names.iter().filter_map(|name| part(name, group));
    parts.map(|(folder, _)| folder.to_owned()).collect()
}

impl Fold for Artifacts {
    fn name(&self) -> &'static str {
        "artifacts-2"
    }

    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()> {
        self.take(&entry)
    }

    fn revision(&self, name: &str) -> Option<u64> {
        let revision = match split(name) {
            Some((name, version)) => self.all.get(name)?.versions.get(version)?.revision,
            None => self.all.get(name)?.plugin,
        };
        (revision > 0).then_some(revision)
    }

    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        for (name, artifact) in &self.all {
            for (version, state) in &artifact.versions {
                let called = format!("{name}:{version}");
                let raw = |shape: &Arc<str>| {
                    RawValue::from_string(shape.to_string()).map_err(Error::internal)
                };
                let (bundles, pending) = self.bundles.told(&called);
                let pending = pending
                    .iter()
                    .map(|(id, shape)| Ok((id.clone(), raw(shape)?)));
                let told = Told {
                    at: state.at,
                    shape: state.shape.as_ref().map(raw).transpose()?,
                    bundles,
                    pending: pending.collect::<Result<_>>()?,
                };
                let data = to_raw_value(&told).map_err(Error::internal)?;
                to(LogEntry {
                    name: called.into(),
                    revision: state.revision,
                    data: &data,
                })?;
            }
        }
        for (group, (_, plugins)) in &self.plugins {
            for (artifact, prefix) in plugins {
                let name = format!("{group}:{artifact}");
                let revision = self.revision(&name).unwrap_or_default();
                let data = to_raw_value(prefix).map_err(Error::internal)?;
                to(LogEntry {
                    name: name.into(),
                    revision,
                    data: &data,
                })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
