//! What a search text asks for, and how well a card answers it.

use std::collections::HashSet;

use memchr::{memchr, memmem::Finder, memrchr};

use super::{SearchIndex, Slot, State};

/// How much of a text is looked for, in bytes. Every card that holds the first word is searched for
/// all others.
const MAX_TEXT: usize = 256;

/// How well a package matches; the least is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The name is the text.
    Exact,
    /// The last part of the name is, behind its slash.
    ExactLast,
    /// The name, or its last part, begins with it.
    Prefix,
    /// Every word is in the name.
    Name,
    /// Every word is somewhere.
    Text,
}

/// A parsed search text.
pub struct Query {
    /// The words, lower-cased, with one space between.
    text: String,
    /// The longest first, since it is the rarest.
    words: Vec<Finder<'static>>,
    /// What a part of the card must hold.
    parts: Vec<(usize, Finder<'static>)>,
}

impl Query {
    /// Asks for every word of `text`. Of a word that is about one part of the card, `part` gives
    /// that part's number and what it must hold; nothing for one that says nothing here.
    pub fn new(text: &str, part: impl Fn(&str) -> Option<Vec<(usize, String)>>) -> Self {
        let text = &text[..text.floor_char_boundary(MAX_TEXT)].to_lowercase();
        let (mut words, mut parts) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for word in text.split_whitespace().filter(|word| seen.insert(*word)) {
            match part(word) {
                Some(found) => parts.extend(found),
                None => words.push(word.to_owned()),
            }
        }
        let text = words.join(" ");
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let finder = |needle: &String| Finder::new(needle).into_owned();
        Self {
            text,
            words: words.iter().map(finder).collect(),
            parts: parts
                .iter()
                .map(|(part, needle)| (*part, finder(needle)))
                .collect(),
        }
    }

    /// Calls `found` with each package that matches, in the order of the cards.
    pub(super) fn run<'i>(&self, index: &'i SearchIndex, mut found: impl FnMut(Rank, &'i Slot)) {
        let (needle, is_word) = match (self.words.first(), self.parts.first()) {
            (Some(word), _) => (word, true),
            (None, Some((_, part))) => (part, false),
            (None, None) => {
                let live = index.slots.iter().filter(|slot| slot.state == State::Live);
                return live.for_each(|slot| found(Rank::Text, slot));
            }
        };
        let cards = index.cards.as_bytes();
        let mut slots = index.slots.iter();
        let mut at = 0;
        while let Some(hit) = needle.find(&cards[at..]) {
            let hit = at + hit;
            let end = |slot: &Slot| (slot.card.start + slot.card.length) as usize;
            let Some(slot) = slots.find(|slot| hit < end(slot)) else {
                return;
            };
            at = end(slot);
            if slot.state == State::Live {
                let start = slot.card.start as usize;
                let first = is_word.then(|| hit - start);
                if let Some(rank) = self.rank(&cards[start..at], first) {
                    found(rank, slot);
                }
            }
        }
    }

    /// How well a card matches, where the first word stands first at `first`; `None` where the
    /// card does not match.
    fn rank(&self, card: &[u8], first: Option<usize>) -> Option<Rank> {
        let in_part = |(part, needle): &(usize, Finder<'_>)| {
            let part = card.split(|byte| *byte == b'\t').nth(*part);
            part.is_some_and(|part| needle.find(part).is_some())
        };
        let others = self.words.get(1..).unwrap_or_default();
        let others_in = |text: &[u8]| others.iter().all(|word| word.find(text).is_some());
        if !self.parts.iter().all(in_part) || !others_in(card) {
            return None;
        }
        let Some(first) = first else {
            return Some(Rank::Text);
        };
        let name = &card[1..memchr(b'\t', card).unwrap_or(card.len())];
        if first > name.len() {
            return Some(Rank::Text);
        }
        let last = memrchr(b'/', name).map_or(name, |slash| &name[slash + 1..]);
        let text = self.text.as_bytes();
        Some(match () {
            () if name == text => Rank::Exact,
            () if last == text => Rank::ExactLast,
            () if name.starts_with(text) || last.starts_with(text) => Rank::Prefix,
            () if others_in(name) => Rank::Name,
            () => Rank::Text,
        })
    }
}
