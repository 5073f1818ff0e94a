//! The OCI distribution protocol, as docker, podman, containerd, crane, oras and helm speak it.
//!
//! [`Oci`] implements [`Protocol`]: mounted in a registry of `registry-core`, it hosts container
//! images and other artifacts for unmodified clients.

mod blobs;
pub mod document;
pub mod error;
mod layout;
pub mod name;
mod publish;
mod read;
pub mod route;
mod token;
mod uploads;
mod view;
pub mod wire;

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, Method, Request, Response};
use registry_core::{
    Body,
    auth::{Access, Action, Granted},
    protocol::{BaseUrl, Context, Protocol},
    storage::Key,
    store::{Catalog, Fold, Named, RawDocument, Subject},
};
use serde_json::value::RawValue;

pub use error::{Code, Error};
pub use name::{Reference, RepositoryName, Tag};
pub use route::Route;

/// Which manifests may name what their repository does not hold. What is published for one's own
/// use is whole; a mirror may want only a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sparse {
    /// None.
    #[default]
    None,
    /// Indexes, which name manifests.
    Index,
    /// All, so that an image's blobs may be missing too.
    All,
}

/// By which scheme clients are asked to say who they are. Either is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// By a token that they fetch first, so that who has no credentials can fetch one too.
    #[default]
    Bearer,
    /// By a name and password in every request.
    Basic,
}

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct OciConfig {
    /// Which manifests may name what their repository does not hold.
    pub sparse: Sparse,
    /// By which scheme clients are asked to say who they are.
    pub auth: Challenge,
    /// The most bytes of a manifest; the specification asks for 4 MiB at least.
    pub max_manifest: usize,
    /// The most bytes of a blob.
    pub max_blob: u64,
    /// The mounts of this protocol that lie below this one's path: the part of the path that comes
    /// after it, by which the names of their repositories begin for clients, and the mount's name.
    /// Clients look for the token endpoint at `/v2/` alone, so that it gives tokens for all.
    pub beside: BTreeMap<String, String>,
    /// Where this mount itself lies below `/v2`, what its repositories' names begin with for
    /// clients, with the slash: `mirror/` for one at `/v2/mirror`.
    pub prefix: String,
}

impl Default for OciConfig {
    fn default() -> Self {
        Self {
            sparse: Sparse::default(),
            auth: Challenge::default(),
            max_manifest: 4 << 20,
            max_blob: 100 << 30,
            beside: BTreeMap::new(),
            prefix: String::new(),
        }
    }
}

/// The OCI distribution protocol.
#[derive(Clone, Debug, Default)]
pub struct Oci {
    config: OciConfig,
}

impl Oci {
    /// The protocol with an operator's settings.
    pub fn new(config: OciConfig) -> Self {
        Self { config }
    }
}

impl Catalog for Oci {
    fn fold(&self) -> Box<dyn Fold> {
        Box::new(view::Repositories::default())
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        layout::subject(key)
    }

    fn entry(&self, name: &str, document: &RawDocument) -> registry_core::Result<Box<RawValue>> {
        view::entry(name, document)
    }

    fn named(&self, document: &RawDocument) -> registry_core::Result<Named> {
        Ok(Named {
            blobs: document.typed::<document::Manifest>()?.head.blobs,
            contents: document::contents(document)?,
            ..Named::default()
        })
    }
}

impl Protocol for Oci {
    const NAME: &'static str = "oci";
    const RESOURCE: &'static str = "repository";
    const HIDES: bool = false;
    type Route = Route;
    type Error = Error;

    fn route(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        _: &HeaderMap,
    ) -> Result<Route, Error> {
        Route::parse(method, path, query)
    }

