//! The `Cargo.toml` in a crate file, as far as the index repeats it.

use std::collections::BTreeMap;

use cargo_platform::Platform;
use registry_core::{Error, Result};
use serde::Deserialize;

use super::dependency::requirement;
use crate::{
    name::shown,
    version::check_rust_version,
    wire::{Features, Kind, NewCrate, NewDependency},
};

/// What a crate says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    #[serde(alias = "project")]
    package: Package,
    #[serde(flatten)]
    dependencies: Dependencies,
    #[serde(default)]
    target: BTreeMap<String, Dependencies>,
    #[serde(default)]
    features: Features,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    version: String,
    links: Option<String>,
    rust_version: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Dependencies {
    dependencies: BTreeMap<String, Dependency>,
    #[serde(alias = "build_dependencies")]
    build_dependencies: BTreeMap<String, Dependency>,
    #[serde(alias = "dev_dependencies")]
    dev_dependencies: BTreeMap<String, Dependency>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Dependency {
    Requirement(String),
    Detailed(Detailed),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Detailed {
    version: Option<String>,
    package: Option<String>,
    optional: bool,
    default_features: Option<bool>,
    /// The old spelling: the other one wins.
    #[serde(rename = "default_features")]
    old_default_features: Option<bool>,
    features: Vec<String>,
    artifact: Option<Artifact>,
    target: Option<String>,
    lib: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Artifact {
    One(String),
    Many(Vec<String>),
}

/// A dependency in a form in which two that mean the same are the same.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Normal {
    name: String,
    package: String,
    kind: Kind,
    target: Option<String>,
    req: String,
    optional: bool,
    default_features: bool,
    features: Vec<String>,
    artifact: Option<Vec<String>>,
    bindep_target: Option<String>,
    lib: bool,
}

impl Manifest {
    /// Reads a `Cargo.toml` as `cargo package` writes it.
    ///
    /// # Errors
    /// With a sentence when it is no such file.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    /// The oldest compiler that the crate takes.
    pub fn rust_version(&self) -> Option<&str> {
        self.package.rust_version.as_deref()
    }

    /// Refuses metadata that is not about this crate.
    ///
    /// # Errors
    /// `Invalid` with what differs.
    pub fn check(&self, new: &NewCrate) -> Result<()> {
        let package = &self.package;
        same("name", &package.name, &new.name)?;
        same("version", &package.version, &new.vers)?;
        let none = |text: &Option<String>| text.clone().unwrap_or_default();
        same("links", &none(&package.links), &none(&new.links))?;
        self.rust_version().map_or(Ok(()), check_rust_version)?;
        // Older cargos do not send it.
        if let Some(rust_version) = &new.rust_version {
            same("rust-version", &none(&package.rust_version), rust_version)?;
        }
        self.check_dependencies(new)?;
        if sets(&self.features) != sets(&new.features) {
            return Err(differ("the features"));
        }
        Ok(())
    }

    fn check_dependencies(&self, new: &NewCrate) -> Result<()> {
        let mut own = self.dependencies.normal(None)?;
        for (target, dependencies) in &self.target {
            own.extend(dependencies.normal(Some(target))?);
        }
        let announced: Result<Vec<_>> = new.deps.iter().map(announced).collect();
        let mut announced = announced?;
        own.sort_unstable();
        announced.sort_unstable();
        let different = |(own, new): &(&Normal, &Normal)| own != new;
        let first = own.iter().zip(&announced).find(different);
        let differs = match first {
            Some((own, new)) => own.min(new),
            None => {
                let longer = if own.len() > announced.len() {
                    &own
                } else {
                    &announced
                };
                match longer.get(own.len().min(announced.len())) {
                    Some(extra) => extra,
                    None => return Ok(()),
                }
            }
        };
        let what = format!("the dependencies ({} is the first)", shown(&differs.name));
        Err(differ(&what))
    }
}

impl Dependencies {
    fn normal(&self, target: Option<&str>) -> Result<Vec<Normal>> {
        let mut all = Vec::new();
        for (kind, dependencies) in [
            (Kind::Normal, &self.dependencies),
            (Kind::Build, &self.build_dependencies),
            (Kind::Dev, &self.dev_dependencies),
        ] {
            for (name, dependency) in dependencies {
                let detailed = match dependency {
                    Dependency::Requirement(version) => Detailed {
                        version: Some(version.clone()),
                        ..Detailed::default()
                    },
                    Dependency::Detailed(detailed) => detailed.clone(),
                };
                let default_features = detailed.default_features;
                let default_features = default_features.or(detailed.old_default_features);
                let version = detailed.version.as_deref().unwrap_or("*");
                all.push(Normal {
                    name: name.clone(),
                    package: detailed.package.unwrap_or_else(|| name.clone()),
                    kind,
                    target: target.map(platform),
                    req: requirement(name, version)?.to_string(),
                    optional: detailed.optional,
                    default_features: default_features.unwrap_or(true),
                    features: set(&detailed.features),
                    artifact: detailed.artifact.map(|artifact| match artifact {
                        Artifact::One(kind) => vec![kind],
                        Artifact::Many(kinds) => set(&kinds),
                    }),
                    bindep_target: detailed.target.as_deref().map(trimmed),
                    lib: detailed.lib,
                });
            }
        }
        Ok(all)
    }
}

/// A dependency of the metadata.
fn announced(dep: &NewDependency) -> Result<Normal> {
    let explicit = dep.explicit_name_in_toml.as_ref();
    Ok(Normal {
        name: explicit.unwrap_or(&dep.name).clone(),
        package: dep.name.clone(),
        kind: dep.kind,
        target: dep.target.as_deref().map(platform),
        req: requirement(&dep.name, &dep.version_req)?.to_string(),
        optional: dep.optional,
        default_features: dep.default_features,
        features: set(&dep.features),
        artifact: dep.unstable.artifact.as_deref().map(set),
        bindep_target: dep.unstable.bindep_target.as_deref().map(trimmed),
        lib: dep.unstable.lib,
    })
}

/// A target as cargo sends it: it writes an expression again in its own way, and leaves the author's in
/// the manifest.
fn platform(target: &str) -> String {
    target.parse().map_or_else(
        |_| target.to_owned(),
        |platform: Platform| platform.to_string(),
    )
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

fn set(items: &[String]) -> Vec<String> {
    let mut items = items.to_vec();
    items.sort_unstable();
    items.dedup();
    items
}

fn sets(features: &Features) -> BTreeMap<&str, Vec<String>> {
    let each = features.iter();
    each.map(|(name, values)| (&**name, set(values))).collect()
}

fn same(what: &str, own: &str, announced: &str) -> Result<()> {
    if own == announced {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the metadata's {what} is {:?}, but in the crate's Cargo.toml it is {:?}; publish with cargo",
        shown(announced),
        shown(own)
    )))
}

fn differ(what: &str) -> Error {
    Error::invalid(format!(
        "{what} in the metadata are not those in the crate's Cargo.toml; publish with cargo"
    ))
}

#[cfg(test)]
mod tests;
