//! The forms in which a package is read.

use std::collections::BTreeMap;

use registry_core::{Error, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Entries, Entry, Head, in_order, rev};
use crate::{PackageName, wire::Fields};

/// The fields that the full packument repeats from the manifest that `latest` names.
const HOISTED: &[&str] = &[
    "description",
    "homepage",
    "keywords",
    "repository",
    "author",
    "contributors",
    "bugs",
    "license",
    "readmeFilename",
];

/// A package at a revision, as it is read at an address.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The package.
    pub name: &'a PackageName,
    /// The revision of its document.
    pub revision: u64,
    /// Where the registry is reached, without a slash at the end.
    pub base: &'a str,
    /// The package's head.
    pub head: &'a Head,
    /// The package's versions.
    pub entries: &'a Entries,
}

impl View<'_> {
    /// The full packument.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn full(&self) -> Result<Vec<u8>> {
        let mut out = self.buffer();
        let versions = self.begin(&mut out, true)?;
        out.extend_from_slice(b",\"_id\":");
        json(&mut out, self.name.as_str())?;
        out.extend_from_slice(b",\"_rev\":");
        json(&mut out, &rev(self.revision))?;
        self.time(&mut out, &versions, true)?;
        out.extend_from_slice(b",\"maintainers\":");
        json(&mut out, &self.head.maintainers)?;
        let stars = self.head.stars.iter().map(|user| (user, true));
        let stars: BTreeMap<_, _> = stars.collect();
        if !stars.is_empty() {
            out.extend_from_slice(b",\"users\":");
            json(&mut out, &stars)?;
        }
        if let Some(entry) = self
            .head
            .latest()
            .and_then(|latest| self.entries.get(latest))
        {
            let rest = Entry::parse(entry)?.rest;
            let rest: Fields<'_> = serde_json::from_str(rest.get()).map_err(Error::internal)?;
            for (key, value) in rest.iter().filter(|(key, _)| HOISTED.contains(key)) {
                write_field(&mut out, key, value.get());
            }
        }
        out.extend_from_slice(b",\"readme\":");
        json(&mut out, self.head.readme.as_deref().unwrap_or_default())?;
        out.push(b'}');
        Ok(out)
    }

    /// The abbreviated packument.
    ///
    /// # Errors
    /// When the stored bytes are damaged.
    pub fn abbreviated(&self) -> Result<Vec<u8>> {
        let mut out = self.buffer();
        let versions = self.begin(&mut out, false)?;
        out.extend_from_slice(b",\"modified\":");
        json(&mut out, &self.head.modified)?;
        self.time(&mut out, &versions, false)?;
        out.push(b'}');
        Ok(out)
    }

    /// The manifest of a version, or of the version that a tag names.
    ///
    /// # Errors
    /// [`NotFound`](registry_core::ErrorKind::NotFound) when there is no such version; else when
    /// the stored bytes are damaged.
    pub fn manifest(&self, selector: &str) -> Result<Vec<u8>> {
        let version = self
            .head
            .dist_tags
            .get(selector)
            .map_or(selector, String::as_str);
        let Some(entry) = self.entries.get(version) else {
            return Err(Error::not_found(format!("version not found: {selector}")));
        };
        let mut out = Vec::with_capacity(entry.len() + 256);
        Writer::new(self)?.manifest(&mut out, version, &Entry::parse(entry)?, true)?;
        Ok(out)
    }

    fn buffer(&self) -> Vec<u8> {
        let stored: usize = self.entries.values().map(|entry| entry.len() + 256).sum();
        Vec::with_capacity(stored + self.head.readme.as_ref().map_or(0, String::len) + 1024)
    }

    /// Writes what both forms begin with; gives the versions in order, and their times.
    fn begin<'s>(&'s self, out: &mut Vec<u8>, full: bool) -> Result<Vec<(String, &'s str)>> {
        out.extend_from_slice(b"{\"name\":");
        json(out, self.name.as_str())?;
        out.extend_from_slice(b",\"dist-tags\":");
        json(out, &self.head.dist_tags)?;
        out.extend_from_slice(b",\"versions\":{");
        let writer = Writer::new(self)?;
        let mut times = Vec::with_capacity(self.entries.len());
        for (version, bytes) in in_order(self.entries) {
            if !times.is_empty() {
                out.push(b',');
            }
            let entry = Entry::parse(bytes)?;
            json(out, version.as_str())?;
            out.push(b':');
            writer.manifest(out, version.as_str(), &entry, full)?;
            times.push((version.to_string(), entry.time));
        }
        out.push(b'}');
        Ok(times)
    }

    fn time(&self, out: &mut Vec<u8>, versions: &[(String, &str)], full: bool) -> Result<()> {
        out.extend_from_slice(b",\"time\":{");
        if full {
            for (key, time) in [
                ("created", &self.head.created),
                ("modified", &self.head.modified),
            ] {
                json(out, key)?;
                out.push(b':');
                json(out, time)?;
                out.push(b',');
            }
        }
        for (version, time) in versions {
            json(out, version)?;
            out.push(b':');
            json(out, time)?;
            out.push(b',');
        }
        if out.last() == Some(&b',') {
            out.pop();
        }
        out.push(b'}');
        Ok(())
    }
}

