//! Changes of what was published. The ecosystem has no such requests; these are the registry's own.

use http::StatusCode;
use registry_core::{
    Body,
    auth::Action,
    protocol::{self, read_json_if_any},
    store::{Change, Document},
};
use serde_json::json;

use crate::{
    Answer, Call, Error, ProjectName,
    document::{Head, change},
    layout::DOCUMENT,
    route::Target,
    wire::{Status, Yank},
};

/// The most bytes of a request.
const MAX_BODY: usize = 16 << 10;

impl Call<'_> {
    /// Yanks a file or a release, perhaps with a reason.
    pub(crate) async fn yank(&self, target: Target, body: Body) -> Answer {
        let Yank { reason } = read_json_if_any(body, MAX_BODY).await?.unwrap_or_default();
        self.change(move |document| {
            let Document { head, entries, .. } = document;
            let (version, file) = (&target.version, target.file.as_deref());
            let changed = change::yank(head, entries, version, file, reason.as_deref())?;
            Ok(Change::when(changed, ()))
        })
        .await
    }

    /// Takes a yank back.
    pub(crate) async fn unyank(&self, target: Target) -> Answer {
        self.change(move |document| {
            let Document { head, entries, .. } = document;
            let (version, file) = (&target.version, target.file.as_deref());
            let changed = change::unyank(head, entries, version, file)?;
            Ok(Change::when(changed, ()))
        })
        .await
    }

    /// Deletes a file or a release.
    pub(crate) async fn delete(&self, target: Target) -> Answer {
        self.change(move |document| {
            let Document { head, entries, .. } = document;
            let (version, file) = (&target.version, target.file.as_deref());
            let removed = change::delete(head, entries, version, file)?;
            Ok(Change::when(!removed.is_empty(), ()).removing(removed))
        })
        .await
    }

    /// Says how a project stands; without a body, that it is active.
    pub(crate) async fn set_status(&self, project: &ProjectName, body: Body) -> Answer {
        let status: Status = read_json_if_any(body, MAX_BODY).await?.unwrap_or_default();
        let may_quarantine = self.granted.may(project.as_str(), Action::Delete).await?;
        self.change(move |document| {
            let changed = change::set_status(&mut document.head, &status, may_quarantine)?;
            Ok(Change::when(changed, ()))
        })
        .await
    }

    async fn change(
        &self,
        change: impl FnMut(&mut Document<Head>) -> Result<Change<()>, Error> + Send + 'static,
    ) -> Answer {
        let repo = self.granted.repo()?;
        repo.change(DOCUMENT, Vec::new(), change).await?;
        Ok(protocol::json(StatusCode::OK, &json!({ "ok": true }))?)
    }
}
