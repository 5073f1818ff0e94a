//! The JSON API, and search.

use http::StatusCode;
use registry_core::{
    Error as CoreError, Result, protocol,
    store::{Document, Entries, Rendered},
};
use serde_json::{Value, json};

use crate::{
    Answer, Call, GemName,
    document::{self, Entry, Head, no_gem},
    layout::DOCUMENT,
    route::{PAGE, SearchQuery},
    view::{self, Gems},
};

const JSON: &str = "application/json; charset=utf-8";

impl Call<'_> {
    /// A gem's page.
    pub(crate) async fn page(&self, name: GemName) -> Answer {
        let base = self.context.base.to_string();
        let make = move |head: &Head, entries: &Entries| document::gem_json(head, entries, &base);
        self.document_json("page", name, make).await
    }

    /// All versions of a gem that are offered.
    pub(crate) async fn rows(&self, name: GemName) -> Answer {
        let make = |_: &Head, entries: &Entries| {
            let rows = document::version_rows(entries)?;
            Ok((!rows.is_empty()).then(|| Value::from(rows)))
        };
        self.document_json("rows", name, make).await
    }

    /// The version that speaks for a gem.
    pub(crate) async fn latest(&self, name: &GemName) -> Answer {
        let document = self.document(name).await?;
        let published = document::published(&document.entries)?;
        let latest = document::latest(&published);
        let version = latest.map_or("unknown".to_owned(), |entry| entry.version.to_string());
        let page = json!({ "version": version });
        Ok(protocol::json(StatusCode::OK, &page)?)
    }

    /// The page of one version.
    pub(crate) async fn version_page(
        &self,
        name: &GemName,
        (version, platform): (String, Option<String>),
    ) -> Answer {
        let document = self.document(name).await?;
        let platform = platform.filter(|platform| platform != crate::Platform::RUBY);
        let slug = match platform {
            Some(platform) => format!("{version}-{platform}"),
            None => version,
        };
        let missing = || CoreError::not_found("This version could not be found.");
        let entry = document.entries.get(&*slug).ok_or_else(missing)?;
        let entry = Entry::parse(entry)?;
        if entry.yanked {
            return Err(missing().into());
        }
        let page = document::version_json(&document.head, &entry, self.context.base.as_str())?;
        Ok(protocol::json(StatusCode::OK, &page)?)
    }

    /// Search.
    pub(crate) async fn search(&self, query: SearchQuery) -> Answer {
        let (text, page) = (view::query(&query.text), (query.from, PAGE));
        let found = self
            .granted
            .search(Gems::search, &text, page, view::resource);
        let (_, gems) = found.await?;
        Ok(protocol::json(StatusCode::OK, &gems)?)
    }

    /// The document of the gem that is spelled so.
    async fn document(&self, name: &GemName) -> Result<Document<Head>> {
        let document = self.granted.repo()?.document::<Head>(DOCUMENT).await?;
        let document = document.filter(|document| document.head.is_spelled(name));
        document.ok_or_else(no_gem)
    }

    /// A form of a gem's document; there is none where `make` makes nothing of it.
    async fn document_json(
        &self,
        form: &'static str,
        name: GemName,
        make: impl FnOnce(&Head, &Entries) -> Result<Option<Value>> + Send + 'static,
    ) -> Answer {
        // Gems that differ in case have one document, and only one of them is there.
        let base = format!("{} {name}", self.context.base);
        let render = move |document: &Document<Head>| {
            if !document.head.is_spelled(&name) {
                return Err(no_gem());
            }
            let page = make(&document.head, &document.entries)?.ok_or_else(no_gem)?;
            let body = serde_json::to_vec(&page).map_err(CoreError::internal)?;
            Rendered::new(body, JSON, document.modified)
        };
        let repo = self.granted.repo()?;
        let form = repo.rendered(DOCUMENT, form, &base, render).await?;
        let response = protocol::rendered(&*form.ok_or_else(no_gem)?, self.headers);
        Ok(protocol::revalidated(response))
    }
}
