//! Documents on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod json;

/// The version of the simple API.
pub const API_VERSION: &str = "1.4";

/// What is said of a page itself.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Meta {
    /// The version of the simple API.
    #[serde(rename = "api-version")]
    pub api_version: &'static str,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            api_version: API_VERSION,
        }
    }
}

/// All projects.
#[derive(Debug, Serialize)]
pub struct Index<'a> {
    /// About the page.
    pub meta: Meta,
    /// The projects.
    pub projects: Vec<Listed<'a>>,
}

/// A project among others.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    /// Its name, as its last publisher spelled it.
    pub name: &'a str,
}

/// A project's page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Project<'a> {
    /// About the page.
    pub meta: Meta,
    /// The normalized name.
    pub name: &'a str,
    /// How the project stands.
    pub project_status: &'a Status,
    /// The versions, oldest first.
    pub versions: Vec<&'a str>,
    /// The files.
    pub files: Vec<File<'a>>,
}

/// How a project stands (PEP 792).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// How.
    pub status: State,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The ways in which a project can stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As every project.
    #[default]
    Active,
    /// It gets no more releases.
    Archived,
    /// It may be harmful, and none of its files is offered.
    Quarantined,
    /// Another is to be used.
    Deprecated,
}

impl State {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Quarantined => "quarantined",
            Self::Deprecated => "deprecated",
        }
    }
}

/// A file on a project's page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct File<'a> {
    /// Its name.
    pub filename: &'a str,
    /// Its address.
    pub url: String,
    /// Its digests.
    pub hashes: Hashes<'a>,
    /// The Pythons that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<&'a str>,
    /// Its size in bytes.
    pub size: u64,
    /// When it was uploaded.
    pub upload_time: &'a str,
    /// Whether, and perhaps why, it was yanked.
    pub yanked: Yanked<'a>,
    /// The digests of its metadata. Never under the name before PEP 714, at which pip 22.3 to 23.1
    /// break here, though not in HTML.
    pub core_metadata: Offered<'a>,
    /// The address of its provenance.
    pub provenance: Option<String>,
}

/// Digests in hexadecimal.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Hashes<'a> {
    /// The SHA-256.
    pub sha256: &'a str,
}

/// Whether a file was yanked: yes or no, or why.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Yanked<'a> {
    /// Whether.
    Plain(bool),
    /// Why.
    Because(&'a str),
}

/// Whether a file's metadata is served: no, or with which digests.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Offered<'a> {
    /// It is not.
    No(bool),
    /// It is.
    Hashes(Hashes<'a>),
}

/// A failure, as warehouse tells of one.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// A sentence that says what to change.
    pub message: String,
    /// The status and that sentence.
    pub code: String,
    /// What the status is called.
    pub title: &'static str,
}

/// What a yank may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Yank {
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A file's provenance (PEP 740).
#[derive(Debug, Serialize)]
pub struct Provenance<'a> {
    /// The version of this form.
    pub version: u8,
    /// What was attested, by who published it.
    pub attestation_bundles: [Bundle<'a>; 1],
}

/// Attestations of one publisher.
#[derive(Debug, Serialize)]
pub struct Bundle<'a> {
    /// Who.
    pub publisher: Publisher<'a>,
    /// What, as it was sent.
    pub attestations: &'a [&'a serde_json::value::RawValue],
}

/// Who published a file.
#[derive(Debug, Serialize)]
pub struct Publisher<'a> {
    /// What kind of publisher it is.
    pub kind: &'static str,
    /// What is known of it.
    pub claims: BTreeMap<&'static str, &'a str>,
}
