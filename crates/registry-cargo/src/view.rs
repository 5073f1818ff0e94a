//! What the log tells of every crate, and what is made of it: search.

use std::borrow::Cow;

use registry_core::{
    Error, Result,
    store::{
        Fold, LogEntry, RawDocument,
        search::{Hit, Query, SearchIndex},
    },
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{document::Head, wire::Card};

/// A view of all crates of a mount, each under the name that all spellings of it have in common.
#[derive(Default)]
pub(crate) struct Crates(SearchIndex);

/// What the log is to say of a crate: what a search shows of it.
pub(crate) fn entry(document: &RawDocument) -> Result<Box<RawValue>> {
    let card = document.typed::<Head>()?.head.card();
    to_raw_value(&card).map_err(Error::internal)
}

impl Crates {
    pub(crate) fn search(&self) -> &SearchIndex {
        &self.0
    }
}

/// What a search text asks for: crates whose names hold every word of it, hyphens being as good as
/// underscores.
pub(crate) fn query(text: &str) -> Query {
    Query::new(&text.replace('-', "_"), |_| None)
}

/// How scopes spell a crate that was found.
pub(crate) fn resource(hit: Hit<'_>) -> Cow<'_, str> {
    match serde_json::from_str::<Card>(hit.shown) {
        Ok(card) => card.name.to_ascii_lowercase().into(),
        Err(_) => hit.name.into(),
    }
}

impl Fold for Crates {
    fn name(&self) -> &'static str {
        "crates-1"
    }

    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()> {
        self.0
            .insert(entry.revision, &entry.name, entry.data, |_| {})
    }

    fn revision(&self, name: &str) -> Option<u64> {
        self.0.revision(name)
    }

    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        for (name, revision, card) in self.0.all() {
            let card = card.ok_or_else(|| Error::internal("a crate was removed"))?;
            let data: &RawValue = serde_json::from_str(card).map_err(Error::internal)?;
            to(LogEntry {
                name: name.into(),
                revision,
                data,
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
        let mut view = Crates::default();
        for (name, spelled) in [
            ("foo_bar", "Foo-Bar"),
            ("foo", "foo"),
            ("foo_bar", "Foo-Bar"),
        ] {
            let card = Card {
                name: spelled.to_owned(),
                max_version: "1.0.0".to_owned(),
                description: None,
            };
            let data = to_raw_value(&card).unwrap();
            let entry = LogEntry {
                name: name.into(),
                revision: 3,
                data: &data,
            };
            view.apply(entry).unwrap();
        }
        let mut again = Crates::default();
        view.save(&mut |entry| again.apply(entry)).unwrap();
        assert_eq!((again.0.len(), again.revision("foo_bar")), (2, Some(3)));
        for (text, total) in [
            ("FOO-bar", 1),
            ("foo_bar", 1),
            ("foo", 2),
            ("bar foo", 1),
            ("x", 0),
        ] {
            assert_eq!(
                again.0.query(&query(text), 0, 9, |_| true).0,
                total,
                "{text}"
            );
        }
        let names = again
            .0
            .matches(&query("bar"), |hit| resource(hit).into_owned());
        assert_eq!(names, ["foo-bar"]);
    }
}
