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
    /// Makes sure that what a manifest names is there, as far as the operator wants that, and of the
    /// size that it says; and keeps its blobs from being collected.
    pub(super) async fn check_references(&self, manifest: &Manifest) -> Result<Hold> {
        let repo = self.granted.repo()?;
        let hold = repo.hold(&manifest.blobs()).await?;
        let named = manifest.named.iter();
        // A list of futures, since the compiler cannot follow a closure through an await.
        let look: Vec<_> = named
            .clone()
            .map(|named| size(repo, named, hold.size(&named.digest)))
            .collect();
        let look = stream::iter(look).buffered(AT_ONCE);
        let sizes: Vec<Option<u64>> = look.try_collect().await?;
        let found = named.zip(&sizes);
        let missing = found.clone().filter(|(named, size)| match named.what {
            What::Manifest | What::Either | What::Blob => size.is_none(),
            What::Elsewhere | What::Subject => false,
        });
        let missing = Missing(missing.map(|(named, _)| named.digest.clone()).collect());
        if let Some(error) = missing.into_error()
            && !self.may_be_sparse(manifest.kind)
        {
            return Err(error);
        }
        for (named, size) in found {
            check_size(named, *size)?;
        }
        Ok(hold)
    }

    fn may_be_sparse(&self, kind: Kind) -> bool {
        match self.config.sparse {
            Sparse::None => false,
            Sparse::Index => kind == Kind::Index,
            Sparse::All => true,
        }
    }
}

/// The size of what a manifest names, if it is there; that of a blob of its digest is known.
async fn size(repo: &Repo, named: &Named, blob: Option<u64>) -> Result<Option<u64>> {
    match named.what {
        What::Manifest | What::Subject => {}
        What::Either if blob.is_none() => {}
        What::Either | What::Blob | What::Elsewhere => return Ok(blob),
    }
    let file = layout::manifest(&named.digest);
    let head = repo.head::<document::Manifest>(&file).await?;
    Ok(head.filter(|head| head.is_alive()).map(|head| head.size))
}

/// Refuses a manifest by which something has another size than it has: clients take what they are
/// told for how much to fetch.
fn check_size(named: &Named, held: Option<u64>) -> Result<()> {
    let Some(held) = held else { return Ok(()) };
    let Some(said) = named.sizes.iter().find(|said| **said != held) else {
        return Ok(());
    };
    let digest = &named.digest;
    let message = format!("the manifest says that {digest} has {said} bytes, and it has {held}");
    Err(Error::new(Code::ManifestInvalid, message))
}

/// What a manifest names that is not there.
pub(super) struct Missing(Vec<Digest>);

impl Missing {
    /// What a manifest cannot do without, of the blobs that are lost.
    pub(super) fn of(manifest: &Manifest, lost: &[Digest]) -> Self {
        let needed = manifest.digests(|what| what == What::Blob || what == What::Either);
        let lost: HashSet<&Digest> = lost.iter().collect();
        Self(
            needed
                .into_iter()
                .filter(|digest| lost.contains(digest))
                .collect(),
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn digests(&self) -> &[Digest] {
        &self.0
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
