//! Judges the metadata of a publish, and makes of it the line of a version.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use registry_core::{Error, Result, digest::Algorithm, store::StoredBytes};
use serde_json::value::to_raw_value;

use super::{
    Manifest,
    dependency::{self, check_text},
    features,
};
use crate::{
    CrateName, Version,
    document::{Entry, MAX_DESCRIPTION, change::Release},
    name::{check_feature, check_feature_value, check_keyword},
    version::check_rust_version,
    wire::{Features, IndexDependency, IndexLine, Kind, Named, NewCrate, NewDependency},
};

/// How many keywords a crate may have.
const MAX_KEYWORDS: usize = 5;

/// The bounds of the metadata.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes.
    pub size: u32,
    /// Features.
    pub features: usize,
    /// Dependencies.
    pub dependencies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: 1 << 20,
            features: 300,
            dependencies: 500,
        }
    }
}

/// A version that wants to be published, checked as far as the metadata goes.
#[derive(Debug)]
pub struct Publication {
    /// The crate's name, as it is spelled.
    pub name: CrateName,
    /// The version.
    pub version: Version,
    pub(super) new: NewCrate,
}

/// Reads the metadata.
///
/// # Errors
/// `Invalid` when it is something else.
pub fn parse(metadata: &[u8]) -> Result<NewCrate> {
    serde_json::from_slice(metadata).map_err(unreadable)
}

/// Reads the name in the metadata, and holds nothing else of it.
///
/// # Errors
/// `Invalid` when there is none, `InvalidName` when it is no name of a crate.
pub(super) fn parse_name(metadata: &[u8]) -> Result<CrateName> {
    let Named { name } = serde_json::from_slice(metadata).map_err(unreadable)?;
    name.parse()
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::invalid(format!("the metadata cannot be read: {error}"))
}

impl Publication {
    /// Checks the metadata.
    ///
    /// # Errors
    /// `InvalidName` or `Invalid`, with what is wrong.
    pub fn check(new: NewCrate, limits: &Limits) -> Result<Self> {
        let name: CrateName = new.name.parse()?;
        let version: Version = new.vers.parse()?;
        at_most("dependencies", new.deps.len(), limits.dependencies)?;
        new.deps.iter().try_for_each(dependency::check)?;
        at_most("features", new.features.len(), limits.features)?;
        for (feature, values) in &new.features {
            check_feature(feature)?;
            values
                .iter()
                .try_for_each(|value| check_feature_value(value))?;
        }
        features::check(&new.features, &new.deps)?;
        let keywords = new.keywords.as_deref().unwrap_or_default();
        at_most("keywords", keywords.len(), MAX_KEYWORDS)?;
        keywords.iter().try_for_each(|word| check_keyword(word))?;
        check_text("links", new.links.as_deref())?;
        new.rust_version
            .as_deref()
            .map_or(Ok(()), check_rust_version)?;
        Ok(Self { name, version, new })
    }

    /// Compares the metadata with the crate's own manifest, and gives the version to publish, whose
    /// crate file was stored.
    ///
    /// # Errors
    /// `Invalid` for what differs.
    pub fn release(
        self,
        manifest: &Manifest,
        stored: &StoredBytes,
        publisher: Option<String>,
        time: &str,
    ) -> Result<Release> {
        manifest.check(&self.new)?;
        debug_assert_eq!(stored.algorithm, Algorithm::Sha256);
        let Self { name, version, new } = self;
        let description = new.description.as_deref();
        let description =
            description.map(|text| text[..text.floor_char_boundary(MAX_DESCRIPTION)].to_owned());
        let entry = entry(new, manifest, stored, description.as_deref(), time)?;
        Ok(Release {
            name,
            version,
            entry,
            cksum: stored.digest.clone(),
            description,
            publisher,
            time: time.to_owned(),
        })
    }
}

/// The stored entry of a version.
fn entry(
    new: NewCrate,
    manifest: &Manifest,
    stored: &StoredBytes,
    description: Option<&str>,
    time: &str,
) -> Result<Bytes> {
    let mut deps: Vec<_> = new.deps.into_iter().map(index_dependency).collect();
    // Old cargos read `optional` wrongly where the same dependency is there as another kind
    // before.
    deps.sort_by_key(|dep| dep.kind != Kind::Normal);
    let (features, features2) = split(new.features);
    // Each form of a line is for cargos that know what it adds.
    let v = if deps.iter().any(|dep| dep.unstable.artifact.is_some()) {
        Some(3)
    } else {
        (!features2.is_empty()).then_some(2)
    };
    let line = IndexLine {
        name: &new.name,
        vers: &new.vers,
        deps,
        cksum: &stored.digest,
        features,
        v,
        features2: (!features2.is_empty()).then_some(features2),
        links: new.links.as_deref(),
        rust_version: manifest.rust_version(),
        pubtime: time,
        more: new.more,
    };
    let line = to_raw_value(&line).map_err(Error::internal)?;
    Entry {
        file: &stored.file,
        size: stored.size,
        description: description.map(Into::into),
        yanked: false,
        line: &line,
    }
    .to_bytes()
}

fn at_most(what: &str, count: usize, limit: usize) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the crate has {count} {what}, and may have {limit} at most"
    )))
}

fn index_dependency(dep: NewDependency) -> IndexDependency {
    let (name, package) = match dep.explicit_name_in_toml {
        Some(explicit) => (explicit, Some(dep.name)),
        None => (dep.name, None),
    };
    IndexDependency {
        name,
        req: dep.version_req,
        features: dep.features,
        optional: dep.optional,
        default_features: dep.default_features,
        target: dep.target,
        kind: dep.kind,
        registry: dep.registry,
        package,
        unstable: dep.unstable,
        more: dep.more,
    }
}

/// Divides features into those that every cargo understands, and those for which it has to know
/// `dep:` and `?/`, be it only because they turn on such a feature.
fn split(features: Features) -> (Features, Features) {
    let later = needs_new_syntax(&features);
    let (later, plain) = features
        .into_iter()
        .partition(|(name, _)| later.contains(name));
    (plain, later)
}

/// The features that use `dep:` or `?/`, and those that turn on such a feature.
fn needs_new_syntax(features: &Features) -> HashSet<String> {
    let new_syntax = |value: &String| value.starts_with("dep:") || value.contains("?/");
    let mut turned_on_by: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, values) in features {
        for value in values {
            turned_on_by.entry(value).or_default().push(name);
        }
    }
    let new = features
        .iter()
        .filter(|(_, values)| values.iter().any(new_syntax));
    let mut open: Vec<&str> = new.map(|(name, _)| name.as_str()).collect();
    let mut later = HashSet::new();
    while let Some(name) = open.pop() {
        if later.insert(name.to_owned()) {
            open.extend(turned_on_by.remove(name).unwrap_or_default());
        }
    }
    later
}

#[cfg(test)]
mod tests;
