//! The JSON API, as warehouse gives it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Offered, Status};
use crate::file_name::Kind;

/// A project, or one of its releases.
#[derive(Debug, Serialize)]
pub struct Page<'a> {
    /// What the release says of itself.
    pub info: Info<'a>,
    /// The files of all releases, by version; only on a project's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub releases: Option<BTreeMap<&'a str, Vec<File<'a>>>>,
    /// The files of the release.
    pub urls: Vec<File<'a>>,
    /// Known vulnerabilities: none are kept.
    pub vulnerabilities: [(); 0],
    /// The revision of the project's document.
    pub last_serial: u64,
    /// How the project stands.
    pub project_status: &'a Status,
}

/// What a release says of itself.
#[derive(Debug, Default, Serialize)]
pub struct Info<'a> {
    /// The project's name, as it is spelled.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// `Summary`.
    pub summary: Option<&'a str>,
    /// `Description-Content-Type`.
    pub description_content_type: Option<&'a str>,
    /// The description.
    pub description: Option<&'a str>,
    /// `Keywords`.
    pub keywords: Option<&'a str>,
    /// `License`.
    pub license: Option<&'a str>,
    /// `License-Expression`.
    pub license_expression: Option<&'a str>,
    /// `License-File`.
    pub license_files: Option<Vec<&'a str>>,
    /// `Classifier`.
    pub classifiers: Vec<&'a str>,
    /// `Author`.
    pub author: Option<&'a str>,
    /// `Author-email`.
    pub author_email: Option<&'a str>,
    /// `Maintainer`.
    pub maintainer: Option<&'a str>,
    /// `Maintainer-email`.
    pub maintainer_email: Option<&'a str>,
    /// `Requires-Python`.
    pub requires_python: Option<&'a str>,
    /// `Platform`.
    pub platform: Option<&'a str>,
    /// Downloads are not counted.
    pub downloads: Downloads,
    /// Where the project is found.
    pub package_url: String,
    /// The same.
    pub project_url: String,
    /// `Project-URL`, by label.
    pub project_urls: Option<BTreeMap<&'a str, &'a str>>,
    /// Where the release is found.
    pub release_url: String,
    /// `Requires-Dist`.
    pub requires_dist: Option<Vec<&'a str>>,
    /// `Provides-Extra`.
    pub provides_extra: Option<Vec<&'a str>>,
    /// Nothing.
    pub docs_url: Option<&'a str>,
    /// Nothing.
    pub bugtrack_url: Option<&'a str>,
    /// `Home-page`.
    pub home_page: Option<&'a str>,
    /// `Download-URL`.
    pub download_url: Option<&'a str>,
    /// Whether all files of the release are yanked.
    pub yanked: bool,
    /// Why.
    pub yanked_reason: Option<&'a str>,
    /// `Dynamic`.
    pub dynamic: Option<Vec<&'a str>>,
}

/// Downloads, which are not counted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Downloads {
    /// Always -1.
    pub last_day: i8,
    /// Always -1.
    pub last_week: i8,
    /// Always -1.
    pub last_month: i8,
}

impl Default for Downloads {
    fn default() -> Self {
        Self {
            last_day: -1,
            last_week: -1,
            last_month: -1,
        }
    }
}

/// A file.
#[derive(Clone, Debug, Serialize)]
pub struct File<'a> {
    /// Its name.
    pub filename: &'a str,
    /// What it is.
    pub packagetype: Kind,
    /// The Python that it is for, or `source`.
    pub python_version: &'a str,
    /// Signatures are not kept.
    pub has_sig: bool,
    /// Nothing.
    pub comment_text: Option<&'a str>,
    /// Its MD5.
    pub md5_digest: &'a str,
    /// Its digests.
    pub digests: Digests<'a>,
    /// The digest of its metadata.
    #[serde(rename = "core-metadata")]
    pub core_metadata: Offered<'a>,
    /// Its size in bytes.
    pub size: u64,
    /// Always -1.
    pub downloads: i8,
    /// When it was uploaded, to the second.
    pub upload_time: &'a str,
    /// When it was uploaded.
    pub upload_time_iso_8601: &'a str,
    /// Its address.
    pub url: String,
    /// The Pythons that it is for.
    pub requires_python: Option<&'a str>,
    /// Whether it was yanked.
    pub yanked: bool,
    /// Why.
    pub yanked_reason: Option<&'a str>,
}

/// Digests in hexadecimal.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Digests<'a> {
    /// The MD5.
    pub md5: &'a str,
    /// The SHA-256.
    pub sha256: &'a str,
    /// The BLAKE2b with 32 bytes of output.
    pub blake2b_256: &'a str,
}
