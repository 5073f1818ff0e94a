//! What is read: a function for each resource.

use http::{HeaderValue, StatusCode};
use registry_core::{Body, digest::Digest, protocol};

use crate::{
    Answer, Call, Reference, RepositoryName,
    error::unsupported,
    route::{Page, TokenRequest},
};

/// The digest of what is sent, whatever it was asked for by.
pub(crate) const DOCKER_CONTENT_DIGEST: &str = "docker-content-digest";

impl Call<'_> {
    /// A sign of life. Older clients look for the version.
    pub(crate) fn ping(&self) -> Answer {
        let mut response = protocol::json(StatusCode::OK, &serde_json::json!({}))?;
        let version = HeaderValue::from_static("registry/2.0");
        let headers = response.headers_mut();
        headers.insert("docker-distribution-api-version", version);
        Ok(response)
    }

    pub(crate) async fn token(&self, _request: TokenRequest) -> Answer {
        unsupported()
    }

    pub(crate) async fn token_form(&self, _body: Body) -> Answer {
        unsupported()
    }

    pub(crate) async fn catalog(&self, _page: Page) -> Answer {
        unsupported()
    }

    pub(crate) async fn tags(&self, _name: &RepositoryName, _page: Page) -> Answer {
        unsupported()
    }

    pub(crate) async fn manifest(&self, _reference: &Reference) -> Answer {
        unsupported()
    }

    pub(crate) async fn referrers(
        &self,
        _subject: &Digest,
        _artifact_type: Option<&str>,
        _page: Page,
    ) -> Answer {
        unsupported()
    }
}
