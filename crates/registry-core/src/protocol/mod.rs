//! What a protocol is, and the one way a request takes through it.

mod asked;
mod context;
mod handler;
mod page;
mod respond;
mod service;

use std::{fmt::Debug, future::Future};

use http::{HeaderMap, Method, Request, Response};

pub use self::{
    asked::{Asked, segments},
    context::{BaseUrl, Connection, Context, InvalidBaseUrl, RequestId, Shown},
    handler::{Handled, MadeBy, ProtocolHandler},
    page::{Form, escape, login_page, page, read_login},
    respond::{
        Artifact, Reason, accepts_gzip, empty, immutable, json, none_match, read_json,
        read_json_if_any, rendered, revalidated, serve, serve_artifact,
    },
    service::{Builder, Mount, Options, RegistryService},
};
pub use crate::clock::Clock;
use crate::{
    auth::{Access, Granted},
    body::Body,
    error::Error,
    store::Catalog,
};

/// A package protocol: what it adds to the one pipeline.
///
/// The core parses nothing, authenticates once, authorizes once and renders every failure; a
/// protocol says how its routes look, what each of them needs, does the work and knows the form of
/// its errors.
pub trait Protocol: Catalog + Sized {
    /// Its name, which is also that of its default mount.
    const NAME: &'static str;
    /// Its word for a resource, in scopes and messages.
    const RESOURCE: &'static str;
    /// Whether what a known user may not read is as if it were not there: some clients look in no other
    /// registry once they were told that they may not.
    const HIDES: bool;
    /// Its routes.
    type Route: Debug + Send + Sync;
    /// Its errors.
    type Error: From<Error> + Send;

    /// Which route a request takes. Pure. `path` begins with a slash, has the mount's prefix
    /// removed and is not decoded.
    ///
    /// # Errors
    /// When there is no such route, or it does not take the method.
    fn route(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self::Route, Self::Error>;

    /// What a route is called in logs and metrics.
    fn label(route: &Self::Route) -> &'static str;

    /// What a route needs. Pure.
    fn access(&self, route: &Self::Route) -> Access;

    /// Does the work.
    fn call(
        &self,
        route: Self::Route,
        request: Request<Body>,
        context: &Context,
        granted: &Granted,
    ) -> impl Future<Output = Result<Response<Body>, Self::Error>> + Send;

    /// What the names of its resources begin with for clients, where that is more than the names:
    /// messages call them so.
    fn prefix(&self) -> &str {
        ""
    }

    /// An error as this protocol's clients read it. What was asked for and shown stands in the
    /// context.
    fn render(&self, error: &Self::Error, context: &Context) -> Response<Body>;

    /// The core's error within one of the protocol's, for the log.
    fn cause(error: &Self::Error) -> &Error;

    /// The lines that a user pastes into a client to use this registry at `base`, with
    /// `token` in them if there is one.
    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String;
}
