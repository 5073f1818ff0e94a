//! Who may import whom, asserted from `cargo metadata`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

const CORE: &str = "registry-core";
const FACADE: &str = "registry";
const SERVER: &str = "registry-server";
const PROTOCOLS: &[&str] = &[
    "registry-oci",
    "registry-npm",
    "registry-maven",
    "registry-cargo",
    "registry-composer",
    "registry-pypi",
    "registry-rubygems",
];

/// What a protocol crate leaves to the core and the server.
const NOT_IN_PROTOCOLS: &[&str] = &["object_store", "reqwest", "hyper", "axum", "tokio"];
/// What the core uses only behind a feature.
const OPTIONAL_IN_CORE: &[&str] = &["object_store", "reqwest", "redis", "sqlx"];
/// The files, or folders, that every protocol crate has.
const ROOMS: &[&str] = &[
    "lib", "route", "name", "wire", "layout", "error", "read", "publish",
];

/// A crate of the workspace.
pub(super) struct Member {
    name: String,
    folder: PathBuf,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    optional: bool,
    /// For tests alone.
    development: bool,
}

/// The crates of the workspace.
pub(super) fn members(metadata: &Value) -> Result<Vec<Member>> {
    let members = metadata["workspace_members"]
        .as_array()
        .context("no workspace members")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    packages
        .iter()
        .filter(|package| members.contains(&package["id"]))
        .map(member)
        .collect()
}

fn member(package: &Value) -> Result<Member> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("not a string");
    let manifest = text(&package["manifest_path"])?;
    let folder = Path::new(&manifest)
        .parent()
        .context("a manifest lies in a folder")?;
    let dependencies = package["dependencies"]
        .as_array()
        .context("no dependencies")?;
    let dependencies = dependencies.iter().map(|dependency| {
        Ok(Dependency {
            name: text(&dependency["name"])?,
            optional: dependency["optional"] == true,
            development: dependency["kind"] == "dev",
        })
    });
    Ok(Member {
        name: text(&package["name"])?,
        folder: folder.to_owned(),
        dependencies: dependencies.collect::<Result<_>>()?,
    })
}

/// A line for each broken rule.
pub(super) fn check(members: &[Member]) -> Vec<String> {
    let mut broken = Vec::new();
    for member in members {
        for dependency in member
            .dependencies
            .iter()
            .filter(|dependency| !dependency.development)
        {
            if let Some(rule) = forbidden(&member.name, dependency) {
                broken.push(format!(
                    "{} depends on {}: {rule}",
                    member.name, dependency.name
                ));
            }
        }
        if is_protocol(&member.name) {
            broken.extend(missing_rooms(member));
        }
    }
    broken
}

fn is_protocol(name: &str) -> bool {
    PROTOCOLS.contains(&name)
}

fn forbidden(member: &str, dependency: &Dependency) -> Option<&'static str> {
    let name = dependency.name.as_str();
    if name == "anyhow" && ![SERVER, "xtask"].contains(&member) {
        return Some("anyhow belongs to the server and to xtask alone");
    }
    match member {
        CORE if is_protocol(name) => Some("the core knows no protocol"),
        CORE if OPTIONAL_IN_CORE.contains(&name) && !dependency.optional => {
            Some("the core has it behind a feature only")
        }
        FACADE if is_protocol(name) && !dependency.optional => Some("each protocol is a feature"),
        FACADE if name != CORE && !is_protocol(name) => {
            Some("the facade is the core and the protocols, and nothing else")
        }
        SERVER if name == CORE || is_protocol(name) => Some("the server goes through the facade"),
        _ if !is_protocol(member) => None,
        _ if is_protocol(name) => Some("a protocol does not know another"),
        _ if NOT_IN_PROTOCOLS.contains(&name) => {
            Some("a protocol is the core and format libraries")
        }
        _ => None,
    }
}

fn missing_rooms(member: &Member) -> impl Iterator<Item = String> {
    let source = member.folder.join("src");
    ROOMS.iter().filter_map(move |room| {
        let there = source.join(format!("{room}.rs")).is_file()
            || source.join(room).join("mod.rs").is_file();
        (!there).then(|| {
            format!(
                "{} has no src/{room}.rs, as every protocol has",
                member.name
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Dependency, forbidden};

    #[test]
    fn who_may_import_whom() {
        for (member, name, optional, allowed) in [
            ("registry-core", "registry-npm", true, false),
            ("registry-core", "object_store", false, false),
            ("registry-core", "object_store", true, true),
            ("registry-core", "anyhow", false, false),
            ("registry-npm", "registry-core", false, true),
            ("registry-npm", "registry-oci", false, false),
            ("registry-npm", "tokio", false, false),
            ("registry-npm", "tar", false, true),
            ("registry", "registry-npm", true, true),
            ("registry", "registry-npm", false, false),
            ("registry", "serde", false, false),
            ("registry-server", "anyhow", false, true),
            ("registry-server", "registry-core", false, false),
            ("xtask", "anyhow", false, true),
        ] {
            let dependency = Dependency {
                name: name.to_owned(),
                optional,
                development: false,
            };
            let rule = forbidden(member, &dependency);
            assert_eq!(rule.is_none(), allowed, "{member} on {name}: {rule:?}");
        }
    }
}
