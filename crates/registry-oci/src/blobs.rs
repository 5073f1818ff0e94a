//! Blobs: read, in whole or in part, and deleted.

use http::{HeaderValue, Method, StatusCode, header};
use registry_core::{
    auth::Action,
    digest::Digest,
    protocol::{self, Artifact},
};

use crate::{
    Answer, Call, Error, RepositoryName,
    error::{Code, Result},
    read::DOCKER_CONTENT_DIGEST,
};

/// The media type of every blob: what it is only its manifest knows.
const CONTENT_TYPE: &str = "application/octet-stream";
/// Bytes that a digest names never change.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");

impl Call<'_> {
    /// A blob, whole or in part (end-2).
    pub(crate) async fn blob(&self, name: &RepositoryName, digest: &Digest) -> Answer {
        let repo = self.granted.repo()?;
        let head = *self.method == Method::HEAD;
        let blob = if head {
            repo.blob(digest).await?
        } else {
            repo.readable_blob(digest).await?
        };
        let blob = blob.ok_or_else(|| unknown(digest))?;
        // Who may push and is told that it is here need not send it.
        if head
            && self.granted.may(name.as_str(), Action::Write).await?
            && !repo.renew_blob(&blob).await?
        {
            return Err(unknown(digest));
        }
        let tag = digest.text();
        let artifact = Artifact {
            tag: &tag,
            size: blob.size(),
            content_type: CONTENT_TYPE,
            modified: None,
        };
        let open = |range, head| repo.open_blob(&blob, range, head);
        let served = protocol::serve_artifact(artifact, self.method, self.headers, open).await;
        let mut response = served.map_err(|error| match error.kind() {
            registry_core::ErrorKind::NotFound => unknown(digest),
            _ => error.into(),
        })?;
        let headers = response.headers_mut();
        let digest = HeaderValue::try_from(tag).map_err(registry_core::Error::internal)?;
        headers.insert(DOCKER_CONTENT_DIGEST, digest);
        headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
        Ok(response)
    }

    /// Takes a blob from its repository; others that hold it keep it (end-10).
    pub(crate) async fn delete_blob(&self, digest: &Digest) -> Answer {
        if !self.granted.repo()?.remove_blob(digest).await? {
            return Err(unknown(digest));
        }
        Ok(protocol::empty(StatusCode::ACCEPTED))
    }
}

fn unknown(digest: &Digest) -> Error {
    Error::new(
        Code::BlobUnknown,
        format!("the repository has no blob {digest}"),
    )
}

/// A digest as a header's value.
pub(crate) fn header_of(digest: &Digest) -> Result<HeaderValue> {
    let value = HeaderValue::try_from(digest.text());
    Ok(value.map_err(registry_core::Error::internal)?)
}
