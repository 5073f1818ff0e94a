//! Paths of the tree, taken apart.

use registry_core::{Error, ErrorKind, Result, digest::Algorithm};

use super::{ArtifactId, FileName, GroupId, check, in_file};
use crate::{VersionName, checksum};

/// What metadata is called, at all levels.
pub const METADATA: &str = "maven-metadata.xml";

/// The most folders that a path may have.
const MAX_DEPTH: usize = 64;

/// What a path of the tree leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file of a version, or its checksum.
    File(FilePath),
    /// The metadata of a folder, or its checksum.
    Metadata {
        /// The folder's path; see [`Levels`] for what it can be.
        folder: Vec<String>,
        /// The checksum that is meant, where it is not the metadata itself.
        checksum: Option<Algorithm>,
    },
    /// A folder; the root has no segments.
    Folder(Vec<String>),
}

/// The path of a file of a version: `{group}/{artifact}/{version}/{file}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath {
    /// The group.
    pub group: GroupId,
    /// The artifact.
    pub artifact: ArtifactId,
    /// The version, which for all builds of a snapshot is the snapshot's.
    pub version: VersionName,
    /// The file.
    pub file: FileName,
    /// The checksum that is meant, where it is not the file itself.
    pub checksum: Option<Algorithm>,
}

/// What a folder can be; it may be several of these at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// A group's.
    pub group: Option<GroupId>,
    /// An artifact's.
    pub artifact: Option<(GroupId, ArtifactId)>,
    /// A snapshot's.
    pub snapshot: Option<(GroupId, ArtifactId, VersionName)>,
}

impl Place {
    /// What the path of these segments, each decoded, leads to; `folder` where it ends in a slash.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] for a path that the layout does not know.
    pub fn parse(segments: &[&str], folder: bool) -> Result<Self> {
        if segments.len() > MAX_DEPTH {
            return wrong(format!("a path has {MAX_DEPTH} folders at most"));
        }
        if segments.len() > 1 && segments.contains(&"") {
            return wrong("the path has an empty part; take out one of two slashes in a row");
        }
        if folder {
            return Ok(Self::Folder(checked(segments)?));
        }
        let [folder @ .., last] = segments else {
            return Ok(Self::Folder(Vec::new()));
        };
        let (name, checksum) = checksum::split(last);
        if name == METADATA {
            let folder = checked(folder)?;
            return Ok(Self::Metadata { folder, checksum });
        }
        let [group @ .., artifact, version] = folder else {
            return outside();
        };
        if group.is_empty() {
            return outside();
        }
        let group = GroupId::of_path(group)?;
        let artifact: ArtifactId = artifact.parse()?;
        let version: VersionName = version.parse()?;
        if checksum::split(name).1.is_some() {
            return wrong("checksums have no checksums of their own");
        }
        let file = FileName::parse(&artifact, &version, name)?;
        Ok(Self::File(FilePath {
            group,
            artifact,
            version,
            file,
            checksum,
        }))
    }
}

impl FilePath {
    /// Group, artifact and version.
    pub fn coordinates(&self) -> (&GroupId, &ArtifactId, &VersionName) {
        (&self.group, &self.artifact, &self.version)
    }

    /// What its version is called: `group:artifact:version`.
    pub fn version_name(&self) -> String {
        format!("{}:{}:{}", self.group, self.artifact, self.version)
    }

    /// Whether another file may take its place: one of a snapshot that names no build.
    pub fn is_mutable(&self) -> bool {
        self.version.is_snapshot() && self.file.build.is_none()
    }

    /// The path from the root of the tree, without a checksum's ending.
    pub fn path(&self) -> String {
        let group = self.group.path();
        let file = self.file.as_str();
        format!("{group}/{}/{}/{file}", self.artifact, self.version)
    }
}

impl Levels {
    /// What the folder of this path can be.
    pub fn of(folder: &[String]) -> Self {
        let segments: Vec<&str> = folder.iter().map(String::as_str).collect();
        Self {
            group: GroupId::of_path(&segments).ok(),
            artifact: artifact(&segments),
            snapshot: snapshot(&segments),
        }
    }
}

fn artifact(segments: &[&str]) -> Option<(GroupId, ArtifactId)> {
    let (artifact, group) = segments.split_last()?;
    Some((GroupId::of_path(group).ok()?, artifact.parse().ok()?))
}

fn snapshot(segments: &[&str]) -> Option<(GroupId, ArtifactId, VersionName)> {
    let (version, above) = segments.split_last()?;
    let (group, artifact) = artifact(above)?;
    let version: VersionName = version.parse().ok()?;
    version.is_snapshot().then_some((group, artifact, version))
}

/// The names of folders of any level.
fn checked(segments: &[&str]) -> Result<Vec<String>> {
    let wrong = |(segment, what): (&str, String)| {
        let message = format!("{:?} is no name of a folder: {what}", super::shown(segment));
        Error::new(ErrorKind::InvalidName, message)
    };
    let segments = segments.iter().map(|segment| {
        let checked = check(segment, super::MAX_NAME, in_file);
        checked.map_err(|what| wrong((segment, what)))?;
        Ok((*segment).to_owned())
    });
    segments.collect()
}

fn outside<T>() -> Result<T> {
    wrong("files lie at GROUP/ARTIFACT/VERSION/FILE, with a folder for each part of the group")
}

fn wrong<T>(message: impl Into<std::borrow::Cow<'static, str>>) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidName, message))
}
