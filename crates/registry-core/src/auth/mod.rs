//! Who asks, and what they may do.

mod access;
mod admin;
mod bearer;
mod credentials;
mod found;
mod granted;
mod jwt;
mod layout;
mod logins;
mod owners;
mod passwords;
mod provider;
mod recognise;
mod remembered;
mod rights;
mod scope;
#[cfg(test)]
mod tests;
mod tokens;
mod users;

use std::{
    any::Any,
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub(crate) use self::passwords::network;
pub use self::{
    access::{AccessEntry, AccessRequest, AccessToken},
    admin::UserInfo,
    credentials::{Credentials, Secret, TOKEN_PREFIX},
    granted::Granted,
    owners::{Writer, user_number},
    provider::{AuthOptions, DefaultAuth},
    rights::{Anonymous, Grant},
    scope::Scope,
    tokens::{BucketTokens, MemoryTokens, TokenRecord, TokenStore},
};
use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    store::{Documents, Keys, Resource},
};

/// What somebody wants to do with a resource. A later one implies the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Look, download, install.
    Read,
    /// Publish, tag, deprecate, yank, change owners.
    Write,
    /// Remove what was published.
    Delete,
}

impl Action {
    /// The word that scopes use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

/// What a route needs before it may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: credentials are not even looked at.
    Public,
    /// Nothing, but whoever shows credentials is known by them; what nobody gets is for the
    /// handler to say.
    Anyone,
    /// Any user who is known.
    Identity,
    /// Whoever may read something; what is listed is filtered by what they may read.
    Listing,
    /// An action on one resource.
    To(Action, Resource),
    /// A write whose resource only the body names; the handler asks again when it knows.
    Deferred,
}

/// An action on a resource of a mount, as a provider is asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission<'a> {
    /// The mount's name.
    pub mount: &'a str,
    /// The protocol's word for its resources: `package`, `repository`, `crate`…
    pub kind: &'a str,
    /// The resource's name; `*` asks about all of them at once.
    pub name: &'a str,
    /// The action.
    pub action: Action,
}

/// A provider's answer to a [`Permission`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Allow,
    /// It may not be done.
    Deny,
    /// It may not be done, and that the resource exists is secret.
    Hide,
}

/// Somebody, or nobody, as a provider recognised them.
#[derive(Clone, Default)]
pub struct Identity {
    /// The user's name; `None` is nobody.
    pub user: Option<Arc<str>>,
    /// The id of the token that was shown, if it was one.
    pub token: Option<Arc<str>>,
    /// Whether they administer the registry.
    pub admin: bool,
    /// Whether they may only look, even at what is their own.
    pub read_only: bool,
    /// What they are narrowed to, if they showed an access token. Such a token is good for nothing
    /// that is about users and tokens themselves.
    pub access: Option<Arc<[AccessEntry]>>,
    /// What of a protocol's requests their token is good for, in the protocol's own words; all of
    /// them without.
    pub uses: Option<Arc<[String]>>,
    /// What the provider wants to remember of them until it is asked to authorize.
    pub rights: Option<Arc<dyn Any + Send + Sync>>,
}

impl Identity {
    /// Nobody.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A user by name, with no further rights recorded.
    pub fn user(name: impl Into<Arc<str>>) -> Self {
        Self {
            user: Some(name.into()),
            ..Self::default()
        }
    }

    /// Whether the token that was shown, if one was, is good for this use of a protocol.
    pub fn is_for(&self, one: &str) -> bool {
        let uses = self.uses.as_deref();
        uses.is_none_or(|uses| uses.iter().any(|of| of == one))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("user", &self.user)
            .field("token", &self.token)
            .field("admin", &self.admin)
            .field("read_only", &self.read_only)
            .field("access", &self.access)
            .field("uses", &self.uses)
            .finish_non_exhaustive()
    }
}

/// What a new token is to be good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// Its scopes (`npm:package:@acme/*:write`); without any it has the rights of its user.
    pub scopes: Vec<String>,
    /// What of a protocol's requests it is good for, in the protocol's own words, which alone says
    /// what they mean; without any, for all.
    pub uses: Vec<String>,
    /// Whether it may only read.
    pub read_only: bool,
    /// When it ends.
    pub expires: Option<SystemTime>,
    /// The networks it is good from (`10.0.0.0/8`); from anywhere without any.
    pub networks: Vec<String>,
    /// Whether scopes that are more than its maker has are cut down to that, and not refused.
    pub cut: bool,
}

/// A token as it is told to its owner: everything but the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its id, good for revoking it.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// The first characters of the secret, to recognise it by.
    pub hint: String,
    /// When it was made.
    pub created: SystemTime,
    /// What it is good for.
    pub grant: NewToken,
}

/// A user as others may see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name.
    pub name: String,
    /// The mail address, if they gave one.
    pub email: Option<String>,
    /// The full name, if they gave one.
    pub full_name: Option<String>,
    /// When the user was made.
    pub created: Option<SystemTime>,
    /// When the user last changed.
    pub updated: Option<SystemTime>,
}

/// A change that users make to themselves.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// A new mail address.
    pub email: Option<String>,
    /// A new full name.
    pub full_name: Option<String>,
    /// The old password and the new.
    pub password: Option<(Secret, Secret)>,
}

