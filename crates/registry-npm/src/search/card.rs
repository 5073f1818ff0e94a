//! What of a package can be matched.

use std::borrow::Cow;

use registry_core::{Error, Result};
use serde::Deserialize;

/// The parts of a [`SearchPackage`](crate::wire::SearchPackage) that words are looked for in.
#[derive(Deserialize)]
struct Parts<'a> {
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

/// Writes the card of a package at the end of `cards`.
pub(super) fn write(cards: &mut String, name: &str, shown: &str) -> Result<()> {
    let parts: Parts<'_> = serde_json::from_str(shown).map_err(Error::internal)?;
    cards.push('\n');
    lower(cards, name);
    cards.push('\t');
    if let Some(Text(description)) = &parts.description {
        lower(cards, description);
    }
    cards.push('\t');
    for Text(keyword) in &parts.keywords {
        cards.push(',');
        lower(cards, keyword);
    }
    cards.push_str(",\t");
    for user in std::iter::once(&parts.publisher).chain(&parts.maintainers) {
        cards.push(',');
        lower(cards, &user.username.0);
    }
    cards.push(',');
    Ok(())
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
