//! What a gem says of itself.
//!
//! Fields: the guide "Specification Reference" of the RubyGems project.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{GemName, Platform, Requirement, Version};

mod check;
pub mod read;
#[cfg(test)]
pub(crate) mod tests;
mod value;

pub use read::Gemspec;

/// What of a gem's specification the registry has a use for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The gem's name, as it is spelled.
    pub name: GemName,
    /// The version.
    pub version: Version,
    /// The platform, as it is spelled.
    pub platform: Platform,
    /// Who wrote it; at least one.
    pub authors: Vec<String>,
    /// Their mail addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
    /// What it is, in a few words.
    pub summary: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Under what it may be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
    /// Anything else; addresses, mostly.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What it depends on, in the order in which it says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// On which Rubies it runs.
    pub required_ruby_version: Requirement,
    /// By which RubyGems it can be installed.
    pub required_rubygems_version: Requirement,
    /// The RubyGems that built it.
    pub rubygems_version: String,
    /// When it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

/// Another gem that one depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Its name.
    pub name: GemName,
    /// Which versions will do.
    pub requirement: Requirement,
    /// For what it is needed.
    pub kind: DependencyKind,
    /// Whether it may be a prerelease.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prerelease: bool,
}

/// For what a dependency is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DependencyKind {
    /// By the gem itself.
    Runtime,
    /// By who works on it.
    Development,
}

impl DependencyKind {
    /// `runtime` or `development`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Development => "development",
        }
    }
}

impl Spec {
    /// What the release is called in addresses, without `.gem`.
    pub fn full_name(&self) -> String {
        crate::name::full_name(&self.name, &self.version, &self.platform).to_string()
    }

    /// What it depends on to run, sorted by name.
    pub fn runtime_dependencies(&self) -> Vec<&Dependency> {
        let all = self.dependencies.iter();
        let mut runtime: Vec<_> = all
            .filter(|dependency| dependency.kind == DependencyKind::Runtime)
            .collect();
        runtime.sort_by(|a, b| a.name.cmp(&b.name));
        runtime
    }

    /// What there is to say of it: its description, or its summary.
    pub fn info(&self) -> &str {
        let description = self.description.as_deref().unwrap_or_default();
        if description.is_empty() {
            return &self.summary;
        }
        description
    }
}
