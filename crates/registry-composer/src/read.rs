//! What is read: a function for each route that only looks.

mod find;
mod notes;
mod root;

use std::time::{Duration, SystemTime};

use registry_core::{
    Error, protocol,
    store::{Document, Rendered},
};

use crate::{
    Answer, Call, PackageName,
    document::{
        Dist, Head, dist_key, no_package,
        render::{self, Place},
    },
    layout::{DOCUMENT, ZIP_TYPE},
};

/// JSON that last changed at a time of its own, in seconds since 1970.
fn dated(body: Vec<u8>, changed: u64) -> Result<Rendered, Error> {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(changed);
    let mut form = Rendered::new(body, "application/json", changed)?;
    form.is_dated = true;
    Ok(form)
}

impl Call<'_> {
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
            dated(body, changed)
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
            Rendered::new(body, "application/json", document.modified)
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
        make: impl FnOnce(&Document<Head>) -> Result<Rendered, Error> + Send + 'static,
        missing: Error,
    ) -> Answer {
        let base = self.context.base.as_str();
        let repo = self.granted.repo()?;
        let form = repo.rendered(DOCUMENT, form, base, make).await?;
        let form = form.ok_or(missing)?;
        Ok(protocol::revalidated(protocol::rendered(
            &form,
            self.headers,
        )))
    }

    /// A zip, whole or in part; be its version there still or not.
    pub(crate) async fn dist(&self, name: &PackageName, reference: &str) -> Answer {
        let repo = self.granted.repo()?;
        let dist = repo.entry(DOCUMENT, &dist_key(reference)).await?;
        let missing = || Error::not_found(format!("{name} has no zip {reference}"));
        let stored = Dist::parse(&dist.ok_or_else(missing)?)?.stored();
        let mut response =
            protocol::serve(repo, &stored, ZIP_TYPE, self.method, self.headers).await?;
        protocol::immutable(&mut response, self.granted);
        Ok(response)
    }
}
