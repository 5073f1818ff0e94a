//! The table of paths and methods behind [`Route::parse`].

use std::borrow::Cow;

use http::Method;
use registry_core::{Error, Result, protocol::Asked};

use super::{Route, SearchQuery};
use crate::{PackageName, Tag};

/// A request, while its path is being told apart.
pub(super) struct Request<'a>(pub(super) Asked<'a>);

impl Request<'_> {
    /// `/{pkg}…`
    pub(super) fn package(&self, segments: &[&str]) -> Result<Route> {
        let (name, rest) = self.name(segments)?;
        match *rest {
            [] if self.0.reads() => {
                let write = self.0.param("write").is_some_and(|value| value == "true");
                Ok(Route::Packument { name, write })
            }
            [] => self.0.only(
                "GET, HEAD, PUT",
                &[(Method::PUT, Route::Put { name, rev: None })],
            ),
            ["-rev", rev] => {
                let (put, rev) = (Some(rev.to_owned()), rev.to_owned());
                let put = Route::Put {
                    name: name.clone(),
                    rev: put,
                };
                let delete = Route::Unpublish { name, rev };
                self.0.only(
                    "PUT, DELETE",
                    &[(Method::PUT, put), (Method::DELETE, delete)],
                )
            }
            ["-", file] => self.0.get(Route::Tarball {
                name,
                file: file_name(file)?,
            }),
            ["-", scope, file] if scope.starts_with('@') => self.0.get(Route::Tarball {
                name,
                file: file_name(file)?,
            }),
            ["-", file, "-rev", rev] | ["-", _, file, "-rev", rev] => {
                let (file, rev) = (file_name(file)?, rev.to_owned());
                self.0.only(
                    "DELETE",
                    &[(Method::DELETE, Route::DeleteTarball { name, file, rev })],
                )
            }
            [selector] if selector != "-" && !selector.is_empty() => self.0.get(Route::Manifest {
                name,
                selector: selector.to_owned(),
            }),
            _ => Err(unknown()),
        }
    }

    /// `/-/package/{pkg}/…`
    pub(super) fn of_package(&self, segments: &[&str]) -> Result<Route> {
        let (name, rest) = self.name(segments)?;
        match *rest {
            ["dist-tags"] if self.0.reads() => Ok(Route::Tags(name)),
            ["dist-tags"] => {
                let set = Route::SetTags(name);
                let routes = [(Method::PUT, set.clone()), (Method::POST, set)];
                self.0.only("GET, HEAD, PUT, POST", &routes)
            }
            ["dist-tags", tag] => {
                let tag: Tag = tag.parse()?;
                if self.0.reads() {
                    return Ok(Route::Tag(name, tag));
                }
                let set = Route::SetTag(name.clone(), tag.clone());
                let remove = (Method::DELETE, Route::RemoveTag(name, tag));
                let routes = [(Method::PUT, set.clone()), (Method::POST, set), remove];
                self.0.only("GET, HEAD, PUT, POST, DELETE", &routes)
            }
            ["access"] if self.0.reads() => Ok(Route::Access(name)),
            ["access"] => {
                let routes = [(Method::POST, Route::SetAccess(name))];
                self.0.only("GET, HEAD, POST", &routes)
            }
            ["visibility"] => self.0.get(Route::Visibility(name)),
            ["collaborators"] => self.0.get(Route::Collaborators(name)),
            ["owners"] => self.0.only("PUT", &[(Method::PUT, Route::AddOwner(name))]),
            ["owners", user] => {
                let user = user.to_owned();
                let routes = [(Method::DELETE, Route::RemoveOwner { name, user })];
                self.0.only("DELETE", &routes)
            }
            _ => Err(unknown()),
        }
    }

    /// `/-/user/…`
    pub(super) fn of_user(&self, segments: &[&str]) -> Result<Route> {
        match *segments {
            ["token", token] => {
                let token = token.to_owned();
                self.0
                    .only("DELETE", &[(Method::DELETE, Route::Logout { token })])
            }
            ["v1", "star"] if self.0.reads() => Ok(Route::Starred),
            ["v1", "star"] => {
                let star = |starred| Route::Star { starred };
                let routes = [(Method::PUT, star(true)), (Method::DELETE, star(false))];
                self.0.only("GET, HEAD, PUT, DELETE", &routes)
            }
            [user, "package"] => self.0.get(Route::UserPackages {
                user: user.to_owned(),
            }),
            [id] | [id, "-rev", _] => {
                let user = id.strip_prefix("org.couchdb.user:").ok_or_else(unknown)?;
                let user = user.to_owned();
                if self.0.reads() && segments.len() == 1 {
                    return Ok(Route::User { user });
                }
                let allow = ["GET, HEAD, PUT", "PUT"][usize::from(segments.len() > 1)];
                self.0.only(allow, &[(Method::PUT, Route::Login { user })])
            }
            _ => Err(unknown()),
        }
    }

    /// `/-/v1/…`
    pub(super) fn v1(&self, segments: &[&str]) -> Result<Route> {
        match *segments {
            ["login"] => self.0.only("POST", &[(Method::POST, Route::WebLogin)]),
            ["login", "page", id] => {
                let id = id.to_owned();
                if self.0.reads() {
                    return Ok(Route::WebLoginPage { id });
                }
                let routes = [(Method::POST, Route::WebLoginSubmit { id })];
                self.0.only("GET, HEAD, POST", &routes)
            }
            ["done", secret] => self.0.get(Route::WebLoginDone {
                secret: secret.to_owned(),
            }),
            ["search"] => self.0.get(Route::Search(SearchQuery {
                text: self.0.param("text").unwrap_or_default(),
                from: self.0.number("from").unwrap_or(0),
                size: self.0.number("size").unwrap_or(20).min(250),
            })),
            _ => Err(unknown()),
        }
    }

    /// `/-/npm/v1/…`
    pub(super) fn npm_v1(&self, segments: &[&str]) -> Result<Route> {
        match *segments {
            ["tokens"] if self.0.reads() => Ok(Route::Tokens),
            ["tokens"] => self
                .0
                .only("GET, HEAD, POST", &[(Method::POST, Route::CreateToken)]),
            ["tokens", "token", key] => {
                let key = key.to_owned();
                self.0
                    .only("DELETE", &[(Method::DELETE, Route::RevokeToken { key })])
            }
            ["user"] if self.0.reads() => Ok(Route::Profile),
            ["user"] => self
                .0
                .only("GET, HEAD, POST", &[(Method::POST, Route::SetProfile)]),
            ["security", "advisories", "bulk"] => self
                .0
                .only("POST", &[(Method::POST, Route::BulkAdvisories)]),
            ["security", "audits"] | ["security", "audits", "quick"] => {
                self.0.only("POST", &[(Method::POST, Route::Audit)])
            }
            ["keys"] => self.0.get(Route::Keys),
            ["attestations", ref spec @ ..] if (1..=2).contains(&spec.len()) => {
                let spec = spec.join("/");
                let (name, version) = spec.rsplit_once('@').ok_or_else(unknown)?;
                let (name, version) = (name.parse()?, version.parse()?);
                self.0.get(Route::Attestations { name, version })
            }
            _ => Err(unknown()),
        }
    }

    /// The name that the segments begin with, in one segment or two, and what follows it.
    fn name<'s, 'a>(&self, segments: &'s [&'a str]) -> Result<(PackageName, &'s [&'a str])> {
        let (name, rest): (Cow<'_, str>, _) = match segments {
            [scope, name, rest @ ..] if scope.starts_with('@') && !scope.contains('/') => {
                (format!("{scope}/{name}").into(), rest)
            }
            [name, rest @ ..] => ((*name).into(), rest),
            [] => return Err(unknown()),
        };
        match name.parse() {
            Ok(name) => Ok((name, rest)),
            // Browsers and robots ask for such names, npm does not.
            Err(_) if self.0.reads() && is_elsewhere(&name) => Err(unknown()),
            Err(error) => Err(error),
        }
    }
}

/// A file's name is one segment, whatever was encoded in it.
fn file_name(segment: &str) -> Result<String> {
    let name = segment.rsplit('/').next().unwrap_or_default();
    if name.is_empty() {
        return Err(unknown());
    }
    Ok(name.to_owned())
}

/// Well-formed names that npm reserves: nothing is there, which is an answer.
fn is_elsewhere(name: &str) -> bool {
    name.is_empty() || name.starts_with(['.', '_', '-']) || name.eq_ignore_ascii_case("favicon.ico")
}

pub(super) fn unknown() -> Error {
    Error::not_found("Not found")
}
