//! The table of methods behind [`Route::parse`].

use std::borrow::Cow;

use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use registry_core::{Error as CoreError, digest::Algorithm};

use super::{MAX_TAGS, Page, Route, TokenRequest};
use crate::{
    RepositoryName, Tag,
    error::{Code, Error, Result},
    name::{self, Reference},
};

/// The longest `last` and `artifactType`, in bytes; no name or type is longer.
const MAX_PARAM: usize = 1024;
/// The longest id of an upload, in bytes.
const MAX_ID: usize = 2048;

/// A request, while its path is being told apart.
pub(super) struct Request<'a> {
    pub(super) method: &'a Method,
    pub(super) query: &'a str,
}

impl Request<'_> {
    /// `/token`
    pub(super) fn token(&self) -> Result<Route> {
        if *self.method == Method::POST {
            return Ok(Route::TokenForm);
        }
        self.only("GET, HEAD, POST", self.reads())?;
        let is_true = |value: Cow<'_, str>| value == "true";
        Ok(Route::Token(TokenRequest {
            scopes: self.params("scope").map(Cow::into_owned).collect(),
            service: self.param("service").map(Cow::into_owned),
            offline: self.param("offline_token").is_some_and(is_true),
        }))
    }

    /// `/{name}/tags/list`
    pub(super) fn tags(&self, name: &[&str]) -> Result<Route> {
        self.get(|| {
            let (name, page) = (repository(name)?, self.page()?);
            Ok(Route::Tags { name, page })
        })
    }

    /// `/{name}/manifests/{reference}`
    pub(super) fn manifest(&self, name: &[&str], reference: &str) -> Result<Route> {
        let known = [Method::PUT, Method::DELETE].contains(self.method);
        self.only("GET, HEAD, PUT, DELETE", known || self.reads())?;
        let name = repository(name)?;
        if *self.method == Method::PUT {
            let reference: Reference = reference.parse()?;
            let tags = self.more_tags(&reference)?;
            return Ok(Route::PutManifest {
                name,
                reference,
                tags,
            });
        }
        // Nothing is there that cannot be put there.
        let unknown = |error: Error| match error.code() {
            Code::ManifestInvalid => Error::new(Code::ManifestUnknown, error.to_string()),
            _ => error,
        };
        let reference = reference.parse::<Reference>().map_err(unknown)?;
        if self.reads() {
            return Ok(Route::Manifest { name, reference });
        }
        Ok(Route::DeleteManifest { name, reference })
    }

    /// The tags of `?tag=`, each once.
    fn more_tags(&self, reference: &Reference) -> Result<Vec<Tag>> {
        let mut tags: Vec<Tag> = Vec::new();
        for tag in self.params("tag") {
            let tag = tag.parse()?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
            if tags.len() > MAX_TAGS {
                let message = format!("one push may set {MAX_TAGS} tags at most; send fewer");
                let error = Error::new(Code::Unsupported, message);
                return Err(error.status(StatusCode::URI_TOO_LONG));
            }
        }
        if !tags.is_empty() && matches!(reference, Reference::Tag(_)) {
            let message = "?tag= goes with a push by digest; put the manifest's digest into the \
                           address";
            return Err(Error::new(Code::Unsupported, message));
        }
        Ok(tags)
    }

    /// `/{name}/referrers/{digest}`
    pub(super) fn referrers(&self, name: &[&str], digest: &str) -> Result<Route> {
        self.get(|| {
            let artifact_type = self.bounded("artifactType")?;
            Ok(Route::Referrers {
                name: repository(name)?,
                digest: name::digest(digest)?,
                artifact_type: artifact_type.filter(|wanted| !wanted.is_empty()),
                page: self.page()?,
            })
        })
    }

    /// `/{name}/blobs/{digest}`
    pub(super) fn blob(&self, name: &[&str], digest: &str) -> Result<Route> {
        let deletes = *self.method == Method::DELETE;
        self.only("GET, HEAD, DELETE", deletes || self.reads())?;
        let (name, digest) = (repository(name)?, name::digest(digest)?);
        if deletes {
            return Ok(Route::DeleteBlob { name, digest });
        }
        Ok(Route::Blob { name, digest })
    }

    /// `/{name}/blobs/uploads/`
    pub(super) fn uploads(&self, name: &[&str]) -> Result<Route> {
        self.only("POST", *self.method == Method::POST)?;
        let digest = |param| {
            let value = self.param(param);
            value.map(|value| name::digest(&value)).transpose()
        };
        let from = self.param("from").map(|from| from.parse()).transpose();
        let algorithm = self.param("digest-algorithm");
        Ok(Route::BeginUpload {
            name: repository(name)?,
            digest: digest("digest")?,
            mount: digest("mount")?,
            from: from?,
            algorithm: algorithm.map(|name| algorithm_of(&name)).transpose()?,
        })
    }

    /// `/{name}/blobs/uploads/{id}`
    pub(super) fn upload(&self, name: &[&str], id: &str) -> Result<Route> {
        let methods = [Method::PATCH, Method::PUT, Method::DELETE];
        let known = methods.contains(self.method) || self.reads();
        self.only("GET, HEAD, PATCH, PUT, DELETE", known)?;
        let (name, id) = (repository(name)?, id.to_owned());
        if id.len() > MAX_ID {
            let message = "there is no such upload; begin one with POST";
            return Err(Error::new(Code::BlobUploadUnknown, message));
        }
        match *self.method {
            Method::PATCH => Ok(Route::AppendUpload { name, id }),
            Method::DELETE => Ok(Route::CancelUpload { name, id }),
            Method::PUT => {
                let missing = || {
                    let message = "an upload ends with the digest of all its bytes, ?digest=";
                    Error::new(Code::DigestInvalid, message)
                };
                let digest = name::digest(&self.param("digest").ok_or_else(missing)?)?;
                Ok(Route::FinishUpload { name, id, digest })
            }
            _ => Ok(Route::Upload { name, id }),
        }
    }

    /// `?n=` and `?last=`
    pub(super) fn page(&self) -> Result<Page> {
        let n = self.param("n").filter(|n| !n.is_empty());
        let number = |n: Cow<'_, str>| {
            if n.bytes().all(|byte| byte.is_ascii_digit()) {
                // What is too large to be counted is as good as everything.
                return Ok(n.parse().unwrap_or(usize::MAX));
            }
            let message = "n is how many there shall be at most: 0, or a positive number";
            Err(Error::new(Code::Unsupported, message))
        };
        Ok(Page {
            n: n.map(number).transpose()?,
            last: self.bounded("last")?.filter(|last| !last.is_empty()),
        })
    }

    fn reads(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD)
    }

    pub(super) fn get(&self, route: impl FnOnce() -> Result<Route>) -> Result<Route> {
        self.only("GET, HEAD", self.reads())?;
        route()
    }

    fn only(&self, allow: &'static str, known: bool) -> Result<()> {
        if known {
            return Ok(());
        }
        Err(CoreError::method_not_allowed(allow).into())
    }

    /// The values of a query parameter.
    fn params(&self, name: &'static str) -> impl Iterator<Item = Cow<'_, str>> {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.filter_map(move |(key, value)| (key == name).then_some(value))
    }

    /// The first value of a query parameter.
    fn param(&self, name: &'static str) -> Option<Cow<'_, str>> {
        self.params(name).next()
    }

    fn bounded(&self, name: &'static str) -> Result<Option<String>> {
        match self.param(name) {
            Some(value) if value.len() > MAX_PARAM => {
                let message = format!("{name} has {MAX_PARAM} bytes at most");
                Err(Error::new(Code::Unsupported, message))
            }
            value => Ok(value.map(Cow::into_owned)),
        }
    }
}

fn repository(segments: &[&str]) -> Result<RepositoryName> {
    if segments.is_empty() {
        return Err(Error::no_address());
    }
    segments.join("/").parse()
}

fn algorithm_of(name: &str) -> Result<Algorithm> {
    match name {
        "sha256" => Ok(Algorithm::Sha256),
        "sha512" => Ok(Algorithm::Sha512),
        _ => {
            let message = "digests are made with sha256 or sha512; choose one of them";
            Err(Error::new(Code::DigestInvalid, message))
        }
    }
}

pub(super) fn decode(segment: &str) -> Result<Cow<'_, str>> {
    let decoded = percent_decode_str(segment).decode_utf8();
    let decoded = decoded.map_err(|_| Error::new(Code::NameInvalid, "the address is not UTF-8"))?;
    if decoded.contains('/') {
        // What stands before this server may go by the path, and would take it for another.
        let message = "a slash in the address is written as it is, not as %2F";
        return Err(Error::new(Code::NameInvalid, message));
    }
    Ok(decoded)
}
