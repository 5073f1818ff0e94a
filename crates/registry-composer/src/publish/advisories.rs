//! Advisories of the registry's own.

use registry_core::{Body, store::Change};

use crate::{
    Answer, Call, PackageName,
    advisory::{Advisory, MAX_SIZE},
    document::change,
};

impl Call<'_> {
    /// Puts an advisory, or another in its place.
    pub(crate) async fn put_advisory(&self, name: PackageName, id: String, body: Body) -> Answer {
        let body = body.collect(MAX_SIZE).await?;
        let advisory = Advisory::parse(&id, &body, &self.time())?;
        let now = self.seconds();
        self.change(move |document| {
            let head = &mut document.head;
            let changed = change::put_advisory(head, &name, &id, advisory.clone(), now)?;
            Ok(Change::when(changed, ()))
        })
        .await
    }

    /// Takes an advisory back.
    pub(crate) async fn delete_advisory(&self, name: PackageName, id: String) -> Answer {
        let now = self.seconds();
        self.change(move |document| {
            let changed = change::delete_advisory(&mut document.head, &name, &id, now)?;
            Ok(Change::when(changed, ()))
        })
        .await
    }
}
