//! From a request's method and path to what is asked for. Pure.

use http::Method;
use registry_core::{
    Result,
    protocol::{Asked, segments},
};

use self::parse::{Request, unknown};
use crate::{PackageName, Tag, Version};

mod parse;
#[cfg(test)]
mod tests;

/// Everything that can be asked of an npm registry. `HEAD` is `GET` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /{pkg}`; with `?write=true` the client means to change what it gets and put it back.
    Packument {
        /// The package.
        name: PackageName,
        /// Whether the answer must be fresh and full.
        write: bool,
    },
    /// `GET /{pkg}/{version or tag}`.
    Manifest {
        /// The package.
        name: PackageName,
        /// A version or a tag, as asked for.
        selector: String,
    },
    /// `GET /{pkg}/-/{file}`.
    Tarball {
        /// The package.
        name: PackageName,
        /// The file's name, verbatim.
        file: String,
    },
    /// `PUT /{pkg}` and `PUT /{pkg}/-rev/{rev}`: publish, or change what may change.
    Put {
        /// The package.
        name: PackageName,
        /// The revision from which the change was computed.
        rev: Option<String>,
    },
    /// `DELETE /{pkg}/-rev/{rev}`.
    Unpublish {
        /// The package.
        name: PackageName,
        /// The revision that the client saw.
        rev: String,
    },
    /// `DELETE /{pkg}/-/{file}/-rev/{rev}`: the last step of unpublishing a version.
    DeleteTarball {
        /// The package.
        name: PackageName,
        /// The file's name, verbatim.
        file: String,
        /// The revision that the client saw.
        rev: String,
    },
    /// `GET /-/package/{pkg}/dist-tags`.
    Tags(PackageName),
    /// `PUT` or `POST /-/package/{pkg}/dist-tags`: sets each tag of the body.
    SetTags(PackageName),
    /// `GET /-/package/{pkg}/dist-tags/{tag}`.
    Tag(PackageName, Tag),
    /// `PUT` or `POST /-/package/{pkg}/dist-tags/{tag}`; the body is the version.
    SetTag(PackageName, Tag),
    /// `DELETE /-/package/{pkg}/dist-tags/{tag}`.
    RemoveTag(PackageName, Tag),
    /// `GET /-/package/{pkg}/access`.
    Access(PackageName),
    /// `POST /-/package/{pkg}/access`.
    SetAccess(PackageName),
    /// `GET /-/package/{pkg}/visibility`.
    Visibility(PackageName),
    /// `GET /-/package/{pkg}/collaborators`.
    Collaborators(PackageName),
    /// `PUT /-/package/{pkg}/owners`: pnpm's way to add a maintainer.
    AddOwner(PackageName),
    /// `DELETE /-/package/{pkg}/owners/{user}`: pnpm's way to remove one.
    RemoveOwner {
        /// The package.
        name: PackageName,
        /// The user's name.
        user: String,
    },
    /// `PUT` and `DELETE /-/user/v1/star`: pnpm's stars; the body names the package.
    Star {
        /// Whether the star is given or taken.
        starred: bool,
    },
    /// `GET /-/user/v1/star`: what whoever asks has starred.
    Starred,
    /// `GET /-/user/{user}/package`: what a user may write.
    UserPackages {
        /// The user's name.
        user: String,
    },
    /// `GET /-/ping`.
    Ping,
    /// `GET /-/whoami`.
    Whoami,
    /// `GET /-/user/org.couchdb.user:{user}`.
    User {
        /// The user's name.
        user: String,
    },
    /// `PUT /-/user/org.couchdb.user:{user}`, with or without `/-rev/{rev}`: the couch login.
    Login {
        /// The user's name.
        user: String,
    },
    /// `DELETE /-/user/token/{token}`.
    Logout {
        /// The token to revoke.
        token: String,
    },
    /// `POST /-/v1/login`: begins a login in the browser.
    WebLogin,
    /// `GET /-/v1/login/page/{id}`: the page that the browser shows.
    WebLoginPage {
        /// The login's public id.
        id: String,
    },
    /// `POST /-/v1/login/page/{id}`: the form of that page.
    WebLoginSubmit {
        /// The login's public id.
        id: String,
    },
    /// `GET /-/v1/done/{secret}`: the client polls for its token.
    WebLoginDone {
        /// The secret that only the client knows.
        secret: String,
    },
    /// `GET /-/npm/v1/tokens`.
    Tokens,
    /// `POST /-/npm/v1/tokens`.
    CreateToken,
    /// `DELETE /-/npm/v1/tokens/token/{key}`.
    RevokeToken {
        /// The token, its id, or the beginning of either.
        key: String,
    },
    /// `GET /-/npm/v1/user`.
    Profile,
    /// `POST /-/npm/v1/user`.
    SetProfile,
    /// `GET /-/v1/search`.
    Search(SearchQuery),
    /// `GET /-/_view/starredByUser?key="{user}"`.
    StarredByUser {
        /// The user's name.
        user: String,
    },
    /// `POST /-/npm/v1/security/advisories/bulk`.
    BulkAdvisories,
    /// `POST /-/npm/v1/security/audits` and `…/audits/quick`.
    Audit,
    /// `GET /-/npm/v1/keys`.
    Keys,
    /// `GET /-/npm/v1/attestations/{pkg}@{version}`.
    Attestations {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
}

