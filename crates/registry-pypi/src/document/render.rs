//! The simple API's page of a project, and that of all of them.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use registry_core::{Error, Result, protocol::escape, store::Document};

use super::{Entry, Head, Listed, offered};
use crate::{
    ProjectName,
    accept::Form,
    name::normalized,
    wire::{self, API_VERSION, Hashes, Meta, Offered, Yanked},
};

/// What stands in a file's name in an address as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+')
    .remove(b'!');

/// Addresses below a mount.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a> {
    /// The mount's address, without a slash at the end.
    pub base: &'a str,
    /// The project.
    pub project: &'a ProjectName,
}

impl Addresses<'_> {
    /// The address of a file.
    pub fn file(&self, name: &str) -> String {
        let (base, project) = (self.base, self.project);
        format!(
            "{base}/packages/{project}/{}",
            utf8_percent_encode(name, PLAIN)
        )
    }

    /// The address of a file's provenance.
    pub fn provenance(&self, name: &str, version: &str) -> String {
        let (base, project) = (self.base, self.project);
        let name = utf8_percent_encode(name, PLAIN);
        format!("{base}/integrity/{project}/{version}/{name}/provenance")
    }
}

/// A project's page.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn project(addresses: Addresses<'_>, document: &Document<Head>, form: Form) -> Result<Vec<u8>> {
    let listed = offered(document)?;
    let page = page(addresses, &document.head, &listed);
    match form {
        Form::Json => serde_json::to_vec(&page).map_err(Error::internal),
        Form::Html | Form::Text => Ok(project_html(&page)),
    }
}

fn page<'a>(
    addresses: Addresses<'a>,
    head: &'a Head,
    listed: &'a [Listed<'a>],
) -> wire::Project<'a> {
    let mut seen = BTreeSet::new();
    let versions = listed.iter().map(|listed| listed.entry.version.as_str());
    let versions = versions.filter(|version| seen.insert(*version)).collect();
    wire::Project {
        meta: Meta::default(),
        name: addresses.project.as_str(),
        project_status: &head.status,
        versions,
        files: listed
            .iter()
            .map(|listed| file(addresses, head, listed))
            .collect(),
    }
}

fn file<'a>(addresses: Addresses<'_>, head: &'a Head, listed: &'a Listed<'a>) -> wire::File<'a> {
    let Listed { name, entry, .. } = listed;
    let provenance = entry.provenance.as_ref();
    wire::File {
        filename: name,
        url: addresses.file(name),
        hashes: Hashes {
            sha256: &entry.sha256,
        },
        requires_python: entry.requires_python.as_deref(),
        size: entry.size,
        upload_time: &entry.time,
        yanked: match head.yanked(entry) {
            None => Yanked::Plain(false),
            Some("") => Yanked::Plain(true),
            Some(reason) => Yanked::Because(reason),
        },
        core_metadata: metadata(entry),
        provenance: provenance.map(|_| addresses.provenance(name, &entry.version)),
    }
}

/// What is said of a file's metadata.
pub(super) fn metadata(entry: &Entry) -> Offered<'_> {
    match entry.offered_metadata() {
        Some(part) => Offered::Hashes(Hashes {
            sha256: &part.sha256,
        }),
        None => Offered::No(false),
    }
}

fn project_html(page: &wire::Project<'_>) -> Vec<u8> {
    let mut html = Html::begin(&format!("Links for {}", page.name));
    html.meta("pypi:project-status", page.project_status.status.as_str());
    if let Some(reason) = &page.project_status.reason {
        html.meta("pypi:project-status-reason", reason);
    }
    html.heading(&format!("Links for {}", page.name));
    for file in &page.files {
        let target = format!("{}#sha256={}", file.url, file.hashes.sha256);
        let metadata = match file.core_metadata {
            Offered::Hashes(hashes) => Some(format!("sha256={}", hashes.sha256)),
            Offered::No(_) => None,
        };
        let yanked = match file.yanked {
            Yanked::Plain(false) => None,
            Yanked::Plain(true) => Some(""),
            Yanked::Because(reason) => Some(reason),
        };
        let data = [
            ("data-requires-python", file.requires_python),
            ("data-yanked", yanked),
            ("data-core-metadata", metadata.as_deref()),
            ("data-dist-info-metadata", metadata.as_deref()),
            ("data-provenance", file.provenance.as_deref()),
        ];
        html.link(&target, &data, file.filename);
    }
    html.end()
}

/// The page of all projects, which are given as they are spelled, in order.
///
/// # Errors
/// Never.
pub fn index(names: &[String], form: Form) -> Result<Vec<u8>> {
    if form == Form::Json {
        let projects = names.iter().map(|name| wire::Listed { name });
        let index = wire::Index {
            meta: Meta::default(),
            projects: projects.collect(),
        };
        return serde_json::to_vec(&index).map_err(Error::internal);
    }
    let mut html = Html::begin("Simple index");
    html.heading("Simple index");
    for name in names {
        html.link(&format!("{}/", normalized(name)), &[], name);
    }
    Ok(html.end())
}

/// A page in the making.
struct Html(String);

impl Html {
    fn begin(title: &str) -> Self {
        let mut html = Self("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n".to_owned());
        html.meta("pypi:repository-version", API_VERSION);
        html.0 += "<title>";
        html.0 += &escape(title);
        html.0 += "</title>\n";
        html
    }

    fn meta(&mut self, name: &str, content: &str) {
        self.0 += "<meta";
        self.attribute("name", name);
        self.attribute("content", content);
        self.0 += ">\n";
    }

    fn heading(&mut self, text: &str) {
        self.0 += "</head>\n<body>\n<h1>";
        self.0 += &escape(text);
        self.0 += "</h1>\n";
    }

    fn link(&mut self, target: &str, data: &[(&str, Option<&str>)], text: &str) {
        self.0 += "<a";
        self.attribute("href", target);
        for (name, value) in data {
            if let Some(value) = value {
                self.attribute(name, value);
            }
        }
        self.0.push('>');
        self.0 += &escape(text);
        self.0 += "</a><br>\n";
    }

    fn end(mut self) -> Vec<u8> {
        self.0 += "</body>\n</html>\n";
        self.0.into_bytes()
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.0.push(' ');
        self.0 += name;
        self.0 += "=\"";
        self.0 += &escape(value);
        self.0.push('"');
    }
}
