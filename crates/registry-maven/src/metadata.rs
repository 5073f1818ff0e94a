//! `maven-metadata.xml`: what the registry says of a folder, and what it takes from a client's.
//!
//! Rules: [repository metadata](https://maven.apache.org/ref/current/maven-repository-metadata/repository-metadata.html).

use std::{cmp::Ordering, collections::BTreeMap, fmt::Write};

use quick_xml::escape::escape;
use registry_core::{Error, Result};

use crate::{
    ArtifactId, GroupId, VersionName,
    name::{FileName, MAX_NAME, check, in_id},
    version::Build,
    xml,
};

/// The most bytes of metadata that a client may send.
pub const MAX_METADATA: u64 = 4 << 20;
/// The most plugins that metadata may name.
const MAX_PLUGINS: usize = 1000;
/// The longest name of a plugin, in bytes; longer ones are cut.
const MAX_PLUGIN_NAME: usize = 200;

/// All that there is to say of one folder. It may be a group's, an artifact's and a snapshot's at once;
/// where what they say has one place only, the snapshot's comes first.
#[derive(Clone, Debug, Default)]
pub struct Metadata<'a> {
    /// The plugins of a group.
    pub plugins: &'a [Plugin],
    /// The versions of an artifact.
    pub artifact: Option<ArtifactLevel<'a>>,
    /// The builds of a snapshot.
    pub snapshot: Option<SnapshotLevel<'a>>,
}

/// A plugin, and what users call it: `mvn PREFIX:goal`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Plugin {
    /// What it is called in full.
    pub name: String,
    /// What users call it.
    pub prefix: String,
    /// Its artifact, in the folder's group.
    pub artifact: String,
}

/// What there is of an artifact.
#[derive(Clone, Debug)]
pub struct ArtifactLevel<'a> {
    /// The group.
    pub group: &'a GroupId,
    /// The artifact.
    pub artifact: &'a ArtifactId,
    /// Its versions, which [`of`](Self::of) has sorted.
    versions: Vec<&'a VersionName>,
    /// When it changed last, `yyyyMMddHHmmss` in UTC.
    pub updated: &'a str,
}

/// What there is of a snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotLevel<'a> {
    /// The group.
    pub group: &'a GroupId,
    /// The artifact.
    pub artifact: &'a ArtifactId,
    /// The version.
    pub version: &'a VersionName,
    /// The newest file of each classifier and extension, by extension and classifier.
    files: BTreeMap<(&'a str, &'a str), SnapshotFile<'a>>,
}

/// A file of a snapshot, and when it came, `yyyyMMddHHmmss` in UTC.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotFile<'a> {
    /// Its name.
    pub file: &'a FileName,
    /// When it came.
    pub updated: &'a str,
}

impl<'a> ArtifactLevel<'a> {
    /// What there is to say of an artifact with these versions, in any order.
    pub fn of(
        group: &'a GroupId,
        artifact: &'a ArtifactId,
        versions: impl IntoIterator<Item = &'a VersionName>,
        updated: &'a str,
    ) -> Self {
        let mut versions: Vec<_> = versions.into_iter().collect();
        versions.sort_by_cached_key(|version| (version.order(), version.as_str()));
        Self {
            group,
            artifact,
            versions,
            updated,
        }
    }

    /// The highest version.
    pub fn latest(&self) -> Option<&'a VersionName> {
        self.versions.last().copied()
    }

    /// The highest version that is no snapshot.
    pub fn release(&self) -> Option<&'a VersionName> {
        let mut from_the_end = self.versions.iter().rev();
        from_the_end.find(|version| !version.is_snapshot()).copied()
    }
}

impl<'a> SnapshotLevel<'a> {
    /// What there is to say of a snapshot with these files, in any order.
    pub fn of(
        group: &'a GroupId,
        artifact: &'a ArtifactId,
        version: &'a VersionName,
        files: impl IntoIterator<Item = SnapshotFile<'a>>,
    ) -> Self {
        let mut newest: BTreeMap<_, SnapshotFile<'a>> = BTreeMap::new();
        for file in files {
            let kept = newest.entry(key(file.file)).or_insert(file);
            if newer(&file, kept).is_gt() {
                *kept = file;
            }
        }
        Self {
            group,
            artifact,
            version,
            files: newest,
        }
    }

