//! From a request's method and path to what is asked for. Pure.

use http::Method;
use registry_core::{
    Error, Result,
    protocol::{Asked, segments},
};

use crate::{CrateName, Version, name::prefix};

/// Everything that can be asked of a Cargo registry. `HEAD` is `GET` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /config.json`: where everything is.
    Config,
    /// `GET /{prefix}/{name}`: the versions of the crate whose lower-case name is exactly this.
    Index(CrateName),
    /// `GET /api/v1/crates/{name}/{version}/download`.
    Download(CrateName, Version),
    /// `PUT /api/v1/crates/new`.
    Publish,
    /// `DELETE /api/v1/crates/{name}/{version}/yank`, and `PUT …/unyank`, which takes it back.
    Yank {
        /// The crate.
        name: CrateName,
        /// The version.
        version: Version,
        /// Whether it is to be yanked.
        yanked: bool,
    },
    /// `GET /api/v1/crates/{name}/owners`.
    Owners(CrateName),
    /// `PUT` and `DELETE /api/v1/crates/{name}/owners`; the body names users.
    ChangeOwners {
        /// The crate.
        name: CrateName,
        /// Whether they are to become owners, or no longer to be.
        add: bool,
    },
    /// `GET /api/v1/crates?q={text}`.
    Search(SearchQuery),
    /// `GET /me`: where `cargo login` sends its user for a token.
    Me,
    /// `POST /me`: the form of that page.
    MakeToken,
}

/// What a search asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// Part of a name.
    pub text: String,
    /// How many hits to skip.
    pub from: usize,
    /// How many hits to give, 100 at most.
    pub size: usize,
}

impl Route {
    /// What `method` on `path` asks for. `path` begins with a slash, is not decoded, and has lost
    /// the mount's prefix.
    ///
    /// # Errors
    /// `NotFound` for unknown paths, `MethodNotAllowed` for known paths with another method,
    /// `InvalidName` for names and versions that nothing can have.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let segments = segments(path)?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        let asked = Asked {
            method,
            query: query.unwrap_or_default(),
        };
        match *segments {
            ["config.json"] => asked.get(Self::Config),
            ["me"] if asked.reads() => Ok(Self::Me),
            ["me"] => asked.only("GET, HEAD, POST", &[(Method::POST, Self::MakeToken)]),
            ["api", "v1", "crates", ref rest @ ..] => api(asked, rest),
            [.., name] => {
                let name = index_name(&segments, name).ok_or_else(unknown)?;
                asked.get(Self::Index(name))
            }
            [] => Err(unknown()),
        }
    }

    /// What logs and metrics call it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Index(..) => "index",
            Self::Download(..) => "download",
            Self::Publish => "publish",
            Self::Yank { yanked: true, .. } => "yank",
            Self::Yank { yanked: false, .. } => "unyank",
            Self::Owners(..) => "owners",
            Self::ChangeOwners { add: true, .. } => "add-owners",
            Self::ChangeOwners { add: false, .. } => "remove-owners",
            Self::Search(..) => "search",
            Self::Me => "me",
            Self::MakeToken => "make-token",
        }
    }
}

/// `/api/v1/crates…`
fn api(asked: Asked<'_>, segments: &[&str]) -> Result<Route> {
    match *segments {
        [] => {
            let size = asked.number("per_page").unwrap_or(10).clamp(1, 100);
            let page = asked.number("page").unwrap_or(1).max(1);
            asked.get(Route::Search(SearchQuery {
                text: asked.param("q").unwrap_or_default(),
                from: (page - 1).saturating_mul(size),
                size,
            }))
        }
        ["new"] => asked.only("PUT", &[(Method::PUT, Route::Publish)]),
        [name, "owners"] => {
            let name: CrateName = name.parse()?;
            if asked.reads() {
                return Ok(Route::Owners(name));
            }
            let change = |add| Route::ChangeOwners {
                name: name.clone(),
                add,
            };
            let routes = [(Method::PUT, change(true)), (Method::DELETE, change(false))];
            asked.only("GET, HEAD, PUT, DELETE", &routes)
        }
        [name, version, action] => {
            let yank = |yanked| -> Result<Route> {
                Ok(Route::Yank {
                    name: name.parse()?,
                    version: version.parse()?,
                    yanked,
                })
            };
            match action {
                "download" => asked.get(Route::Download(name.parse()?, version.parse()?)),
                "yank" => asked.only("DELETE", &[(Method::DELETE, yank(true)?)]),
                "unyank" => asked.only("PUT", &[(Method::PUT, yank(false)?)]),
                _ => Err(unknown()),
            }
        }
        _ => Err(unknown()),
    }
}

/// The crate that a path of the index is of: in lower case, and in the folders where cargo looks
/// for it. What nothing can be called is not there, which is how cargo wants to hear of it.
fn index_name(segments: &[&str], name: &str) -> Option<CrateName> {
    let name: CrateName = name.parse().ok()?;
    let lower = name.lower();
    let path = format!("{}/{lower}", prefix(&lower));
    (segments.join("/") == path).then_some(name)
}

fn unknown() -> Error {
    Error::not_found("there is nothing at this address")
}

#[cfg(test)]
mod tests;
