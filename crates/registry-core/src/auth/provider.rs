//! The provider that keeps its users and tokens itself.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    AccessRequest, AccessToken, Anonymous, AuthProvider, Credentials, Decision, Grant, Identity,
    LoginSession, LoginState, NewToken, Permission, Profile, ProfileChange, Secret, TOKEN_PREFIX,
    TokenInfo, TokenRecord, TokenStore, jwt,
    logins::Logins,
    passwords::Passwords,
    remembered::Remembered,
    rights::Rights,
    signing_keys,
    tokens::token_hash,
    users::{self, User, Users},
};
use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    store::{Documents, Keys},
};

/// How many tokens are kept in memory.
const REMEMBERED: usize = 16 * 1024;

/// How the default provider behaves.
#[derive(Clone, Debug)]
pub struct AuthOptions {
    /// What nobody in particular may do, on mounts that say nothing else.
    pub anonymous: Anonymous,
    /// What nobody in particular may do, by the mount's name.
    pub mounts: BTreeMap<String, Anonymous>,
    /// How long a user or token is trusted before it is read again: so long may it take until
    /// another replica sees that one was removed or revoked.
    pub auth_max_age: Duration,
    /// What time it is.
    pub clock: Clock,
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            anonymous: Anonymous::default(),
            mounts: BTreeMap::new(),
            auth_max_age: Duration::from_secs(10),
            clock: Clock::default(),
        }
    }
}

impl AuthOptions {
    /// With another answer for one mount.
    #[must_use]
    pub fn with_mount_anonymous(mut self, mount: &str, anonymous: Anonymous) -> Self {
        self.mounts.insert(mount.to_owned(), anonymous);
        self
    }
}

/// Keeps users in documents below `auth/`, and tokens in a [`TokenStore`].
pub struct DefaultAuth {
    pub(super) users: Users,
    pub(super) tokens: Arc<dyn TokenStore>,
    pub(super) passwords: Passwords,
    pub(super) signed: jwt::Reader,
    known: Remembered<TokenRecord>,
    logins: Logins,
    options: AuthOptions,
}

impl DefaultAuth {
    /// The provider over these documents (made with a `max_age` of 0: `auth_max_age` is counted
    /// on top of it) and tokens.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new(
        documents: Documents,
        tokens: Arc<dyn TokenStore>,
        options: AuthOptions,
    ) -> Result<Self> {
        let clock = options.clock.clone();
        let keys = signing_keys(documents.clone(), options.auth_max_age, clock.clone())?;
        Ok(Self {
            users: Users::new(documents.clone(), &options),
            tokens,
            passwords: Passwords::new(clock.clone())?,
            signed: jwt::Reader::new(keys),
            known: Remembered::new(REMEMBERED, options.auth_max_age, clock),
            logins: Logins::new(documents),
            options,
        })
    }

    /// The keys that access tokens are signed with.
    pub fn keys(&self) -> &Keys {
        self.signed.keys()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    pub(super) async fn by_token(&self, secret: &Secret, from: Option<IpAddr>) -> Result<Identity> {
        if !secret.reveal().starts_with(TOKEN_PREFIX) {
            return Err(again("the token is not known here"));
        }
        Ok(self.by_hash(&token_hash(secret), from).await?.identity())
    }

    /// The rights of whoever has the token of this hash.
    pub(super) async fn by_hash(&self, hash: &str, from: Option<IpAddr>) -> Result<Rights> {
        let token = self.known.get(hash, async || self.tokens.get(hash).await);
        let token = token.await?;
        let token = token.ok_or_else(|| again("the token is not known here"))?;
        if token.revoked.is_some() {
            return Err(again("the token was revoked"));
        }
        if token.is_expired(self.now()) {
            return Err(again("the token has expired"));
        }
        let user = self.holder(&token.user, &token.account).await?;
        let user = user.ok_or_else(|| unauthenticated("the user of this token was removed"))?;
        if !token.grant.is_good_from(from) {
            let place = from.map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string());
            let message = format!("this token may not be used from {place}");
            return Err(Error::new(ErrorKind::Denied, message));
        }
        let token = Some(token);
        Ok(Rights { user, token })
    }

    /// The user of an account, if they are there still.
    async fn holder(&self, name: &str, account: &str) -> Result<Option<Arc<User>>> {
        let is_it = |user: &Arc<User>| user.record.account == account;
        let known = self.users.get(name).await?;
        if known.as_ref().is_none_or(is_it) {
            return Ok(known);
        }
        // What is remembered may be a user of the same name who was removed since.
        Ok(self.users.fresh(name).await?.filter(is_it))
    }

    async fn by_password(
        &self,
        name: &str,
        password: &Secret,
        from: Option<IpAddr>,
    ) -> Result<Identity> {
        let user = self.prove(name, password, from).await?;
        let wrong = || unauthenticated("the user name, the password or the token is wrong");
        let user = user.ok_or_else(wrong)?;
        Ok(Rights { user, token: None }.identity())
    }

    /// The user, if this is their password.
    async fn prove(
        &self,
        name: &str,
        password: &Secret,
        from: Option<IpAddr>,
    ) -> Result<Option<Arc<User>>> {
        let known = self.users.get(name).await?;
        let check = self.passwords.check(name, known.as_deref(), password, from);
        if check.await? {
            return Ok(known);
        }
        // The password may have been changed elsewhere a moment ago.
        let Some(known) = known else {
            return Ok(None);
        };
        let fresh = self.users.fresh(name).await?;
        let Some(user) = fresh.filter(|user| user.record.password != known.record.password) else {
            return Ok(None);
        };
        let check = self.passwords.check(name, Some(&user), password, from);
        Ok(check.await?.then_some(user))
    }

    /// Makes a token for a user.
    pub(super) async fn mint(&self, user: &User, grant: Grant) -> Result<(Secret, TokenInfo)> {
        let (name, account) = (&user.record.name, &user.record.account);
        let (secret, token) = TokenRecord::new(name, account, grant, self.now())?;
        self.tokens.put(&token).await?;
        Ok((secret, token.info()))
    }

    /// The tokens of a user that are good for something, oldest first.
    pub(super) async fn live_tokens(&self, user: &User) -> Result<Vec<TokenInfo>> {
        let now = self.now();
        let mut tokens = self.tokens.of_user(&user.record.name).await?;
        tokens.retain(|token| token.account == user.record.account && token.is_live(now));
        tokens.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(tokens.iter().map(TokenRecord::info).collect())
    }

    /// Ends a token, at once on this replica.
    pub(super) async fn end(&self, token: &TokenRecord) -> Result<()> {
        let ended = self.tokens.revoke(&token.hash, self.now()).await;
        self.known.forget(&token.hash);
        ended
    }
}

