//! The Composer repository protocol, version 2, as Composer speaks it, and uploads as those speak it who
//! publish: Composer itself has no word for that.
//!
//! [`Composer`] implements [`Protocol`]: mounted in a registry of `registry-core`, it hosts packages of
//! PHP for unmodified clients.

pub mod advisory;
pub mod archive;
pub mod composer_json;
pub mod constraint;
pub mod document;
pub mod error;
mod layout;
pub mod minify;
pub mod name;
mod publish;
mod read;
pub mod route;
pub mod version;
mod view;
pub mod wire;

use std::time::Duration;

use http::{HeaderMap, Method, Request, Response};
use registry_core::{
    Body, Error,
    auth::{Access, Granted},
    protocol::{BaseUrl, Context, Protocol},
    storage::Key,
    store::{Catalog, Fold, Named, RawDocument, Subject},
};
use serde_json::value::RawValue;

pub use name::PackageName;
pub use route::Route;
pub use version::Version;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct ComposerConfig {
    /// The most bytes of a zip.
    pub max_zip: u64,
    /// What a zip may unpack to, and how large its `composer.json` may be.
    pub zip: archive::Limits,
    /// How many bytes of a zip are held in memory until its `composer.json` was seen, where its address
    /// does not say of which package it is.
    pub max_held: usize,
    /// How long a zip is kept for lock files after its branch moved on, or was deleted.
    pub keep_replaced: Duration,
}

impl Default for ComposerConfig {
    fn default() -> Self {
        Self {
            max_zip: 1 << 30,
            zip: archive::Limits::default(),
            max_held: 16 << 20,
            keep_replaced: Duration::from_secs(365 * 24 * 60 * 60),
        }
    }
}

/// The Composer repository protocol.
#[derive(Clone, Debug, Default)]
pub struct Composer {
    config: ComposerConfig,
}

impl Composer {
    /// The protocol with an operator's settings.
    pub fn new(config: ComposerConfig) -> Self {
        Self { config }
    }
}

impl Catalog for Composer {
    fn fold(&self) -> Box<dyn Fold> {
        Box::new(view::Packages::default())
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        layout::subject(key).map(Subject::only)
    }

    fn entry(&self, name: &str, document: &RawDocument) -> registry_core::Result<Box<RawValue>> {
        view::entry(name, document)
    }

    fn named(&self, document: &RawDocument) -> registry_core::Result<Named> {
        let all = document::dists(&document.entries);
        let stored: Result<_, _> = all
            .map(|(_, dist)| Ok(document::Dist::parse(dist)?.stored()))
            .collect();
        stored.map(Named::bytes)
    }
}

impl Protocol for Composer {
    const NAME: &'static str = "composer";
    const RESOURCE: &'static str = "package";
    const HIDES: bool = true;
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
        let Some((action, name)) = route.about() else {
            return match route {
                Route::Upload(_) => Access::Deferred,
                _ => Access::Listing,
            };
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

    fn render(&self, error: &Error, _: &Context) -> Response<Body> {
        error::render(error)
    }

    fn cause(error: &Error) -> &registry_core::Error {
        error
    }

    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String {
        let token = token.unwrap_or("TOKEN");
        let (_, place) = base.as_str().split_once("//").unwrap_or(("", ""));
        let (host, path) = place.split_once('/').unwrap_or((place, "registry"));
        // Two repositories of one name would take each other's place.
        let name = path.replace('/', "-");
        let insecure = if base.as_str().starts_with("http:") {
            "composer config secure-http false\n"
        } else {
            ""
        };
        format!(
            "# in the project's folder\n\
             composer config repositories.{name} composer {base}\n\
             {insecure}\
             composer config --global --auth http-basic.{host} token {token}\n\
             curl -u token:{token} -T package.zip \"{base}/packages/VENDOR/PACKAGE?version=1.0.0\""
        )
    }
}

/// A request on its way through the protocol's rooms.
struct Call<'a> {
    config: &'a ComposerConfig,
    method: &'a Method,
    headers: &'a HeaderMap,
    context: &'a Context,
    granted: &'a Granted,
}

type Answer = Result<Response<Body>, Error>;

impl Call<'_> {
    async fn dispatch(&self, route: Route, body: Body) -> Answer {
        match route {
            Route::Root => self.root().await,
            Route::Metadata { name, branches } => self.metadata(name, branches).await,
            Route::Page(name) => self.page(name).await,
            Route::List(query) => self.list(&query).await,
            Route::Search(search) => self.search(&search).await,
            Route::Providers(name) => self.providers(&name).await,
            Route::Dist(name, reference) => self.dist(&name, &reference).await,
            Route::Downloads => self.downloads(body).await,
            Route::Advisories(query) => self.advisories(query, body).await,
            Route::ChangeAdvisory {
                name,
                id,
                put: true,
            } => self.put_advisory(name, id, body).await,
            Route::ChangeAdvisory {
                name,
                id,
                put: false,
            } => self.delete_advisory(name, id).await,
            Route::Upload(upload) => self.upload(upload, body).await,
            Route::Delete {
                name,
                version,
                purge,
            } => self.delete(name, version.as_deref(), purge).await,
            Route::Abandon {
                name,
                abandoned: true,
            } => self.abandon(name, body).await,
            Route::Abandon {
                name,
                abandoned: false,
            } => self.unabandon(name).await,
        }
    }

    /// What time it is, in seconds since 1970.
    fn seconds(&self) -> u64 {
        u64::try_from(self.context.clock.now().as_second()).unwrap_or_default()
    }

    /// What time it is, in the form that Composer writes.
    fn time(&self) -> String {
        let now = self.context.clock.now();
        now.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
    }
}
