//! What is read: a function for each route that only looks.

use http::{Response, StatusCode};
use registry_core::{
    Body,
    auth::Action,
    protocol,
    store::{Document, Rendered},
};

use crate::{
    Answer, Call, CrateName, Version,
    document::{self, Entry, Head, no_crate, no_version},
    layout::{CRATE_TYPE, DOCUMENT},
    route::SearchQuery,
    view::{self, Crates},
    wire::{Config, Done, Found, Total},
};

impl Call<'_> {
    /// Where everything is. Whoever may not read gets a 401 before this, at which cargo sends its
    /// token.
    pub(crate) async fn config_json(&self) -> Answer {
        let base = self.context.base.as_str();
        let config = Config {
            dl: &format!("{base}/api/v1/crates"),
            api: base,
            auth_required: !self.granted.anybody_may(Action::Read).await?,
        };
        let response = protocol::json(StatusCode::OK, &config)?;
        Ok(protocol::revalidated(response))
    }

    /// The versions of a crate.
    pub(crate) async fn index(&self, name: CrateName) -> Answer {
        let (lower, missing) = (name.lower(), no_crate(&name));
        let render = {
            let lower = lower.clone();
            move |document: &Document<Head>| {
                if !document.head.is_spelled(&lower) {
                    return Err(no_crate(&name));
                }
                let index = document::index(&document.entries)?;
                Rendered::new(index, "text/plain; charset=utf-8", document.modified)
            }
        };
        let repo = self.granted.repo()?;
        // The same at every address, but only for the crate that is spelled so.
        let form = repo.rendered(DOCUMENT, "index", &lower, render).await?;
        let response = protocol::rendered(&*form.ok_or(missing)?, self.headers);
        Ok(protocol::revalidated(response))
    }

    /// A crate file, whole or in part.
    pub(crate) async fn download(&self, name: &CrateName, version: &Version) -> Answer {
        let repo = self.granted.repo()?;
        let entry = repo.entry(DOCUMENT, &version.to_string()).await?;
        let entry = entry.ok_or_else(|| no_version(name, version))?;
        let entry = Entry::parse(&entry)?;
        // In the same words as where it is not there: one spelling is not to tell of another.
        if !entry.name()?.eq_ignore_ascii_case(name.as_str()) {
            return Err(no_version(name, version).into());
        }
        let stored = entry.stored()?;
        let mut response =
            protocol::serve(repo, &stored, CRATE_TYPE, self.method, self.headers).await?;
        protocol::immutable(&mut response, self.granted);
        Ok(response)
    }

    /// Search.
    pub(crate) async fn search(&self, query: SearchQuery) -> Answer {
        let SearchQuery { text, from, size } = query;
        let (query, page) = (view::query(&text), (from, size));
        let found = self
            .granted
            .search(Crates::search, &query, page, view::resource);
        let (total, crates) = found.await?;
        let meta = Total { total };
        Ok(protocol::json(StatusCode::OK, &Found { crates, meta })?)
    }
}

/// An answer that says that it went well.
pub(crate) fn done(msg: Option<&str>) -> Result<Response<Body>, crate::Error> {
    Ok(protocol::json(StatusCode::OK, &Done { ok: true, msg })?)
}
