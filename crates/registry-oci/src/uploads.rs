//! Uploads: begun, continued, ended; and blobs mounted from other repositories.

use registry_core::{
    Body,
    digest::{Algorithm, Digest},
};

use crate::{Answer, Call, RepositoryName, error::unsupported};

/// What an upload begins with.
pub(crate) struct Begin {
    /// What the body is, when the request brings the whole blob.
    pub(crate) digest: Option<Digest>,
    /// The blob that another repository holds already.
    pub(crate) mount: Option<Digest>,
    /// The repository to take it from.
    pub(crate) from: Option<RepositoryName>,
    /// What the blob's digest will be made with.
    pub(crate) algorithm: Option<Algorithm>,
}

impl Call<'_> {
    /// Begins an upload, takes a whole blob in, or mounts one.
    pub(crate) async fn begin_upload(
        &self,
        _name: &RepositoryName,
        _begin: Begin,
        _body: Body,
    ) -> Answer {
        unsupported()
    }

    /// How far an upload is.
    pub(crate) async fn upload(&self, _name: &RepositoryName, _id: &str) -> Answer {
        unsupported()
    }

    /// Takes more bytes in.
    pub(crate) async fn append_upload(
        &self,
        _name: &RepositoryName,
        _id: &str,
        _body: Body,
    ) -> Answer {
        unsupported()
    }

    /// Takes the last bytes in, and makes a blob of them all.
    pub(crate) async fn finish_upload(
        &self,
        _name: &RepositoryName,
        _id: &str,
        _digest: &Digest,
        _body: Body,
    ) -> Answer {
        unsupported()
    }

    /// Ends an upload without a blob.
    pub(crate) async fn cancel_upload(&self, _name: &RepositoryName, _id: &str) -> Answer {
        unsupported()
    }
}
