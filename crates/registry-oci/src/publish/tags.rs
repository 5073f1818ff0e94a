//! Tags that are set.

use futures_util::{StreamExt, TryStreamExt, stream};
use registry_core::{
    Error as CoreError, ErrorKind,
    digest::Digest,
    store::{Change, Document, Repo},
};

use crate::{
    Tag,
    document::{Manifest, Tagged},
    error::Result,
    layout,
};

/// How many tags are set together.
const AT_ONCE: usize = 16;

/// A manifest, and which life of it.
pub(super) type Target = (Digest, String);

/// What a tag names, be it there or not.
pub(super) async fn target(repo: &Repo, tag: &Tag) -> Result<Option<Target>> {
    let head = repo.head::<Tagged>(&layout::tag(tag)).await?;
    Ok(head.and_then(|head| owned(head.target())))
}

/// Whether it is there.
pub(super) async fn is_alive(repo: &Repo, target: Option<&Target>) -> Result<bool> {
    let Some((digest, life)) = target else {
        return Ok(false);
    };
    let head = repo.head::<Manifest>(&layout::manifest(digest)).await?;
    Ok(head.is_some_and(|head| head.is_alive() && head.incarnation == *life))
}

fn owned(target: Option<(&Digest, &str)>) -> Option<Target> {
    target.map(|(digest, life)| (digest.clone(), life.to_owned()))
}

/// Points tags at one life of a manifest; if `before` is something, then only while that is what they
/// name.
pub(super) async fn set(
    repo: &Repo,
    digest: &Digest,
    incarnation: &str,
    tags: Vec<Tag>,
    before: Option<Option<Target>>,
    now: &str,
) -> Result<()> {
    let tagged = Tagged {
        digest: Some(digest.clone()),
        manifest: incarnation.to_owned(),
        gone: false,
        pushed: now.to_owned(),
    };
    let all = tags.into_iter();
    let all: Vec<_> = all
        .map(|tag| set_one(repo, tag, tagged.clone(), before.clone()))
        .collect();
    stream::iter(all)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn set_one(
    repo: &Repo,
    tag: Tag,
    tagged: Tagged,
    before: Option<Option<Target>>,
) -> Result<()> {
    let change = move |document: &mut Document<Tagged>| -> Result<_> {
        if document.head.target() == tagged.target() {
            return Ok(Change::keep(()));
        }
        // Whoever pushed the manifest after it was deleted meanwhile was told that the tag names it.
        let later = |(digest, life): (&Digest, &str)| {
            tagged.digest.as_ref() == Some(digest) && *life > *tagged.manifest
        };
        if document.head.target().is_some_and(later) {
            return Ok(Change::keep(()));
        }
        let now = || owned(document.head.target());
        if before.as_ref().is_some_and(|before| *before != now()) {
            let message = "the tag was moved meanwhile; look at what it names and repeat";
            return Err(CoreError::new(ErrorKind::PreconditionFailed, message).into());
        }
        document.head = tagged.clone();
        Ok(Change::write(()))
    };
    repo.change(&layout::tag(&tag), Vec::new(), change).await
}
