//! Bounds and forms of what a gemspec says.

use std::collections::HashSet;

use registry_core::Result;

use super::{DependencyKind, Spec, value::invalid};
use crate::{name::MAX_LENGTH, name::shown};

/// The longest description, summary and list of authors, in characters.
const MAX_TEXT: usize = 64_000;
/// The longest license, in characters.
const MAX_LICENSE: usize = 64;
/// The longest key of the metadata, and the longest value, in bytes.
const MAX_METADATA: (usize, usize) = (128, 1024);

/// Keys of the metadata whose values are addresses of pages.
const LINKS: &[&str] = &[
    "bug_tracker_uri",
    "changelog_uri",
    "documentation_uri",
    "download_uri",
    "funding_uri",
    "homepage_uri",
    "mailing_list_uri",
    "source_code_uri",
    "wiki_uri",
];

pub(super) fn check_text(key: &str, text: &str) -> Result<()> {
    if text.chars().count() <= MAX_TEXT {
        return Ok(());
    }
    Err(invalid(format!(
        "{key} may have {MAX_TEXT} characters at most"
    )))
}

pub(super) fn check_licenses(licenses: &[String]) -> Result<()> {
    if licenses
        .iter()
        .any(|license| license.chars().count() > MAX_LICENSE)
    {
        let what = format!("each license must be {MAX_LICENSE} characters or less");
        return Err(invalid(what));
    }
    Ok(())
}

pub(super) fn check_homepage(address: &str) -> Result<()> {
    if address.is_empty() || is_page(address) {
        return Ok(());
    }
    Err(invalid(format!(
        "{:?} is not a valid HTTP URI",
        shown(address)
    )))
}

pub(super) fn check_metadata(key: &str, value: &str) -> Result<()> {
    let (longest_key, longest_value) = MAX_METADATA;
    let problem = if key.is_empty() {
        "a key of the metadata is empty".to_owned()
    } else if key.len() > longest_key {
        format!("metadata key is too large ({} > {longest_key})", key.len())
    } else if value.len() > longest_value {
        let size = value.len();
        format!("metadata['{key}'] value is too large ({size} > {longest_value})")
    } else if LINKS.contains(&key) && !is_page(value) {
        format!("metadata['{key}'] has invalid link: {:?}", shown(value))
    } else {
        return Ok(());
    };
    Err(invalid(problem))
}

/// Whether a text is the address of a page, with a name of a host that browsers would look up.
fn is_page(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let scheme = ["http://", "https://"];
    let Some(scheme) = scheme.iter().find(|scheme| lower.starts_with(**scheme)) else {
        return false;
    };
    let rest = &text[scheme.len()..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    !host.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Refuses two dependencies on one gem, but for development, which no index tells of; and requirements that
/// are too long.
pub(super) fn check_dependencies(spec: &Spec) -> Result<()> {
    let mut seen = HashSet::new();
    for dependency in &spec.dependencies {
        let name = &dependency.name;
        let runtime = dependency.kind == DependencyKind::Runtime;
        if runtime && !seen.insert(name.as_str()) {
            return Err(invalid(format!("duplicate dependency on {name}")));
        }
        check_requirement(&format!("dependency on {name}"), &dependency.requirement)?;
    }
    check_requirement("required_ruby_version", &spec.required_ruby_version)?;
    check_requirement("required_rubygems_version", &spec.required_rubygems_version)
}

fn check_requirement(what: &str, requirement: &crate::Requirement) -> Result<()> {
    if requirement.to_string().len() <= MAX_LENGTH {
        return Ok(());
    }
    Err(invalid(format!(
        "{what} may have {MAX_LENGTH} characters at most"
    )))
}
