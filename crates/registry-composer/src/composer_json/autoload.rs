//! Where a package says that its classes are.

use registry_core::Result;
use serde_json::{Map, Value};

use super::check::{items, object, one_or_more, text, wrong};

/// The ways to find classes that Composer knows.
const WAYS: &[&str] = &[
    "psr-0",
    "psr-4",
    "classmap",
    "files",
    "exclude-from-classmap",
];

/// Checks `autoload`.
pub(super) fn check(said: &Map<String, Value>) -> Result<()> {
    let Some(autoload) = said.get("autoload") else {
        return Ok(());
    };
    object("autoload", autoload)?;
    for (way, paths) in autoload.as_object().into_iter().flatten() {
        let field = format!("autoload.{way}");
        if !WAYS.contains(&&**way) {
            return Err(wrong(&field, &format!("is none of {}", WAYS.join(", "))));
        }
        // Composer passes over what is no list.
        if paths.is_string() {
            continue;
        }
        for (field, path) in items(&field, paths)? {
            one_or_more(&field, path)?;
        }
    }
    match autoload.get("psr-4") {
        Some(prefixes) => psr4(said, prefixes),
        None => Ok(()),
    }
}

fn psr4(said: &Map<String, Value>, prefixes: &Value) -> Result<()> {
    object("autoload.psr-4", prefixes)?;
    for prefix in prefixes
        .as_object()
        .into_iter()
        .flatten()
        .map(|(prefix, _)| prefix)
    {
        if !prefix.is_empty() && !prefix.ends_with('\\') {
            let field = format!("autoload.psr-4.{prefix}");
            return Err(wrong(&field, "must end with a namespace separator, \\"));
        }
    }
    if text(said, "target-dir")?.is_some() {
        let what = "cannot be used together with autoload.psr-4; remove it";
        return Err(wrong("target-dir", what));
    }
    Ok(())
}
