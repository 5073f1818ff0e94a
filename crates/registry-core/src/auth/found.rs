//! What somebody may see of a listing.

use std::{borrow::Cow, collections::HashSet};

use serde_json::value::RawValue;

use super::Granted;
use crate::{
    error::{Error, Result},
    store::{
        Fold,
        search::{Hit, Query, SearchIndex},
    },
};

impl Granted {
    /// Those of `names` that whoever asks may read.
    ///
    /// # Errors
    /// When the provider cannot tell.
    pub async fn readable(&self, mut names: Vec<String>) -> Result<Vec<String>> {
        if !self.may_list("*").await? {
            let mut seen = Vec::new();
            for name in names {
                if self.may_list(&name).await? {
                    seen.push(name);
                }
            }
            names = seen;
        }
        Ok(names)
    }

    /// Searches an index of the mount's view: how many packages match that whoever asks may read,
    /// and what is shown of `size` of them after the first `from`, best first. `resource` says by
    /// what name scopes know a hit.
    ///
    /// # Errors
    /// When the route did not ask for a listing, or the store fails.
    pub async fn search<F: Fold>(
        &self,
        index: impl Fn(&F) -> &SearchIndex,
        query: &Query,
        (from, size): (usize, usize),
        resource: impl for<'a> Fn(Hit<'a>) -> Cow<'a, str>,
    ) -> Result<(usize, Vec<Box<RawValue>>)> {
        let everything = self.may_list("*").await?;
        let mut seen = HashSet::new();
        if !everything {
            let named = |hit: Hit<'_>| (hit.name.to_owned(), resource(hit).into_owned());
            let matches = self.view(|view| index(view).matches(query, named)).await?;
            for (name, resource) in matches {
                if self.may_list(&resource).await? {
                    seen.insert(name);
                }
            }
        }
        self.view(|view| {
            let visible = |name: &str| everything || seen.contains(name);
            let (total, hits) = index(view).query(query, from, size, visible);
            let shown = |hit: &Hit<'_>| RawValue::from_string(hit.shown.to_owned());
            let shown: Result<_, _> = hits.iter().map(shown).collect();
            Ok((total, shown.map_err(Error::internal)?))
        })
        .await?
    }
}
