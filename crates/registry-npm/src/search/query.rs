//! What a search text asks for, and how well a card answers it.

use memchr::memmem::Finder;

use super::SearchIndex;

/// How well a package matches; the least is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The name is the text.
    Exact,
    /// The name without its scope is.
    ExactUnscoped,
    /// The name, or the name without its scope, begins with it.
    Prefix,
    /// Every word is in the name.
    Name,
    /// Every word is somewhere.
    Text,
}

/// A parsed search text.
pub(super) struct Query {
    /// The words, lower-cased, with one space between.
    text: String,
    words: Vec<Finder<'static>>,
    /// What a part of the card must hold: name, description, keywords, people.
    parts: Vec<(usize, Finder<'static>)>,
}

impl Query {
    pub(super) fn new(text: &str) -> Self {
        let (mut words, mut parts) = (Vec::new(), Vec::new());
        for word in text.to_lowercase().split_whitespace() {
            match word.split_once(':') {
                Some(("author" | "maintainer" | "publisher", who)) => {
                    parts.push((3, format!(",{who},")));
                }
                Some(("keywords", all)) => {
                    parts.extend(all.split(',').map(|keyword| (2, format!(",{keyword},"))));
                }
                Some(("scope", scope)) => {
                    parts.push((0, format!("\n@{}/", scope.trim_start_matches('@'))));
                }
                // Known to the protocol, and about nothing that is measured here.
                Some(("is" | "not" | "boost-exact", _)) => {}
                _ => words.push(word.to_owned()),
            }
        }
        let finder = |needle: &str| Finder::new(needle).into_owned();
        Self {
            text: words.join(" "),
            words: words.iter().map(|word| finder(word)).collect(),
            parts: parts
                .iter()
                .map(|(part, needle)| (*part, finder(needle)))
                .collect(),
        }
    }

    /// Calls `found` once for each slot whose card holds the longest needle, or for every slot
    /// where there is none.
    pub(super) fn candidates(&self, index: &SearchIndex, mut found: impl FnMut(u32)) {
        let needles = self
            .parts
            .iter()
            .map(|(_, needle)| needle)
            .chain(&self.words);
        let Some(needle) = needles.max_by_key(|needle| needle.needle().len()) else {
            return (0..index.slots.len() as u32).for_each(found);
        };
        let cards = index.cards.as_bytes();
        let (mut at, mut slot) = (0, 0);
        while let Some(hit) = needle.find(&cards[at..]) {
            let hit = at + hit;
            let after = &index.slots[slot..];
            slot += after.partition_point(|slot| slot.card.start as usize <= hit) - 1;
            found(slot as u32);
            at = (index.slots[slot].card.start + index.slots[slot].card.length) as usize;
        }
    }

    /// How well a card matches; `None` where it does not.
    pub(super) fn rank(&self, card: &str) -> Option<Rank> {
        let in_part = |(part, needle): &(usize, Finder<'_>)| {
            let part = card.split('\t').nth(*part).unwrap_or_default();
            needle.find(part.as_bytes()).is_some()
        };
        let everywhere = |text: &str| self.words.iter().all(|w| w.find(text.as_bytes()).is_some());
        if !self.parts.iter().all(in_part) || !everywhere(card) {
            return None;
        }
        let name = card[1..].split('\t').next().unwrap_or_default();
        let unscoped = name.split_once('/').map_or(name, |(_, unscoped)| unscoped);
        Some(match &*self.text {
            "" => Rank::Text,
            text if name == text => Rank::Exact,
            text if unscoped == text => Rank::ExactUnscoped,
            text if name.starts_with(text) || unscoped.starts_with(text) => Rank::Prefix,
            _ if everywhere(name) => Rank::Name,
            _ => Rank::Text,
        })
    }
}
