//! What is read: a function for each route that only looks.

mod api;
mod compact;
mod files;
mod lists;

use http::{HeaderValue, Response, header};
use registry_core::{Body, Error as CoreError};

use crate::Error;

/// An answer of plain text.
pub(crate) fn text(text: impl Into<String>) -> Response<Body> {
    typed(text, "text/plain; charset=utf-8")
}

/// An answer of a text of some type.
pub(crate) fn typed(text: impl Into<String>, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// The refusal of what clients asked before there was the compact index.
pub(crate) fn no_dependencies() -> Error {
    let message = "The dependency API has gone away. Use a client that reads the compact index: \
        Bundler 1.12 or later.";
    CoreError::not_found(message).into()
}
