//! What the JSON API says of gems and their versions.

use registry_core::{Result, store::Entries};
use serde_json::{Map, Value, json};

use super::{Entry, Head, latest, offered, published};
use crate::{
    spec::{DependencyKind, Spec},
    wire::Card,
};

/// The longest description of a gem that a search shows, list of its authors and list of its licenses, in
/// bytes: the log and the view hold these.
const MAX_SHOWN: usize = 300;
/// The longest address of its page.
const MAX_ADDRESS: usize = 1000;

/// What a search shows of a gem; nothing of one whose versions were all taken back.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn card(head: &Head, published: &[Entry<'_>]) -> Result<Option<Card>> {
    let Some(latest) = latest(published) else {
        return Ok(None);
    };
    let spec = latest.spec()?;
    let short = |mut text: String| {
        text.truncate(text.floor_char_boundary(MAX_SHOWN));
        text
    };
    let mut left = MAX_SHOWN;
    let few = |license: &String| {
        let rest = left.checked_sub(license.len() + 1);
        left = rest.unwrap_or_default();
        rest.is_some()
    };
    Ok(Some(Card {
        name: head.name.clone(),
        version: latest.version.to_string(),
        platform: latest.platform.to_string(),
        authors: short(spec.authors.join(", ")),
        info: short(spec.info().to_owned()),
        licenses: spec.licenses.into_iter().take_while(few).collect(),
        sha: latest.gem.sha256.to_owned(),
        homepage_uri: spec.homepage.filter(|page| page.len() <= MAX_ADDRESS),
    }))
}

/// The page of a gem; nothing for one whose versions were all taken back.
///
/// # Errors
/// When the stored bytes are damaged.
pub(crate) fn gem_json(head: &Head, entries: &Entries, base: &str) -> Result<Option<Value>> {
    let published = published(entries)?;
    let latest = latest(&published);
    latest
        .map(|latest| page(&head.name, latest, base))
        .transpose()
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
    offered(&published(entries)?).into_iter().map(row).collect()
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
