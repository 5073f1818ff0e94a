//! What is read: a function for each route that only looks.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use http::StatusCode;
use registry_core::{
    Body, Error as CoreError,
    auth::Action,
    protocol,
    store::{
        Document, Rendered,
        search::{self, Query},
    },
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    Answer, Call, PackageName,
    document::{
        Dist, Head, dist_key, no_package,
        render::{self, Place},
    },
    error::Error,
    layout::{self, DOCUMENT, ZIP_TYPE},
    route::{AdvisoryQuery, ListQuery, SearchQuery, advisory_query},
    view::{self, Packages, Told},
    wire::{
        Advisories, AdvisoriesAt, Done, Downloads, Found, Hit, Names, Provider, Providers, Root,
    },
};

/// Beyond so many names, `packages.json` says only whose packages there are.
const MAX_NAMES: usize = 10_000;
/// The most bytes of a question about advisories, and of what was installed.
const MAX_BODY: usize = 1 << 20;
/// How many providers of a package are told of.
const MAX_PROVIDERS: usize = 100;

/// A date of seconds since 1970.
fn date(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl Call<'_> {
    /// Where everything is, and what there is.
    ///
    /// Who may read everything gets a date with it, with which to ask whether it is still so. For
    /// others, it would change with their rights and not only with the packages.
    pub(crate) async fn root(&self) -> Answer {
        let listing = self.granted.view(Packages::listing).await?;
        if !self.granted.may("*", Action::Read).await? {
            let names = self.granted.readable(listing.names.clone()).await?;
            let response = protocol::json(StatusCode::OK, &self.root_of(&names, &patterns(&names)))?;
            return Ok(protocol::revalidated(response));
        }
        let form = listing.page(self.context.base.as_str(), || {
            let patterns = patterns(&listing.names);
            let root = self.root_of(&listing.names, &patterns);
            let body = serde_json::to_vec(&root).map_err(CoreError::internal)?;
            Rendered::new(body, "application/json", date(listing.changed))
        })?;
        Ok(protocol::revalidated(protocol::rendered(&form, self.headers)))
    }

    fn root_of<'a>(&self, names: &'a [String], patterns: &'a [String]) -> Root<'a> {
        let base = self.context.base.as_str();
        Root {
            packages: [],
            metadata_url: format!("{base}/p2/%package%.json"),
            available_packages: (names.len() <= MAX_NAMES).then_some(names),
            available_package_patterns: Some(patterns).filter(|patterns| !patterns.is_empty()),
            providers_api: format!("{base}/providers/%package%.json"),
            search: format!("{base}/search.json?q=%query%&type=%type%"),
            list: format!("{base}/packages/list.json"),
            notify_batch: format!("{base}/downloads/"),
            security_advisories: AdvisoriesAt {
                metadata: true,
                api_url: format!("{base}/api/security-advisories/"),
            },
        }
    }

    /// A package's releases or branches.
    pub(crate) async fn metadata(&self, name: PackageName, branches: bool) -> Answer {
        let missing = no_package(&name);
        let place = self.place(name);
        let make = move |document: &Document<Head>| {
            if document.head.card.is_none() {
                return Err(no_package(&place.name));
            }
            let body = render::metadata(&place, document, branches)?;
            let Head {
                releases,
                branches: in_branches,
                ..
            } = document.head;
            let changed = if branches { in_branches } else { releases };
            Rendered::new(body, "application/json", date(changed))
        };
        let form = if branches { "branches" } else { "releases" };
        self.form(form, make, missing).await
    }

    /// All there is to know of a package.
    pub(crate) async fn page(&self, name: PackageName) -> Answer {
        let missing = no_package(&name);
        let place = self.place(name);
        let make = move |document: &Document<Head>| {
            let body = render::page(&place, document)?;
            let changed = document.head.releases.max(document.head.branches);
            Rendered::new(body, "application/json", date(changed))
        };
        self.form("page", make, missing).await
    }

    fn place(&self, name: PackageName) -> Place {
        let base = self.context.base.as_str().to_owned();
        Place { base, name }
    }

    async fn form(
        &self,
        form: &'static str,
        make: impl FnOnce(&Document<Head>) -> Result<Rendered, CoreError> + Send + 'static,
        missing: CoreError,
    ) -> Answer {
        let base = self.context.base.as_str();
        let repo = self.granted.repo()?;
        let form = repo.rendered(DOCUMENT, form, base, make).await?;
        let form = form.ok_or(missing)?;
        Ok(protocol::revalidated(protocol::rendered(&form, self.headers)))
    }

    /// A zip, whole or in part; be its version there still or not.
    pub(crate) async fn dist(&self, name: &PackageName, reference: &str) -> Answer {
        let repo = self.granted.repo()?;
        let dist = repo.entry(DOCUMENT, &dist_key(reference)).await?;
        let missing = || CoreError::not_found(format!("{name} has no zip {reference}"));
        let stored = Dist::parse(&dist.ok_or_else(missing)?)?.stored();
        let mut response =
            protocol::serve(repo, &stored, ZIP_TYPE, self.method, self.headers)
                .await
                .map_err(Error::sending)?;
        protocol::immutable(&mut response, self.granted);
        Ok(response)
    }

    /// The names that whoever asks may read, and that are asked for.
    pub(crate) async fn list(&self, query: &ListQuery) -> Answer {
        let listing = self.granted.view(Packages::listing).await?;
        let mut names = listing.names.clone();
        if let Some(kind) = &query.kind {
            let of_type = view::of_type(kind);
            let found = self.granted.view(|all: &Packages| {
                let name = |hit: search::Hit<'_>| hit.name.to_owned();
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
            let parts: Vec<&str> = filter.split('*').collect();
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

    async fn find(
        &self,
        query: &Query,
        page: (usize, usize),
    ) -> Result<(usize, Vec<Told>), CoreError> {
        let found = self.granted.search(Packages::index, query, page, view::resource);
        let (total, shown) = found.await?;
        let told = shown.iter().map(|told| serde_json::from_str(told.get()));
        Ok((total, told.collect::<Result<_, _>>().map_err(CoreError::internal)?))
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
            return Err(CoreError::not_found(format!("nothing here provides {name}")).into());
        }
        let response = protocol::json(StatusCode::OK, &Providers { providers })?;
        Ok(protocol::revalidated(response))
    }

    /// The advisories about some packages.
    pub(crate) async fn advisories(&self, mut query: AdvisoryQuery, body: Body) -> Answer {
        let form = body.collect(MAX_BODY).await?;
        let asked = advisory_query(&form)?;
        query.packages.extend(asked.packages);
        query.updated_since = asked.updated_since.or(query.updated_since);
        if query.packages.is_empty() && query.updated_since.is_none() {
            let message = "say about which packages (packages[]=vendor/package) or since when \
                           (updatedSince=seconds)";
            return Err(CoreError::invalid(message).into());
        }
        let mut names = query.packages.clone();
        names.iter_mut().for_each(|name| name.make_ascii_lowercase());
        let names = self.granted.view(|all: &Packages| match names.is_empty() {
            true => all.advised(),
            false => {
                names.retain(|name| all.is_advised(name));
                names
            }
        });
        let names = self.granted.readable(names.await?).await?;
        let mut advisories = BTreeMap::new();
        for name in names {
            let about = self.advisories_of(&name, query.updated_since).await?;
            advisories.insert(name, about);
        }
        let response = protocol::json(StatusCode::OK, &Advisories { advisories })?;
        Ok(protocol::revalidated(response))
    }

    async fn advisories_of(
        &self,
        name: &str,
        since: Option<i64>,
    ) -> Result<Vec<Box<RawValue>>, CoreError> {
        let name: PackageName = name.parse()?;
        let resource = layout::resource(&name)?;
        let repo = self.granted.authorize(&resource, Action::Read).await?;
        let Some(head) = repo.head::<Head>(DOCUMENT).await? else {
            return Ok(Vec::new());
        };
        let recent = |updated: u64| {
            since.is_none_or(|since| i64::try_from(updated).is_ok_and(|updated| updated >= since))
        };
        let all = head.advisories.values().filter(|known| recent(known.updated));
        let all = all.map(|known| to_raw_value(&render::advisory(&name, known)));
        all.map(|of| of.map_err(CoreError::internal)).collect()
    }

    /// Takes note of what a client installed.
    pub(crate) async fn downloads(&self, body: Body) -> Answer {
        let Downloads { downloads } = protocol::read_json(body, MAX_BODY).await?;
        let count = downloads.len();
        let names = self.granted.view(|all: &Packages| {
            let names = downloads.into_iter().map(|of| of.name);
            names.filter(|name| all.has(name)).collect()
        });
        let known = self.granted.readable(names.await?).await?.len();
        let (status, said) = match count - known {
            0 => (StatusCode::CREATED, "success"),
            _ => (StatusCode::OK, "partial"),
        };
        let missing = (known < count).then(|| format!("{} are not here", count - known));
        let done = Done {
            status: said,
            message: missing,
        };
        Ok(protocol::json(status, &done)?)
    }
}

/// What the names look like, where they are too many to be told; nothing where even that is too long.
fn patterns(names: &[String]) -> Vec<String> {
    if names.len() <= MAX_NAMES {
        return Vec::new();
    }
    let vendors = names.iter().filter_map(|name| name.split_once('/'));
    let mut patterns: Vec<String> = vendors.map(|(vendor, _)| format!("{vendor}/*")).collect();
    patterns.dedup();
    if patterns.len() > MAX_NAMES {
        patterns.clear();
    }
    patterns
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
            ("*b", "acme/lib", true),
            ("a*/*i*b", "acme/lib", true),
            ("a*x*b", "acme/lib", false),
            ("aba*ba", "abba", false),
            ("", "acme/lib", false),
        ] {
            let parts: Vec<&str> = filter.split('*').collect();
            assert_eq!(matches(name, &parts), found, "{filter} {name}");
        }
    }

    #[test]
    fn many_names_are_told_by_their_vendors() {
        let names = |count: usize, vendors: usize| -> Vec<String> {
            let mut names: Vec<String> =
                (0..count).map(|n| format!("v{}/p{n}", n % vendors)).collect();
            names.sort_unstable();
            names
        };
        assert!(patterns(&names(MAX_NAMES, 2)).is_empty());
        assert_eq!(patterns(&names(MAX_NAMES + 1, 2)), ["v0/*", "v1/*"]);
        assert!(patterns(&names(MAX_NAMES + 1, MAX_NAMES + 1)).is_empty());
    }
}
