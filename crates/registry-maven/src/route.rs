//! From a request's method and path to what is asked for. Pure.

use http::Method;
use registry_core::{
    Error, ErrorKind, Result,
    digest::Algorithm,
    protocol::{Asked, segments},
};

use crate::{
    ArtifactId, GroupId, VersionName,
    name::{FilePath, Place},
};

mod api;

pub use api::{BundleQuery, Component, PruneQuery, SearchQuery};

/// Everything that can be asked of a Maven repository. `HEAD` is `GET` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /{group}/{artifact}/{version}/{file}`: a file, or its checksum.
    File(FilePath),
    /// `PUT` there.
    PutFile(FilePath),
    /// `DELETE` there.
    DeleteFile(FilePath),
    /// `DELETE /{group}/{artifact}/{version}/`: all files of a version.
    DeleteVersion(GroupId, ArtifactId, VersionName),
    /// `GET /{folder}/maven-metadata.xml`, or its checksum.
    Metadata(Vec<String>, Option<Algorithm>),
    /// `PUT` there.
    PutMetadata(Vec<String>, Option<Algorithm>),
    /// `GET /{folder}/`: what is in it.
    Folder(Vec<String>),
    /// `GET /solrsearch/select`.
    Search(SearchQuery),
    /// `POST /api/v1/publisher/upload`: many files in a zip.
    Bundle(BundleQuery),
    /// `POST /api/v1/publisher/status?id={id}`: how it stands with a bundle.
    BundleStatus(String),
    /// `POST /api/v1/publisher/deployment/{id}`: publishes a bundle that waits for it.
    PublishBundle(String),
    /// `DELETE /api/v1/publisher/deployment/{id}`: drops it.
    DropBundle(String),
    /// `GET /api/v1/publisher/deployment/{id}/download/{path}`: a file of a bundle, and without an id, as
    /// `GET /api/v1/publisher/deployments/download/{path}`, of any that waits.
    BundleFile(Option<String>, FilePath),
    /// `GET /api/v1/publisher/published`: whether a version is there.
    IsPublished(Component),
    /// `POST /api/v1/prune`: removes old builds of snapshots.
    Prune(PruneQuery),
}

impl Route {
    /// What `method` on `path` asks for. `path` begins with a slash, is not decoded, and has lost
    /// the mount's prefix.
    ///
    /// # Errors
    /// `NotFound` for what cannot be there, `InvalidName` for what cannot be put there,
    /// `MethodNotAllowed` for known paths with another method.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let asked = Asked {
            method,
            query: query.unwrap_or_default(),
        };
        let folder = path.ends_with('/');
        let segments = segments(path)?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        if let Some(route) = api::parse(asked, &segments)? {
            return Ok(route);
        }
        let segments = if segments == [""] { &[][..] } else { &segments };
        match Place::parse(segments, folder) {
            Ok(place) => tree(asked, place),
            // What nothing can be called is not there, and a build that looks for it looks on.
            Err(error) if asked.reads() && error.kind() == ErrorKind::InvalidName => Err(unknown()),
            // People forget the slash.
            Err(error) if *method == Method::DELETE && error.kind() == ErrorKind::InvalidName => {
                let message = format!("{error}; a version is removed by GROUP/ARTIFACT/VERSION/");
                Err(Error::new(ErrorKind::InvalidName, message))
            }
            Err(error) => Err(error),
        }
    }

    /// What logs and metrics call it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::File(..) => "file",
            Self::PutFile(..) => "put-file",
            Self::DeleteFile(..) => "delete-file",
            Self::DeleteVersion(..) => "delete-version",
            Self::Metadata(..) => "metadata",
            Self::PutMetadata(..) => "put-metadata",
            Self::Folder(..) => "folder",
            Self::Search(..) => "search",
            Self::Bundle(..) => "bundle",
            Self::BundleStatus(..) => "bundle-status",
            Self::PublishBundle(..) => "publish-bundle",
            Self::DropBundle(..) => "drop-bundle",
            Self::BundleFile(..) => "bundle-file",
            Self::IsPublished(..) => "is-published",
            Self::Prune(..) => "prune",
        }
    }
}

/// What is asked of a place of the tree.
fn tree(asked: Asked<'_>, place: Place) -> Result<Route> {
    match place {
        Place::File(path) if asked.reads() => Ok(Route::File(path)),
        // A checksum is that of its file, and goes with it.
        Place::File(path) if path.checksum.is_some() => {
            asked.only("GET, HEAD, PUT", &[(Method::PUT, Route::PutFile(path))])
        }
        Place::File(path) => {
            let put = (Method::PUT, Route::PutFile(path.clone()));
            let delete = (Method::DELETE, Route::DeleteFile(path));
            asked.only("GET, HEAD, PUT, DELETE", &[put, delete])
        }
        Place::Metadata { folder, checksum } if asked.reads() => {
            Ok(Route::Metadata(folder, checksum))
        }
        Place::Metadata { folder, checksum } => {
            let put = Route::PutMetadata(folder, checksum);
            asked.only("GET, HEAD, PUT", &[(Method::PUT, put)])
        }
        Place::Folder(folder) if asked.reads() => Ok(Route::Folder(folder)),
        Place::Folder(folder) => match &*folder {
            [group @ .., artifact, version] if !group.is_empty() => {
                let group: Vec<&str> = group.iter().map(String::as_str).collect();
                let group = GroupId::of_path(&group)?;
                let delete = Route::DeleteVersion(group, artifact.parse()?, version.parse()?);
                asked.only("GET, HEAD, DELETE", &[(Method::DELETE, delete)])
            }
            _ => asked.only("GET, HEAD", &[]),
        },
    }
}

fn unknown() -> Error {
    Error::not_found("there is nothing at this address; that of a folder has a slash at its end")
}

#[cfg(test)]
mod tests;
