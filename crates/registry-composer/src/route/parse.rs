//! What the parts of an address say.

use http::Method;
use registry_core::{Error, Result, protocol::Asked};

use super::{AdvisoryQuery, ListQuery, Route, SearchQuery, Upload, unknown};
use crate::PackageName;

/// How many packages may be asked about at once.
const MAX_PACKAGES: usize = 5000;
/// The digits of a SHA-1.
const REFERENCE: usize = 40;

/// A package that is to be read. What none can be called is not there: any other status than 404 would
/// end what the client does.
fn known(vendor: &str, package: &str) -> Result<PackageName> {
    named(vendor, package).map_err(|_| Error::not_found("no package can have this name"))
}

fn named(vendor: &str, package: &str) -> Result<PackageName> {
    format!("{vendor}/{package}").parse()
}

/// `{vendor}/{package}.json`
pub(super) fn json(vendor: &str, file: &str) -> Result<PackageName> {
    known(vendor, file.strip_suffix(".json").ok_or_else(unknown)?)
}

/// `{vendor}/{package}.json` or `{vendor}/{package}~dev.json`
pub(super) fn metadata(vendor: &str, file: &str) -> Result<Route> {
    let package = file.strip_suffix(".json").ok_or_else(unknown)?;
    let releases = package.strip_suffix("~dev");
    Ok(Route::Metadata {
        name: known(vendor, releases.unwrap_or(package))?,
        branches: releases.is_some(),
    })
}

/// `{vendor}/{package}/{reference}.zip`
pub(super) fn dist(vendor: &str, package: &str, file: &str) -> Result<Route> {
    let reference = file.strip_suffix(".zip").ok_or_else(unknown)?;
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if reference.len() != REFERENCE || !reference.bytes().all(digit) {
        return Err(unknown());
    }
    Ok(Route::Dist(known(vendor, package)?, reference.to_owned()))
}

/// `/packages/…`
pub(super) fn packages(asked: Asked<'_>, rest: &[&str]) -> Result<Route> {
    match *rest {
        ["list.json"] => asked.get(Route::List(ListQuery {
            vendor: some(asked, "vendor"),
            kind: some(asked, "type"),
            filter: some(asked, "filter"),
        })),
        [vendor, file] if asked.reads() || file.ends_with(".json") => {
            asked.get(Route::Page(json(vendor, file)?))
        }
        [vendor, package] => {
            let name = named(vendor, package)?;
            if *asked.method == Method::DELETE {
                return Ok(delete(asked, name, None));
            }
            let allow = "GET, HEAD, PUT, POST, DELETE";
            put_or(asked, allow, upload(asked, Some(name), None))
        }
        [vendor, package, "abandoned"] => {
            let name = named(vendor, package)?;
            let route = |abandoned| Route::Abandon {
                name: name.clone(),
                abandoned,
            };
            let routes = [(Method::PUT, route(true)), (Method::DELETE, route(false))];
            asked.only("PUT, DELETE", &routes)
        }
        ["upload", vendor, package, ref version @ ..]
            if !version.is_empty() && *asked.method != Method::DELETE =>
        {
            let name = named(vendor, package)?;
            put(asked, upload(asked, Some(name), Some(version.join("/"))))
        }
        // As curl puts it to an address that ends in a slash.
        [vendor, package, file] if file.ends_with(".zip") && *asked.method != Method::DELETE => {
            put(asked, upload(asked, Some(named(vendor, package)?), None))
        }
        [vendor, package, ref version @ ..] if !version.is_empty() => {
            let route = delete(asked, named(vendor, package)?, Some(version.join("/")));
            asked.only("DELETE", &[(Method::DELETE, route)])
        }
        _ => Err(unknown()),
    }
}

