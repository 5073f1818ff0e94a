//! The RubyGems registry protocol: the compact index, gems, the Marshal indexes, and the web API of
//! `gem`.
//!
//! [`Rubygems`] implements [`Protocol`]: mounted in a registry of `registry-core`, it hosts gems for
//! unmodified clients.

pub mod compact;
pub mod document;
pub mod error;
pub mod gem;
mod layout;
pub mod marshal;
pub mod name;
pub mod platform;
pub mod publish;
mod read;
pub mod requirement;
pub mod route;
pub mod spec;
pub mod version;
mod view;
pub mod wire;
pub mod yaml;

use http::{HeaderMap, Method, Request, Response};
use registry_core::{
    Body, Error as CoreError, ErrorKind,
    auth::{Access, Action, Granted, Writer},
    protocol::{BaseUrl, Context, Protocol},
    storage::Key,
    store::{Catalog, Fold, Named, RawDocument, Subject},
};
use serde_json::value::RawValue;

pub use error::Error;
pub use name::GemName;
pub use platform::Platform;
pub use requirement::Requirement;
pub use route::Route;
pub use spec::Spec;
pub use version::Version;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct RubygemsConfig {
    /// The most bytes of a gem's file.
    pub max_gem: u64,
    /// What a gem's file may hold.
    pub gem: gem::Limits,
    /// Whether only a gem's owners, beside administrators, may change it.
    pub owners_enforced: bool,
}

impl Default for RubygemsConfig {
    fn default() -> Self {
        Self {
            max_gem: 500 << 20,
            gem: gem::Limits::default(),
            owners_enforced: false,
        }
    }
}

/// The RubyGems registry protocol.
#[derive(Clone, Debug, Default)]
pub struct Rubygems {
    config: RubygemsConfig,
}

impl Rubygems {
    /// The protocol with an operator's settings.
    pub fn new(config: RubygemsConfig) -> Self {
        Self { config }
    }
}

impl Catalog for Rubygems {
    fn fold(&self) -> Box<dyn Fold> {
        Box::new(view::Gems::default())
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        layout::subject(key).map(Subject::only)
    }

    fn entry(&self, _: &str, document: &RawDocument) -> registry_core::Result<Box<RawValue>> {
        view::entry(document, false)
    }

    fn entry_anew(&self, _: &str, document: &RawDocument) -> registry_core::Result<Box<RawValue>> {
        view::entry(document, true)
    }

    fn named(&self, document: &RawDocument) -> registry_core::Result<Named> {
        let mut stored = Vec::with_capacity(2 * document.entries.len());
        for entry in document.entries.values() {
            let entry = document::Entry::parse(entry)?;
            stored.extend([entry.gem.stored(), entry.quick.stored()]);
        }
        Ok(Named::bytes(stored))
    }
}

impl Protocol for Rubygems {
    const NAME: &'static str = "rubygems";
    const RESOURCE: &'static str = "gem";
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
            Route::Info(name)
            | Route::Page(name)
            | Route::Rows(name)
            | Route::Latest(name)
            | Route::VersionPage { name, .. }
            | Route::Owners(name, _) => (Action::Read, name),
            Route::ChangeOwners { name, .. } => (Action::Write, name),
            Route::Push | Route::Yank { .. } => return Access::Deferred,
            // Which gem a file is of, only the list of all gems can tell.
            Route::Versions
            | Route::Names
            | Route::Specs(_)
            | Route::Search(_)
            | Route::Quick(_)
            | Route::Gem(_) => return Access::Listing,
            Route::OldKey | Route::NewKey | Route::WidenKey | Route::Profile(_) => {
                return Access::Identity;
            }
            Route::Root | Route::Dependencies => return Access::Public,
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
        error.cause()
    }

    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String {
        let token = token.unwrap_or("TOKEN");
        format!(
            "gem sources --add {base}/\n\
             bundle init && bundle add my-gem --source {base}\n\
             GEM_HOST_API_KEY={token} gem push --host {base} my-gem-1.0.0.gem\n\
             # where reading needs a user: bundle config set {base}/ NAME:{token}"
        )
    }
}

/// A request on its way through the protocol's rooms.
struct Call<'a> {
    config: &'a RubygemsConfig,
    method: &'a Method,
    headers: &'a HeaderMap,
    context: &'a Context,
    granted: &'a Granted,
}

type Answer = Result<Response<Body>, Error>;

impl Call<'_> {
    async fn dispatch(&self, route: Route, body: Body) -> Answer {
        match route {
            Route::Root => Ok(read::text("This is a registry of gems.\n")),
            Route::Versions => self.versions().await,
            Route::Names => self.names().await,
            Route::Info(name) => self.info(name).await,
            Route::Specs(which) => self.specs(which).await,
            Route::Quick(full) => self.quick(&full).await,
            Route::Gem(full) => self.gem(&full).await,
            Route::Push => self.push(body).await,
            Route::Yank { yanked, query } => self.yank(yanked, &query, body).await,
            Route::Page(name) => self.page(name).await,
            Route::Rows(name) => self.rows(name).await,
            Route::Latest(name) => self.latest(&name).await,
            Route::VersionPage { name, version } => self.version_page(&name, version).await,
            Route::Owners(name, format) => self.owners(&name, format).await,
            Route::ChangeOwners { name, add, query } => {
                self.change_owners(name, add, &query, body).await
            }
            Route::Search(query) => self.search(query).await,
            Route::OldKey => self.old_key().await,
            Route::NewKey => self.new_key(body).await,
            Route::WidenKey => self.widen_key(body).await,
            Route::Profile(format) => self.profile(format).await,
            Route::Dependencies => Err(read::no_dependencies()),
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

    /// Refuses a key that is not for this use. By these words clients know that they may ask for
    /// more.
    fn check_use(&self, one: &str) -> Result<(), Error> {
        if self.granted.identity().is_for(one) {
            return Ok(());
        }
        let message = format!("The API key doesn't have access: it lacks the scope {one}.");
        Err(CoreError::new(ErrorKind::Denied, message).into())
    }
}
