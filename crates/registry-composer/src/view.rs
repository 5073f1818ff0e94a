//! What the log tells of every package, and what is made of it: the list of all of them, search, and who
//! provides what.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use registry_core::{
    Error, Result,
    store::{
        Fold, LogEntry, RawDocument, Rendered,
        search::{Hit, Query, SearchIndex},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    document::{Card, Head},
    route::SearchQuery,
};

/// What the log says of a package.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    /// Its name, for whoever gets only this.
    pub(crate) name: String,
    /// When it last changed, in seconds since 1970.
    changed: u64,
    /// In checkpoints, when the list of all packages changed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    listed: Option<u64>,
    /// Whether there are advisories about it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    advised: bool,
    /// What a search shows of it; nothing once it has no versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card: Option<Card>,
}

/// What the log is to say of a package.
pub(crate) fn entry(name: &str, document: &RawDocument) -> Result<Box<RawValue>> {
    let head = document.typed::<Head>()?.head;
    let told = Told {
        name: name.to_owned(),
        changed: head.releases.max(head.branches),
        listed: None,
        advised: !head.advisories.is_empty(),
        card: head.card,
    };
    to_raw_value(&told).map_err(Error::internal)
}

/// All packages of a mount.
#[derive(Default)]
pub(crate) struct Packages {
    all: BTreeMap<Arc<str>, Known>,
    index: SearchIndex,
    /// When the list last changed: later each time, and the same on every replica.
    listed: u64,
    listing: Mutex<Option<Arc<Listing>>>,
}

struct Known {
    revision: u64,
    is_there: bool,
    is_advised: bool,
    /// When the list changed by it.
    listed: u64,
}

/// The list of all packages as it once stood.
#[derive(Debug)]
pub(crate) struct Listing {
    /// When it last changed, in seconds since 1970.
    pub(crate) changed: u64,
    /// The names, in order.
    pub(crate) names: Vec<String>,
    /// What is made of it, by the address of the mount.
    pages: Mutex<Vec<(Box<str>, Arc<Rendered>)>>,
}

/// For how many addresses of a mount the list's page is kept.
const PAGES: usize = 8;

impl Listing {
    /// What `make` makes of the list for a mount at `base`, made once as long as it is kept.
    pub(crate) fn page(
        &self,
        base: &str,
        make: impl FnOnce() -> Result<Rendered>,
    ) -> Result<Arc<Rendered>> {
        let pages = || self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, page)) = pages().iter().find(|(of, _)| **of == *base) {
            return Ok(page.clone());
        }
        let page = Arc::new(make()?);
        let mut pages = pages();
        if pages.len() == PAGES {
            pages.remove(0);
        }
        pages.push((base.into(), page.clone()));
        Ok(page)
    }
}

impl Packages {
    pub(crate) fn index(&self) -> &SearchIndex {
        &self.index
    }

    /// The list, put together once for each time that a package comes or goes.
    pub(crate) fn listing(&self) -> Arc<Listing> {
        let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        let made = listing.get_or_insert_with(|| {
            let there = self.all.iter().filter(|(_, known)| known.is_there);
            Arc::new(Listing {
                changed: self.listed,
                names: there.map(|(name, _)| name.to_string()).collect(),
                pages: Mutex::default(),
            })
        });
        made.clone()
    }

    /// Whether a package is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all.get(name).is_some_and(|known| known.is_there)
    }

    /// Whether there are advisories about a package.
    pub(crate) fn is_advised(&self, name: &str) -> bool {
        let known = self.all.get(name);
        known.is_some_and(|known| known.is_there && known.is_advised)
    }

    /// Those about which there are advisories.
    pub(crate) fn advised(&self) -> Vec<String> {
        let all = self.all.keys();
        let advised = all.filter(|name| self.is_advised(name));
        advised.map(|name| name.to_string()).collect()
    }
}

/// The parts of a package's card in the index, the name aside and the description.
const KEYWORDS: usize = 2;
const TYPE: usize = 3;
const PROVIDES: usize = 4;

