//! What the log tells of every package, and what is made of it: search, and whose stars are where.

use std::collections::{BTreeMap, BTreeSet};

use registry_core::{
    Error, Result,
    store::{Fold, LogEntry, RawDocument, search::SearchIndex},
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    document::{Head, search_package},
    search::Parts,
};

/// What the log says of a package.
#[derive(Serialize, Deserialize)]
struct Told<'a> {
    /// What search shows; nothing once all is unpublished.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    package: Option<&'a RawValue>,
    /// Who starred it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    stars: BTreeSet<String>,
}

/// A view of all packages of a mount.
#[derive(Default)]
pub(crate) struct Packages {
    pub(crate) search: SearchIndex,
    /// Who starred what, for the packages that somebody starred.
    pub(crate) stars: BTreeMap<String, BTreeSet<String>>,
}

/// What the log is to say of a package.
pub(crate) fn entry(name: &str, document: &RawDocument) -> Result<Box<RawValue>> {
    let document = document.typed::<Head>()?;
    let package = search_package(name, &document.head, &document.entries)?;
    let package = package.map(|package| to_raw_value(&package)).transpose();
    let package = package.map_err(Error::internal)?;
    let told = Told {
        package: package.as_deref(),
        stars: document.head.stars,
    };
    to_raw_value(&told).map_err(Error::internal)
}

impl Packages {
    fn take(&mut self, entry: &LogEntry<'_>) -> Result<()> {
        let told: Told<'_> = serde_json::from_str(entry.data.get()).map_err(Error::internal)?;
        match told.package {
            Some(package) => {
                let (parts, index) = (Parts::of(package)?, &mut self.search);
                index.insert(entry.revision, &entry.name, package, |card| {
                    parts.write(card);
                })?;
            }
            None => self.search.remove(entry.revision, &entry.name)?,
        }
        if told.stars.is_empty() {
            self.stars.remove(&*entry.name);
        } else {
            self.stars.insert(entry.name.to_string(), told.stars);
        }
        Ok(())
    }
}

impl Fold for Packages {
    fn name(&self) -> &'static str {
        "packages-1"
    }

    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()> {
        self.take(&entry)
    }

    fn revision(&self, name: &str) -> Option<u64> {
        self.search.revision(name)
    }

    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        for (name, revision, package) in self.search.all() {
            let stars = self.stars.get(name).cloned().unwrap_or_default();
            let package = package.map(serde_json::from_str).transpose();
            let package: Option<&RawValue> = package.map_err(Error::internal)?;
            let data = to_raw_value(&Told { package, stars }).map_err(Error::internal)?;
            to(LogEntry {
                name: name.into(),
                revision,
                data: &data,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_makes_the_same_view() {
        let mut view = Packages::default();
        for (name, data) in [
            (
                "a",
                r#"{"package":{"name":"a","version":"1.0.0","date":"","publisher":{"username":"u"},"maintainers":[]},"stars":["ann"]}"#,
            ),
            (
                "b",
                r#"{"package":{"name":"b","version":"1.0.0","date":"","publisher":{"username":"u"},"maintainers":[]}}"#,
            ),
            ("b", "{}"),
        ] {
            let data = RawValue::from_string(data.to_owned()).unwrap();
            let entry = LogEntry {
                name: name.into(),
                revision: 3,
                data: &data,
            };
            view.apply(entry).unwrap();
        }
        let mut again = Packages::default();
        view.save(&mut |entry| again.apply(entry)).unwrap();
        assert_eq!(again.stars, view.stars);
        assert_eq!(
            (again.search.len(), again.search.revision("b")),
            (1, Some(3))
        );
        assert_eq!(
            again
                .search
                .query(&crate::search::query("a"), 0, 9, |_| true)
                .0,
            1
        );
    }
}
