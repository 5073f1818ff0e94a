//! Where an artifact's documents and files lie in the bucket. The only place that knows keys.

use registry_core::{
    Result,
    storage::Key,
    store::{Resource, Subject},
};

use crate::{ArtifactId, GroupId, VersionName, name::FileName};

/// The folder of all artifacts, below the mount's.
const ARTIFACTS: &str = "artifacts";
/// The name of every document.
const DOCUMENT: &str = "index.jsonl";
/// The document of an artifact's goal prefix, in the artifact's folder, where no version is called so.
pub(crate) const PLUGIN: &str = "=plugin.jsonl";

/// An artifact and its folder. No version lies in it, but the folder of each does.
pub(crate) fn artifact(group: &GroupId, artifact: &ArtifactId) -> Result<Resource> {
    let (group, artifact) = (group.as_str(), artifact.as_str());
    Ok(Resource {
        name: [group, ":", artifact].concat().into(),
        home: Key::new([ARTIFACTS, group, artifact].join("/"))?,
    })
}

/// An artifact, which its versions have their rights from, and the folder of one version, where its
/// document lies with its files.
pub(crate) fn version(
    group: &GroupId,
    artifact: &ArtifactId,
    version: &VersionName,
) -> Result<Resource> {
    let of = self::artifact(group, artifact)?;
    Ok(Resource {
        home: of.home.join(version.as_str())?,
        ..of
    })
}

/// The document of a version, in its folder.
pub(crate) const VERSION: &str = DOCUMENT;

/// What the document at a key below the mount's folder is about. The log calls a version
/// `group:artifact:version`, and a goal prefix by its artifact.
pub(crate) fn subject(key: &Key) -> Option<Subject> {
    let segments: Vec<&str> = key.as_str().split('/').collect();
    match *segments {
        [ARTIFACTS, group, artifact, PLUGIN] => {
            let of = self::artifact(&group.parse().ok()?, &artifact.parse().ok()?).ok()?;
            Some(Subject::only(of))
        }
        [ARTIFACTS, group, artifact, version, DOCUMENT] => {
            let (group, artifact) = (group.parse().ok()?, artifact.parse().ok()?);
            let of = self::version(&group, &artifact, &version.parse().ok()?).ok()?;
            let logged = format!("{}:{version}", of.name).into();
            Some(Subject {
                resource: of,
                logged: Some(logged),
            })
        }
        _ => None,
    }
}

/// The media type of a file, by its extension.
pub(crate) fn content_type(file: &FileName) -> &'static str {
    let last = file.extension.rsplit('.').next();
    match last.unwrap_or_default() {
        "jar" | "war" | "ear" | "aar" => "application/java-archive",
        "pom" | "xml" => "application/xml",
        "module" => "application/vnd.org.gradle.module+json",
        "json" => "application/json",
        "asc" => "application/pgp-signature",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}