/// `/{vendor}/{package}/{package}-{version}.zip`, whose version may stand among its properties too.
pub(super) fn file(asked: Asked<'_>, vendor: &str, package: &str, file: &str) -> Result<Route> {
    if asked.reads() {
        return Err(unknown());
    }
    let properties = asked.param("properties").unwrap_or_default();
    let mut properties = properties.split([';', ',', '|']);
    let property = properties.find_map(|of| of.strip_prefix("composer.version="));
    let stem = file.strip_suffix(".zip").unwrap_or(file);
    let in_name = || stem.strip_prefix(package)?.strip_prefix('-');
    let version = property.or_else(in_name).map(str::to_owned);
    put(asked, upload(asked, Some(named(vendor, package)?), version))
}

/// `/api/security-advisories/…`
pub(super) fn advisories(asked: Asked<'_>, rest: &[&str]) -> Result<Route> {
    match *rest {
        [] => {
            let route = Route::Advisories(advisory_query(asked.query.as_bytes())?);
            if asked.reads() {
                return Ok(route);
            }
            asked.only("GET, HEAD, POST", &[(Method::POST, route)])
        }
        [vendor, package, id] => {
            let name = named(vendor, package)?;
            let route = |put| Route::ChangeAdvisory {
                name: name.clone(),
                id: id.to_owned(),
                put,
            };
            let routes = [(Method::PUT, route(true)), (Method::DELETE, route(false))];
            asked.only("PUT, DELETE", &routes)
        }
        _ => Err(unknown()),
    }
}

/// What a query, or the same in a body, asks of advisories: `packages[]=…`, `packages[0]=…`,
/// `updatedSince=…`.
///
/// # Errors
/// `Invalid` when it asks about too many packages.
pub fn advisory_query(form: &[u8]) -> Result<AdvisoryQuery> {
    let mut query = AdvisoryQuery::default();
    for (key, value) in form_urlencoded::parse(form) {
        let index = key.strip_prefix("packages[");
        if index.is_some_and(|index| index.ends_with(']')) {
            query.packages.push(value.into_owned());
        } else if key == "updatedSince" {
            let number = value.parse();
            let number = number.map_err(|_| {
                Error::invalid("updatedSince has to be a number of seconds since 1970")
            })?;
            query.updated_since = Some(number);
        }
    }
    if query.packages.len() > MAX_PACKAGES {
        return Err(Error::invalid(format!(
            "ask about {MAX_PACKAGES} packages at a time at most"
        )));
    }
    Ok(query)
}

/// A search, as the query has it.
pub(super) fn search(asked: Asked<'_>) -> SearchQuery {
    let pairs = form_urlencoded::parse(asked.query.as_bytes());
    let tags = pairs.filter(|(key, _)| key == "tags" || key == "tags[]");
    SearchQuery {
        text: asked.param("q").unwrap_or_default(),
        kind: some(asked, "type"),
        tags: tags
            .map(|(_, tag)| tag.into_owned())
            .filter(|tag| !tag.is_empty())
            .collect(),
        page: asked.number("page").unwrap_or(1).max(1),
        per_page: asked.number("per_page").unwrap_or(15).clamp(1, 100),
    }
}

/// A zip that is put, its version as the path has it or else the query.
pub(super) fn upload(
    asked: Asked<'_>,
    name: Option<PackageName>,
    version: Option<String>,
) -> Route {
    // What was a plus is a space in a query, and no version has one.
    let queried = || Some(some(asked, "version")?.trim().replace(' ', "+"));
    let version = version.or_else(queried);
    Route::Upload(Upload { name, version })
}

/// The route of an upload, which some clients post.
pub(super) fn put(asked: Asked<'_>, route: Route) -> Result<Route> {
    put_or(asked, "PUT, POST", route)
}

fn put_or(asked: Asked<'_>, allow: &'static str, route: Route) -> Result<Route> {
    asked.only(
        allow,
        &[(Method::PUT, route.clone()), (Method::POST, route)],
    )
}

fn delete(asked: Asked<'_>, name: PackageName, version: Option<String>) -> Route {
    let purge = asked.param("purge");
    Route::Delete {
        name,
        version,
        purge: matches!(purge.as_deref(), Some("" | "1" | "true")),
    }
}

/// A parameter that is there and not empty.
fn some(asked: Asked<'_>, name: &str) -> Option<String> {
    asked.param(name).filter(|value| !value.is_empty())
}
