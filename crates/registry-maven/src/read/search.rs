//! Search, in the form of Solr that build tools and editors know.

use std::borrow::Cow;

use http::StatusCode;
use registry_core::{
    Error, protocol,
    store::search::{Hit, Query},
};
use serde_json::{value::RawValue, value::to_raw_value};

use crate::{
    Answer, Call,
    route::SearchQuery,
    view::Artifacts,
    wire::{Found, FoundHeader, FoundResponse},
};

/// What no part of a card holds.
const NOTHING: &str = "\n";

/// A query, understood.
struct Wanted {
    query: Query,
    /// The only version that is asked for.
    version: Option<String>,
}

impl Call<'_> {
    /// Search.
    pub(crate) async fn search(&self, asked: &SearchQuery) -> Answer {
        let Wanted { query, version } = wanted(&asked.text);
        let (total, docs) = if asked.versions || version.is_some() {
            self.found_versions(&query, version.as_deref(), asked)
                .await?
        } else {
            let page = (asked.from, asked.size);
            let found = self.granted.search(Artifacts::found, &query, page, named);
            found.await?
        };
        let header = FoundHeader { status: 0, time: 0 };
        let response = FoundResponse {
            total,
            start: asked.from,
            docs,
        };
        protocol::json(StatusCode::OK, &Found { header, response })
    }

    /// The versions of the artifacts that match: how many there are, and a page of them.
    async fn found_versions(
        &self,
        query: &Query,
        only: Option<&str>,
        asked: &SearchQuery,
    ) -> Result<(usize, Vec<Box<RawValue>>), Error> {
        let name = |hit: Hit<'_>| hit.name.to_owned();
        let matches = self
            .granted
            .view(|all: &Artifacts| all.found().matches(query, name));
        let mut names = self.granted.readable(matches.await?).await?;
        names.sort_unstable();
        let page = (asked.from, asked.size);
        let found = |all: &Artifacts| all.versions_of(&names, only, page);
        let (total, hits) = self.granted.view(found).await?;
        let hits: Result<Vec<_>, _> = hits.iter().map(to_raw_value).collect();
        Ok((total, hits.map_err(Error::internal)?))
    }
}

/// By what name scopes know a hit.
fn named(hit: Hit<'_>) -> Cow<'_, str> {
    hit.name.into()
}

/// Reads a query: words, and `field:value` for the fields `g`, `a`, `p`, `l` (classifier) and `v`.
fn wanted(text: &str) -> Wanted {
    let mut version = None;
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let word = word.trim_matches(['(', ')']);
        match word.split_once(':') {
            Some(("v", value)) => version = Some(value.trim_matches('"').to_owned()),
            _ if matches!(word, "AND" | "OR" | "*:*" | "") => {}
            None => words.push(word.trim_matches(['"', '*'])),
            Some(_) => words.push(word),
        }
    }
    let query = Query::new(&words.join(" "), |word| {
        let (field, value) = word.split_once(':')?;
        let value = value.trim_matches('"');
        let (part, needle) = match field {
            "g" => (1, listed(value)),
            "a" => (2, listed(value)),
            "p" => (3, listed(value)),
            "l" => (4, format!(",-{value}.")),
            // What else may be asked of a card is not in it.
            _ => (1, NOTHING.to_owned()),
        };
        Some(vec![(part, needle)])
    });
    Wanted { query, version }
}

/// What a list holds that has this item, or one that begins or ends with it.
fn listed(value: &str) -> String {
    let open = if value.starts_with('*') { "" } else { "," };
    let close = if value.ends_with('*') { "" } else { "," };
    format!("{open}{}{close}", value.trim_matches('*'))
}