    /// The newest build. Without one, the files are called by the snapshot's own version, and clients
    /// look for them under it where there is no metadata.
    pub fn build(&self) -> Option<&'a Build> {
        let builds = self.files.values().map(|file| file.file.build.as_ref());
        builds.max()?
    }

    /// The newest file with a classifier and an extension, such as one that a client asks for by the
    /// snapshot's own version.
    pub fn newest<'s>(&'s self, file: &'s FileName) -> Option<&'s FileName> {
        self.files.get(&key(file)).map(|newest| newest.file)
    }

    /// When the last file came.
    fn updated(&self) -> &'a str {
        let updated = self.files.values().map(|file| file.updated);
        updated.max().unwrap_or_default()
    }
}

/// What a file is among those of a build.
fn key(file: &FileName) -> (&str, &str) {
    (
        &file.extension,
        file.classifier.as_deref().unwrap_or_default(),
    )
}

/// Which of two files is the newer: a build always is newer than what is called like the snapshot.
fn newer(one: &SnapshotFile<'_>, other: &SnapshotFile<'_>) -> Ordering {
    let builds = one.file.build.cmp(&other.file.build);
    builds.then_with(|| one.updated.cmp(other.updated))
}

impl Metadata<'_> {
    /// The document, if there is anything to say.
    pub fn render(&self) -> Option<String> {
        let artifact = self.artifact.as_ref();
        let artifact = artifact.filter(|artifact| !artifact.versions.is_empty());
        let snapshot = self.snapshot.as_ref();
        let snapshot = snapshot.and_then(|snapshot| Some((snapshot, snapshot.build()?)));
        if artifact.is_none() && snapshot.is_none() && self.plugins.is_empty() {
            return None;
        }
        let mut to = Writer::new();
        match (snapshot, artifact) {
            (Some((snapshot, _)), _) => {
                to.line("<metadata modelVersion=\"1.1.0\">");
                to.element("groupId", snapshot.group.as_str());
                to.element("artifactId", snapshot.artifact.as_str());
                to.element("version", snapshot.version.as_str());
            }
            (None, Some(artifact)) => {
                to.line("<metadata>");
                to.element("groupId", artifact.group.as_str());
                to.element("artifactId", artifact.artifact.as_str());
            }
            (None, None) => to.line("<metadata>"),
        }
        if artifact.is_some() || snapshot.is_some() {
            to.within("versioning", |to| versioning(to, artifact, snapshot));
        }
        if !self.plugins.is_empty() {
            to.within("plugins", |to| {
                for plugin in self.plugins {
                    to.within("plugin", |to| {
                        to.element("name", &plugin.name);
                        to.element("prefix", &plugin.prefix);
                        to.element("artifactId", &plugin.artifact);
                    });
                }
            });
        }
        to.line("</metadata>");
        Some(to.text)
    }
}

