//! Manifests, by tag and by digest.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use registry_core::{
    Body, Error as CoreError, ErrorKind, Result as CoreResult,
    digest::Digest,
    protocol,
    store::{Document, Rendered},
};

use super::DOCKER_CONTENT_DIGEST;
use crate::{
    Answer, Call, Code, Error, Reference,
    blobs::header_of,
    document::{self, Tagged},
    error::Result,
    layout, wire,
};

/// The form of a manifest's document that is served: its text.
const FORM: &str = "manifest";

impl Call<'_> {
    /// A manifest, to the byte as it was pushed and with the type that it was pushed with, whatever
    /// the client says that it accepts.
    pub(crate) async fn manifest(&self, reference: &Reference) -> Answer {
        let (digest, form) = self.find(reference).await?;
        let mut response = protocol::empty(StatusCode::OK);
        let fields = response.headers_mut();
        fields.insert(DOCKER_CONTENT_DIGEST, header_of(&digest)?);
        fields.insert(header::ETAG, form.etag.clone());
        if protocol::none_match(self.headers, &form.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        let media_type = form.content_type.to_str().ok().and_then(wire::known);
        if let Some((media_type, _)) = media_type {
            let (file, size) = (layout::manifest(&digest), form.body.len() as u64);
            self.granted
                .repo()?
                .reading(&file, media_type, size)
                .await?;
        }
        fields.insert(header::CONTENT_TYPE, form.content_type.clone());
        fields.insert(header::CONTENT_LENGTH, form.body.len().into());
        if *self.method != Method::HEAD {
            *response.body_mut() = Body::from(form.body.clone());
        }
        Ok(response)
    }

    /// The manifest that a reference names, if it is there: its digest and its text.
    pub(crate) async fn find(&self, reference: &Reference) -> Result<(Digest, Arc<Rendered>)> {
        let repo = self.granted.repo()?;
        let (digest, life) = match reference {
            Reference::Digest(digest) => (digest.clone(), String::new()),
            Reference::Tag(tag) => {
                let head = repo.head::<Tagged>(&layout::tag(tag)).await?;
                let head = head.ok_or_else(unknown_manifest)?;
                let (digest, life) = head.target().ok_or_else(unknown_manifest)?;
                (digest.clone(), life.to_owned())
            }
        };
        let file = layout::manifest(&digest);
        let wanted = life.clone();
        let render = move |document: &Document<_>| render(document, &wanted);
        // A life is asked for as if it were an address, so that the form of it is kept apart.
        let form = repo.rendered(&file, FORM, &life, render).await;
        let form = form.map_err(|error| match error.kind() {
            ErrorKind::NotFound => unknown_manifest(),
            _ => error.into(),
        })?;
        Ok((digest, form.ok_or_else(unknown_manifest)?))
    }
}

/// There is no such manifest, or no longer.
pub(crate) fn unknown_manifest() -> Error {
    let message = "there is no such manifest in this repository";
    Error::new(Code::ManifestUnknown, message)
}

/// The text of a manifest; of one life of it, if `wanted` names one.
fn render(document: &Document<document::Manifest>, wanted: &str) -> CoreResult<Rendered> {
    let gone = || CoreError::not_found("the manifest is gone");
    let head = &document.head;
    if !head.is_alive() || !(wanted.is_empty() || wanted == head.incarnation) {
        return Err(gone());
    }
    let digest = head.digest.as_ref().ok_or_else(gone)?;
    let entry = document
        .entries
        .get(document::CONTENT)
        .ok_or_else(|| CoreError::internal(format!("the manifest {digest} has no text")))?;
    let header = |text: &str| HeaderValue::try_from(text).map_err(CoreError::internal);
    let etag = header(&format!("\"{digest}\""))?;
    let content_type = header(&head.media_type)?;
    let body = document::content(entry)?;
    Ok(Rendered::tagged(
        body,
        etag,
        content_type,
        document.modified,
    ))
}
