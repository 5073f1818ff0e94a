//! Search: a fold over every package's latest version, in memory.
//!
//! All that can be matched lies lower-cased in one string, a *card* after the other, so that a
//! query is one pass of substring search over contiguous memory. A card is
//!
//! ```text
//! \n name \t description \t ,keyword,keyword, \t ,person,person,
//! ```
//!
//! (without the spaces). No word of a query holds a tab or a line break, so none matches across
//! the parts.

use std::{cmp::Ordering, hash::BuildHasher};

use hashbrown::{DefaultHashBuilder, HashTable};
use registry_core::{Error, Result};
use serde_json::value::RawValue;

use self::query::{Query, Rank};
use crate::wire::SearchPackage;

mod query;

/// An index of packages by what a search looks for.
#[derive(Default)]
pub struct SearchIndex {
    cards: String,
    /// Each package's name, and behind it what a search shows of it, as JSON.
    lines: String,
    /// In the order of the cards.
    slots: Vec<Slot>,
    /// Slot numbers by name.
    names: HashTable<u32>,
    hasher: DefaultHashBuilder,
    live: usize,
    /// Bytes of cards that have been replaced.
    dead: usize,
}

/// A package, or what is left of one.
struct Slot {
    card: Span,
    line: Span,
    name_length: u16,
    state: State,
    revision: u64,
    /// The first bytes of the name, which decide most comparisons.
    prefix: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    /// Unpublished; kept to know its revision.
    Removed,
    /// A newer slot has taken its place.
    Replaced,
}

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

impl SearchIndex {
    /// How many packages can be found.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether none can.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The revision at which a package was last seen here, be it only to be removed.
    pub fn revision(&self, name: &str) -> Option<u64> {
        Some(self.slots[self.find(name)? as usize].revision)
    }

    /// Adds or replaces a package.
    ///
    /// # Errors
    /// When the index has reached the 4 GiB that it can hold.
    pub fn insert(&mut self, revision: u64, package: &SearchPackage) -> Result<()> {
        let line = serde_json::to_string(package).map_err(Error::internal)?;
        self.put(revision, &package.name, &card(package), &line, State::Live)
    }

    /// Removes a package, and remembers at which revision.
    ///
    /// # Errors
    /// When the index has reached the 4 GiB that it can hold.
    pub fn remove(&mut self, revision: u64, name: &str) -> Result<()> {
        self.put(revision, name, &format!("\n{name}"), "", State::Removed)
    }

    /// The packages that match `text`, best first: how many there are that `visible` lets through,
    /// and `size` of them after the first `from`, each a [`SearchPackage`] as JSON.
    pub fn query(
        &self,
        text: &str,
        from: usize,
        size: usize,
        visible: impl Fn(&str) -> bool,
    ) -> (usize, Vec<&RawValue>) {
        let query = Query::new(text);
        let mut hits: Vec<(Rank, u64, u32)> = Vec::new();
        query.candidates(self, |number| {
            let slot = &self.slots[number as usize];
            if slot.state == State::Live
                && let Some(rank) = query.rank(self.card(slot))
                && visible(self.name(slot))
            {
                hits.push((rank, slot.prefix, number));
            }
        });
        let order = |a: &(Rank, u64, u32), b: &(Rank, u64, u32)| -> Ordering {
            let name = |hit: &(Rank, u64, u32)| self.name(&self.slots[hit.2 as usize]);
            (a.0, a.1)
                .cmp(&(b.0, b.1))
                .then_with(|| name(a).cmp(name(b)))
        };
        let total = hits.len();
        let end = from.saturating_add(size).min(total);
        if end < total {
            hits.select_nth_unstable_by(end, order);
        }
        hits.truncate(end);
        hits.sort_unstable_by(order);
        let page = hits.get(from..).unwrap_or_default().iter();
        let line = |hit: &(Rank, u64, u32)| {
            serde_json::from_str(span(&self.lines, self.slots[hit.2 as usize].line)).ok()
        };
        (total, page.filter_map(line).collect())
    }

    /// The names of the packages that match `text`, in no order.
    pub fn matches(&self, text: &str) -> Vec<String> {
        let query = Query::new(text);
        let mut names = Vec::new();
        query.candidates(self, |number| {
            let slot = &self.slots[number as usize];
            if slot.state == State::Live && query.rank(self.card(slot)).is_some() {
                names.push(self.name(slot).to_owned());
            }
        });
        names
    }

