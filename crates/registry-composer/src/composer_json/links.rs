//! What a package says of other packages: that it needs, replaces, provides or cannot stand them.

use registry_core::Result;
use serde_json::{Map, Value};

use super::check::{object, wrong};
use crate::{
    constraint,
    name::{self, PackageName},
};

/// The fields that name packages and constraints.
const LINKS: &[&str] = &["require", "require-dev", "conflict", "provide", "replace"];
/// Stands for the version of the package itself.
const SELF: &str = "self.version";

/// Checks every link of the package that is called `own`.
pub(super) fn check(said: &Map<String, Value>, own: &PackageName) -> Result<()> {
    for (kind, links) in LINKS
        .iter()
        .filter_map(|kind| Some((kind, said.get(*kind)?)))
    {
        object(kind, links)?;
        for (package, constraint) in links.as_object().into_iter().flatten() {
            let field = format!("{kind}.{package}");
            if package.eq_ignore_ascii_case(own.as_str()) {
                return Err(wrong(
                    &field,
                    &format!("is invalid: a package cannot set {kind} on itself"),
                ));
            }
            if !name::is_platform(package) && !name::is_shaped(package) {
                let what = "is invalid: a package is called by its vendor, a slash, and its name";
                return Err(wrong(&field, what));
            }
            let Value::String(text) = constraint else {
                return Err(wrong(&field, "must be a string with a version constraint"));
            };
            if text != SELF {
                constraint::check(text).map_err(|error| {
                    wrong(
                        &field,
                        &format!("has an invalid version constraint: {error}"),
                    )
                })?;
            }
        }
    }
    let conflicts = said.get("conflict").and_then(Value::as_object);
    for package in conflicts.into_iter().flatten().map(|(package, _)| package) {
        if said
            .get("replace")
            .is_some_and(|replaced| replaced.get(package).is_some())
        {
            let what =
                "is invalid: what is replaced cannot be in conflict, since it cannot be there";
            return Err(wrong(&format!("conflict.{package}"), what));
        }
    }
    Ok(())
}

/// The packages that are provided or replaced, in lower case.
pub(super) fn provided(said: &Map<String, Value>) -> Vec<String> {
    let kinds = ["provide", "replace"].into_iter();
    let links = kinds
        .filter_map(|kind| said.get(kind)?.as_object())
        .flatten();
    let names = links.map(|(package, _)| package.to_ascii_lowercase());
    let mut names: Vec<_> = names
        .filter(|package| !name::is_platform(package))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
