//! Lists of versions in the form `composer/2.0`, in which each says only what is different from the one
//! before.
//!
//! What there is to know: [Composer's own expander](https://github.com/composer/metadata-minifier) copies
//! what an entry says over what the entries before it said, and takes out what is `"__unset"`.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

/// A JSON object, each value as it is spelled.
pub type Fields<'a> = BTreeMap<String, Cow<'a, RawValue>>;

/// What a document says of its list in `minified`.
pub const FORM: &str = "composer/2.0";
/// What stands for a key that the version before has.
const UNSET: &str = "\"__unset\"";

/// Leaves out of each version what the one before it says too.
///
/// Values are compared as they are spelled, so that one with other white space is said again.
#[must_use]
pub fn minify(versions: Vec<Fields<'_>>) -> Vec<Fields<'_>> {
    let mut before = Fields::new();
    let mut minified = Vec::with_capacity(versions.len());
    for mut version in versions {
        // A value that is spelled so cannot be said.
        version.retain(|_, value| value.get() != UNSET);
        let missing = before.keys().filter(|key| !version.contains_key(*key));
        let mut entry: Fields<'_> = missing.map(|key| (key.clone(), unset())).collect();
        for (key, value) in &version {
            if before.get(key).is_none_or(|old| old.get() != value.get()) {
                entry.insert(key.clone(), value.clone());
            }
        }
        minified.push(entry);
        before = version;
    }
    minified
}

fn unset() -> Cow<'static, RawValue> {
    Cow::Owned(RawValue::from_string(UNSET.to_owned()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::Value;

    use super::*;

    fn fields(json: &str) -> Fields<'_> {
        serde_json::from_str(json).unwrap()
    }

    /// What Composer does with a list.
    fn expand<'a>(minified: &[Fields<'a>]) -> Vec<Fields<'a>> {
        let mut all = Vec::new();
        let mut now = Fields::new();
        for entry in minified {
            for (key, value) in entry {
                match value.get() {
                    UNSET => now.remove(key),
                    _ => now.insert(key.clone(), value.clone()),
                };
            }
            all.push(now.clone());
        }
        all
    }

    #[test]
    fn what_repeats_is_left_out_and_what_ends_is_unset() {
        let versions: Vec<_> = [
            r#"{"name":"a/b","version":"2","require":{"php":">=8"},"extra":{"x":1}}"#,
            r#"{"name":"a/b","version":"1.1","require":{"php":">=8"}}"#,
            r#"{"name":"a/b","version":"1","require":{"php":">=7"},"extra":{"x":1},"abandoned":true}"#,
            r#"{"name":"a/b","version":"0","require":{"php":">=7"},"extra":{"x":1},"odd":null}"#,
            r#"{"name":"a/b","version":"0","require":{"php":">=7"},"extra":{"x":1},"odd":null}"#,
        ]
        .map(fields)
        .into();
        let minified = minify(versions.clone());
        let shown: String = minified
            .iter()
            .map(|entry| format!("{}\n", serde_json::to_string(entry).unwrap()))
            .collect();
        expect![[r#"
            {"extra":{"x":1},"name":"a/b","require":{"php":">=8"},"version":"2"}
            {"extra":"__unset","version":"1.1"}
            {"abandoned":true,"extra":{"x":1},"require":{"php":">=7"},"version":"1"}
            {"abandoned":"__unset","odd":null,"version":"0"}
            {}
        "#]]
        .assert_eq(&shown);
        let values = |versions: &[Fields<'_>]| -> Vec<Value> {
            let value = |version: &Fields<'_>| serde_json::to_value(version).unwrap();
            versions.iter().map(value).collect()
        };
        assert_eq!(values(&expand(&minified)), values(&versions));
        assert!(minify(Vec::new()).is_empty());
    }

    #[test]
    fn a_value_that_means_unset_is_left_out() {
        let versions = [
            r#"{"a":"__unset","b":1}"#,
            r#"{"a":1,"b":"__unset"}"#,
            r#"{"a":"__unset"}"#,
        ];
        let minified = minify(versions.map(fields).into());
        let shown: Vec<_> = minified
            .iter()
            .map(|entry| serde_json::to_string(entry).unwrap())
            .collect();
        assert_eq!(
            shown,
            [
                r#"{"b":1}"#,
                r#"{"a":1,"b":"__unset"}"#,
                r#"{"a":"__unset"}"#
            ]
        );
    }
}
