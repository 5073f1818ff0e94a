//! From a request's method and path to what is asked for. Pure.

use http::Method;
use registry_core::{
    Error, Result,
    protocol::{Asked, segments},
};

use crate::GemName;

/// Everything that can be asked of a RubyGems registry. `HEAD` is `GET` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /`: that there is a registry.
    Root,
    /// `GET /versions`: all versions of all gems, as they came and went.
    Versions,
    /// `GET /names`: all gems.
    Names,
    /// `GET /info/{gem}`: what resolving needs to know of a gem's versions.
    Info(GemName),
    /// `GET /specs.4.8.gz` and the like.
    Specs(Specs),
    /// `GET /quick/Marshal.4.8/{full name}.gemspec.rz`.
    Quick(String),
    /// `GET /gems/{full name}.gem`.
    Gem(String),
    /// `POST /api/v1/gems`.
    Push,
    /// `DELETE /api/v1/gems/yank`, and `PUT /api/v1/gems/unyank`, which takes it back; the form says
    /// what.
    Yank {
        /// Whether it is to be yanked.
        yanked: bool,
        /// The form, where it stands in the address.
        query: String,
    },
    /// `GET /api/v1/gems/{gem}.json`.
    Page(GemName),
    /// `GET /api/v1/versions/{gem}.json`.
    Rows(GemName),
    /// `GET /api/v1/versions/{gem}/latest.json`.
    Latest(GemName),
    /// `GET /api/v2/rubygems/{gem}/versions/{version}.json?platform={platform}`.
    VersionPage {
        /// The gem.
        name: GemName,
        /// The version, and its platform if one was named.
        version: (String, Option<String>),
    },
    /// `GET /api/v1/gems/{gem}/owners`.
    Owners(GemName, Format),
    /// `POST` and `DELETE /api/v1/gems/{gem}/owners`; the form names a user.
    ChangeOwners {
        /// The gem.
        name: GemName,
        /// Whether they are to become an owner, or no longer to be.
        add: bool,
        /// The form, where it stands in the address.
        query: String,
    },
    /// `GET /api/v1/search.json?query={text}`.
    Search(SearchQuery),
    /// `GET /api/v1/api_key`: a key as old clients want it, for everything.
    OldKey,
    /// `POST /api/v1/api_key`: a key for what the form says.
    NewKey,
    /// `PUT /api/v1/api_key`: a key is to be good for more.
    WidenKey,
    /// `GET /api/v1/profile/me`: who asks.
    Profile(Format),
    /// `GET /api/v1/dependencies`, which no client needs any more.
    Dependencies,
}

/// Which of the lists of all versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specs {
    /// All but prereleases.
    Released,
    /// The newest of these, for each platform.
    Latest,
    /// Prereleases.
    Prerelease,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// What a search asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// Part of a name.
    pub text: String,
    /// How many hits to skip.
    pub from: usize,
}

/// How many hits a page of a search has.
pub const PAGE: usize = 30;

impl Route {
    /// What `method` on `path` asks for. `path` begins with a slash, is not decoded, and has lost
    /// the mount's prefix.
    ///
    /// # Errors
    /// `NotFound` for unknown paths and for what no gem can be called, `MethodNotAllowed` for known
    /// paths with another method.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let segments = segments(path)?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        let asked = Asked {
            method,
            query: query.unwrap_or_default(),
        };
        // Who tells gem the registry's address with a slash at its end makes it ask for `//api/…`.
        let segments = match &*segments {
            ["", rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        match *segments {
            [""] => asked.get(Self::Root),
            ["versions"] => asked.get(Self::Versions),
            ["names"] => asked.get(Self::Names),
            ["info", gem] => asked.get(Self::Info(name(gem)?)),
            ["specs.4.8.gz"] => asked.get(Self::Specs(Specs::Released)),
            ["latest_specs.4.8.gz"] => asked.get(Self::Specs(Specs::Latest)),
            ["prerelease_specs.4.8.gz"] => asked.get(Self::Specs(Specs::Prerelease)),
            ["quick", "Marshal.4.8", file] => {
                asked.get(Self::Quick(without(file, ".gemspec.rz")?.to_owned()))
            }
            ["gems", file] => asked.get(Self::Gem(without(file, ".gem")?.to_owned())),
            ["api", "v1", ref rest @ ..] => api(asked, rest),
            ["api", "v2", "rubygems", gem, "versions", file] => {
                let version = without(file, ".json")?.to_owned();
                asked.get(Self::VersionPage {
                    name: name(gem)?,
                    version: (version, asked.param("platform")),
                })
            }
            _ => Err(unknown()),
        }
    }

    /// What logs and metrics call it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Versions => "versions",
            Self::Names => "names",
            Self::Info(..) => "info",
            Self::Specs(..) => "specs",
            Self::Quick(..) => "quick",
            Self::Gem(..) => "gem",
            Self::Push => "push",
            Self::Yank { yanked: true, .. } => "yank",
            Self::Yank { yanked: false, .. } => "unyank",
            Self::Page(..) => "page",
            Self::Rows(..) => "rows",
            Self::Latest(..) => "latest",
            Self::VersionPage { .. } => "version-page",
            Self::Owners(..) => "owners",
            Self::ChangeOwners { add: true, .. } => "add-owner",
            Self::ChangeOwners { add: false, .. } => "remove-owner",
            Self::Search(..) => "search",
            Self::OldKey => "old-key",
            Self::NewKey => "new-key",
            Self::WidenKey => "widen-key",
            Self::Profile(..) => "profile",
            Self::Dependencies => "dependencies",
        }
    }
}

