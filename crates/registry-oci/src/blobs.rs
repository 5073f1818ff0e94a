//! Blobs: read, in whole or in part, and deleted.

use registry_core::digest::Digest;

use crate::{Answer, Call, error::unsupported};

impl Call<'_> {
    /// A blob, whole or in part.
    pub(crate) async fn blob(&self, _digest: &Digest) -> Answer {
        unsupported()
    }

    /// Takes a blob from its repository.
    pub(crate) async fn delete_blob(&self, _digest: &Digest) -> Answer {
        unsupported()
    }
}