/// How scopes spell a package that was found.
pub(crate) fn resource(hit: Hit<'_>) -> Cow<'_, str> {
    hit.name.into()
}

/// What a search asks for.
pub(crate) fn query(search: &SearchQuery) -> Query {
    let mut parts: Vec<(usize, String)> = Vec::new();
    parts.extend(search.kind.as_ref().map(|kind| (TYPE, item(&apart(kind)))));
    parts.extend(search.tags.iter().map(|tag| (KEYWORDS, item(tag))));
    in_parts(&search.text, &parts)
}

/// Asks for the packages of a type.
pub(crate) fn of_type(kind: &str) -> Query {
    in_parts("", &[(TYPE, item(&apart(kind)))])
}

/// Asks for the packages that provide `name`.
pub(crate) fn providing(name: &str) -> Query {
    in_parts("", &[(PROVIDES, item(&apart(name)))])
}

/// Asks for words, and for what parts of the card hold.
fn in_parts(text: &str, parts: &[(usize, String)]) -> Query {
    // A word that stands for the parts, and that nobody writes.
    const PARTS: &str = "\u{1}";
    let text = format!("{PARTS} {text}");
    Query::new(&text, |word| (word == PARTS).then(|| parts.to_vec()))
}

fn item(text: &str) -> String {
    format!(",{},", text.to_lowercase())
}

/// A text in letters that no search has, so that none finds it by its words.
fn apart(text: &str) -> String {
    let text = text.to_lowercase();
    let other = |c: char| char::from_u32(0xe000 + u32::from(c)).filter(|_| c.is_ascii());
    text.chars().map(|c| other(c).unwrap_or(c)).collect()
}

impl Fold for Packages {
    fn name(&self) -> &'static str {
        "packages-1"
    }

    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()> {
        let told: Told = serde_json::from_str(entry.data.get()).map_err(Error::internal)?;
        let (name, revision): (Arc<str>, _) = (entry.name.into(), entry.revision);
        let before = self.all.get(&name);
        let mut listed = before.map_or(0, |known| known.listed);
        let was_there = before.is_some_and(|known| known.is_there);
        if let Some(saved) = told.listed {
            listed = saved;
            self.listed = self.listed.max(saved);
        } else if was_there != told.card.is_some() {
            self.listed = told.changed.max(self.listed + 1);
            listed = self.listed;
        }
        if was_there != told.card.is_some() {
            let listing = self.listing.get_mut();
            *listing.unwrap_or_else(PoisonError::into_inner) = None;
        }
        match &told.card {
            Some(card) => {
                self.index.insert(revision, &name, entry.data, |found| {
                    found.text(&card.description);
                    found.list(card.keywords.iter().map(String::as_str));
                    found.list([&*apart(&card.kind)]);
                    let provides: Vec<_> = card.provides.iter().map(|of| apart(of)).collect();
                    found.list(provides.iter().map(String::as_str));
                })?;
            }
            None => self.index.remove(revision, &name)?,
        }
        let known = Known {
            revision,
            is_there: told.card.is_some(),
            is_advised: told.advised,
            listed,
        };
        self.all.insert(name, known);
        Ok(())
    }

    fn revision(&self, name: &str) -> Option<u64> {
        self.all.get(name).map(|known| known.revision)
    }

    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        for (name, revision, shown) in self.index.all() {
            let mut told: Told = match shown {
                Some(shown) => serde_json::from_str(shown).map_err(Error::internal)?,
                None => Told::default(),
            };
            told.listed = self.all.get(name).map(|known| known.listed);
            let data = to_raw_value(&told).map_err(Error::internal)?;
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

    fn told(changed: u64, card: Option<&str>) -> String {
        let card = card.map_or(String::new(), |card| format!(r#","card":{card}"#));
        format!(r#"{{"name":"x","changed":{changed}{card}}}"#)
    }

    fn apply(view: &mut Packages, name: &str, revision: u64, data: &str) {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let entry = LogEntry {
            name: name.into(),
            revision,
            data: &data,
        };
        view.apply(entry).unwrap();
    }

    fn found(view: &Packages, query: &Query) -> Vec<String> {
        let mut names = view.index().matches(query, |hit| hit.name.to_owned());
        names.sort_unstable();
        names
    }

    #[test]
    fn what_is_saved_makes_the_same_view() {
        let mut view = Packages::default();
        let library = r#"{"type":"library","keywords":["IO"],"provides":["psr/log"]}"#;
        apply(&mut view, "acme/a", 1, &told(10, Some(library)));
        apply(
            &mut view,
            "acme/b",
            1,
            &told(10, Some(r#"{"type":"Plugin"}"#)),
        );
        apply(&mut view, "acme/c", 1, &told(10, Some(library)));
        assert_eq!(view.listing().changed, 12);
        apply(&mut view, "acme/a", 2, &told(40, Some(library)));
        assert_eq!(view.listing().changed, 12);
        apply(&mut view, "acme/c", 2, &told(11, None));
        let mut again = Packages::default();
        view.save(&mut |entry| again.apply(entry)).unwrap();
        for view in [&view, &again] {
            let listing = view.listing();
            assert_eq!(
                (listing.changed, &*listing.names),
                (13, &["acme/a", "acme/b"].map(str::to_owned)[..])
            );
            assert_eq!(
                (view.revision("acme/a"), view.revision("acme/c")),
                (Some(2), Some(2))
            );
            assert!(view.has("acme/a") && !view.has("acme/c"));
            assert_eq!(found(view, &of_type("plugin")), ["acme/b"]);
            assert_eq!(found(view, &providing("psr/log")), ["acme/a"]);
            assert!(found(view, &providing("psr")).is_empty());
        }
        apply(&mut view, "acme/d", 1, &told(20, Some(library)));
        apply(&mut again, "acme/d", 1, &told(20, Some(library)));
        assert_eq!((view.listing().changed, again.listing().changed), (20, 20));
    }

    #[test]
    fn a_page_is_made_once_for_each_address() {
        let listing = Packages::default().listing();
        let made = std::cell::Cell::new(0);
        let page = |base: &str| {
            let make = || {
                made.set(made.get() + 1);
                Rendered::new(base.into(), "text/plain", std::time::SystemTime::UNIX_EPOCH)
            };
            listing.page(base, make).unwrap().body.clone()
        };
        for base in ["a", "b", "a", "b"] {
            assert_eq!(page(base), base);
        }
        assert_eq!(made.get(), 2);
        for nth in 0..PAGES {
            page(&nth.to_string());
        }
        page("a");
        assert_eq!(made.get(), 3 + PAGES);
    }
}
