//! What is read: a function for each route that only looks.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use registry_core::{
    Error as CoreError,
    auth::Action,
    protocol,
    store::{Document, Form, Rendered, Source, StoredBytes},
};

use crate::{
    Answer, Call, ProjectName, Version,
    accept::{self, takes},
    document::{
        Entry, Head, Listed,
        json::{self, spokesman},
        render::{self, Addresses},
    },
    error::Error,
    layout::{DOCUMENT, FILE_TYPE, METADATA_TYPE, PROVENANCE_TYPE},
    metadata::Metadata,
    view::Projects,
};

/// The most bytes of metadata that are read again.
const MAX_METADATA: usize = 64 << 20;

fn no_project() -> CoreError {
    CoreError::not_found("project not found")
}

impl Call<'_> {
    /// All projects that whoever asks may read.
    pub(crate) async fn index(&self, format: Option<String>) -> Answer {
        let form = accept::Form::wanted(format.as_deref(), self.headers)?;
        let now = self.context.clock.system_time();
        let page = if self.granted.may("*", Action::Read).await? {
            let make = move |names: Vec<String>| {
                Rendered::new(render::index(&names, form)?, form.content_type(), now)
            };
            let page = self
                .granted
                .rendered_view(form.name(), Projects::all_spelled, make);
            page.await?
        } else {
            let names = self.granted.view(Projects::names).await?;
            let names = self.granted.readable(names).await?;
            let spelled = self.granted.view(|all: &Projects| all.spelled(&names));
            let body = render::index(&spelled.await?, form)?;
            Arc::new(Rendered::new(body, form.content_type(), now)?)
        };
        Ok(protocol::revalidated(protocol::rendered(
            &page,
            self.headers,
        )))
    }

    /// A project's page.
    pub(crate) async fn project(&self, project: ProjectName, format: Option<String>) -> Answer {
        let form = accept::Form::wanted(format.as_deref(), self.headers)?;
        let base = self.context.base.clone();
        let make = move |document: &Document<Head>| {
            if document.entries.is_empty() {
                return Err(no_project());
            }
            let addresses = Addresses {
                base: base.as_str(),
                project: &project,
            };
            let body = render::project(addresses, document, form)?;
            Rendered::new(body, form.content_type(), document.modified)
        };
        let base = self.context.base.as_str();
        let repo = self.granted.repo()?;
        let page = repo.rendered(DOCUMENT, form.name(), base, make).await?;
        let page = page.ok_or_else(no_project)?;
        Ok(protocol::revalidated(protocol::rendered(
            &page,
            self.headers,
        )))
    }

    /// Leads to where something is found.
    pub(crate) fn elsewhere(&self, location: &str) -> Answer {
        let mut response = protocol::empty(StatusCode::MOVED_PERMANENTLY);
        let location = HeaderValue::try_from(location).map_err(CoreError::internal)?;
        response.headers_mut().insert(header::LOCATION, location);
        Ok(response)
    }

    /// A file's entry, if the file is offered.
    async fn entry(&self, file: &str) -> Result<Entry, CoreError> {
        let missing = || CoreError::not_found(format!("the file {file} was not found"));
        let repo = self.granted.repo()?;
        let found = repo.head_and_entry::<Head>(DOCUMENT, file).await?;
        let (_, entry) = found
            .filter(|(head, _)| head.offers())
            .ok_or_else(missing)?;
        Entry::parse(&entry)
    }

    /// A file, whole or in part.
    pub(crate) async fn file(&self, file: &str) -> Answer {
        let entry = self.entry(file).await?;
        self.serve(&entry.content(), FILE_TYPE).await
    }

    /// A wheel's metadata.
    pub(crate) async fn metadata(&self, file: &str) -> Answer {
        let entry = self.entry(file).await?;
        let part = entry.offered_metadata().ok_or_else(|| {
            CoreError::not_found(format!("there is no metadata to rely on for {file}"))
        })?;
        self.serve(&part.stored(), METADATA_TYPE).await
    }

    /// A file's provenance.
    pub(crate) async fn provenance(&self, version: &Version, file: &str) -> Answer {
        if !takes(self.headers, &[PROVENANCE_TYPE, "application/json"]) {
            return Err(Error::not_acceptable(PROVENANCE_TYPE));
        }
        let missing = || CoreError::not_found(format!("No provenance available for {file}"));
        let entry = self.entry(file).await?;
        let of_version = entry.version.parse::<Version>()? == *version;
        let part = entry.provenance.as_ref().filter(|_| of_version);
        let stored = part.ok_or_else(missing)?.stored();
        self.serve(&stored, PROVENANCE_TYPE).await
    }

    /// Bytes that never change.
    async fn serve(&self, stored: &StoredBytes, content_type: &'static str) -> Answer {
        let repo = self.granted.repo()?;
        let mut response =
            protocol::serve(repo, stored, content_type, self.method, self.headers).await?;
        protocol::immutable(&mut response, self.granted);
        Ok(response)
    }

    /// The JSON API's page of a project, or of one release.
    pub(crate) async fn json(&self, project: &ProjectName, version: Option<&Version>) -> Answer {
        let base = self.context.base.clone();
        // However the version is spelled, the page is one.
        let told = version.map(Version::shortest).unwrap_or_default();
        let form = Form {
            file: DOCUMENT,
            name: "api",
            base: &format!("{}\n{told}", base.as_str()),
        };
        let source = Source {
            content_type: METADATA_TYPE,
            limit: MAX_METADATA,
        };
        let of = version.cloned();
        let pick = move |document: &Document<Head>| {
            Ok(speaks(document, of.as_ref())?.entry.metadata.stored())
        };
        let (project, of) = (project.clone(), version.cloned());
        let make = move |document: &Document<Head>, metadata: &Bytes| {
            let by = speaks(document, of.as_ref())?;
            let metadata = Metadata::parse(metadata)?;
            let addresses = Addresses {
                base: base.as_str(),
                project: &project,
            };
            let body = json::page(addresses, document, &by, &metadata, of.is_none())?;
            Rendered::new(body, "application/json", document.modified)
        };
        let repo = self.granted.repo()?;
        let page = repo.rendered_with(form, source, pick, make).await?;
        let page = page.ok_or_else(no_project)?;
        Ok(protocol::revalidated(protocol::rendered(
            &page,
            self.headers,
        )))
    }
}

/// The file that speaks for a project, or for one of its releases.
fn speaks<'a>(
    document: &'a Document<Head>,
    version: Option<&Version>,
) -> Result<Listed<'a>, CoreError> {
    if document.entries.is_empty() {
        return Err(no_project());
    }
    spokesman(document, version)?.ok_or_else(|| match version {
        Some(version) => CoreError::not_found(format!("the version {version} was not found")),
        None => no_project(),
    })
}
