//! The PyPI protocol, as pip, uv, Poetry and twine speak it.
//!
//! [`Pypi`] implements [`Protocol`]: mounted in a registry of `registry-core`, it hosts wheels and
//! source distributions for unmodified clients. Put at the root too (`Mount::also_at("/simple",
//! "/simple")` and `/legacy` in the same way), it is found where clients look for an index.

pub mod accept;
pub mod archive;
pub mod document;
pub mod error;
pub mod file_name;
mod layout;
pub mod metadata;
pub mod name;
pub mod publish;
mod read;
pub mod route;
pub mod version;
mod view;
pub mod wire;

use http::{HeaderMap, Method, Request, Response, header};
use registry_core::{
    Body,
    auth::{Access, Granted},
    protocol::{BaseUrl, Context, Protocol},
    storage::Key,
    store::{Catalog, Fold, Named, RawDocument, Subject},
};
use serde_json::value::RawValue;

pub use document::change::Rules;
pub use error::Error;
pub use file_name::FileName;
pub use name::ProjectName;
pub use route::Route;
pub use version::Version;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct PypiConfig {
    /// The most bytes of a file.
    pub max_file: u64,
    /// The most bytes of everything else in an upload.
    pub max_form: usize,
    /// What a file may unpack to, and how large what it says of itself may be.
    pub archive: archive::Limits,
    /// Whether files may have the names that old tools gave them, and source distributions be zips.
    pub lenient_names: bool,
    /// What a project and a release take.
    pub rules: Rules,
}

impl Default for PypiConfig {
    fn default() -> Self {
        Self {
            max_file: 1 << 30,
            max_form: 2 << 20,
            archive: archive::Limits::default(),
            lenient_names: false,
            rules: Rules::default(),
        }
    }
}

/// The PyPI protocol.
#[derive(Clone, Debug, Default)]
pub struct Pypi {
    config: PypiConfig,
}

impl Pypi {
    /// The protocol with an operator's settings.
    pub fn new(config: PypiConfig) -> Self {
        Self { config }
    }
}

impl Catalog for Pypi {
    fn fold(&self) -> Box<dyn Fold> {
        Box::new(view::Projects::default())
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        layout::subject(key).map(Subject::only)
    }

    fn entry(&self, _: &str, document: &RawDocument) -> registry_core::Result<Box<RawValue>> {
        view::entry(document)
    }

    fn named(&self, document: &RawDocument) -> registry_core::Result<Named> {
        let mut all = Vec::new();
        for entry in document.entries.values() {
            all.extend(document::Entry::parse(entry)?.stored());
        }
        Ok(Named::bytes(all))
    }
}

impl Protocol for Pypi {
    const NAME: &'static str = "pypi";
    const RESOURCE: &'static str = "package";
    const HIDES: bool = true;
    type Route = Route;
    type Error = Error;

    fn route(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Route, Error> {
        let route = Route::parse(method, path, query)?;
        // Told before anybody is asked who they are: pip would ask its user for a password.
        let kind = headers.get(header::CONTENT_TYPE);
        if route == Route::Upload
            && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/xml"))
        {
            return Err(Error::gone(
                "XML-RPC, and with it pip search, is not there.",
            ));
        }
        Ok(route)
    }

    fn label(route: &Route) -> &'static str {
        route.label()
    }

    fn access(&self, route: &Route) -> Access {
        match route {
            Route::Index { .. } => Access::Listing,
            // Where to look is no secret.
            Route::Elsewhere { .. } => Access::Public,
            // The form names the project.
            Route::Upload => Access::Deferred,
            _ => {
                let about = route.about();
                let to = about.and_then(|(action, project)| {
                    Some(Access::To(action, layout::resource(project).ok()?))
                });
                to.unwrap_or(Access::Identity)
            }
        }
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
        let (scheme, place) = base
            .as_str()
            .split_once("//")
            .unwrap_or(("", base.as_str()));
        format!(
            "pip config set global.index-url {base}/simple/\n\
             uv add --default-index {base}/simple/ PACKAGE\n\
             twine upload --repository-url {base}/legacy/ -u __token__ -p {token} dist/*\n\
             uv publish --publish-url {base}/legacy/ --token {token}\n\
             # where reading needs a user: {scheme}//__token__:{token}@{place}/simple/"
        )
    }
}

/// A request on its way through the protocol's rooms.
struct Call<'a> {
    config: &'a PypiConfig,
    method: &'a Method,
    headers: &'a HeaderMap,
    context: &'a Context,
    granted: &'a Granted,
}

type Answer = Result<Response<Body>, Error>;

impl Call<'_> {
    async fn dispatch(&self, route: Route, body: Body) -> Answer {
        match route {
            Route::Index { format } => self.index(format).await,
            Route::Project { project, format } => self.project(project, format).await,
            Route::Elsewhere { location } => self.elsewhere(&location),
            Route::File { file, .. } => self.file(&file).await,
            Route::Metadata { file, .. } => self.metadata(&file).await,
            Route::Provenance { version, file, .. } => self.provenance(&version, &file).await,
            Route::ProjectJson { project } => self.json(&project, None).await,
            Route::ReleaseJson { project, version } => self.json(&project, Some(&version)).await,
            Route::Upload => self.upload(body).await,
            Route::Yank(target) => self.yank(target, body).await,
            Route::Unyank(target) => self.unyank(target).await,
            Route::Delete(target) => self.delete(target).await,
            Route::SetStatus { project } => self.set_status(&project, body).await,
            Route::ClearStatus { project } => self.set_status(&project, Body::empty()).await,
        }
    }
}
