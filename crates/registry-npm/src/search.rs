//! What npm finds packages by.

use std::borrow::Cow;

use registry_core::{
    Error, Result,
    store::search::{Card, Query},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The parts of a [`SearchPackage`](crate::wire::SearchPackage) that words are looked for in.
#[derive(Deserialize)]
pub(crate) struct Parts<'a> {
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow, default)]
    keywords: Vec<Text<'a>>,
    #[serde(borrow)]
    publisher: User<'a>,
    #[serde(borrow)]
    maintainers: Vec<User<'a>>,
}

#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow)]
    username: Text<'a>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The numbers of the parts on a card.
const NAME: usize = 0;
const KEYWORDS: usize = 2;
const PEOPLE: usize = 3;

impl<'a> Parts<'a> {
    /// Reads them from what a search shows of a package.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn of(shown: &'a RawValue) -> Result<Self> {
        serde_json::from_str(shown.get()).map_err(Error::internal)
    }

    /// Writes the card of the package.
    pub(crate) fn write(&self, card: &mut Card<'_>) {
        card.text(self.description.as_ref().map_or("", |text| &text.0));
        card.list(self.keywords.iter().map(|word| &*word.0));
        let people = std::iter::once(&self.publisher).chain(&self.maintainers);
        card.list(people.map(|user| &*user.username.0));
    }
}

/// What a search text asks for, npm's qualifiers included.
pub(crate) fn query(text: &str) -> Query {
    Query::new(text, |word| match word.split_once(':')? {
        ("author" | "maintainer" | "publisher", who) => Some(vec![(PEOPLE, format!(",{who},"))]),
        ("keywords", all) => {
            let all = all.split(',');
            Some(all.map(|word| (KEYWORDS, format!(",{word},"))).collect())
        }
        ("scope", scope) => {
            let scope = scope.trim_start_matches('@');
            Some(vec![(NAME, format!("\n@{scope}/"))])
        }
        // Known to the protocol, and about nothing that is measured here.
        ("is" | "not" | "boost-exact", _) => Some(Vec::new()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
