//! Changes of what was published: that it goes, or that nobody is to take it up any more.

use http::StatusCode;
use registry_core::{
    Body, Error,
    protocol::{self, read_json_if_any},
    store::{Change, Document},
};

use crate::{
    Answer, Call, PackageName, Version,
    document::{Head, change},
    layout::DOCUMENT,
    wire::{Abandon, Abandoned},
};

/// The most bytes of a request.
const MAX_BODY: usize = 16 << 10;

impl Call<'_> {
    /// Deletes a version, or all of them.
    pub(crate) async fn delete(
        &self,
        name: PackageName,
        version: Option<&str>,
        purge: bool,
    ) -> Answer {
        let version = version.map(Version::parse).transpose()?;
        let now = self.seconds();
        self.change(move |document| {
            let Document { head, entries, .. } = document;
            let version = version.as_ref();
            let (changed, removed) = change::delete(head, entries, &name, version, purge, now)?;
            Ok(Change::when(changed, ()).removing(removed))
        })
        .await
    }

    /// Says that nobody is to take up a package any more, and what instead.
    pub(crate) async fn abandon(&self, name: PackageName, body: Body) -> Answer {
        let Abandon { replacement } = read_json_if_any(body, MAX_BODY).await?.unwrap_or_default();
        let abandoned = match replacement {
            None => Abandoned::Plain(true),
            Some(other) => Abandoned::For(replacement_of(&name, &other)?.to_string()),
        };
        self.set_abandoned(name, Some(abandoned)).await
    }

    /// Says that a package is to be had again.
    pub(crate) async fn unabandon(&self, name: PackageName) -> Answer {
        self.set_abandoned(name, None).await
    }

    async fn set_abandoned(&self, name: PackageName, abandoned: Option<Abandoned>) -> Answer {
        let now = self.seconds();
        self.change(move |document| {
            let Document { head, entries, .. } = document;
            let changed = change::abandon(head, entries, &name, abandoned.clone(), now)?;
            Ok(Change::when(changed, ()))
        })
        .await
    }

    /// Changes the package's document; there is nothing to tell but that it went well.
    pub(super) async fn change(
        &self,
        change: impl FnMut(&mut Document<Head>) -> Result<Change<()>, Error> + Send + 'static,
    ) -> Answer {
        let repo = self.granted.repo()?;
        repo.change(DOCUMENT, Vec::new(), change).await?;
        Ok(protocol::empty(StatusCode::NO_CONTENT))
    }
}

/// What is to be taken instead of a package.
fn replacement_of(name: &PackageName, other: &str) -> Result<PackageName, Error> {
    let other: PackageName = other.parse()?;
    if other == *name {
        let message = format!("{name} cannot be the replacement of itself");
        return Err(Error::invalid(message));
    }
    Ok(other)
}