/// Writes manifests; knows the addresses in them as far as they are the same in all.
struct Writer {
    /// The beginning of each tarball's address, inside a JSON string.
    tarball: String,
    /// The beginning of each attestation's address, inside a JSON string.
    attestations: String,
}

impl Writer {
    fn new(view: &View<'_>) -> Result<Self> {
        let base = serde_json::to_string(view.base).map_err(Error::internal)?;
        let base = base.trim_matches('"');
        let (name, unscoped) = (view.name.as_str(), view.name.unscoped());
        Ok(Self {
            tarball: format!("{base}/{name}/-/{unscoped}-"),
            attestations: format!("{base}/-/npm/v1/attestations/{}@", name.replace('/', "%2f")),
        })
    }

    fn manifest(
        &self,
        out: &mut Vec<u8>,
        version: &str,
        entry: &Entry<'_>,
        full: bool,
    ) -> Result<()> {
        out.push(b'{');
        write_inner(out, entry.install);
        if full {
            write_inner(out, entry.rest);
        }
        out.extend_from_slice(b"\"dist\":{");
        write_inner(out, entry.dist);
        if let Some(provenance) = entry.provenance {
            out.extend_from_slice(b"\"attestations\":{\"url\":\"");
            out.extend_from_slice(self.attestations.as_bytes());
            out.extend_from_slice(version.as_bytes());
            out.extend_from_slice(b"\",\"provenance\":{\"predicateType\":");
            json(out, provenance.predicate_type)?;
            out.extend_from_slice(b"}},");
        }
        out.extend_from_slice(b"\"tarball\":\"");
        out.extend_from_slice(self.tarball.as_bytes());
        out.extend_from_slice(version.as_bytes());
        out.extend_from_slice(b".tgz\"}");
        if let Some(deprecated) = entry.deprecated {
            write_field(out, "deprecated", deprecated.get());
        }
        out.push(b'}');
        Ok(())
    }
}

/// The fields of an object, each with a comma behind it.
fn write_inner(out: &mut Vec<u8>, object: &RawValue) {
    let fields = object.get().trim_start_matches('{').as_bytes();
    let fields = fields.strip_suffix(b"}").unwrap_or(fields);
    out.extend_from_slice(fields);
    if !fields.is_empty() {
        out.push(b',');
    }
}

/// A comma and a field; `key` needs no escapes, `value` is JSON.
fn write_field(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value.as_bytes());
}

fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<()> {
    serde_json::to_writer(out, value).map_err(Error::internal)
}
