//! What the JSON API says of gems and their versions.

use registry_core::{Result, store::Entries};
use serde_json::{Map, Value, json};

use super::{Entry, Head, latest, offered};
use crate::{
    spec::{DependencyKind, Spec},
    wire::Card,
};

/// The longest description of a gem that a search shows, in bytes.
const MAX_SHOWN: usize = 300;

/// What a search shows of a gem; nothing of one whose versions were all taken back.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn card(head: &Head, entries: &Entries) -> Result<Option<Card>> {
    let Some(latest) = latest(entries)? else {
        return Ok(None);
    };
    let spec = latest.spec()?;
    let mut info = spec.info().to_owned();
    info.truncate(info.floor_char_boundary(MAX_SHOWN));
    Ok(Some(Card {
        name: head.name.clone(),
        version: latest.version.to_string(),
        platform: latest.platform.to_string(),
        authors: spec.authors.join(", "),
        info,
        licenses: spec.licenses,
        sha: latest.gem.sha256.to_owned(),
        homepage_uri: spec.homepage,
    }))
}

/// The page of a gem; nothing for one whose versions were all taken back.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn gem_json(head: &Head, entries: &Entries, base: &str) -> Result<Option<Value>> {
    let Some(latest) = latest(entries)? else {
        return Ok(None);
    };
    page(&head.name, &latest, base).map(Some)
}

/// The page of one version.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn version_json(head: &Head, entry: &Entry<'_>, base: &str) -> Result<Value> {
    let mut page = page(&head.name, entry, base)?;
    let row = row(entry)?;
    if let (Some(page), Value::Object(row)) = (page.as_object_mut(), row) {
        page.extend(row);
    }
    Ok(page)
}

fn page(name: &str, entry: &Entry<'_>, base: &str) -> Result<Value> {
    let spec = entry.spec()?;
    let slug = entry.slug();
    let mut page = json!({
        "name": name,
        "version": entry.version,
        "version_created_at": entry.created,
        "platform": entry.platform,
        "authors": spec.authors.join(", "),
        "info": spec.info(),
        "licenses": spec.licenses,
        "metadata": spec.metadata,
        "yanked": entry.yanked,
        "sha": entry.gem.sha256,
        "spec_sha": entry.quick.sha256,
        "project_uri": format!("{base}/api/v1/gems/{name}.json"),
        "gem_uri": format!("{base}/gems/{name}-{slug}.gem"),
        "homepage_uri": spec.homepage,
        "dependencies": dependencies(&spec),
    });
    if let Some(page) = page.as_object_mut() {
        page.extend(links(&spec));
    }
    Ok(page)
}

/// What a gem depends on.
fn dependencies(spec: &Spec) -> Value {
    let of = |kind: DependencyKind| -> Vec<Value> {
        let all = spec.dependencies.iter().filter(|of| of.kind == kind);
        all.map(|of| json!({ "name": of.name, "requirements": of.requirement }))
            .collect()
    };
    json!({
        "development": of(DependencyKind::Development),
        "runtime": of(DependencyKind::Runtime),
    })
}

/// The addresses that a gem's metadata tells of itself.
fn links(spec: &Spec) -> Map<String, Value> {
    const LINKS: &[&str] = &[
        "wiki_uri",
        "documentation_uri",
        "mailing_list_uri",
        "source_code_uri",
        "bug_tracker_uri",
        "changelog_uri",
        "funding_uri",
    ];
    let links = LINKS.iter().map(|link| {
        let address = spec.metadata.get(*link).cloned();
        ((*link).to_owned(), address.into())
    });
    links.collect()
}

/// All versions that are offered, the highest first.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn version_rows(entries: &Entries) -> Result<Vec<Value>> {
    offered(entries)?.iter().map(row).collect()
}

fn row(entry: &Entry<'_>) -> Result<Value> {
    let spec = entry.spec()?;
    Ok(json!({
        "authors": spec.authors.join(", "),
        "built_at": spec.date,
        "created_at": entry.created,
        "description": spec.description,
        "metadata": spec.metadata,
        "number": entry.version,
        "summary": spec.summary,
        "platform": entry.platform,
        "rubygems_version": spec.required_rubygems_version,
        "ruby_version": spec.required_ruby_version,
        "prerelease": entry.version.is_prerelease(),
        "licenses": spec.licenses,
        "sha": entry.gem.sha256,
        "spec_sha": entry.quick.sha256,
    }))
}