    fn label(route: &Route) -> &'static str {
        route.label()
    }

    fn access(&self, route: &Route) -> Access {
        let (action, name) = match route {
            Route::Ping => return Access::Anyone,
            Route::Token(..) | Route::TokenForm => return Access::Public,
            Route::Catalog(..) => return Access::Listing,
            Route::Tags { name, .. }
            | Route::Manifest { name, .. }
            | Route::Referrers { name, .. }
            | Route::Blob { name, .. } => (Action::Read, name),
            Route::PutManifest { name, .. }
            | Route::BeginUpload { name, .. }
            | Route::Upload { name, .. }
            | Route::AppendUpload { name, .. }
            | Route::FinishUpload { name, .. }
            | Route::CancelUpload { name, .. } => (Action::Write, name),
            Route::DeleteManifest { name, .. } | Route::DeleteBlob { name, .. } => {
                (Action::Delete, name)
            }
        };
        layout::resource(name).map_or(Access::Identity, |of| Access::To(action, of))
    }

    async fn call(
        &self,
        route: Route,
        request: Request<Body>,
        context: &Context,
        granted: &Granted,
    ) -> Result<Response<Body>, Error> {
        let (parts, body) = request.into_parts();
        let call = Call {
            config: &self.config,
            method: &parts.method,
            headers: &parts.headers,
            context,
            granted,
        };
        call.dispatch(route, body).await
    }

    fn prefix(&self) -> &str {
        &self.config.prefix
    }

    fn render(&self, error: &Error, context: &Context) -> Response<Body> {
        error::render(error, token::challenge(&self.config, error, context))
    }

    fn cause(error: &Error) -> &registry_core::Error {
        error.cause()
    }

    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String {
        let (scheme, place) = base.as_str().split_once("//").unwrap_or_default();
        let host = place.split('/').next().unwrap_or_default();
        let image = format!("{host}/{}NAME:TAG", self.config.prefix);
        let token = token.unwrap_or("TOKEN");
        // docker asks the host itself whether it speaks TLS, if it is this machine.
        let (plain, plain_to) = match scheme {
            "http:" => (" --tls-verify=false", " --dest-tls-verify=false"),
            _ => ("", ""),
        };
        format!(
            "echo {token} | docker login -u token --password-stdin {host}\n\
             docker push {image}\n\
             echo {token} | podman login{plain} -u token --password-stdin {host}\n\
             podman push{plain} {image}\n\
             skopeo copy --all{plain_to} docker://FROM/NAME:TAG docker://{image}"
        )
    }
}

/// A request on its way through the protocol's rooms.
struct Call<'a> {
    config: &'a OciConfig,
    method: &'a Method,
    headers: &'a HeaderMap,
    context: &'a Context,
    granted: &'a Granted,
}

type Answer = Result<Response<Body>, Error>;

impl Call<'_> {
    /// What time it is, ISO 8601.
    fn now(&self) -> String {
        format!("{:.3}", self.context.clock.now())
    }

    async fn dispatch(&self, route: Route, body: Body) -> Answer {
        match route {
            Route::Ping => self.ping().await,
            Route::Token(request) => self.token(request).await,
            Route::TokenForm => self.token_form(body).await,
            Route::Catalog(page) => self.catalog(page).await,
            Route::Tags { name, page } => self.tags(&name, page).await,
            Route::Manifest { reference, .. } => self.manifest(&reference).await,
            Route::PutManifest {
                name,
                reference,
                tags,
            } => self.put_manifest(&name, reference, tags, body).await,
            Route::DeleteManifest { reference, .. } => self.delete_manifest(&reference).await,
            Route::Referrers {
                name,
                digest,
                artifact_type,
                page,
            } => {
                let wanted = artifact_type.as_deref();
                self.referrers(&name, &digest, wanted, page).await
            }
            Route::Blob { name, digest } => self.blob(&name, &digest).await,
            Route::DeleteBlob { digest, .. } => self.delete_blob(&digest).await,
            Route::BeginUpload {
                name,
                digest,
                mount,
                from,
                algorithm,
            } => {
                let begin = uploads::Begin {
                    digest,
                    mount,
                    from,
                    algorithm,
                };
                self.begin_upload(&name, begin, body).await
            }
            Route::Upload { name, id } => self.upload(&name, &id).await,
            Route::AppendUpload { name, id } => self.append_upload(&name, &id, body).await,
            Route::FinishUpload { name, id, digest } => {
                self.finish_upload(&name, &id, &digest, body).await
            }
            Route::CancelUpload { name, id } => self.cancel_upload(&name, &id).await,
        }
    }

    /// What clients call a repository of this mount.
    fn called(&self, name: &RepositoryName) -> String {
        format!("{}{name}", self.config.prefix)
    }

    /// The address of a path below this mount, as the client sees it, without scheme and host: what
    /// stands before it may be a proxy that knows better.
    fn address(&self, path: &str) -> String {
        let base = self.context.base.as_str();
        let place = base.split_once("//").map_or(base, |(_, place)| place);
        let prefix = place.find('/').map_or("", |at| &place[at..]);
        format!("{prefix}{path}")
    }

    /// The same as a header's value.
    fn location(&self, path: &str) -> Result<HeaderValue, Error> {
        let value = HeaderValue::try_from(self.address(path));
        Ok(value.map_err(registry_core::Error::internal)?)
    }
}
