//! Bundles, as those who may publish them see them before they are published.

use bytes::Bytes;
use http::StatusCode;
use registry_core::{Error, auth::Action, protocol};

use crate::{
    Answer, Call,
    document::{
        Entry, Head,
        bundle::{Bundle, Stage},
        no_file,
    },
    error::if_there,
    layout::VERSION,
    name::FilePath,
    route::Component,
    view::Artifacts,
    wire::IsPublished,
};

impl Call<'_> {
    /// Whether a version is there.
    pub(crate) async fn is_published(&self, of: &Component) -> Answer {
        let name = format!("{}:{}", of.group, of.artifact);
        let published = self.config.policy.allows(&of.version)
            && self.granted.may(&name, Action::Read).await?
            && self
                .granted
                .view(|all: &Artifacts| all.versions(&name))
                .await?
                .iter()
                .any(|version| version == of.version.as_str());
        protocol::json(StatusCode::OK, &IsPublished { published })
    }

    /// A file of a bundle that waits, or is published, or of any that waits.
    pub(crate) async fn bundle_file(&self, id: Option<&str>, path: &FilePath) -> Answer {
        let name = path.file.as_str();
        let found = self.granted.repo()?.head_with_entry::<Head>(VERSION, name);
        let (head, entry) = found.await?.unwrap_or_default();
        let entry = match id {
            Some(id) => self.file_of(id, &head, path, entry).await?,
            None => self.file_of_any(&head, name).await?,
        };
        let entry = entry.ok_or_else(|| no_file(name))?;
        let response = self.serve(path, &Entry::parse(&entry)?).await?;
        Ok(protocol::revalidated(response))
    }

    async fn file_of(
        &self,
        id: &str,
        head: &Head,
        path: &FilePath,
        entry: Option<Bytes>,
    ) -> Result<Option<Bytes>, Error> {
        let bundle = self.deployments().known(id).await?.bundle;
        if let Some(part) = head.bundles.get(id)
            && let Some(waiting) = part.entry(path.file.as_str(), part.since)?
        {
            return Ok(Some(waiting));
        }
        let version = path.version_name();
        Ok(
            entry
                .filter(|_| bundle.stage == Stage::Published && bundle.versions.contains(&version)),
        )
    }

    async fn file_of_any(&self, head: &Head, name: &str) -> Result<Option<Bytes>, Error> {
        let mut parts: Vec<(&str, &Bundle)> = head.parts().collect();
        parts.retain(|(_, part)| part.files.contains_key(name));
        parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.since));
        for (id, part) in parts {
            let known = if_there(self.deployments().known(id).await)?;
            if known.is_some_and(|known| known.bundle.stage == Stage::Waiting) {
                return part.entry(name, part.since);
            }
        }
        Ok(None)
    }
}
