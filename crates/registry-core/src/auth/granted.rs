//! The proof that an access was allowed, and the only source of storage handles.

use std::sync::Arc;

use super::{Access, Action, AuthProvider, Decision, Identity, Permission};
use crate::{
    error::{Error, ErrorKind, Result},
    store::{Actor, Fold, Repo, Resource, Store},
};

/// What a request was granted.
#[derive(Clone)]
pub struct Granted {
    identity: Arc<Identity>,
    auth: Arc<dyn AuthProvider>,
    store: Store,
    kind: &'static str,
    /// What the resources' names begin with in messages.
    prefix: Box<str>,
    actor: Arc<Actor>,
    repo: Option<Repo>,
    lists: bool,
    /// Whether what may not be read is as if it were not there.
    hides: bool,
}

impl Granted {
    /// Checks what a route needs against what somebody may do. What is asked for is called by the
    /// protocol's word for a resource, and by its name behind a prefix; the protocol says too whether what
    /// may not be read is hidden.
    pub(crate) async fn check(
        access: &Access,
        identity: Arc<Identity>,
        auth: Arc<dyn AuthProvider>,
        store: Store,
        (kind, prefix, hides): (&'static str, &str, bool),
        actor: Arc<Actor>,
    ) -> Result<Self> {
        let mut granted = Self {
            identity,
            auth,
            store,
            kind,
            prefix: prefix.into(),
            actor,
            repo: None,
            lists: false,
            hides,
        };
        match access {
            Access::Public | Access::Anyone => {}
            Access::Identity => {
                granted.user()?;
            }
            Access::Deferred => {
                if granted.identity.user.is_none()
                    && !granted.subject_may("*", Action::Write).await?
                {
                    return Err(log_in());
                }
            }
            Access::Listing => {
                granted.lists = true;
                if granted.identity.user.is_none()
                    && !granted.subject_may("*", Action::Read).await?
                {
                    return Err(log_in());
                }
            }
            Access::To(action, resource) => {
                granted.repo = Some(granted.authorize(resource, *action).await?);
            }
        }
        Ok(granted)
    }

    /// The mount's name.
    pub fn mount(&self) -> &str {
        self.store.name()
    }

    /// On whose behalf, and from where.
    pub fn actor(&self) -> &Actor {
        &self.actor
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
    /// `Unauthenticated` for nobody, and for an access token that is good for less than its user;
    /// `Denied` or `NotFound` for somebody without the right.
    pub async fn authorize(&self, resource: &Resource, action: Action) -> Result<Repo> {
        let mut decision = self.decide(&self.identity, &resource.name, action).await?;
        if decision == Decision::Allow {
            return Ok(self.store.repo(resource, self.actor.clone()));
        }
        let (verb, kind) = (action.as_str(), self.kind);
        if self.identity.access.is_some() {
            let subject = self.identity.subject();
            decision = self.decide(&subject, &resource.name, action).await?;
        }
        let name = format!("{}{}", self.prefix, resource.name);
        match (decision, self.identity.user.as_deref()) {
            (Decision::Allow, _) => Err(Error::new(
                ErrorKind::Unauthenticated,
                format!(
                    "this access token is not for {verb} on the {kind} {name}; get one that is"
                ),
            )),
            (_, None) => Err(log_in()),
            (Decision::Hide, Some(_)) => Err(Error::not_found(format!("{name} was not found"))),
            (Decision::Deny, Some(_)) if self.hides && action == Action::Read => {
                let message =
                    format!("the {kind} was not found, or these credentials may not read it");
                Err(Error::not_found(message))
            }
            (Decision::Deny, Some(user)) => {
                let only = if self.identity.read_only && action != Action::Read {
                    ", which only read"
                } else {
                    ""
                };
                let message =
                    format!("{user} may not {verb} the {kind} {name} with these credentials{only}");
                Err(Error::new(ErrorKind::Denied, message))
            }
        }
    }

    /// Whether whoever asks may do something; `*` asks about every resource at once.
    ///
    /// # Errors
    /// When the provider cannot tell.
    pub async fn may(&self, name: &str, action: Action) -> Result<bool> {
        Ok(self.decide(&self.identity, name, action).await? == Decision::Allow)
    }

    /// Whether whoever asks may learn that a resource is there; `*` asks about every resource at once.
    ///
    /// # Errors
    /// When the provider cannot tell.
    pub async fn may_list(&self, name: &str) -> Result<bool> {
        let lister = self.identity.lister(self.kind);
        Ok(self.decide(&lister, name, Action::Read).await? == Decision::Allow)
    }

    /// The same as [`may`](Self::may), whatever an access token narrows them to: for what a request does
    /// on the side, for which no client thinks of asking for a token.
    ///
    /// # Errors
    /// When the provider cannot tell.
    pub async fn subject_may(&self, name: &str, action: Action) -> Result<bool> {
        let subject = self.identity.subject();
        Ok(self.decide(&subject, name, action).await? == Decision::Allow)
    }

    /// The handle on a resource if [`subject_may`](Self::subject_may) allows it, else `None`.
    ///
    /// # Errors
    /// When the provider cannot tell.
    pub async fn subject_repo(&self, resource: &Resource, action: Action) -> Result<Option<Repo>> {
        let may = self.subject_may(&resource.name, action).await?;
        Ok(may.then(|| self.store.repo(resource, self.actor.clone())))
    }

    /// Whether somebody without credentials may do something with every resource.
    ///
    /// # Errors
    /// When the provider cannot tell.
    pub async fn anybody_may(&self, action: Action) -> Result<bool> {
        let nobody = Identity::anonymous();
        Ok(self.decide(&nobody, "*", action).await? == Decision::Allow)
    }

    async fn decide(&self, identity: &Identity, name: &str, action: Action) -> Result<Decision> {
        let permission = Permission {
            mount: self.store.name(),
            kind: self.kind,
            name,
            action,
        };
        self.auth.authorize(identity, permission).await
    }

    /// Looks at the mount's view, brought up to date. What it shows is yet to be filtered by
    /// [`may`](Self::may), but for what it says of the resource that the route named.
    ///
    /// # Errors
    /// When the route asked for neither a listing nor a resource, or the store fails.
    pub async fn view<F: Fold, R>(&self, look: impl FnOnce(&F) -> R) -> Result<R> {
        self.listing()?.view(look).await
    }

    /// The mount, if the route asked for a listing or a resource.
    pub(super) fn listing(&self) -> Result<&Store> {
        if self.lists || self.repo.is_some() {
            return Ok(&self.store);
        }
        Err(Error::internal("the route was granted no listing"))
    }
}

fn log_in() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "this needs a user: log in, or send a token",
    )
}
