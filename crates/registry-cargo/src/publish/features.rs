//! Whether features refer to what is there: cargo passes over the line of a version, without a word, if one
//! of them does not.

use std::collections::{HashMap, HashSet};

use registry_core::{Error, Result};

use crate::{
    name::shown,
    wire::{Features, NewDependency},
};

/// What a feature turns on.
enum Turned<'a> {
    Feature(&'a str),
    /// `dep:name`
    Dependency(&'a str),
    /// `name/feature`, or `name?/feature` where it does not turn the dependency on itself.
    Of {
        dependency: &'a str,
        weak: bool,
    },
}

impl<'a> Turned<'a> {
    fn new(value: &'a str) -> Self {
        if let Some(dependency) = value.strip_prefix("dep:") {
            return Self::Dependency(dependency);
        }
        match value.split_once('/') {
            Some((name, _)) => Self::Of {
                dependency: name.strip_suffix('?').unwrap_or(name),
                weak: name.ends_with('?'),
            },
            None => Self::Feature(value),
        }
    }
}

/// Refuses a feature that turns on what is not there or cannot be turned on, and an optional dependency
/// that nothing turns on.
///
/// # Errors
/// `Invalid`, with the first such feature.
pub(super) fn check(features: &Features, deps: &[NewDependency]) -> Result<()> {
    // By what the crate calls them; one that is there twice is optional if it is so once.
    let mut optional: HashMap<&str, bool> = HashMap::new();
    for dep in deps {
        let name = dep.explicit_name_in_toml.as_ref().unwrap_or(&dep.name);
        *optional.entry(name).or_default() |= dep.optional;
    }
    let values = || features.values().flatten().map(|value| Turned::new(value));
    let explicit: HashSet<&str> = values()
        .filter_map(|turned| match turned {
            Turned::Dependency(name) => Some(name),
            _ => None,
        })
        .collect();
    let known = Known {
        features,
        optional: &optional,
        explicit: &explicit,
    };
    for (feature, values) in features {
        for value in values {
            if let Some(what) = known.fault(Turned::new(value)) {
                return Err(Error::invalid(format!(
                    "the feature {} turns on {:?}, {what}",
                    shown(feature),
                    shown(value)
                )));
            }
        }
    }
    let turned_on: HashSet<&str> = values()
        .filter_map(|turned| match turned {
            Turned::Feature(_) => None,
            Turned::Dependency(name)
            | Turned::Of {
                dependency: name, ..
            } => Some(name),
        })
        .collect();
    let idle = optional.iter().find(|(name, optional)| {
        **optional && !known.is_implicit(name) && !turned_on.contains(**name)
    });
    match idle {
        Some((name, _)) => Err(Error::invalid(format!(
            "no feature turns on the optional dependency {name}; put dep:{name} into one"
        ))),
        None => Ok(()),
    }
}

/// What a feature may refer to.
struct Known<'a> {
    features: &'a Features,
    /// The dependencies, and whether they are optional.
    optional: &'a HashMap<&'a str, bool>,
    /// The dependencies that some feature turns on by `dep:`.
    explicit: &'a HashSet<&'a str>,
}

impl Known<'_> {
    /// Whether an optional dependency is a feature of its own name.
    fn is_implicit(&self, name: &str) -> bool {
        !self.features.contains_key(name) && !self.explicit.contains(name)
    }

    fn fault(&self, turned: Turned<'_>) -> Option<&'static str> {
        const NOT_OPTIONAL: &str = "which is a dependency that is not optional";
        const NO_DEPENDENCY: &str = "which is of no dependency of the crate";
        match turned {
            Turned::Feature(name) if self.features.contains_key(name) => None,
            Turned::Feature(name) => match self.optional.get(name) {
                None => Some("which is neither a feature nor a dependency of the crate"),
                Some(false) => Some(NOT_OPTIONAL),
                Some(true) if self.is_implicit(name) => None,
                Some(true) => Some("which is no feature of its own; put dep: before it"),
            },
            Turned::Dependency(name) => match self.optional.get(name) {
                None => Some(NO_DEPENDENCY),
                Some(false) => Some(NOT_OPTIONAL),
                Some(true) => None,
            },
            Turned::Of { dependency, weak } => match self.optional.get(dependency) {
                None => Some(NO_DEPENDENCY),
                Some(false) if weak => Some("with a ? for a dependency that is not optional"),
                Some(_) => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Features of a crate with a dependency, an optional one, and one that is called otherwise.
    fn checked(features: Value) -> Result<(), String> {
        let deps = json!([
            { "name": "plain", "version_req": "1" },
            { "name": "maybe", "version_req": "1", "optional": true },
            { "name": "twice", "version_req": "1", "kind": "build" },
            { "name": "twice", "version_req": "1", "optional": true },
            { "name": "real", "version_req": "1", "explicit_name_in_toml": "called" },
        ]);
        let features = serde_json::from_value(features).unwrap();
        let deps: Vec<NewDependency> = serde_json::from_value(deps).unwrap();
        check(&features, &deps).map_err(|error| error.to_string())
    }

    #[test]
    fn features_that_cargo_takes() {
        for good in [
            json!({}),
            json!({ "a": ["b", "maybe"], "b": [] }),
            json!({ "a": ["dep:maybe"], "b": ["maybe/x", "plain/x", "called/x"] }),
            json!({ "maybe": ["dep:maybe"], "a": ["maybe", "maybe?/x", "twice?/x"] }),
            json!({ "a": ["a"] }),
            json!({ "maybe": ["maybe/x"] }),
        ] {
            checked(good.clone()).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
    }

    #[test]
    fn features_for_which_cargo_would_pass_over_the_version() {
        for (bad, told) in [
            (json!({ "a": ["b"] }), "\"b\", which is neither"),
            (json!({ "a": ["plain"] }), "not optional"),
            (json!({ "a": ["dep:none"] }), "of no dependency"),
            (json!({ "a": ["dep:real"] }), "of no dependency"),
            (json!({ "a": ["dep:plain"] }), "not optional"),
            (json!({ "a": ["none/x"] }), "of no dependency"),
            (json!({ "a": ["real/x"] }), "of no dependency"),
            (json!({ "a": ["plain?/x"] }), "with a ?"),
            (
                json!({ "a": ["dep:maybe"], "b": ["maybe"] }),
                "put dep: before it",
            ),
            (
                json!({ "maybe": [] }),
                "no feature turns on the optional dependency maybe",
            ),
        ] {
            let error = checked(bad.clone()).unwrap_err();
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