/// A login by way of a web page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSession {
    /// The public half, that stands in the address of the page.
    pub page: String,
    /// The secret half, with which the client asks whether it is done.
    pub secret: String,
}

/// How far a login by web page has come.
#[derive(Clone, Debug)]
pub enum LoginState {
    /// Nobody has confirmed it yet.
    Pending,
    /// It was confirmed; this is the new token. It is told once.
    Done(Secret),
}

/// Decides who somebody is and what they may do. The default one keeps users and tokens in the
/// bucket; an embedder brings their own, of which only the first two methods are asked: what concerns
/// accounts and tokens is `Unsupported` unless a provider has it.
#[async_trait]
pub trait AuthProvider: Send + Sync + 'static {
    /// Recognises somebody who shows credentials to a mount, from an address. No credentials are
    /// nobody, which is no error.
    ///
    /// # Errors
    /// `Unauthenticated` for credentials that are wrong, expired, revoked or for another mount;
    /// `RateLimited` for too many of them.
    async fn authenticate(
        &self,
        credentials: &Credentials,
        mount: &str,
        from: Option<IpAddr>,
    ) -> Result<Identity>;

    /// Whether somebody may do something.
    ///
    /// # Errors
    /// When the provider cannot tell.
    async fn authorize(&self, identity: &Identity, permission: Permission<'_>) -> Result<Decision>;

    /// Makes a token for somebody, never with more rights than they have, and tells the secret.
    ///
    /// # Errors
    /// `Denied` for more rights than they have, `Invalid` for a scope that does not parse.
    async fn create_token(
        &self,
        _identity: &Identity,
        _grant: NewToken,
    ) -> Result<(Secret, TokenInfo)> {
        Err(unsupported())
    }

    /// Makes a short-lived token for somebody, or for nobody, that is good for a few resources of
    /// one mount. That fewer are allowed than asked for is no error. What it makes, `authenticate`
    /// recognises, and `authorize` honours its [narrowing](Identity::admits).
    ///
    /// # Errors
    /// `Denied` when an access token was shown, `Invalid` when too much is asked for.
    async fn create_access_token(
        &self,
        _identity: &Identity,
        _request: AccessRequest<'_>,
    ) -> Result<AccessToken> {
        Err(unsupported())
    }

    /// Recognises somebody by a refresh token, or by a token of theirs in its place.
    ///
    /// # Errors
    /// As `authenticate`.
    async fn redeem(
        &self,
        _refresh: &Secret,
        _mount: &str,
        _from: Option<IpAddr>,
    ) -> Result<Identity> {
        Err(unsupported())
    }

    /// Makes a token of somebody's, which is shown, good for more uses. One that is good for all stays
    /// so.
    ///
    /// # Errors
    /// `NotFound` when there is no such token of theirs, `Denied` when they showed a token that is
    /// itself narrowed.
    async fn add_uses(
        &self,
        _identity: &Identity,
        _token: &Secret,
        _uses: &[String],
    ) -> Result<()> {
        Err(unsupported())
    }

    /// Ends a token, named by its id or shown itself; theirs, or anybody's for an administrator.
    ///
    /// # Errors
    /// `NotFound` when there is no such token of theirs.
    async fn revoke_token(&self, _identity: &Identity, _token: &str) -> Result<()> {
        Err(unsupported())
    }

    /// The tokens of somebody, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    async fn list_tokens(&self, _identity: &Identity) -> Result<Vec<TokenInfo>> {
        Err(unsupported())
    }

    /// A user by name, or `None`.
    ///
    /// # Errors
    /// When the store fails.
    async fn profile(&self, _user: &str) -> Result<Option<Profile>> {
        Ok(None)
    }

    /// Changes what somebody says of themselves.
    ///
    /// # Errors
    /// `Denied` for a wrong old password or a read-only token, `Invalid` for values out of bounds.
    async fn change_profile(
        &self,
        _identity: &Identity,
        _change: ProfileChange,
    ) -> Result<Profile> {
        Err(unsupported())
    }

    /// Starts a login by web page.
    ///
    /// # Errors
    /// `Unsupported` when the provider has no such login.
    async fn begin_login(&self) -> Result<LoginSession> {
        Err(unsupported())
    }

    /// Confirms a login: whoever holds `identity` wants a token for the client that began it.
    ///
    /// # Errors
    /// `NotFound` when it has expired or never began.
    async fn confirm_login(&self, _page: &str, _identity: &Identity) -> Result<()> {
        Err(unsupported())
    }

    /// Asks how far a login has come.
    ///
    /// # Errors
    /// `NotFound` when it has expired, never began, or was asked to its end before.
    async fn poll_login(&self, _secret: &str) -> Result<LoginState> {
        Err(unsupported())
    }
}

fn unsupported() -> Error {
    let message = "accounts and tokens are not managed through this registry";
    Error::new(ErrorKind::Unsupported, message)
}

/// The keys of a bucket, with which the default provider signs access tokens. Others may sign with
/// them too, each for a purpose of their own. They are believed for `max_age` after they were
/// dropped.
///
/// # Errors
/// When their place has no name; that is a fault of ours.
pub fn signing_keys(documents: Documents, max_age: Duration, clock: Clock) -> Result<Keys> {
    Ok(Keys::new(documents, layout::keys()?, max_age, clock))
}
