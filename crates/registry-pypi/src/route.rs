//! From a request's method and path to what is asked for. Pure.

use http::Method;
use registry_core::{Result, auth::Action, protocol::Asked};

use self::parse::Table;
use crate::{ProjectName, Version};

mod parse;
#[cfg(test)]
mod tests;

/// Everything that can be asked of an index. `HEAD` is `GET` here; paths are below the mount's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /simple/`: all projects.
    Index {
        /// The form that `?format=` names.
        format: Option<String>,
    },
    /// `GET /simple/{project}/`: its files.
    Project {
        /// The project.
        project: ProjectName,
        /// The form that `?format=` names.
        format: Option<String>,
    },
    /// What is found at another address, which this one leads to.
    Elsewhere {
        /// The address, relative to this one.
        location: String,
    },
    /// `GET /packages/{project}/{file}`.
    File {
        /// The project.
        project: ProjectName,
        /// The file's name.
        file: String,
    },
    /// `GET /packages/{project}/{file}.metadata`.
    Metadata {
        /// The project.
        project: ProjectName,
        /// The file's name.
        file: String,
    },
    /// `GET /integrity/{project}/{version}/{file}/provenance`.
    Provenance {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// The file's name.
        file: String,
    },
    /// `GET /{project}/json`, and below `/pypi/`.
    ProjectJson {
        /// The project.
        project: ProjectName,
    },
    /// `GET /{project}/{version}/json`, and below `/pypi/`.
    ReleaseJson {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
    },
    /// `POST` on `/`, `/legacy/` and `/pypi/`, with and without the slash at the end: an upload.
    Upload,
    /// `PUT /api/yank/{project}/{version}[/{file}]`.
    Yank(Target),
    /// `DELETE /api/yank/{project}/{version}[/{file}]`.
    Unyank(Target),
    /// `DELETE /api/files/{project}/{version}[/{file}]`.
    Delete(Target),
    /// `PUT /api/status/{project}`.
    SetStatus {
        /// The project.
        project: ProjectName,
    },
    /// `DELETE /api/status/{project}`: it is active again.
    ClearStatus {
        /// The project.
        project: ProjectName,
    },
}

/// A release, or one file of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// The file; all of the release without it.
    pub file: Option<String>,
}

impl Route {
    /// What `method` on `path` asks for. `path` begins with a slash, is not decoded, and has lost
    /// the mount's prefix.
    ///
    /// # Errors
    /// [`NotFound`](registry_core::ErrorKind::NotFound) for unknown paths, `MethodNotAllowed` for
    /// known paths with another method, `InvalidName` for names that nothing can have.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let table = Table(Asked {
            method,
            query: query.unwrap_or_default(),
        });
        let segments = parse::segments(path)?;
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match *segments.as_slice() {
            ["" | "legacy" | "pypi"] | ["legacy" | "pypi", ""] => table.upload(),
            ["simple", ref rest @ ..] => table.simple(rest),
            ["packages", ref rest @ ..] => table.file(rest),
            ["integrity", ref rest @ ..] => table.integrity(rest),
            ["api", ref rest @ ..] => table.api(rest),
            // A project called pypi has its page too, below its own name or twice below it.
            ["pypi", ref rest @ ..] if !matches!(rest, ["json"] | ["json", ""]) => table.json(rest),
            ref rest => table.json(rest),
        }
    }

    /// What the route is called in logs and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Index { .. } => "index",
            Self::Project { .. } => "project",
            Self::Elsewhere { .. } => "redirect",
            Self::File { .. } => "file",
            Self::Metadata { .. } => "metadata",
            Self::Provenance { .. } => "provenance",
            Self::ProjectJson { .. } => "project_json",
            Self::ReleaseJson { .. } => "release_json",
            Self::Upload => "upload",
            Self::Yank(_) => "yank",
            Self::Unyank(_) => "unyank",
            Self::Delete(_) => "delete",
            Self::SetStatus { .. } => "set_status",
            Self::ClearStatus { .. } => "clear_status",
        }
    }

    /// The project that it is about, and what is done to it, where the route says so.
    pub(crate) fn about(&self) -> Option<(Action, &ProjectName)> {
        Some(match self {
            Self::Project { project, .. }
            | Self::File { project, .. }
            | Self::Metadata { project, .. }
            | Self::Provenance { project, .. }
            | Self::ProjectJson { project }
            | Self::ReleaseJson { project, .. } => (Action::Read, project),
            Self::Yank(target) | Self::Unyank(target) => (Action::Write, &target.project),
            Self::SetStatus { project } | Self::ClearStatus { project } => (Action::Write, project),
            Self::Delete(target) => (Action::Delete, &target.project),
            Self::Index { .. } | Self::Elsewhere { .. } | Self::Upload => return None,
        })
    }
}
