//! The proof that an access was allowed, and the only source of storage handles.

use std::sync::Arc;

use super::{Access, Action, AuthProvider, Decision, Identity, Permission};
use crate::{
    error::{Error, ErrorKind, Result},
    store::{Actor, Fold, Repo, Resource, Store},
};

/// What a request was granted.
pub struct Granted {
    identity: Arc<Identity>,
    auth: Arc<dyn AuthProvider>,
    store: Store,
    kind: &'static str,
    actor: Arc<Actor>,
    repo: Option<Repo>,
    lists: bool,
}

impl Granted {
    /// Checks what a route needs against what somebody may do.
    pub(crate) async fn check(
        access: Access,
        identity: Arc<Identity>,
        auth: Arc<dyn AuthProvider>,
        store: Store,
        kind: &'static str,
        actor: Arc<Actor>,
    ) -> Result<Self> {
        let mut granted = Self {
            identity,
            auth,
            store,
            kind,
            actor,
            repo: None,
            lists: false,
        };
        match access {
            Access::Public | Access::Anyone => {}
            Access::Identity => {
                granted.user()?;
            }
            Access::Deferred => {
                if granted.identity.user.is_none() && !granted.may("*", Action::Write).await? {
                    return Err(log_in());
                }
            }
            Access::Listing => {
                granted.lists = true;
                if granted.identity.user.is_none() && !granted.may("*", Action::Read).await? {
                    return Err(log_in());
                }
            }
            Access::To(action, resource) => {
                granted.repo = Some(granted.authorize(&resource, action).await?);
            }
        }
        Ok(granted)
    }

    /// Who asks.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The user who asks.
    ///
    /// # Errors
    /// `Unauthenticated` when nobody does.
    pub fn user(&self) -> Result<&Arc<str>> {
        self.identity.user.as_ref().ok_or_else(log_in)
    }

    /// The user who asks, to change what is theirs.
    ///
    /// # Errors
    /// `Unauthenticated` when nobody does, `Denied` when they showed a read-only token.
    pub fn changer(&self) -> Result<&Arc<str>> {
        if self.identity.read_only {
            let message = "a read-only token can change nothing";
            return Err(Error::new(ErrorKind::Denied, message));
        }
        self.user()
    }

    /// The provider, for the routes that are about users and tokens themselves.
    pub fn auth(&self) -> &dyn AuthProvider {
        &*self.auth
    }

    /// The handle on the resource that the route named.
    ///
    /// # Errors
    /// When the route named none; that is a fault in the protocol's `access`.
    pub fn repo(&self) -> Result<&Repo> {
        self.repo
            .as_ref()
            .ok_or_else(|| Error::internal("the route was granted no resource"))
    }

    /// Asks for a resource that only the body named.
    ///
    /// # Errors
    /// `Unauthenticated` for nobody, `Denied` or `NotFound` for somebody without the right.
    pub async fn authorize(&self, resource: &Resource, action: Action) -> Result<Repo> {
        match self.decide(&resource.name, action).await? {
            Decision::Allow => Ok(self.store.repo(resource, self.actor.clone())),
            _ if self.identity.user.is_none() => Err(log_in()),
            Decision::Hide => Err(Error::not_found(format!("{} was not found", resource.name))),
            Decision::Deny => {
                let user = self.identity.user.as_deref().unwrap_or_default();
                let (verb, kind, name) = (action.as_str(), self.kind, &resource.name);
                let message =
                    format!("{user} may not {verb} the {kind} {name} with these credentials");
                Err(Error::new(ErrorKind::Denied, message))
            }
        }
    }

    /// Whether whoever asks may do something; `*` asks about every resource at once.
    ///
    /// # Errors
    /// When the provider cannot tell.
    pub async fn may(&self, name: &str, action: Action) -> Result<bool> {
        Ok(self.decide(name, action).await? == Decision::Allow)
    }

    async fn decide(&self, name: &str, action: Action) -> Result<Decision> {
        let permission = Permission {
            mount: self.store.name(),
            kind: self.kind,
            name,
            action,
        };
        self.auth.authorize(&self.identity, permission).await
    }

    /// Looks at the mount's view, brought up to date. What it shows is yet to be filtered by
    /// [`may`](Self::may).
    ///
    /// # Errors
    /// When the route did not ask for a listing, or the store fails.
    pub async fn view<F: Fold, R>(&self, look: impl FnOnce(&F) -> R) -> Result<R> {
        if !self.lists {
            return Err(Error::internal("the route was granted no listing"));
        }
        self.store.view(look).await
    }
}

fn log_in() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "this needs a user: log in, or send a token",
    )
}
