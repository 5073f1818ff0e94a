//! The Maven repository layout: a tree of files with checksums and metadata, as Maven, Gradle, sbt,
//! Leiningen and many others read and write it.
//!
//! [`Maven`] implements [`Protocol`]: mounted in a registry of `registry-core`, it hosts artifacts for
//! unmodified clients.

pub mod checksum;
pub mod document;
pub mod error;
mod layout;
pub mod metadata;
pub mod module;
pub mod name;
pub mod pom;
mod publish;
mod read;
pub mod route;
pub mod version;
mod view;
pub mod wire;
mod xml;

use http::{HeaderMap, Method, Request, Response};
use registry_core::{
    Body, Error,
    auth::{Access, Action, Granted},
    protocol::{BaseUrl, Context, Protocol},
    storage::Key,
    store::{Catalog, Fold, Named, RawDocument, Subject},
    task::OneAtATime,
};
use serde_json::value::RawValue;

pub use name::{ArtifactId, GroupId};
pub use route::Route;
pub use version::VersionName;

/// Which versions a mount takes and shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Releases alone.
    Release,
    /// Snapshots alone.
    Snapshot,
    /// Both.
    #[default]
    Mixed,
}

impl Policy {
    /// Whether a version is one that the mount has.
    pub fn allows(self, version: &VersionName) -> bool {
        match self {
            Self::Release => !version.is_snapshot(),
            Self::Snapshot => version.is_snapshot(),
            Self::Mixed => true,
        }
    }
}

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct MavenConfig {
    /// Which versions there are.
    pub policy: Policy,
    /// The most bytes of a file.
    pub max_file: u64,
    /// The most bytes of a POM or of Gradle module metadata.
    pub max_pom: u64,
    /// The most bytes of metadata that a client puts.
    pub max_metadata: usize,
    /// The most bytes of a bundle.
    pub max_bundle: u64,
}

impl Default for MavenConfig {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            max_file: 4 << 30,
            max_pom: 10 << 20,
            max_metadata: 1 << 20,
            max_bundle: 1 << 30,
        }
    }
}

/// The Maven repository layout.
#[derive(Clone, Debug, Default)]
pub struct Maven {
    config: MavenConfig,
    /// The clean-up of what was left over of bundles.
    cleaning: OneAtATime,
}

impl Maven {
    /// The protocol with an operator's settings.
    pub fn new(config: MavenConfig) -> Self {
        Self {
            config,
            cleaning: OneAtATime::default(),
        }
    }
}

impl Catalog for Maven {
    fn fold(&self) -> Box<dyn Fold> {
        Box::new(view::Artifacts::default())
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        layout::subject(key)
    }

    fn entry(&self, name: &str, document: &RawDocument) -> registry_core::Result<Box<RawValue>> {
        view::entry(name, document)
    }

    fn named(&self, document: &RawDocument) -> registry_core::Result<Named> {
        let head = document.typed::<document::Head>()?.head;
        let pending = head
            .bundles
            .values()
            .flat_map(|bundle| bundle.files.values());
        let pending = pending.map(String::as_bytes);
        let entries = document.entries.values().map(|entry| &**entry);
        let stored = entries.chain(pending);
        let stored = stored.map(|entry| Ok(document::Entry::parse(entry)?.stored()));
        Ok(Named::bytes(stored.collect::<registry_core::Result<_>>()?))
    }
}

impl Protocol for Maven {
    const NAME: &'static str = "maven";
    const RESOURCE: &'static str = "artifact";
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
        let (action, (group, artifact, version)) = match route {
            Route::File(path) => (Action::Read, path.coordinates()),
            Route::PutFile(path) | Route::BundleFile(_, path) => {
                (Action::Write, path.coordinates())
            }
            Route::DeleteFile(path) => (Action::Delete, path.coordinates()),
            Route::DeleteVersion(group, artifact, version) => {
                (Action::Delete, (group, artifact, version))
            }
            Route::PutMetadata(..) => return Access::Deferred,
            Route::Metadata(..)
            | Route::Folder(..)
            | Route::Search(..)
            | Route::Bundle(..)
            | Route::BundleStatus(..)
            | Route::PublishBundle(..)
            | Route::DropBundle(..)
            | Route::IsPublished(..)
            | Route::Prune(..) => return Access::Listing,
        };
        let of = layout::version(group, artifact, version);
        of.map_or(Access::Identity, |of| Access::To(action, of))
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
            cleaning: &self.cleaning,
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
        usage(base, token.unwrap_or("TOKEN"))
    }
}

/// Settings for Maven in a file of their own, and the command that uses them.
fn usage(base: &BaseUrl, token: &str) -> String {
    format!(
        "cat > registry-settings.xml <<'END'\n\
         <settings>\n\
         \x20 <servers><server><id>registry</id><username>token</username>\
         <password>{token}</password></server></servers>\n\
         \x20 <profiles><profile><id>registry</id><repositories><repository><id>registry</id>\
         <url>{base}/</url></repository></repositories></profile></profiles>\n\
         \x20 <activeProfiles><activeProfile>registry</activeProfile></activeProfiles>\n\
         </settings>\n\
         END\n\
         mvn -s registry-settings.xml deploy -DaltDeploymentRepository=registry::default::{base}/"
    )
}

/// A request on its way through the protocol's rooms.
struct Call<'a> {
    config: &'a MavenConfig,
    cleaning: &'a OneAtATime,
    method: &'a Method,
    headers: &'a HeaderMap,
    context: &'a Context,
    granted: &'a Granted,
}

type Answer = Result<Response<Body>, Error>;

impl Call<'_> {
    async fn dispatch(&self, route: Route, body: Body) -> Answer {
        match route {
            Route::File(path) => self.file(&path).await,
            Route::PutFile(path) => match path.checksum {
                Some(algorithm) => self.put_checksum(&path, algorithm, body).await,
                None => self.put_file(path, body).await,
            },
            Route::DeleteFile(path) => self.delete_file(path).await,
            Route::DeleteVersion(_, _, version) => self.delete_version(version).await,
            Route::Metadata(folder, checksum) => self.metadata(&folder, checksum).await,
            Route::PutMetadata(folder, checksum) => {
                self.put_metadata(&folder, checksum, body).await
            }
            Route::Folder(folder) => self.folder(&folder).await,
            Route::Search(query) => self.search(&query).await,
            Route::Prune(query) => self.prune(query).await,
            Route::Bundle(query) => self.bundle(query, body).await,
            Route::BundleStatus(id) => self.deployments().status(&id).await,
            Route::PublishBundle(id) => self.deployments().publish(&id).await,
            Route::BundleFile(id, path) => self.bundle_file(id.as_deref(), &path).await,
            Route::IsPublished(of) => self.is_published(&of).await,
            Route::DropBundle(id) => self.deployments().discard(&id).await,
        }
    }

    /// What time it is, in milliseconds since 1970.
    fn now(&self) -> i64 {
        self.context.clock.now().as_millisecond()
    }
}
