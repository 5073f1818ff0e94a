//! What is read: a function for each route that only looks.

use http::{Response, StatusCode, header};
use registry_core::{
    Body, Error as CoreError, ErrorKind, protocol,
    store::{Document, Rendered},
};
use serde_json::{json, value::RawValue};

use crate::{
    Answer, Call, PackageName, Tag, Version,
    document::{Entry, Head, render::View},
    layout::{DOCUMENT, PROVENANCE_TYPE, TARBALL, TARBALL_TYPE},
    route::SearchQuery,
    search,
    view::Packages,
    wire::{ABBREVIATED, Attestation, Attestations, Score, SearchObject, SearchResult, Visibility},
};

/// The most bytes of a provenance bundle that are read.
const MAX_BUNDLE: usize = 16 << 20;
/// The most bytes of an audit's question.
const MAX_AUDIT: usize = 32 << 20;

fn no_package() -> CoreError {
    CoreError::not_found("package not found")
}

impl Call<'_> {
    /// The packument, full or abbreviated.
    pub(crate) async fn packument(&self, name: PackageName, write: bool) -> Answer {
        let abbreviated = !write && self.wants_abbreviated();
        let form = if abbreviated { "abbreviated" } else { "full" };
        let base = self.context.base.clone();
        let render = move |document: &Document<Head>| {
            let view = view(&name, base.as_str(), document)?;
            if abbreviated {
                Rendered::new(view.abbreviated()?, ABBREVIATED, document.modified)
            } else {
                Rendered::new(view.full()?, "application/json", document.modified)
            }
        };
        let base = self.context.base.as_str();
        let repo = self.granted.repo()?;
        let form = repo.rendered(DOCUMENT, form, base, render).await?;
        let form = form.ok_or_else(no_package)?;
        Ok(protocol::rendered(&form, self.headers))
    }

    /// Whether the client asks for the form for installs, and asks for it first.
    fn wants_abbreviated(&self) -> bool {
        let accept = self.headers.get(header::ACCEPT);
        let accept = accept.and_then(|accept| accept.to_str().ok());
        let mut types = accept.into_iter().flat_map(|accept| accept.split(','));
        let first = types.find_map(|kind| match kind.split(';').next().map(str::trim) {
            Some(ABBREVIATED) => Some(true),
            Some("application/json" | "*/*") => Some(false),
            _ => None,
        });
        first.unwrap_or(false)
    }

    /// The package's document, if it has versions.
    pub(crate) async fn document(&self) -> Result<Document<Head>, CoreError> {
        let document = self.granted.repo()?.document::<Head>(DOCUMENT).await?;
        document
            .filter(|document| !document.head.deleted)
            .ok_or_else(no_package)
    }

    /// The manifest of one version.
    pub(crate) async fn manifest(&self, name: &PackageName, selector: &str) -> Answer {
        let document = self.document().await?;
        let manifest = view(name, self.context.base.as_str(), &document)?.manifest(selector)?;
        let form = Rendered::new(manifest, "application/json", document.modified)?;
        Ok(protocol::rendered(&form, self.headers))
    }

    /// A tarball, whole or in part.
    pub(crate) async fn tarball(&self, name: &PackageName, file: &str) -> Answer {
        let version = version_of(name, file).unwrap_or_default();
        let repo = self.granted.repo()?;
        let entry = repo.entry(DOCUMENT, version).await?;
        let entry = entry.ok_or_else(|| CoreError::not_found("tarball not found"))?;
        let stored = Entry::parse(&entry)?.tarball()?;
        let mut response =
            protocol::serve(repo, &stored, TARBALL_TYPE, self.method, self.headers).await?;
        protocol::immutable(&mut response, self.granted);
        Ok(response)
    }

    /// All tags.
    pub(crate) async fn tags(&self) -> Answer {
        let document = self.document().await?;
        Ok(protocol::json(StatusCode::OK, &document.head.dist_tags)?)
    }

    /// The version that one tag names.
    pub(crate) async fn tag(&self, tag: &Tag) -> Answer {
        let document = self.document().await?;
        let version = document.head.dist_tags.get(tag.as_str());
        let version =
            version.ok_or_else(|| CoreError::not_found(format!("tag not found: {tag}")))?;
        Ok(protocol::json(StatusCode::OK, version)?)
    }

    /// What the package's publisher said of its access; who may read is up to scopes.
    pub(crate) async fn visibility(&self) -> Answer {
        let document = self.document().await?;
        let public = document.head.access.as_deref() != Some("restricted");
        Ok(protocol::json(StatusCode::OK, &Visibility { public })?)
    }

    /// The maintainers, as npm lists them.
    pub(crate) async fn collaborators(&self) -> Answer {
        let document = self.document().await?;
        let each = document.head.maintainers.into_iter();
        let all = each.map(|person| (person.name, json!("read-write")));
        let all: serde_json::Map<_, _> = all.collect();
        Ok(protocol::json(StatusCode::OK, &all)?)
    }

    /// The provenance of a version.
    pub(crate) async fn attestations(&self, name: &PackageName, version: &Version) -> Answer {
        let missing =
            || CoreError::not_found(format!("there is no provenance for {name}@{version}"));
        let repo = self.granted.repo()?;
        let entry = repo.entry(DOCUMENT, version.as_str()).await?;
        let entry = entry.ok_or_else(missing)?;
        let entry = Entry::parse(&entry)?;
        let provenance = entry.provenance.as_ref().ok_or_else(missing)?;
        let opened = repo
            .open(&provenance.stored(), PROVENANCE_TYPE, None, false)
            .await?;
        let bundle = opened.body.collect(MAX_BUNDLE).await?;
        let bundle: &RawValue = serde_json::from_slice(&bundle).map_err(CoreError::internal)?;
        let predicate_type = provenance.predicate_type;
        let attestations = vec![Attestation {
            predicate_type,
            bundle,
        }];
        Ok(protocol::json(
            StatusCode::OK,
            &Attestations { attestations },
        )?)
    }

    /// The names that pass `pick` and that whoever asks may read.
    async fn names(
        &self,
        pick: impl FnOnce(&Packages) -> Vec<String>,
    ) -> Result<Vec<String>, CoreError> {
        let names = self.granted.view(pick).await?;
        self.granted.readable(names).await
    }

    /// Search.
    pub(crate) async fn search(&self, query: SearchQuery) -> Answer {
        let SearchQuery { text, from, size } = query;
        let (query, page) = (search::query(&text), (from, size));
        let found = self.granted.search(
            |view: &Packages| &view.search,
            &query,
            page,
            |hit| hit.name.into(),
        );
        let (total, hits) = found.await?;
        let hit = |package| SearchObject {
            package,
            score: Score::default(),
            search_score: 0.0,
        };
        let result = SearchResult {
            objects: hits.into_iter().map(hit).collect(),
            total,
            time: &self.now(),
        };
        Ok(protocol::json(StatusCode::OK, &result)?)
    }

    /// The packages that a user starred.
    pub(crate) async fn starred_by(&self, user: &str) -> Answer {
        let names = self.names(starred_by(user)).await?;
        let rows: Vec<_> = names
            .into_iter()
            .map(|name| json!({ "value": name }))
            .collect();
        Ok(protocol::json(StatusCode::OK, &json!({ "rows": rows }))?)
    }

    /// The packages that whoever asks has starred.
    pub(crate) async fn starred(&self) -> Answer {
        let user = self.granted.user()?;
        let names = self.names(starred_by(user)).await?;
        Ok(protocol::json(StatusCode::OK, &names)?)
    }

    /// The packages that a user maintains.
    pub(crate) async fn user_packages(&self, user: &str) -> Answer {
        let text = format!("maintainer:{user}");
        let maintained = |view: &Packages| {
            let names = search::query(&text);
            view.search.matches(&names, |hit| hit.name.to_owned())
        };
        let names = self.names(maintained).await?;
        let all = names.into_iter().map(|name| (name, json!("write")));
        let all: serde_json::Map<_, _> = all.collect();
        Ok(protocol::json(StatusCode::OK, &all)?)
    }

    /// Advisories by package: none are kept.
    pub(crate) async fn bulk_advisories(&self, body: Body) -> Answer {
        pass_over(body).await?;
        Ok(protocol::json(StatusCode::OK, &json!({}))?)
    }

    /// The audit of older clients: nothing found.
    pub(crate) async fn audit(&self, body: Body) -> Answer {
        pass_over(body).await?;
        let none = json!({ "info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 0 });
        let metadata = json!({
            "vulnerabilities": none,
            "dependencies": 0,
            "devDependencies": 0,
            "optionalDependencies": 0,
            "totalDependencies": 0,
        });
        let audit = json!({ "actions": [], "advisories": {}, "muted": [], "metadata": metadata });
        Ok(protocol::json(StatusCode::OK, &audit)?)
    }

    /// The keys that the registry signs with: it signs nothing.
    pub(crate) fn keys(&self) -> Answer {
        Ok(protocol::json(StatusCode::OK, &json!({ "keys": [] }))?)
    }

    /// A sign of life.
    pub(crate) fn ping(&self) -> Answer {
        Ok(protocol::json(StatusCode::OK, &json!({}))?)
    }
}

/// Reads a body to its end, and keeps nothing of it.
async fn pass_over(mut body: Body) -> Result<(), CoreError> {
    let mut read = 0;
    while let Some(bytes) = body.next().await {
        read += bytes?.len();
        if read > MAX_AUDIT {
            let message = format!("an audit may hold {MAX_AUDIT} bytes at most");
            return Err(CoreError::new(ErrorKind::TooLarge, message));
        }
    }
    Ok(())
}

/// Picks the names of the packages that a user starred.
fn starred_by(user: &str) -> impl FnOnce(&Packages) -> Vec<String> {
    move |view| {
        let by = view.stars.iter().filter(|(_, stars)| stars.contains(user));
        by.map(|(name, _)| name.clone()).collect()
    }
}

/// A package as it is read at an address; one that was unpublished is not found.
fn view<'a>(
    name: &'a PackageName,
    base: &'a str,
    document: &'a Document<Head>,
) -> Result<View<'a>, CoreError> {
    if document.head.deleted || document.entries.is_empty() {
        return Err(no_package());
    }
    let (revision, head, entries) = (document.revision, &document.head, &document.entries);
    Ok(View {
        name,
        revision,
        base,
        head,
        entries,
    })
}

/// The version that a tarball's name is of.
pub(crate) fn version_of<'a>(name: &PackageName, file: &'a str) -> Option<&'a str> {
    let version = file.strip_prefix(name.unscoped())?.strip_prefix('-')?;
    version.strip_suffix(TARBALL)
}

/// An answer of JSON that says that it went well.
pub(crate) fn done(status: StatusCode) -> Result<Response<Body>, crate::Error> {
    Ok(protocol::json(
        status,
        &json!({ "ok": true, "success": true }),
    )?)
}
