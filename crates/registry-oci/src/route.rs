//! From a request's method and path to what is asked for. Pure.

use http::Method;
use registry_core::digest::{Algorithm, Digest};

use self::parse::Request;
use crate::{
    RepositoryName, Tag,
    error::{Error, Result},
    name::Reference,
};

mod parse;
#[cfg(test)]
mod tests;

/// The most tags that one push may set by `?tag=`.
pub const MAX_TAGS: usize = 100;

/// Everything that can be asked of an OCI registry. `HEAD` is `GET` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /` (end-1): whether this is a registry, and whether who asks is somebody.
    Ping,
    /// `GET /token`: an access token, for who shows credentials or nobody.
    Token(TokenRequest),
    /// `POST /token`: the same by a form, as OAuth2 has it.
    TokenForm,
    /// `GET /_catalog`: the repositories that may be read.
    Catalog(Page),
    /// `GET /{name}/tags/list` (end-8).
    Tags {
        /// The repository.
        name: RepositoryName,
        /// Which of them.
        page: Page,
    },
    /// `GET /{name}/manifests/{reference}` (end-3).
    Manifest {
        /// The repository.
        name: RepositoryName,
        /// A tag or a digest.
        reference: Reference,
    },
    /// `PUT /{name}/manifests/{reference}` (end-7).
    PutManifest {
        /// The repository.
        name: RepositoryName,
        /// A tag or a digest.
        reference: Reference,
        /// The tags of the query, each once, for a push by digest.
        tags: Vec<Tag>,
    },
    /// `DELETE /{name}/manifests/{reference}` (end-9).
    DeleteManifest {
        /// The repository.
        name: RepositoryName,
        /// A tag or a digest.
        reference: Reference,
    },
    /// `GET /{name}/referrers/{digest}` (end-12).
    Referrers {
        /// The repository.
        name: RepositoryName,
        /// The manifest that they refer to.
        digest: Digest,
        /// The type of artifact that is asked for.
        artifact_type: Option<String>,
        /// Which of them.
        page: Page,
    },
    /// `GET /{name}/blobs/{digest}` (end-2).
    Blob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// `DELETE /{name}/blobs/{digest}` (end-10).
    DeleteBlob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// `POST /{name}/blobs/uploads/` (end-4 and end-11).
    BeginUpload {
        /// The repository.
        name: RepositoryName,
        /// What the body is, when the request brings the whole blob.
        digest: Option<Digest>,
        /// The blob that another repository holds already.
        mount: Option<Digest>,
        /// The repository to take it from.
        from: Option<RepositoryName>,
        /// What the blob's digest will be made with.
        algorithm: Option<Algorithm>,
    },
    /// `GET /{name}/blobs/uploads/{id}` (end-13): how far an upload is.
    Upload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: String,
    },
    /// `PATCH /{name}/blobs/uploads/{id}` (end-5): more bytes.
    AppendUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: String,
    },
    /// `PUT /{name}/blobs/uploads/{id}` (end-6): the last bytes, and what they all are.
    FinishUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: String,
        /// The digest of all bytes.
        digest: Digest,
    },
    /// `DELETE /{name}/blobs/uploads/{id}` (end-14).
    CancelUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: String,
    },
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many at most.
    pub n: Option<usize>,
    /// What stands before the first of them; it need not be in the list.
    pub last: Option<String>,
}

/// What an access token is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// The scopes, as written: `repository:a/b:pull,push`, one or more in each.
    pub scopes: Vec<String>,
    /// The service that the client read in the challenge.
    pub service: Option<String>,
    /// Whether a refresh token is wanted too.
    pub offline: bool,
}

impl Route {
    /// What `method` on `path` asks for. `path` begins with a slash, is not decoded, and has lost
    /// the mount's prefix.
    ///
    /// Paths are told apart from the right, so that a repository may be called `a/blobs/b` or
    /// `a/manifests`.
    ///
    /// # Errors
    /// [`NotFound`](registry_core::ErrorKind::NotFound) for unknown paths, `MethodNotAllowed` for
    /// known paths with another method, and `NAME_INVALID`, `DIGEST_INVALID` and their like for
    /// what stands in a path or query and cannot be.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments = path
            .split('/')
            .map(parse::decode)
            .collect::<Result<Vec<_>>>()?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        let request = Request {
            method,
            query: query.unwrap_or_default(),
        };
        match segments.as_slice() {
            [""] => request.get(|| Ok(Self::Ping)),
            ["token"] => request.token(),
            ["_catalog"] => request.get(|| Ok(Self::Catalog(request.page()?))),
            [name @ .., "tags", "list"] => request.tags(name),
            [name @ .., "manifests", reference] => request.manifest(name, reference),
            [name @ .., "referrers", digest] => request.referrers(name, digest),
            [name @ .., "blobs", "uploads"] => request.uploads(name),
            [name @ .., "blobs", digest] => request.blob(name, digest),
            [name @ .., "blobs", "uploads", id] => request.upload(name, id),
            _ => Err(Error::no_address()),
        }
    }

    /// What logs and metrics call it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Token(..) => "token",
            Self::TokenForm => "token-form",
            Self::Catalog(..) => "catalog",
            Self::Tags { .. } => "tags",
            Self::Manifest { .. } => "manifest",
            Self::PutManifest { .. } => "put-manifest",
            Self::DeleteManifest { .. } => "delete-manifest",
            Self::Referrers { .. } => "referrers",
            Self::Blob { .. } => "blob",
            Self::DeleteBlob { .. } => "delete-blob",
            Self::BeginUpload { .. } => "begin-upload",
            Self::Upload { .. } => "upload",
            Self::AppendUpload { .. } => "append-upload",
            Self::FinishUpload { .. } => "finish-upload",
            Self::CancelUpload { .. } => "cancel-upload",
        }
    }

    /// The repository that it is about.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Ping | Self::Token(..) | Self::TokenForm | Self::Catalog(..) => None,
            Self::Tags { name, .. }
            | Self::Manifest { name, .. }
            | Self::PutManifest { name, .. }
            | Self::DeleteManifest { name, .. }
            | Self::Referrers { name, .. }
            | Self::Blob { name, .. }
            | Self::DeleteBlob { name, .. }
            | Self::BeginUpload { name, .. }
            | Self::Upload { name, .. }
            | Self::AppendUpload { name, .. }
            | Self::FinishUpload { name, .. }
            | Self::CancelUpload { name, .. } => Some(name),
        }
    }
}
