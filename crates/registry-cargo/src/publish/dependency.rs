//! Whether cargo will take a dependency: it passes over the line of a version, without a word, if one of
//! its dependencies is not right.

use cargo_platform::Platform;
use registry_core::{Error, Result};
use semver::VersionReq;
use url::Url;

use crate::{
    CrateName,
    name::{check_feature, shown},
    wire::{Kind, NewDependency, Unstable},
};

/// The longest target, address of a registry, or name of a native library, in bytes.
const MAX_TEXT: usize = 1000;

/// The schemes by which a sparse index is reached.
const SPARSE: &[&str] = &["http", "https"];
/// Those by which an index in a git repository is.
const GIT: &[&str] = &["http", "https", "ssh", "git", "file", "git+ssh", "ssh+git"];

/// Checks a dependency.
///
/// # Errors
/// `InvalidName` or `Invalid`, with what is wrong.
pub(super) fn check(dep: &NewDependency) -> Result<()> {
    let NewDependency { name, .. } = dep;
    name.parse::<CrateName>()?;
    if let Some(explicit) = &dep.explicit_name_in_toml {
        explicit.parse::<CrateName>()?;
    }
    requirement(name, &dep.version_req)?;
    dep.features
        .iter()
        .try_for_each(|name| check_feature(name))?;
    if dep.optional && dep.kind == Kind::Dev {
        return Err(Error::invalid(format!(
            "the dependency {name} is for tests and optional; it can be one of the two only"
        )));
    }
    check_text("target", dep.target.as_deref())?;
    if let Some(target) = &dep.target {
        check_target(name, target)?;
    }
    check_text("registry", dep.registry.as_deref())?;
    if let Some(address) = &dep.registry {
        check_registry(name, address)?;
    }
    check_unstable(name, &dep.unstable)
}

fn check_target(name: &str, target: &str) -> Result<()> {
    target.parse::<Platform>().map(drop).map_err(|error| {
        Error::invalid(format!(
            "the target {:?} of the dependency {name} is no platform: {}",
            shown(target),
            shown(&error.to_string())
        ))
    })
}

fn check_registry(name: &str, address: &str) -> Result<()> {
    let (rest, schemes) = match address.strip_prefix("sparse+") {
        Some(rest) => (rest, SPARSE),
        None => (address, GIT),
    };
    let url = Url::parse(rest).ok();
    let known = |url: Url| schemes.contains(&url.scheme()) && !url.cannot_be_a_base();
    if url.is_some_and(known) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the registry {:?} of the dependency {name} is no address of an index",
        shown(address)
    )))
}

fn check_unstable(name: &str, unstable: &Unstable) -> Result<()> {
    let wrong = |what: String| {
        let message = format!("the dependency {name} cannot be used as an artifact: {what}");
        Err(Error::invalid(message))
    };
    let kinds = unstable.artifact.as_deref().unwrap_or_default();
    for (at, kind) in kinds.iter().enumerate() {
        check_text("artifact", Some(kind))?;
        let known = ["bin", "cdylib", "staticlib"].contains(&kind.as_str());
        if !known && !kind.starts_with("bin:") {
            return wrong(format!("{:?} is none", shown(kind)));
        }
        if kinds[..at].contains(kind) {
            return wrong(format!("{:?} is there twice", shown(kind)));
        }
    }
    let all = kinds.iter().any(|kind| kind == "bin");
    if all && kinds.iter().any(|kind| kind.starts_with("bin:")) {
        return wrong("bin is all binaries; leave it out, or those that are named".to_owned());
    }
    check_text("bindep_target", unstable.bindep_target.as_deref())?;
    match unstable.bindep_target.as_deref().map(str::trim) {
        Some(target) if target.is_empty() || target.ends_with(".json") => {
            wrong(format!("{:?} is no target", shown(target)))
        }
        _ => Ok(()),
    }
}

/// The requirement of a dependency.
pub(super) fn requirement(name: &str, text: &str) -> Result<VersionReq> {
    VersionReq::parse(text).map_err(|error| {
        Error::invalid(format!(
            "the requirement {:?} of the dependency {} does not parse: {error}",
            shown(text),
            shown(name)
        ))
    })
}

pub(super) fn check_text(what: &str, text: Option<&str>) -> Result<()> {
    let text = text.unwrap_or_default();
    if text.len() <= MAX_TEXT && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{what} may be one line of {MAX_TEXT} bytes at most"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(more: Value) -> Result<(), String> {
        let mut dep = json!({ "name": "d", "version_req": "^1" });
        let fields = dep.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let dep = serde_json::from_value(dep).map_err(|error| error.to_string())?;
        check(&dep).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cargo_reads() {
        for good in [
            json!({ "target": "x86_64-unknown-linux-gnu" }),
            json!({ "target": "cfg(all(unix, not(target_os = \"macos\")))" }),
            json!({ "registry": "https://cargo.upstream.example/index" }),
            json!({ "registry": "sparse+https://cargo.upstream.example/index/" }),
            json!({ "registry": "ssh://git@cargo.upstream.example/index" }),
            json!({ "registry": "git://cargo.upstream.example/index" }),
            json!({ "registry": "file:///srv/index" }),
            json!({ "public": true, "lib": true, "artifact": ["bin:a", "bin:b", "cdylib"] }),
            json!({ "public": null, "artifact": ["bin", "staticlib"], "bindep_target": "target" }),
            json!({ "artifact": [], "bindep_target": null }),
            json!({ "kind": "build", "optional": true }),
        ] {
            checked(good.clone()).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
    }

    #[test]
    fn what_cargo_would_pass_over() {
        for (bad, told) in [
            (json!({ "target": "cfg(unix" }), "is no platform"),
            (json!({ "target": "cfg(a = b)" }), "is no platform"),
            (json!({ "target": "two words" }), "is no platform"),
            (json!({ "registry": "" }), "no address"),
            (json!({ "registry": "elsewhere" }), "no address"),
            (json!({ "registry": "https://" }), "no address"),
            (json!({ "registry": "mailto:a@b" }), "no address"),
            (json!({ "registry": "git@host:index" }), "no address"),
            (json!({ "registry": "ftp://host/index" }), "no address"),
            (json!({ "registry": "javascript://x/%0a" }), "no address"),
            (json!({ "registry": "registry+https://h/" }), "no address"),
            (json!({ "registry": "git+https://h/" }), "no address"),
            (json!({ "registry": "sparse+ssh://h/" }), "no address"),
            (
                json!({ "registry": "sparse+sparse+https://h/" }),
                "no address",
            ),
            (json!({ "registry": "sparse+file:///index/" }), "no address"),
            (json!({ "public": "yes" }), "expected a boolean"),
            (json!({ "lib": null }), "expected a boolean"),
            (json!({ "lib": "true" }), "expected a boolean"),
            (json!({ "artifact": "bin" }), "expected a sequence"),
            (json!({ "artifact": ["exe"] }), "\"exe\" is none"),
            (json!({ "artifact": ["bin", "bin"] }), "twice"),
            (json!({ "artifact": ["bin", "bin:a"] }), "all binaries"),
            (json!({ "bindep_target": 1 }), "expected a string"),
            (json!({ "bindep_target": " " }), "no target"),
            (json!({ "bindep_target": "a.json" }), "no target"),
            (
                json!({ "kind": "dev", "optional": true }),
                "for tests and optional",
            ),
        ] {
            let error = checked(bad.clone()).expect_err(&bad.to_string());
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
