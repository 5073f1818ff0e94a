//! Manifests and tags that are deleted.

use http::StatusCode;
use registry_core::{
    digest::Digest,
    protocol,
    store::{Change, Document, Repo},
    task,
};

use super::{Condition, manifest::bury, referrers};
use crate::{
    Answer, Call, Reference, Tag, document::Tagged, error::Result, layout, read::unknown_manifest,
};

impl Call<'_> {
    /// Deletes a tag alone, or a manifest and with it all of its tags.
    pub(crate) async fn delete_manifest(&self, reference: &Reference) -> Answer {
        let repo = self.granted.repo()?.clone();
        let condition = Condition::of(self.headers);
        match reference {
            Reference::Tag(tag) => {
                // A tag whose manifest is gone is no tag any more.
                self.find(reference).await?;
                untag(&repo, tag, condition).await?;
            }
            Reference::Digest(digest) => {
                // Nothing else can be there.
                condition.check(Some(digest))?;
                let digest = digest.clone();
                let work = async move { delete(&repo, &digest).await };
                task::carry_through(work).await??;
            }
        }
        Ok(protocol::empty(StatusCode::ACCEPTED))
    }
}

async fn delete(repo: &Repo, digest: &Digest) -> Result<()> {
    let was = bury(repo, digest, None)
        .await?
        .ok_or_else(unknown_manifest)?;
    if let Some(subject) = &was.subject {
        referrers::remove(repo, subject, digest, was.incarnation).await?;
    }
    Ok(())
}

async fn untag(repo: &Repo, tag: &Tag, condition: Condition) -> Result<()> {
    let change = move |document: &mut Document<Tagged>| -> Result<_> {
        let Some((digest, _)) = document.head.target() else {
            return Err(unknown_manifest());
        };
        condition.check(Some(digest))?;
        document.head = Tagged {
            gone: true,
            ..Tagged::default()
        };
        Ok(Change::write(()))
    };
    repo.change(&layout::tag(tag), Vec::new(), change).await
}
