//! From a request's method and path to what is asked for. Pure.

use http::Method;
use registry_core::{
    Error, Result,
    auth::Action,
    protocol::{Asked, segments},
};

use crate::PackageName;

mod parse;

pub use parse::advisory_query;

/// Everything that can be asked of a Composer repository. `HEAD` is `GET` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /packages.json`: where everything is.
    Root,
    /// `GET /p2/{vendor}/{package}.json`, or `…~dev.json` for its branches.
    Metadata {
        /// The package.
        name: PackageName,
        /// Whether its branches are meant, and not its releases.
        branches: bool,
    },
    /// `GET /packages/{vendor}/{package}.json`: all there is to know of a package.
    Page(PackageName),
    /// `GET /packages/list.json`: names.
    List(ListQuery),
    /// `GET /search.json`.
    Search(SearchQuery),
    /// `GET /providers/{vendor}/{package}.json`: who provides it.
    Providers(PackageName),
    /// `GET /dists/{vendor}/{package}/{reference}.zip`.
    Dist(PackageName, String),
    /// `POST /downloads/`: what was installed.
    Downloads,
    /// `GET` and `POST /api/security-advisories/`.
    Advisories(AdvisoryQuery),
    /// `PUT /api/security-advisories/{vendor}/{package}/{id}`, and `DELETE`.
    ChangeAdvisory {
        /// The package.
        name: PackageName,
        /// What the advisory is called.
        id: String,
        /// Whether it is put there, and not taken back.
        put: bool,
    },
    /// A zip is put, in one of the ways that clients do.
    Upload(Upload),
    /// `DELETE /packages/{vendor}/{package}`, or of one version.
    Delete {
        /// The package.
        name: PackageName,
        /// The version; all of them without it.
        version: Option<String>,
        /// Whether lock files shall not find it any more either.
        purge: bool,
    },
    /// `PUT /packages/{vendor}/{package}/abandoned`, and `DELETE`.
    Abandon {
        /// The package.
        name: PackageName,
        /// Whether it is abandoned, and not taken up again.
        abandoned: bool,
    },
}

/// What an upload's address says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// The package; without it, the zip names it.
    pub name: Option<PackageName>,
    /// The version; without it, the zip has one.
    pub version: Option<String>,
}

/// Which names are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Those of a vendor.
    pub vendor: Option<String>,
    /// Those of a type.
    pub kind: Option<String>,
    /// Those that match, where `*` stands for any run of characters.
    pub filter: Option<String>,
}

/// What a search asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words.
    pub text: String,
    /// The type of package.
    pub kind: Option<String>,
    /// Keywords, all of which a package must have.
    pub tags: Vec<String>,
    /// Which page, from 1 on.
    pub page: usize,
    /// How many hits a page has, 100 at most.
    pub per_page: usize,
}

/// Which advisories are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdvisoryQuery {
    /// About which packages.
    pub packages: Vec<String>,
    /// Which were changed since, in seconds since 1970.
    pub updated_since: Option<i64>,
}

impl Route {
    /// What `method` on `path` asks for. `path` begins with a slash, is not decoded, and has lost
    /// the mount's prefix.
    ///
    /// # Errors
    /// `NotFound` for unknown paths, `MethodNotAllowed` for known paths with another method,
    /// `InvalidName` where something cannot be published under a name.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let segments = segments(path)?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        let asked = Asked {
            method,
            query: query.unwrap_or_default(),
        };
        match *segments {
            ["packages.json"] => asked.get(Self::Root),
            ["search.json"] => asked.get(Self::Search(parse::search(asked))),
            ["p2", vendor, file] => asked.get(parse::metadata(vendor, file)?),
            ["providers", vendor, file] => asked.get(Self::Providers(parse::json(vendor, file)?)),
            ["dists", vendor, package, file] => asked.get(parse::dist(vendor, package, file)?),
            ["downloads"] => asked.only("POST", &[(Method::POST, Self::Downloads)]),
            ["api", "security-advisories", ref rest @ ..] => parse::advisories(asked, rest),
            ["packages", ref rest @ ..] if !rest.is_empty() => parse::packages(asked, rest),
            [""] if asked.reads() => Err(Error::not_found(
                "this is the address of a Composer repository; what it has is in packages.json",
            )),
            [""] | ["packages"] | ["api", "packages"] => {
                parse::put(asked, parse::upload(asked, None, None))
            }
            // curl adds the name of the file to an address that ends in a slash.
            [file] if file.ends_with(".zip") && !asked.reads() => {
                parse::put(asked, parse::upload(asked, None, None))
            }
            [vendor, package, file] if file.ends_with(".zip") => {
                parse::file(asked, vendor, package, file)
            }
            _ => Err(unknown()),
        }
    }

    /// What is to be done with which package, where the address says that.
    pub fn about(&self) -> Option<(Action, &PackageName)> {
        Some(match self {
            Self::Metadata { name, .. } | Self::Page(name) | Self::Dist(name, _) => {
                (Action::Read, name)
            }
            Self::ChangeAdvisory { name, .. } | Self::Abandon { name, .. } => (Action::Write, name),
            Self::Upload(upload) => (Action::Write, upload.name.as_ref()?),
            Self::Delete { name, .. } => (Action::Delete, name),
            Self::Root
            | Self::List(..)
            | Self::Search(..)
            | Self::Providers(..)
            | Self::Downloads
            | Self::Advisories(..) => return None,
        })
    }

    /// What logs and metrics call it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Metadata {
                branches: false, ..
            } => "metadata",
            Self::Metadata { branches: true, .. } => "metadata-dev",
            Self::Page(..) => "page",
            Self::List(..) => "list",
            Self::Search(..) => "search",
            Self::Providers(..) => "providers",
            Self::Dist(..) => "dist",
            Self::Downloads => "downloads",
            Self::Advisories(..) => "advisories",
            Self::ChangeAdvisory { put: true, .. } => "put-advisory",
            Self::ChangeAdvisory { put: false, .. } => "delete-advisory",
            Self::Upload(..) => "upload",
            Self::Delete { .. } => "delete",
            Self::Abandon {
                abandoned: true, ..
            } => "abandon",
            Self::Abandon {
                abandoned: false, ..
            } => "unabandon",
        }
    }
}

fn unknown() -> Error {
    Error::not_found("there is nothing at this address")
}

#[cfg(test)]
mod tests;
