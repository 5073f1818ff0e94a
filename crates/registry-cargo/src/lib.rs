//! The Cargo registry protocol: a sparse index, crate files, and the web API of cargo.
//!
//! [`Cargo`] implements [`Protocol`]: mounted in a registry of `registry-core`, it hosts crates for
//! unmodified clients.

pub mod document;
pub mod error;
mod layout;
mod me;
pub mod name;
pub mod publish;
mod read;
pub mod route;
pub mod tarball;
pub mod version;
mod view;
pub mod wire;

use http::{HeaderMap, Method, Request, Response};
use registry_core::{
    Body,
    auth::{Access, Action, Granted, Writer},
    protocol::{BaseUrl, Context, Protocol},
    storage::Key,
    store::{Catalog, Fold, Named, RawDocument, Subject},
};
use serde_json::value::RawValue;

pub use error::Error;
pub use name::CrateName;
pub use route::Route;
pub use version::Version;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct CargoConfig {
    /// The most bytes of a crate file.
    pub max_crate: u64,
    /// What the metadata of a publish may hold.
    pub metadata: publish::Limits,
    /// What a crate file may unpack to.
    pub unpacked: tarball::Limits,
    /// Whether only a crate's owners, beside administrators, may change it.
    pub owners_enforced: bool,
}

impl Default for CargoConfig {
    fn default() -> Self {
        Self {
            max_crate: 10 << 20,
            metadata: publish::Limits::default(),
            unpacked: tarball::Limits::default(),
            owners_enforced: false,
        }
    }
}

/// The Cargo registry protocol.
#[derive(Clone, Debug, Default)]
pub struct Cargo {
    config: CargoConfig,
}

impl Cargo {
    /// The protocol with an operator's settings.
    pub fn new(config: CargoConfig) -> Self {
        Self { config }
    }
}

impl Catalog for Cargo {
    fn fold(&self) -> Box<dyn Fold> {
        Box::new(view::Crates::default())
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        layout::subject(key).map(Subject::only)
    }

    fn entry(&self, _: &str, document: &RawDocument) -> registry_core::Result<Box<RawValue>> {
        view::entry(document)
    }

    fn named(&self, document: &RawDocument) -> registry_core::Result<Named> {
        let entries = document.entries.values();
        let stored: Result<_, _> = entries
            .map(|entry| document::Entry::parse(entry)?.stored())
            .collect();
        Ok(Named::bytes(stored?))
    }
}

impl Protocol for Cargo {
    const NAME: &'static str = "cargo";
    const RESOURCE: &'static str = "crate";
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
        Ok(Route::parse(method, path, query)?)
    }

    fn label(route: &Route) -> &'static str {
        route.label()
    }

    fn access(&self, route: &Route) -> Access {
        let (action, name) = match route {
            Route::Index(name) | Route::Download(name, _) | Route::Owners(name) => {
                (Action::Read, name)
            }
            Route::Yank { name, .. } | Route::ChangeOwners { name, .. } => (Action::Write, name),
            Route::Publish => return Access::Deferred,
            Route::Config | Route::Search(_) => return Access::Listing,
            Route::Me | Route::MakeToken => return Access::Public,
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

    fn render(&self, error: &Error, context: &Context) -> Response<Body> {
        error::render(error, &context.base)
    }

    fn cause(error: &Error) -> &registry_core::Error {
        error.cause()
    }

    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String {
        let token = token.unwrap_or("TOKEN");
        format!(
            "cat >> ~/.cargo/config.toml <<'END'\n\
             [registries.registry]\n\
             index = \"sparse+{base}/\"\n\
             credential-provider = \"cargo:token\"\n\
             END\n\
             echo {token} | cargo login --registry registry"
        )
    }
}

/// A request on its way through the protocol's rooms.
struct Call<'a> {
    config: &'a CargoConfig,
    method: &'a Method,
    headers: &'a HeaderMap,
    context: &'a Context,
    granted: &'a Granted,
}

type Answer = Result<Response<Body>, Error>;

impl Call<'_> {
    async fn dispatch(&self, route: Route, body: Body) -> Answer {
        match route {
            Route::Config => self.config_json().await,
            Route::Index(name) => self.index(name).await,
            Route::Download(name, version) => self.download(&name, &version).await,
            Route::Publish => self.publish(body).await,
            Route::Yank {
                name,
                version,
                yanked,
            } => self.yank(name, version, yanked).await,
            Route::Owners(name) => self.owners(&name).await,
            Route::ChangeOwners { name, add } => self.change_owners(name, add, body).await,
            Route::Search(query) => self.search(query).await,
            Route::Me => self.me(),
            Route::MakeToken => self.make_token(body).await,
        }
    }

    /// Who asks, for checks within a change.
    fn writer(&self) -> Writer {
        self.granted.writer(self.config.owners_enforced)
    }

    /// What time it is, as the index tells it.
    fn now(&self) -> String {
        format!("{:.0}", self.context.clock.now())
    }
}
