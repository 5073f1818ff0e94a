//! A provider for tests: tokens are user names, and rights are written down by hand.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use registry_core::{
    Error, ErrorKind, Result,
    auth::{Action, AuthProvider, Credentials, Decision, Identity, Permission, Profile},
};

/// Knows the users `reader` (reads everything), `looker` (so too, with a read-only token), `writer` (writes everything), `admin` (all), and
/// `stranger` (nothing); each one's token and password is their name.
#[derive(Clone, Debug, Default)]
pub struct TestAuth {
    /// What nobody may do with everything.
    pub anonymous: Option<Action>,
}

impl TestAuth {
    /// Nobody may read; `anonymous` says more.
    pub fn new(anonymous: Option<Action>) -> Arc<Self> {
        Arc::new(Self { anonymous })
    }
}

#[async_trait]
impl AuthProvider for TestAuth {
    async fn authenticate(
        &self,
        credentials: &Credentials,
        _: &str,
        _: Option<IpAddr>,
    ) -> Result<Identity> {
        let name = match credentials {
            Credentials::None => return Ok(Identity::anonymous()),
            Credentials::Token(token) => token.reveal(),
            Credentials::Password { user, password } if user == password.reveal() => user,
            Credentials::Password { .. } => "",
        };
        if !["reader", "looker", "writer", "admin", "stranger"].contains(&name) {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the token is not known",
            ));
        }
        Ok(Identity {
            admin: name == "admin",
            read_only: name == "looker",
            ..Identity::user(name)
        })
    }

    async fn authorize(&self, identity: &Identity, permission: Permission<'_>) -> Result<Decision> {
        let most = match identity.user.as_deref() {
            Some("reader" | "looker") => Some(Action::Read),
            Some("writer" | "admin") => Some(Action::Delete),
            _ => None,
        };
        let allowed = most
            .max(self.anonymous)
            .is_some_and(|most| permission.action <= most);
        Ok(if allowed {
            Decision::Allow
        } else {
            Decision::Deny
        })
    }

    async fn profile(&self, user: &str) -> Result<Option<Profile>> {
        Ok(Some(Profile {
            name: user.to_owned(),
            ..Profile::default()
        }))
    }
}
