//! The table of paths.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use registry_core::{
    Error, Result,
    protocol::{self, Asked},
};

use super::{Route, Target};
use crate::ProjectName;

/// What is asked beside the path.
pub(super) struct Table<'a>(pub(super) Asked<'a>);

impl Table<'_> {
    pub(super) fn upload(&self) -> Result<Route> {
        self.0.only("POST", &[(Method::POST, Route::Upload)])
    }

    /// `/simple/…`
    pub(super) fn simple(&self, segments: &[&str]) -> Result<Route> {
        match *segments {
            // Without the slash at the end, what is relative on the page would lead elsewhere.
            [] => self.elsewhere("simple/"),
            [""] => self.0.get(Route::Index {
                format: self.format(),
            }),
            [name] => {
                let project = named(name)?;
                self.elsewhere(&format!("{project}/"))
            }
            [name, ""] => {
                let project = named(name)?;
                if !project.is_normal() {
                    return self.elsewhere(&format!("../{project}/"));
                }
                self.0.get(Route::Project {
                    project,
                    format: self.format(),
                })
            }
            _ => Err(unknown()),
        }
    }

    /// `/packages/…`
    pub(super) fn file(&self, segments: &[&str]) -> Result<Route> {
        let [project, file] = *segments else {
            return Err(unknown());
        };
        let project = named(project)?;
        let (file, metadata) = match file.strip_suffix(".metadata") {
            Some(file) => (file.to_owned(), true),
            None => (file.to_owned(), false),
        };
        if metadata {
            return self.0.get(Route::Metadata { project, file });
        }
        self.0.get(Route::File { project, file })
    }

    /// `/integrity/…`
    pub(super) fn integrity(&self, segments: &[&str]) -> Result<Route> {
        match *segments {
            [project, version, file, "provenance"] => self.0.get(Route::Provenance {
                project: named(project)?,
                version: version.parse().map_err(|_| unknown())?,
                file: file.to_owned(),
            }),
            _ => Err(unknown()),
        }
    }

    /// `/{project}/json`, `/{project}/{version}/json`
    pub(super) fn json(&self, segments: &[&str]) -> Result<Route> {
        let (segments, up) = match segments {
            [rest @ .., ""] => (rest, "../"),
            all => (all, ""),
        };
        match *segments {
            [name, "json"] => {
                let project = named(name)?;
                if !project.is_normal() {
                    return self.elsewhere(&format!("{up}../{project}/json"));
                }
                self.0.get(Route::ProjectJson { project })
            }
            [name, version, "json"] => {
                let project = named(name)?;
                let version = version.parse().map_err(|_| unknown())?;
                if !project.is_normal() {
                    return self.elsewhere(&format!("{up}../../{project}/{version}/json"));
                }
                self.0.get(Route::ReleaseJson { project, version })
            }
            _ => Err(unknown()),
        }
    }

    /// `/api/…`
    pub(super) fn api(&self, segments: &[&str]) -> Result<Route> {
        match *segments {
            ["yank", ref target @ ..] => {
                let target = target_of(target)?;
                let yank = (Method::PUT, Route::Yank(target.clone()));
                self.0.only(
                    "PUT, DELETE",
                    &[yank, (Method::DELETE, Route::Unyank(target))],
                )
            }
            ["files", ref target @ ..] => {
                let target = target_of(target)?;
                self.0
                    .only("DELETE", &[(Method::DELETE, Route::Delete(target))])
            }
            ["status", project] => {
                let project: ProjectName = project.parse()?;
                let set = Route::SetStatus {
                    project: project.clone(),
                };
                let clear = Route::ClearStatus { project };
                self.0.only(
                    "PUT, DELETE",
                    &[(Method::PUT, set), (Method::DELETE, clear)],
                )
            }
            _ => Err(unknown()),
        }
    }

    /// A redirect, which keeps the query.
    fn elsewhere(&self, location: &str) -> Result<Route> {
        let mark = if self.0.query.is_empty() { "" } else { "?" };
        self.0.get(Route::Elsewhere {
            location: format!("{location}{mark}{}", self.0.query),
        })
    }

    /// The value of `format` in the query, where a plus stands for itself.
    fn format(&self) -> Option<String> {
        let mut pairs = self.0.query.split('&');
        let value = pairs.find_map(|pair| pair.strip_prefix("format="))?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }
}

/// A project whose page is asked for: a name that none can have is that of none.
fn named(name: &str) -> Result<ProjectName> {
    name.parse().map_err(|_| unknown())
}

fn target_of(segments: &[&str]) -> Result<Target> {
    let (project, version, file) = match *segments {
        [project, version] => (project, version, None),
        [project, version, file] if !file.is_empty() => (project, version, Some(file.to_owned())),
        _ => return Err(unknown()),
    };
    Ok(Target {
        project: project.parse()?,
        version: version.parse()?,
        file,
    })
}

/// The segments of a path, each decoded once. A slash at its end counts: what is relative on a page
/// begins there.
pub(super) fn segments(path: &str) -> Result<Vec<Cow<'_, str>>> {
    let mut segments = protocol::segments(path)?;
    if path.len() > 1 && path.ends_with('/') {
        segments.push(Cow::Borrowed(""));
    }
    Ok(segments)
}

fn unknown() -> Error {
    Error::not_found("Not found")
}
