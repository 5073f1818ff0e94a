//! Whether what a manifest names is there.

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use registry_core::{
    digest::Digest,
    store::{Hold, Repo},
};

use crate::{
    Call, Sparse, document,
    error::{Code, Error, Result},
    layout,
    wire::{Kind, Manifest, Named, What},
};

/// How many manifests are looked for together.
const AT_ONCE: usize = 16;
/// The most digests that a refusal lists.
const TOLD: usize = 100;

impl Call<'_> {
    /// Makes sure that what a manifest names is there, as far as the operator wants that, and keeps
    /// its blobs from being collected.
    pub(super) async fn check_references(&self, manifest: &Manifest) -> Result<Hold> {
        let repo = self.granted.repo()?;
        let hold = repo
            .hold(&manifest.digests(|what| what != What::Manifest))
            .await?;
        let absent: HashSet<&Digest> = hold.missing().iter().collect();
        let needed = |named: &&Named| match named.what {
            What::Manifest => true,
            What::Either => absent.contains(&named.digest),
            What::Blob | What::Elsewhere => false,
        };
        let look = manifest.named.iter().filter(needed);
        // A list of futures, since the compiler cannot follow a closure through an await.
        let look: Vec<_> = look
            .map(|named| unless_alive(repo, &named.digest))
            .collect();
        let look = stream::iter(look).buffered(AT_ONCE);
        let absent_manifests: Vec<Option<Digest>> = look.try_collect().await?;
        let blobs = manifest.digests(|what| what == What::Blob).into_iter();
        let blobs = blobs.filter(|digest| absent.contains(digest));
        let missing = blobs.chain(absent_manifests.into_iter().flatten());
        let missing = Missing(missing.collect());
        match missing.into_error() {
            Some(error) if !self.may_be_sparse(manifest.kind) => Err(error),
            _ => Ok(hold),
        }
    }

    fn may_be_sparse(&self, kind: Kind) -> bool {
        match self.config.sparse {
            Sparse::None => false,
            Sparse::Index => kind == Kind::Index,
            Sparse::All => true,
        }
    }
}

/// The digest of a manifest that is not there.
async fn unless_alive(repo: &Repo, digest: &Digest) -> Result<Option<Digest>> {
    let file = layout::manifest(digest);
    let document = repo.document::<document::Manifest>(&file).await?;
    let alive = document.is_some_and(|document| document.head.is_alive());
    Ok((!alive).then(|| digest.clone()))
}

/// What a manifest names that is not there.
pub(super) struct Missing(Vec<Digest>);

impl Missing {
    /// What a manifest cannot do without, of the blobs that are lost.
    pub(super) fn of(manifest: &Manifest, lost: &[Digest]) -> Self {
        let needed = manifest.digests(|what| what == What::Blob || what == What::Either);
        Self(
            needed
                .into_iter()
                .filter(|digest| lost.contains(digest))
                .collect(),
        )
    }

    /// The refusal, if anything is missing.
    pub(super) fn into_error(self) -> Option<Error> {
        let (first, rest) = self.0.split_first()?;
        let more = match rest.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "the manifest names {first}{more}, which this repository does not hold; push that first"
        );
        let told: Vec<String> = self.0.iter().take(TOLD).map(Digest::to_string).collect();
        Some(Error::new(Code::ManifestBlobUnknown, message).detail(told.into()))
    }
}