/// `/api/v1/…`
fn api(asked: Asked<'_>, segments: &[&str]) -> Result<Route> {
    let yank = |yanked| Route::Yank {
        yanked,
        query: asked.query.to_owned(),
    };
    match *segments {
        ["gems"] => asked.only("POST", &[(Method::POST, Route::Push)]),
        ["gems", "yank"] => asked.only("DELETE", &[(Method::DELETE, yank(true))]),
        ["gems", "unyank"] => asked.only("PUT", &[(Method::PUT, yank(false))]),
        ["gems", file] => asked.get(Route::Page(name(without(file, ".json")?)?)),
        ["gems", gem, "owners"] => owners(asked, gem, None),
        ["gems", gem, "owners.json"] => owners(asked, gem, Some(Format::Json)),
        ["gems", gem, "owners.yaml"] => owners(asked, gem, Some(Format::Yaml)),
        ["versions", gem, "latest.json"] => asked.get(Route::Latest(name(gem)?)),
        ["versions", file] => asked.get(Route::Rows(name(without(file, ".json")?)?)),
        ["search.json"] => {
            let page = asked.number("page").unwrap_or(1).max(1);
            asked.get(Route::Search(SearchQuery {
                text: asked.param("query").unwrap_or_default(),
                from: (page - 1).saturating_mul(PAGE),
            }))
        }
        // Not for HEAD: it makes a key.
        ["api_key"] if *asked.method == Method::GET => Ok(Route::OldKey),
        ["api_key"] => {
            let routes = [
                (Method::POST, Route::NewKey),
                (Method::PUT, Route::WidenKey),
            ];
            asked.only("GET, POST, PUT", &routes)
        }
        ["profile", "me.yaml"] => asked.get(Route::Profile(Format::Yaml)),
        ["profile", "me" | "me.json"] => asked.get(Route::Profile(Format::Json)),
        ["dependencies" | "dependencies.json"] => asked.get(Route::Dependencies),
        _ => Err(unknown()),
    }
}

fn owners(asked: Asked<'_>, gem: &str, format: Option<Format>) -> Result<Route> {
    let name = name(gem)?;
    if asked.reads() {
        return Ok(Route::Owners(name, format.unwrap_or(Format::Json)));
    }
    if format.is_some() {
        return asked.only("GET, HEAD", &[]);
    }
    let change = |add| Route::ChangeOwners {
        name: name.clone(),
        add,
        query: asked.query.to_owned(),
    };
    let routes = [
        (Method::POST, change(true)),
        (Method::DELETE, change(false)),
    ];
    asked.only("GET, HEAD, POST, DELETE", &routes)
}

/// A gem's name. What nothing can be called is not there, which is how clients want to hear of it.
fn name(text: &str) -> Result<GemName> {
    text.parse().map_err(|_| crate::document::no_gem())
}

/// A file's name without its ending.
fn without<'a>(file: &'a str, end: &str) -> Result<&'a str> {
    file.strip_suffix(end).ok_or_else(unknown)
}

fn unknown() -> Error {
    Error::not_found("there is nothing at this address")
}

#[cfg(test)]
mod tests;
