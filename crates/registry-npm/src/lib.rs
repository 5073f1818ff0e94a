//! The npm registry protocol, as npm, pnpm, Yarn and bun speak it.
//!
//! [`Npm`] implements [`Protocol`]: mounted in a registry of `registry-core`, it hosts packages
//! for unmodified clients.

pub mod document;
pub mod error;
mod layout;
pub mod name;
pub mod publish;
mod read;
pub mod route;
mod search;
pub mod tarball;
mod users;
pub mod version;
mod view;
pub mod wire;

use http::{HeaderMap, Method, Request, Response};
use registry_core::{
    Body,
    auth::{Access, Action, Granted},
    protocol::{BaseUrl, Context, Protocol},
    storage::Key,
    store::{Catalog, Fold, Named, RawDocument, Subject},
};
use serde_json::value::RawValue;

pub use error::Error;
pub use name::{PackageName, Tag};
pub use route::Route;
pub use version::Version;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct NpmConfig {
    /// The most bytes of a tarball.
    pub max_tarball: u64,
    /// The most bytes of everything else in a publish: the manifest, the readme, the provenance.
    pub max_document: usize,
    /// What a tarball may unpack to.
    pub unpacked: tarball::Limits,
    /// Whether only a package's maintainers, beside administrators, may change it.
    pub owners_enforced: bool,
}

impl Default for NpmConfig {
    fn default() -> Self {
        Self {
            max_tarball: 1 << 30,
            max_document: 16 << 20,
            unpacked: tarball::Limits::default(),
            owners_enforced: false,
        }
    }
}

/// The npm protocol.
#[derive(Clone, Debug, Default)]
pub struct Npm {
    config: NpmConfig,
}

impl Npm {
    /// The protocol with an operator's settings.
    pub fn new(config: NpmConfig) -> Self {
        Self { config }
    }
}

impl Catalog for Npm {
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
        let mut all = Vec::new();
        for entry in document.entries.values() {
            all.extend(document::Entry::parse(entry)?.stored()?);
        }
        Ok(Named::bytes(all))
    }
}

impl Protocol for Npm {
    const NAME: &'static str = "npm";
    const RESOURCE: &'static str = "package";
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
            Route::Packument { name, .. }
            | Route::Manifest { name, .. }
            | Route::Tarball { name, .. }
            | Route::Attestations { name, .. }
            | Route::Tags(name)
            | Route::Tag(name, _)
            | Route::Access(name)
            | Route::Visibility(name)
            | Route::Collaborators(name) => (Action::Read, name),
            Route::SetTags(name)
            | Route::SetTag(name, _)
            | Route::RemoveTag(name, _)
            | Route::SetAccess(name)
            | Route::AddOwner(name)
            | Route::RemoveOwner { name, .. } => (Action::Write, name),
            Route::Unpublish { name, .. } | Route::DeleteTarball { name, .. } => {
                (Action::Delete, name)
            }
            // A star needs less than a publish, and only the body tells them apart.
            Route::Put { .. } | Route::Star { .. } => return Access::Deferred,
            Route::Search(_)
            | Route::Starred
            | Route::StarredByUser { .. }
            | Route::UserPackages { .. }
            | Route::BulkAdvisories
            | Route::Audit => return Access::Listing,
            Route::Ping
            | Route::Keys
            | Route::Login { .. }
            | Route::WebLogin
            | Route::WebLoginPage { .. }
            | Route::WebLoginSubmit { .. }
            | Route::WebLoginDone { .. } => return Access::Public,
            Route::Whoami
            | Route::User { .. }
            | Route::Logout { .. }
            | Route::Tokens
            | Route::CreateToken
            | Route::RevokeToken { .. }
            | Route::Profile
            | Route::SetProfile => return Access::Identity,
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
        let place = base.as_str();
        let place = place.split_once("//").map_or(place, |(_, place)| place);
        let token = token.unwrap_or("TOKEN");
        // Yarn refuses plain http unless it is told not to.
        let plain = base.as_str().strip_prefix("http://");
        let host = plain.map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
        let allow = host
            .map(|host| format!("\nyarn config set -H unsafeHttpWhitelist --json '[\"{host}\"]'"));
        format!(
            "npm config set registry {base}/\n\
             npm config set //{place}/:_authToken {token}\n\
             pnpm config set registry {base}/\n\
             pnpm config set //{place}/:_authToken {token}\n\
             yarn config set -H npmRegistryServer {base}\n\
             yarn config set -H npmAuthToken {token}{}",
            allow.unwrap_or_default(),
        )
    }
}

/// A request on its way through the protocol's rooms.
struct Call<'a> {
    config: &'a NpmConfig,
    method: &'a Method,
    headers: &'a HeaderMap,
    context: &'a Context,
    granted: &'a Granted,
}

type Answer = Result<Response<Body>, Error>;

impl Call<'_> {
    async fn dispatch(&self, route: Route, body: Body) -> Answer {
        match route {
            Route::Packument { name, write } => self.packument(name, write).await,
            Route::Manifest { name, selector } => self.manifest(&name, &selector).await,
            Route::Tarball { name, file } => self.tarball(&name, &file).await,
            Route::Put { name, rev } => self.put(name, rev, body).await,
            Route::Unpublish { rev, .. } => self.unpublish(rev).await,
            Route::DeleteTarball { name, file, .. } => self.delete_tarball(&name, &file).await,
            Route::Tags(_) => self.tags().await,
            Route::Tag(_, tag) => self.tag(&tag).await,
            Route::SetTags(_) => self.set_tags(body).await,
            Route::SetTag(_, tag) => self.set_tag(tag, body).await,
            Route::RemoveTag(_, tag) => self.remove_tag(tag).await,
            Route::Access(_) | Route::Visibility(_) => self.visibility().await,
            Route::SetAccess(_) => self.set_access(body).await,
            Route::Collaborators(_) => self.collaborators().await,
            Route::AddOwner(_) => self.add_owner(body).await,
            Route::RemoveOwner { user, .. } => self.remove_owner(user).await,
            Route::Star { starred } => self.star(starred, body).await,
            Route::Starred => self.starred().await,
            Route::UserPackages { user } => self.user_packages(&user).await,
            Route::Search(query) => self.search(query).await,
            Route::StarredByUser { user } => self.starred_by(&user).await,
            Route::BulkAdvisories => self.bulk_advisories(body).await,
            Route::Audit => self.audit(body).await,
            Route::Keys => self.keys(),
            Route::Attestations { name, version } => self.attestations(&name, &version).await,
            Route::Ping => self.ping(),
            Route::Whoami => self.whoami(),
            Route::User { user } => self.user(&user).await,
            Route::Login { user } => self.login(&user, body).await,
            Route::Logout { token } => self.revoke(&token).await,
            Route::WebLogin => self.web_login().await,
            Route::WebLoginPage { .. } => self.login_page(),
            Route::WebLoginSubmit { id } => self.submit_login(&id, body).await,
            Route::WebLoginDone { secret } => self.poll_login(&secret).await,
            Route::Tokens => self.tokens().await,
            Route::CreateToken => self.create_token(body).await,
            Route::RevokeToken { key } => self.revoke(&key).await,
            Route::Profile => self.profile().await,
            Route::SetProfile => self.set_profile(body).await,
        }
    }

    /// What time it is, as npm writes it.
    fn now(&self) -> String {
        format!("{:.3}", self.context.clock.now())
    }
}