pub(super) fn unauthenticated(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthenticated, message.into())
}

fn again(what: &str) -> Error {
    unauthenticated(format!("{what}; log in again to get a new one"))
}

pub(super) fn denied(message: &'static str) -> Error {
    Error::new(ErrorKind::Denied, message)
}

/// The rights of an identity that has to be one of our users, for what is about users and tokens.
fn rights(identity: &Identity) -> Result<&Rights> {
    if identity.access.is_some() {
        return Err(denied(
            "an access token is good for nothing but what it was made for: send the user's \
             password or token",
        ));
    }
    if identity.user.is_none() {
        return Err(unauthenticated(
            "this needs a user: log in, or send a token",
        ));
    }
    Rights::of(identity).ok_or_else(|| denied("this user is not one of this registry's own"))
}

#[async_trait]
impl AuthProvider for DefaultAuth {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        mount: &str,
        from: Option<IpAddr>,
    ) -> Result<Identity> {
        match credentials {
            Credentials::None => Ok(Identity::anonymous()),
            Credentials::Token(secret) if jwt::is_one(secret.reveal()) => {
                self.by_access_token(secret, mount, from).await
            }
            Credentials::Token(secret) => self.by_token(secret, from).await,
            Credentials::Password { user, password } => {
                self.by_password(user, password, from).await
            }
        }
    }

    async fn authorize(&self, identity: &Identity, permission: Permission<'_>) -> Result<Decision> {
        let mount = self.options.mounts.get(permission.mount).copied();
        let anonymous = mount.unwrap_or(self.options.anonymous);
        let allow = |rights: &Rights| rights.allow(&permission);
        let may = anonymous.may(permission.action) || Rights::of(identity).is_some_and(allow);
        if may && identity.admits(&permission) {
            Ok(Decision::Allow)
        } else {
            Ok(Decision::Deny)
        }
    }

    async fn create_token(
        &self,
        identity: &Identity,
        grant: NewToken,
    ) -> Result<(Secret, TokenInfo)> {
        let rights = rights(identity)?;
        let mut asked = Grant::parse(&grant, self.now())?;
        if grant.cut && !asked.scopes.is_empty() {
            asked.scopes = rights.cut(asked.scopes)?;
        }
        let grant = rights.narrow(asked)?;
        self.mint(&rights.user, grant).await
    }

    async fn create_access_token(
        &self,
        identity: &Identity,
        request: AccessRequest<'_>,
    ) -> Result<AccessToken> {
        self.issue(identity, request).await
    }

    async fn redeem(
        &self,
        refresh: &Secret,
        mount: &str,
        from: Option<IpAddr>,
    ) -> Result<Identity> {
        self.by_refresh_token(refresh, mount, from).await
    }

    async fn revoke_token(&self, identity: &Identity, token: &str) -> Result<()> {
        let rights = rights(identity)?;
        let found = if token.starts_with(TOKEN_PREFIX) {
            self.tokens.get(&token_hash(&Secret::new(token))).await?
        } else {
            self.tokens.find(token).await?
        };
        let own = &rights.user.record;
        let theirs = |token: &TokenRecord| {
            identity.admin || (token.user == own.name && token.account == own.account)
        };
        let found = found.filter(|token| theirs(token) && token.is_live(self.now()));
        let found = found.ok_or_else(|| Error::not_found("there is no such token"))?;
        if rights.read_only() && identity.token.as_deref() != Some(&*found.id) {
            return Err(denied("a read-only token can revoke only itself"));
        }
        self.end(&found).await
    }

    async fn add_uses(&self, identity: &Identity, token: &Secret, uses: &[String]) -> Result<()> {
        let rights = rights(identity)?;
        if rights.token.is_some() {
            return Err(denied(
                "a token cannot change tokens; send the user's password",
            ));
        }
        let own = &rights.user.record;
        let found = self.tokens.get(&token_hash(token)).await?;
        let theirs = |token: &TokenRecord| {
            token.user == own.name && token.account == own.account && token.is_live(self.now())
        };
        let found = found.filter(theirs);
        let found = found.ok_or_else(|| Error::not_found("there is no such token"))?;
        let kept = self.tokens.add_uses(&found.hash, uses).await;
        self.known.forget(&found.hash);
        kept
    }

    async fn list_tokens(&self, identity: &Identity) -> Result<Vec<TokenInfo>> {
        self.live_tokens(&rights(identity)?.user).await
    }

    async fn profile(&self, user: &str) -> Result<Option<Profile>> {
        let user = self.users.get(user).await?;
        Ok(user.map(|user| user.record.profile()))
    }

    async fn change_profile(&self, identity: &Identity, change: ProfileChange) -> Result<Profile> {
        let rights = rights(identity)?;
        if rights.read_only() {
            return Err(denied("a read-only token cannot change its user"));
        }
        let own = &rights.user.record;
        let email = change
            .email
            .map(|email| users::check_text("mail address", email));
        let email = email.transpose()?;
        let full_name = change
            .full_name
            .map(|name| users::check_text("full name", name));
        let full_name = full_name.transpose()?;
        let mut password = None;
        if let Some((old, new)) = change.password {
            users::check_password(&new)?;
            if self.prove(&own.name, &old, None).await?.is_none() {
                return Err(denied("the old password is wrong"));
            }
            password = Some(self.passwords.hash(&new).await?);
        }
        let account = own.account.clone();
        let work = move |record: &mut users::UserRecord| {
            if record.account != account {
                return Err(users::unknown(&record.name));
            }
            if let Some(email) = &email {
                record.email.clone_from(email);
            }
            if let Some(full_name) = &full_name {
                record.full_name.clone_from(full_name);
            }
            if password.is_some() {
                record.password.clone_from(&password);
            }
            Ok(())
        };
        let record = self.users.update(&own.name, self.now(), work).await?;
        Ok(record.profile())
    }

    async fn begin_login(&self) -> Result<LoginSession> {
        Logins::begin(self.now())
    }

    async fn confirm_login(&self, page: &str, identity: &Identity) -> Result<()> {
        self.logins
            .confirm(page, rights(identity)?, self.now())
            .await
    }

    async fn poll_login(&self, secret: &str) -> Result<LoginState> {
        let Some(login) = self.logins.claim(secret, self.now()).await? else {
            return Ok(LoginState::Pending);
        };
        // Whoever confirmed it may have been removed since, or their token revoked.
        let gone = || Error::not_found("whoever confirmed this login is not there any more");
        if let Some(id) = &login.token {
            let token = self.tokens.find(id).await?;
            token
                .filter(|token| token.is_live(self.now()))
                .ok_or_else(gone)?;
        }
        let user = self.users.fresh(&login.user).await?;
        let user = user.filter(|user| user.record.account == login.account);
        let (secret, _) = self.mint(&*user.ok_or_else(gone)?, login.grant).await?;
        Ok(LoginState::Done(secret))
    }
}
