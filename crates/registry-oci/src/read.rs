//! What is read: a file for each resource. Blobs have a room of their own.

mod lists;
mod manifests;
mod referrers;

use http::{HeaderValue, StatusCode};
use registry_core::{
    Error as CoreError,
    auth::Action,
    protocol::{self, Shown},
};

pub(crate) use self::manifests::unknown_manifest;
use crate::{Answer, Call, Code, Error, route::Page};

/// The digest of what is sent, whatever it was asked for by.
pub(crate) const DOCKER_CONTENT_DIGEST: &str = "docker-content-digest";

impl Call<'_> {
    /// A sign of life. Clients ask here whether they need credentials at all: whoever is told that
    /// they do not will never send any, so nobody is told that who may not do everything.
    pub(crate) async fn ping(&self) -> Answer {
        let known = self.granted.identity().user.is_some();
        let known = known || self.context.shown == Shown::AccessToken;
        if !known && !self.granted.may("*", Action::Write).await? {
            let message = "this registry wants to know who asks: log in";
            return Err(Error::new(Code::Unauthorized, message));
        }
        let mut response = protocol::json(StatusCode::OK, &serde_json::json!({}))?;
        // Older clients look for the version.
        let version = HeaderValue::from_static("registry/2.0");
        let headers = response.headers_mut();
        headers.insert("docker-distribution-api-version", version);
        Ok(response)
    }

    /// The link to the part of a list that follows `last`. `query` is what is asked for beside
    /// that, written as a query is.
    fn next(&self, path: &str, page: &Page, last: &str, query: &str) -> Result<HeaderValue, Error> {
        let mut to = form_urlencoded::Serializer::new(query.to_owned());
        to.append_pair("last", last);
        if let Some(n) = page.n {
            to.append_pair("n", &n.to_string());
        }
        let query = to.finish();
        let link = format!("<{}?{query}>; rel=\"next\"", self.address(path));
        Ok(HeaderValue::try_from(link).map_err(CoreError::internal)?)
    }
}