    /// Every package: its name, the revision at which it was last seen, and what a search shows of
    /// it as JSON, unless it was removed.
    pub fn all(&self) -> impl Iterator<Item = (&str, u64, Option<&str>)> {
        let kept = self
            .slots
            .iter()
            .filter(|slot| slot.state != State::Replaced);
        kept.map(|slot| {
            let line = (slot.state == State::Live).then(|| span(&self.lines, slot.line));
            (self.name(slot), slot.revision, line)
        })
    }

    fn put(
        &mut self,
        revision: u64,
        name: &str,
        card: &str,
        line: &str,
        state: State,
    ) -> Result<()> {
        let before = self.find(name);
        let card = append(&mut self.cards, card)?;
        append(&mut self.lines, name)?;
        let line = append(&mut self.lines, line)?;
        let number = u32::try_from(self.slots.len()).map_err(Error::internal)?;
        self.slots.push(Slot {
            card,
            line,
            name_length: u16::try_from(name.len()).map_err(Error::internal)?,
            state,
            revision,
            prefix: prefix(name),
        });
        self.live += usize::from(state == State::Live);
        match before {
            Some(before) => self.replace(before, number, name),
            None => self.link(number, name),
        }
        if self.dead > self.cards.len() / 2 && self.dead > 1 << 20 {
            self.compact()?;
        }
        Ok(())
    }

    fn link(&mut self, number: u32, name: &str) {
        let (slots, lines, hasher) = (&self.slots, &self.lines, &self.hasher);
        self.names
            .insert_unique(hasher.hash_one(name), number, |number| {
                hasher.hash_one(name_of(lines, &slots[*number as usize]))
            });
    }

    fn replace(&mut self, before: u32, number: u32, name: &str) {
        let old = &mut self.slots[before as usize];
        self.live -= usize::from(old.state == State::Live);
        self.dead += old.card.length as usize;
        old.state = State::Replaced;
        let hash = self.hasher.hash_one(name);
        if let Some(of) = self.names.find_mut(hash, |of| *of == before) {
            *of = number;
        }
    }

    /// Drops what has been replaced.
    fn compact(&mut self) -> Result<()> {
        let old = std::mem::take(self);
        for slot in old
            .slots
            .iter()
            .filter(|slot| slot.state != State::Replaced)
        {
            let (name, line) = (old.name(slot), span(&old.lines, slot.line));
            self.put(slot.revision, name, old.card(slot), line, slot.state)?;
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<u32> {
        let same = |number: &u32| self.name(&self.slots[*number as usize]) == name;
        self.names.find(self.hasher.hash_one(name), same).copied()
    }

    fn name(&self, slot: &Slot) -> &str {
        name_of(&self.lines, slot)
    }

    fn card(&self, slot: &Slot) -> &str {
        span(&self.cards, slot.card)
    }
}

/// The card of a package.
fn card(package: &SearchPackage) -> String {
    let mut card = "\n".to_owned();
    push_words(&mut card, &package.name);
    card.push('\t');
    push_words(
        &mut card,
        package.description.as_deref().unwrap_or_default(),
    );
    card.push('\t');
    for keyword in &package.keywords {
        card.push(',');
        push_words(&mut card, keyword);
    }
    card.push_str(",\t,");
    push_words(&mut card, &package.publisher.username);
    for person in &package.maintainers {
        card.push(',');
        push_words(&mut card, &person.username);
    }
    card.push(',');
    card
}

fn push_words(card: &mut String, text: &str) {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    card.extend(text.chars().map(plain).flat_map(char::to_lowercase));
}

fn name_of<'a>(lines: &'a str, slot: &Slot) -> &'a str {
    let end = slot.line.start as usize;
    &lines[end - usize::from(slot.name_length)..end]
}

fn prefix(name: &str) -> u64 {
    let mut first = [0; 8];
    let length = name.len().min(8);
    first[..length].copy_from_slice(&name.as_bytes()[..length]);
    u64::from_be_bytes(first)
}

fn append(to: &mut String, text: &str) -> Result<Span> {
    let start = u32::try_from(to.len()).map_err(Error::internal)?;
    let length = u32::try_from(text.len()).map_err(Error::internal)?;
    start
        .checked_add(length)
        .ok_or_else(|| Error::internal("the search index is full"))?;
    to.push_str(text);
    Ok(Span { start, length })
}

fn span(text: &str, span: Span) -> &str {
    &text[span.start as usize..(span.start + span.length) as usize]
}

#[cfg(test)]
mod tests;
