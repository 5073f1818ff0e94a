//! The documents of the interfaces beside the tree: problems, search, bundles, clean-up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Problem details, the body of every failure.
#[derive(Debug, Serialize)]
pub struct Problem<'a> {
    /// What kind of problem it is: none but that of its status.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status's name.
    pub title: &'static str,
    /// The status.
    pub status: u16,
    /// What to change.
    pub detail: &'a str,
}

/// The answer to a search, in the form of Solr.
#[derive(Debug, Serialize)]
pub struct Found {
    /// That all went well.
    #[serde(rename = "responseHeader")]
    pub header: FoundHeader,
    /// What was found.
    pub response: FoundResponse,
}

/// What the answer to a search says of itself.
#[derive(Debug, Serialize)]
pub struct FoundHeader {
    /// Always 0.
    pub status: u32,
    /// How long it took, which nobody looks at.
    #[serde(rename = "QTime")]
    pub time: u32,
}

/// What a search found.
#[derive(Debug, Serialize)]
pub struct FoundResponse {
    /// How many there are on all pages.
    #[serde(rename = "numFound")]
    pub total: usize,
    /// How many were passed over.
    pub start: usize,
    /// The hits of this page, each a [`Hit`] as JSON.
    pub docs: Vec<Box<serde_json::value::RawValue>>,
}

/// An artifact, or one version of it, that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// `group:artifact`, or `group:artifact:version`.
    pub id: String,
    /// The group.
    pub g: String,
    /// The artifact.
    pub a: String,
    /// The version, of a hit that is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v: Option<String>,
    /// The highest version, of a hit that is an artifact.
    #[serde(rename = "latestVersion", skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// The packaging.
    pub p: String,
    /// When the version came, in milliseconds since 1970.
    pub timestamp: i64,
    /// How many versions there are, of a hit that is an artifact.
    #[serde(rename = "versionCount", skip_serializing_if = "Option::is_none")]
    pub versions: Option<usize>,
    /// What follows `artifact-version` in the names of its files.
    pub ec: Vec<String>,
    /// Nothing.
    pub tags: [String; 0],
}

/// How it stands with a bundle.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its id.
    pub deployment_id: String,
    /// What its uploader called it.
    pub deployment_name: String,
    /// `VALIDATING` while it comes in, `VALIDATED`, `PUBLISHING`, `PUBLISHED` or `FAILED`.
    pub deployment_state: String,
    /// The package URLs of its components.
    pub purls: Vec<String>,
    /// What is wrong, by component.
    pub errors: BTreeMap<String, Vec<String>>,
}

/// Whether a version is there.
#[derive(Debug, Serialize)]
pub struct IsPublished {
    /// Whether it is.
    pub published: bool,
}

/// What a clean-up of snapshots removed, or would.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    /// Whether nothing was done but to tell.
    pub dry_run: bool,
    /// Each build.
    pub builds: Vec<PrunedBuild>,
}

/// A build of a snapshot that was removed, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedBuild {
    /// `group:artifact`.
    pub artifact: String,
    /// The build's version.
    pub version: String,
    /// How many files it had.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
}
