//! Tags that are set.

use futures_util::{StreamExt, TryStreamExt, stream};
use registry_core::{
    digest::Digest,
    store::{Change, Document, Repo},
};

use crate::{Tag, document::Tagged, error::Result, layout};

/// How many tags are set together.
const AT_ONCE: usize = 16;

/// Points tags at one life of a manifest.
pub(super) async fn set(
    repo: &Repo,
    digest: &Digest,
    incarnation: &str,
    tags: Vec<Tag>,
    now: &str,
) -> Result<()> {
    let tagged = Tagged {
        digest: Some(digest.clone()),
        manifest: incarnation.to_owned(),
        gone: false,
        pushed: now.to_owned(),
    };
    let all = tags.into_iter();
    let all: Vec<_> = all.map(|tag| set_one(repo, tag, tagged.clone())).collect();
    stream::iter(all)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn set_one(repo: &Repo, tag: Tag, tagged: Tagged) -> Result<()> {
    let change = move |document: &mut Document<Tagged>| -> Result<_> {
        if document.head.target() == tagged.target() {
            return Ok(Change::keep(()));
        }
        document.head = tagged.clone();
        Ok(Change::write(()))
    };
    repo.change(&layout::tag(&tag), Vec::new(), change).await
}
