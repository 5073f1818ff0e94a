//! How the default provider makes access tokens and recognises them.
//!
//! A token says who asked and for what, and is signed; it is stored nowhere. What they may do is
//! looked up at each request, so whatever ends the user's rights ends the token's.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use super::{
    AccessEntry, AccessRequest, AccessToken, AuthProvider, Decision, DefaultAuth, Identity,
    Permission, Secret,
    jwt::{self, Claims, Holder, Use},
    provider::{denied, unauthenticated},
    rights::{Rights, told},
    users::User,
};
use crate::{
    digest::{hex, random_hex},
    error::{Error, Result},
    store::SigningKey,
};

/// How much may be asked of one token, in bytes of names: it has to fit into a header.
const MAX_ASKED: usize = 8 * 1024;
/// How long a refresh token is good, in seconds.
const REFRESH_LASTS: i64 = 90 * 24 * 60 * 60;
/// What passwords are coded for, among all that the keys sign.
const PASSWORD: &str = "password";

/// A code that changes with the password, and is another for another user.
fn password_code(key: &SigningKey, user: &User) -> String {
    let stored = user.record.password.as_deref().unwrap_or_default();
    let stored = format!("{} {stored}", user.record.account);
    hex(&key.mac(PASSWORD, stored.as_bytes()))
}

impl Holder {
    fn of(rights: &Rights, key: &SigningKey) -> Self {
        match &rights.token {
            Some(token) => Self::Token(token.hash.clone()),
            None => Self::Password(password_code(key, &rights.user)),
        }
    }
}

impl DefaultAuth {
    /// Makes an access token, and a refresh token if one is wanted.
    pub(super) async fn issue(
        &self,
        identity: &Identity,
        request: AccessRequest<'_>,
    ) -> Result<AccessToken> {
        if identity.access.is_some() {
            return Err(denied(
                "an access token cannot make another: send the user's password or token",
            ));
        }
        let rights = Rights::of(identity);
        if identity.user.is_some() && rights.is_none() {
            return Err(denied("this user is not one of this registry's own"));
        }
        let granted = self.intersect(identity, &request).await?;
        let key = self.keys().newest().await?;
        let now = self.now();
        let iat = now.as_second();
        let ends = rights.and_then(|rights| rights.token.as_ref()?.grant.expires);
        let until = |lasts: i64| {
            let ends = ends.map_or(i64::MAX, |ends| ends.as_second());
            iat.saturating_add(lasts).min(ends)
        };
        let lasts = i64::try_from(request.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            purpose: Use::Access,
            aud: request.mount.to_owned(),
            sub: identity.user.as_deref().unwrap_or_default().to_owned(),
            holder: rights.map(|rights| Holder::of(rights, &key)),
            access: granted.clone(),
            iat,
            nbf: iat,
            exp: until(lasts),
            jti: random_hex::<16>()?,
        };
        let mut refresh = None;
        if let (Some(redeems), Some(_)) = (request.refresh, rights) {
            let claims = Claims {
                purpose: Use::Refresh,
                aud: redeems.to_owned(),
                access: Vec::new(),
                exp: until(REFRESH_LASTS),
                jti: random_hex::<16>()?,
                ..claims.clone()
            };
            refresh = Some(jwt::sign(&key, &claims)?);
        }
        let seconds = u64::try_from(claims.exp - iat).unwrap_or_default();
        Ok(AccessToken {
            token: jwt::sign(&key, &claims)?,
            issued: told(now),
            expires_in: Duration::from_secs(seconds),
            granted,
            refresh,
        })
    }

    /// What is allowed now of what is asked.
    async fn intersect(
        &self,
        identity: &Identity,
        request: &AccessRequest<'_>,
    ) -> Result<Vec<AccessEntry>> {
        let length = |entry: &AccessEntry| entry.kind.len() + entry.name.len() + 64;
        if request.entries.iter().map(length).sum::<usize>() > MAX_ASKED {
            return Err(Error::invalid(
                "this asks for too much at once: get a token for each few of these",
            ));
        }
        let mut granted = Vec::with_capacity(request.entries.len());
        for entry in request.entries {
            let mut actions = BTreeSet::new();
            for action in &entry.actions {
                let permission = Permission {
                    mount: request.mount,
                    kind: &entry.kind,
                    name: &entry.name,
                    action: *action,
                };
                if self.authorize(identity, permission).await? == Decision::Allow {
                    actions.insert(*action);
                }
            }
            // A list of what they may read is nobody's secret: it is shorter for some.
            if entry.is_listing() || !actions.is_empty() {
                let entry = entry.clone();
                granted.push(AccessEntry { actions, ..entry });
            }
        }
        Ok(granted)
    }

    /// Whoever an access token was made for, narrowed to what it is good for.
    pub(super) async fn by_access_token(
        &self,
        token: &Secret,
        mount: &str,
        from: Option<IpAddr>,
    ) -> Result<Identity> {
        let (signed, key) = self.signed.read(token).await?;
        let claims = &signed.claims;
        claims.check(Use::Access, mount, self.now())?;
        let subject = match &claims.holder {
            Some(holder) => self.held(&claims.sub, holder, &key, from).await?.identity(),
            None => Identity::anonymous(),
        };
        Ok(Identity {
            admin: false,
            access: Some(signed.access.clone()),
            ..subject
        })
    }

    /// Whoever a refresh token was made for.
    pub(super) async fn by_refresh_token(
        &self,
        token: &Secret,
        mount: &str,
        from: Option<IpAddr>,
    ) -> Result<Identity> {
        if !jwt::is_one(token.reveal()) {
            return self.by_token(token, from).await;
        }
        let (signed, key) = self.signed.read(token).await?;
        let claims = &signed.claims;
        claims.check(Use::Refresh, mount, self.now())?;
        let nobody = || unauthenticated("the refresh token is nobody's");
        let holder = claims.holder.as_ref().ok_or_else(nobody)?;
        Ok(self.held(&claims.sub, holder, &key, from).await?.identity())
    }

    /// The rights that are behind a token now, if what its user was known by is good still.
    async fn held(
        &self,
        name: &str,
        holder: &Holder,
        key: &SigningKey,
        from: Option<IpAddr>,
    ) -> Result<Rights> {
        let code = match holder {
            Holder::Token(hash) => return self.by_hash(hash, from).await,
            Holder::Password(code) => code,
        };
        let is_it = |user: &Arc<User>| password_code(key, user) == *code;
        let mut user = self.users.get(name).await?.filter(is_it);
        if user.is_none() {
            // The password may have been changed elsewhere a moment ago, before the token was made.
            user = self.users.fresh(name).await?.filter(is_it);
        }
        let gone = || {
            unauthenticated(
                "the user of this token was removed or has another password now; log in again",
            )
        };
        let user = user.ok_or_else(gone)?;
        Ok(Rights { user, token: None })
    }
}