fn versioning(
    to: &mut Writer,
    artifact: Option<&ArtifactLevel<'_>>,
    snapshot: Option<(&SnapshotLevel<'_>, &Build)>,
) {
    if let Some(artifact) = artifact {
        if let Some(latest) = artifact.latest() {
            to.element("latest", latest.as_str());
        }
        if let Some(release) = artifact.release() {
            to.element("release", release.as_str());
        }
    }
    if let Some((_, build)) = snapshot {
        to.within("snapshot", |to| {
            to.element("timestamp", build.timestamp());
            to.element("buildNumber", &build.number().to_string());
        });
    }
    if let Some(artifact) = artifact {
        to.within("versions", |to| {
            for version in &artifact.versions {
                to.element("version", version.as_str());
            }
        });
    }
    let of_artifact = artifact.map(|artifact| artifact.updated);
    let of_snapshot = snapshot.map(|(snapshot, _)| snapshot.updated());
    to.element(
        "lastUpdated",
        of_artifact.max(of_snapshot).unwrap_or_default(),
    );
    if let Some((snapshot, _)) = snapshot {
        to.within("snapshotVersions", |to| {
            for file in snapshot.files.values() {
                to.within("snapshotVersion", |to| {
                    snapshot_version(to, snapshot.version, file)
                });
            }
        });
    }
}

fn snapshot_version(to: &mut Writer, version: &VersionName, file: &SnapshotFile<'_>) {
    if let Some(classifier) = &file.file.classifier {
        to.element("classifier", classifier);
    }
    to.element("extension", &file.file.extension);
    let value = match &file.file.build {
        Some(build) => version.of_build(build),
        None => version.to_string(),
    };
    to.element("value", &value);
    to.element("updated", file.updated);
}

struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn new() -> Self {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        Self { text, depth: 1 }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }

    fn element(&mut self, name: &str, text: &str) {
        self.indent();
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "<{name}>{}</{name}>", escape(text));
    }

    fn within(&mut self, name: &str, inner: impl FnOnce(&mut Self)) {
        self.indent();
        let _ = writeln!(self.text, "<{name}>");
        self.depth += 1;
        inner(self);
        self.depth -= 1;
        self.indent();
        let _ = writeln!(self.text, "</{name}>");
    }
}

/// What the registry cannot know but from a client's metadata: the plugins of a group, each once.
///
/// # Errors
/// [`registry_core::ErrorKind::Invalid`] when it is no metadata, or a plugin in it cannot be called so,
/// [`registry_core::ErrorKind::TooLarge`] beyond the bounds.
pub fn read(text: &[u8]) -> Result<Vec<Plugin>> {
    let mut plugins: BTreeMap<String, Plugin> = BTreeMap::new();
    let mut fields: [Option<String>; 3] = Default::default();
    xml::read(text, MAX_METADATA, "the metadata", &mut |path, text| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match *path {
            ["metadata", "plugins", "plugin", field] => {
                let fields = fields.iter_mut().zip(["name", "prefix", "artifactId"]);
                for (value, _) in fields.filter(|(_, name)| *name == field) {
                    *value = Some(text.to_owned());
                }
            }
            ["metadata", "plugins", "plugin"] => {
                let plugin = plugin(std::mem::take(&mut fields))?;
                plugins.insert(plugin.prefix.clone(), plugin);
                if plugins.len() > MAX_PLUGINS {
                    let message = format!("the metadata has more than {MAX_PLUGINS} plugins");
                    return Err(Error::new(registry_core::ErrorKind::TooLarge, message));
                }
            }
            ["metadata", ..] => {}
            [root, ..] => {
                return Err(Error::invalid(format!(
                    "this is no metadata: its root element is <{}>, not <metadata>",
                    crate::name::shown(root)
                )));
            }
            [] => {}
        }
        Ok(())
    })?;
    Ok(plugins.into_values().collect())
}

fn plugin([name, prefix, artifact]: [Option<String>; 3]) -> Result<Plugin> {
    let said = |field: &str, value: Option<String>| {
        let missing = || Error::invalid(format!("the metadata has a plugin without {field}"));
        value.filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    let prefix = said("prefix", prefix)?;
    let artifact = said("artifactId", artifact)?;
    check(&prefix, MAX_NAME, in_id).map_err(|what| {
        let prefix = crate::name::shown(&prefix);
        Error::invalid(format!("{prefix:?} is no prefix of a plugin: {what}"))
    })?;
    artifact.parse::<ArtifactId>()?;
    let mut name = name.unwrap_or_default();
    name.truncate(name.floor_char_boundary(MAX_PLUGIN_NAME));
    name.truncate(name.trim_end().len());
    Ok(Plugin {
        name,
        prefix,
        artifact,
    })
}

#[cfg(test)]
mod tests;
