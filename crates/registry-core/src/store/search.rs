//! Search: what a fold keeps of every package to find it by, in memory.
//!
//! All that can be matched lies lower-cased in one string, a *card* after the other, so that a
//! query is one pass of substring search over contiguous memory. A card is a name and whatever
//! further parts the protocol gives it, texts or lists:
//!
//! ```text
//! \n name \t text \t ,item,item,
//! ```
//!
//! (without the spaces). No word of a query holds a tab or a line break, so none matches across
//! the parts.

use std::{collections::BinaryHeap, hash::BuildHasher};

use hashbrown::{DefaultHashBuilder, HashTable};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

mod query;

pub use query::Query;

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

/// A package that a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// Its name in the index.
    pub name: &'a str,
    /// What a search shows of it, as JSON.
    pub shown: &'a str,
}

/// What of a package can be matched, its name aside; parts have numbers from 1 on.
pub struct Card<'a>(&'a mut String);

impl Card<'_> {
    /// Adds a part that is a text.
    pub fn text(&mut self, text: &str) {
        self.0.push('\t');
        lower(self.0, text);
    }

    /// Adds a part that is a list, of which an item can be asked for as a whole: `,item,`.
    pub fn list<'t>(&mut self, items: impl IntoIterator<Item = &'t str>) {
        self.0.push('\t');
        for item in items {
            self.0.push(',');
            lower(self.0, item);
        }
        self.0.push(',');
    }
}

/// Writes `text` in lower case and without what divides cards.
fn lower(cards: &mut String, text: &str) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let start = cards.len();
        cards.push_str(text);
        cards[start..].make_ascii_lowercase();
    } else {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        cards.extend(text.chars().map(plain).flat_map(char::to_lowercase));
    }
}

/// A package, or what is left of one.
struct Slot {
    card: Span,
    line: Span,
    name_length: u16,
    state: State,
    revision: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    /// Unpublished; kept to know its revision.
    Removed,
    /// A newer slot has taken its place.
    Replaced,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Adds or replaces a package, of which a search shows `shown`; `write` adds to its card what
    /// it can be found by beside its name.
    ///
    /// # Errors
    /// When the index has reached the 4 GiB that it can hold.
    pub fn insert(
        &mut self,
        revision: u64,
        name: &str,
        shown: &RawValue,
        write: impl FnOnce(&mut Card<'_>),
    ) -> Result<()> {
        let start = self.cards.len();
        self.cards.push('\n');
        lower(&mut self.cards, name);
        write(&mut Card(&mut self.cards));
        // The name ends, be there other parts or not.
        self.cards.push('\t');
        self.put(revision, name, start, shown.get(), State::Live)
    }

    /// Removes a package, and remembers at which revision.
    ///
    /// # Errors
    /// When the index has reached the 4 GiB that it can hold.
    pub fn remove(&mut self, revision: u64, name: &str) -> Result<()> {
        let start = self.cards.len();
        self.cards.push('\n');
        self.put(revision, name, start, "", State::Removed)
    }

    /// The packages that match, best first: how many there are that `visible` lets through, and
    /// `size` of them after the first `from`.
    pub fn query(
        &self,
        query: &Query,
        from: usize,
        size: usize,
        visible: impl Fn(&str) -> bool,
    ) -> (usize, Vec<Hit<'_>>) {
        let end = from.saturating_add(size);
        let mut total = 0;
        // The best so far, the worst of them on top.
        let mut best = BinaryHeap::new();
        query.run(self, |rank, slot| {
            let name = self.name(slot);
            if !visible(name) {
                return;
            }
            total += 1;
            let hit = (rank, name, slot.line);
            if best.len() < end {
                best.push(hit);
            } else if let Some(mut worst) = best.peek_mut()
                && hit < *worst
            {
                *worst = hit;
            }
        });
        let best = best.into_sorted_vec();
        let page = best.get(from..).unwrap_or_default().iter();
        (total, page.map(|hit| self.hit(hit.1, hit.2)).collect())
    }

    /// What `of` makes of each package that matches, in no order.
    pub fn matches<T>(&self, query: &Query, mut of: impl FnMut(Hit<'_>) -> T) -> Vec<T> {
        let mut all = Vec::new();
        query.run(self, |_, slot| {
            all.push(of(self.hit(self.name(slot), slot.line)));
        });
        all
    }

    fn hit<'a>(&'a self, name: &'a str, line: Span) -> Hit<'a> {
        let shown = span(&self.lines, line);
        Hit { name, shown }
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

    /// Takes in a package whose card is all that the cards hold from `card` on.
    fn put(
        &mut self,
        revision: u64,
        name: &str,
        card: usize,
        line: &str,
        state: State,
    ) -> Result<()> {
        let before = self.find(name);
        let number = u32::try_from(self.slots.len()).map_err(Error::internal)?;
        self.lines.push_str(name);
        let line_start = self.lines.len();
        self.lines.push_str(line);
        self.slots.push(Slot {
            card: to_end(&self.cards, card)?,
            line: to_end(&self.lines, line_start)?,
            name_length: u16::try_from(name.len()).map_err(Error::internal)?,
            state,
            revision,
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
            let card = self.cards.len();
            self.cards.push_str(old.card(slot));
            self.put(slot.revision, name, card, line, slot.state)?;
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

fn name_of<'a>(lines: &'a str, slot: &Slot) -> &'a str {
    let end = slot.line.start as usize;
    &lines[end - usize::from(slot.name_length)..end]
}

/// All of `text` from `start` on.
fn to_end(text: &str, start: usize) -> Result<Span> {
    // What begins and ends within 4 GiB does so at an offset of 32 bits.
    u32::try_from(text.len()).map_err(|_| Error::internal("the search index is full"))?;
    Ok(Span {
        start: start as u32,
        length: (text.len() - start) as u32,
    })
}

fn span(text: &str, span: Span) -> &str {
    &text[span.start as usize..(span.start + span.length) as usize]
}

#[cfg(test)]
mod tests;
