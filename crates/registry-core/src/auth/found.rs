//! What somebody may see of a listing.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use serde_json::value::RawValue;

use super::Granted;
use crate::{
    error::{Error, Result},
    store::{
        Fold, Rendered,
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

    /// A form of the mount's view as it is now, for those who may read everything: `render` makes it
    /// of what `look` copies out of it, once while the view stays as it is.
    ///
    /// # Errors
    /// What `render` says, when the route did not ask for a listing, or the store fails.
    pub async fn rendered_view<F: Fold, S: Send + 'static>(
        &self,
        form: &'static str,
        look: impl Fn(&F) -> S,
        render: impl FnOnce(S) -> Result<Rendered> + Send + 'static,
    ) -> Result<Arc<Rendered>> {
        self.listing()?.rendered_view(form, look, render).await
    }

    /// A form of something in the mount's view, called `name`: `render` makes it of what `look` copies
    /// out of the view, once for each `stamp` that the view gives it; nothing where there is no stamp.
    /// What it shows is yet to be filtered by [`may`](Self::may).
    ///
    /// # Errors
    /// What `render` says, and when the route did not ask for a listing, or the store fails.
    pub async fn rendered_part<F: Fold, S: Send + 'static>(
        &self,
        named: (&'static str, &str),
        stamp: impl FnOnce(&F) -> Option<u64>,
        look: impl FnOnce(&F) -> S,
        render: impl FnOnce(S) -> Result<Rendered> + Send + 'static,
    ) -> Result<Option<Arc<Rendered>>> {
        let listing = self.listing()?;
        listing.rendered_part(named, stamp, look, render).await
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
