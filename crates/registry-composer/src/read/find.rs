//! Names, search, and who provides what.

use http::StatusCode;
use registry_core::{
    Error, protocol,
    store::search::{Hit as IndexHit, Query},
};

use crate::{
    Answer, Call, PackageName,
    route::{ListQuery, SearchQuery},
    view::{self, Packages, Told},
    wire::{Found, Hit, Names, Provider, Providers},
};

/// How many providers of a package are told of.
const MAX_PROVIDERS: usize = 100;

impl Call<'_> {
    /// The names that whoever asks may read, and that are asked for.
    pub(crate) async fn list(&self, query: &ListQuery) -> Answer {
        let listing = self.granted.view(Packages::listing).await?;
        let mut names = listing.names.clone();
        if let Some(kind) = &query.kind {
            let of_type = view::of_type(kind);
            let found = self.granted.view(|all: &Packages| {
                let name = |hit: IndexHit<'_>| hit.name.to_owned();
                all.index().matches(&of_type, name)
            });
            names = found.await?;
            names.sort_unstable();
        }
        if let Some(vendor) = &query.vendor {
            let vendor = format!("{}/", vendor.to_lowercase());
            names.retain(|name| name.starts_with(&vendor));
        }
        if let Some(filter) = &query.filter {
            let filter = filter.to_lowercase();
            let parts = parts(&filter);
            names.retain(|name| matches(name, &parts));
        }
        let package_names = self.granted.readable(names).await?;
        let response = protocol::json(StatusCode::OK, &Names { package_names })?;
        Ok(protocol::revalidated(response))
    }

    /// Search.
    pub(crate) async fn search(&self, search: &SearchQuery) -> Answer {
        let SearchQuery { page, per_page, .. } = *search;
        let from = (page - 1).saturating_mul(per_page);
        let (total, told) = self.find(&view::query(search), (from, per_page)).await?;
        let more = from.saturating_add(told.len()) < total && !told.is_empty();
        let found = Found {
            results: told.into_iter().filter_map(|told| self.hit(told)).collect(),
            total,
            next: more.then(|| self.search_page(search, page + 1)),
        };
        let response = protocol::json(StatusCode::OK, &found)?;
        Ok(protocol::revalidated(response))
    }

    async fn find(&self, query: &Query, page: (usize, usize)) -> Result<(usize, Vec<Told>), Error> {
        let found = self
            .granted
            .search(Packages::index, query, page, view::resource);
        let (total, shown) = found.await?;
        let told = shown.iter().map(|told| serde_json::from_str(told.get()));
        Ok((
            total,
            told.collect::<Result<_, _>>().map_err(Error::internal)?,
        ))
    }

    fn hit(&self, told: Told) -> Option<Hit> {
        let card = told.card?;
        let base = &self.context.base;
        Some(Hit {
            url: format!("{base}/packages/{}.json", told.name),
            name: told.name,
            description: card.description,
            abandoned: card.abandoned,
        })
    }

    fn search_page(&self, search: &SearchQuery, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &search.text);
        if let Some(kind) = &search.kind {
            query.append_pair("type", kind);
        }
        for tag in &search.tags {
            query.append_pair("tags[]", tag);
        }
        query.append_pair("per_page", &search.per_page.to_string());
        query.append_pair("page", &page.to_string());
        format!("{}/search.json?{}", self.context.base, query.finish())
    }

    /// Who provides a package.
    pub(crate) async fn providers(&self, name: &PackageName) -> Answer {
        let query = view::providing(name.as_str());
        let (_, told) = self.find(&query, (0, MAX_PROVIDERS)).await?;
        let providers = told.into_iter().filter_map(|told| {
            let card = told.card?;
            Some(Provider {
                name: told.name,
                description: card.description,
                kind: card.kind,
            })
        });
        let providers: Vec<_> = providers.collect();
        if providers.is_empty() {
            return Err(Error::not_found(format!("nothing here provides {name}")));
        }
        let response = protocol::json(StatusCode::OK, &Providers { providers })?;
        Ok(protocol::revalidated(response))
    }
}

/// What stands between the stars of a filter; several stars in a row are one.
fn parts(filter: &str) -> Vec<&str> {
    let all: Vec<&str> = filter.split('*').collect();
    let is_end = |at: usize| at == 0 || at + 1 == all.len();
    let parts = all.iter().enumerate();
    let parts = parts.filter(|(at, part)| is_end(*at) || !part.is_empty());
    parts.map(|(_, part)| *part).collect()
}

/// Whether a name is made of `parts` with anything between them.
fn matches(name: &str, parts: &[&str]) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts == [name];
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter() {
        for (filter, name, found) in [
            ("acme/lib", "acme/lib", true),
            ("acme/lib", "acme/lib2", false),
            ("acme/*", "acme/lib", true),
            ("*", "acme/lib", true),
            ("**", "acme/lib", true),
            ("a***b", "acme/lib", true),
            ("*b", "acme/lib", true),
            ("a*/*i*b", "acme/lib", true),
            ("a*x*b", "acme/lib", false),
            ("aba*ba", "abba", false),
            ("", "acme/lib", false),
        ] {
            assert_eq!(matches(name, &parts(filter)), found, "{filter} {name}");
        }
        assert_eq!(parts("***a**b*"), ["", "a", "b", ""]);
    }
}
