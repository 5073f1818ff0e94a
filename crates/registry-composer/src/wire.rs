//! Documents on the wire, as <https://getcomposer.org/doc/05-repositories.md> and the public
//! repository's API lay them out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::advisory::Told;

/// `packages.json`. All addresses are absolute: those that begin with a slash would be taken from the
/// host's root, wherever the repository lies.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Root<'a> {
    /// Packages that stand in here; none do.
    pub packages: [(); 0],
    /// Where a package's versions are.
    pub metadata_url: String,
    /// All packages that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_packages: Option<&'a [String]>,
    /// What their names look like, where they are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_package_patterns: Option<&'a [String]>,
    /// Who provides a package.
    pub providers_api: String,
    /// Search.
    pub search: String,
    /// Names.
    pub list: String,
    /// Where to tell what was installed.
    pub notify_batch: String,
    /// Advisories.
    pub security_advisories: AdvisoriesAt,
}

/// Where advisories are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AdvisoriesAt {
    /// Whether they stand beside a package's versions.
    pub metadata: bool,
    /// Where else they are to be had.
    pub api_url: String,
}

/// A package's releases or branches.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Metadata<'a, V> {
    /// How the list is made shorter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minified: Option<&'static str>,
    /// The package, and its versions, the newest first.
    pub packages: BTreeMap<&'a str, Vec<V>>,
    /// What is known to be wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_advisories: Option<Vec<Told<'a>>>,
}

/// The answer of the advisories' API.
#[derive(Debug, Serialize)]
pub struct Advisories {
    /// By package.
    pub advisories: BTreeMap<String, Vec<Box<RawValue>>>,
}

/// `list.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Names {
    /// The packages.
    pub package_names: Vec<String>,
}

/// A page of a search.
#[derive(Debug, Serialize)]
pub struct Found {
    /// The hits.
    pub results: Vec<Hit>,
    /// How many there are in all.
    pub total: usize,
    /// The address of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A package that a search found.
#[derive(Debug, Serialize)]
pub struct Hit {
    /// The package.
    pub name: String,
    /// What it says it is.
    pub description: String,
    /// Where more is told of it.
    pub url: String,
    /// Whether it is abandoned, or for what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abandoned: Option<Abandoned>,
}

/// Who provides a package.
#[derive(Debug, Serialize)]
pub struct Providers {
    /// The packages.
    pub providers: Vec<Provider>,
}

/// A package that provides another.
#[derive(Debug, Serialize)]
pub struct Provider {
    /// The package.
    pub name: String,
    /// What it says it is.
    pub description: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// That nobody is to take up a package any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Abandoned {
    /// Whether it is.
    Plain(bool),
    /// What to take instead.
    For(String),
}

/// What a client asks for who abandons a package.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abandon {
    /// What to take instead.
    pub replacement: Option<String>,
}

/// What a client installed.
#[derive(Debug, Deserialize)]
pub struct Downloads {
    /// Each package.
    pub downloads: Vec<Download>,
}

/// A package that a client installed.
#[derive(Debug, Deserialize)]
pub struct Download {
    /// Its name.
    pub name: String,
    /// Its normalized version.
    pub version: String,
}

/// That a package is there now.
#[derive(Debug, Serialize)]
pub struct Uploaded<'a> {
    /// `success`.
    pub status: &'static str,
    /// The package.
    pub name: &'a str,
    /// The version, as it is spelled.
    pub version: &'a str,
    /// The version, as it is compared.
    pub version_normalized: &'a str,
    /// The SHA-1 of the zip.
    pub reference: &'a str,
}

/// That something went as it should.
#[derive(Debug, Serialize)]
pub struct Done {
    /// `success`, or `partial`.
    pub status: &'static str,
    /// What did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// That something did not go.
#[derive(Debug, Serialize)]
pub struct Failure<'a> {
    /// `error`.
    pub status: &'static str,
    /// Why.
    pub message: &'a str,
}