/// What a search asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words and qualifiers.
    pub text: String,
    /// How many hits to skip.
    pub from: usize,
    /// How many hits to give, 250 at most.
    pub size: usize,
}

impl Route {
    /// What `method` on `path` asks for. `path` begins with a slash, is not decoded, and has lost
    /// the mount's prefix.
    ///
    /// # Errors
    /// [`NotFound`](registry_core::ErrorKind::NotFound) for unknown paths, `MethodNotAllowed` for known paths
    /// with another method, `InvalidName` for names that nothing can have.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let segments = segments(path)?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        let request = Request(Asked {
            method,
            query: query.unwrap_or_default(),
        });
        match segments.as_slice() {
            ["-", "package", rest @ ..] => request.of_package(rest),
            ["-", "user", rest @ ..] => request.of_user(rest),
            ["-", "v1", rest @ ..] => request.v1(rest),
            ["-", "npm", "v1", rest @ ..] => request.npm_v1(rest),
            ["-", "ping"] => request.0.get(Self::Ping),
            ["-", "whoami"] => request.0.get(Self::Whoami),
            ["-", "_view", "starredByUser"] => {
                let user = request.0.param("key").unwrap_or_default();
                let user = user.trim_matches('"').to_owned();
                request.0.get(Self::StarredByUser { user })
            }
            ["-", ..] => Err(unknown()),
            rest => request.package(rest),
        }
    }

    /// What logs and metrics call it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Packument { .. } => "packument",
            Self::Manifest { .. } => "manifest",
            Self::Tarball { .. } => "tarball",
            Self::Put { .. } => "put",
            Self::Unpublish { .. } => "unpublish",
            Self::DeleteTarball { .. } => "delete-tarball",
            Self::Tags(..) => "tags",
            Self::SetTags(..) => "set-tags",
            Self::Tag(..) => "tag",
            Self::SetTag(..) => "set-tag",
            Self::RemoveTag(..) => "remove-tag",
            Self::Access(..) => "access",
            Self::SetAccess(..) => "set-access",
            Self::Visibility(..) => "visibility",
            Self::Collaborators(..) => "collaborators",
            Self::AddOwner(..) => "add-owner",
            Self::RemoveOwner { .. } => "remove-owner",
            Self::Star { .. } => "star",
            Self::Starred => "starred",
            Self::UserPackages { .. } => "user-packages",
            Self::Ping => "ping",
            Self::Whoami => "whoami",
            Self::User { .. } => "user",
            Self::Login { .. } => "login",
            Self::Logout { .. } => "logout",
            Self::WebLogin => "web-login",
            Self::WebLoginPage { .. } => "web-login-page",
            Self::WebLoginSubmit { .. } => "web-login-submit",
            Self::WebLoginDone { .. } => "web-login-done",
            Self::Tokens => "tokens",
            Self::CreateToken => "create-token",
            Self::RevokeToken { .. } => "revoke-token",
            Self::Profile => "profile",
            Self::SetProfile => "set-profile",
            Self::Search(..) => "search",
            Self::StarredByUser { .. } => "starred-by-user",
            Self::BulkAdvisories => "bulk-advisories",
            Self::Audit => "audit",
            Self::Keys => "keys",
            Self::Attestations { .. } => "attestations",
        }
    }
}
