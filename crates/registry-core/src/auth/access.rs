//! Access tokens: short-lived, signed, and good for a few resources of one mount.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc, time::Duration, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::{Action, Identity, Permission, Secret};

/// What a listing of resources is called.
const ALL: &str = "*";

/// Some actions on a resource: what an access token is asked to be good for, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessEntry {
    /// The protocol's word for the resource.
    #[serde(rename = "type")]
    pub kind: String,
    /// The resource's name.
    pub name: String,
    /// What may be done with it. Whoever may write may read.
    pub actions: BTreeSet<Action>,
}

impl AccessEntry {
    /// Which resources of a kind there are, of those that whoever asks may read; nothing that is in
    /// them.
    pub fn listing(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            name: ALL.to_owned(),
            actions: BTreeSet::new(),
        }
    }

    /// Whether this is a [`listing`](Self::listing).
    pub fn is_listing(&self) -> bool {
        self.name == ALL && self.actions.is_empty()
    }

    /// Whether this is about what is to be done.
    pub fn admits(&self, permission: &Permission<'_>) -> bool {
        let implied = permission.action == Action::Read && self.actions.contains(&Action::Write);
        self.kind == permission.kind
            && self.name == permission.name
            && (implied || self.actions.contains(&permission.action))
    }
}

/// What an access token is asked for.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'a> {
    /// The mount's name: it is good for no other.
    pub mount: &'a str,
    /// What it is to be good for. It may come to be good for less.
    pub entries: &'a [AccessEntry],
    /// How long, to the second. It ends with the token of the user if that ends before.
    pub lifetime: Duration,
    /// The mount where a refresh token is redeemed, if one is wanted too; nobody gets none.
    pub refresh: Option<&'a str>,
}

/// An access token as it is told to whoever asked.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The signed text.
    pub token: Secret,
    /// When it was made.
    pub issued: SystemTime,
    /// How long it is good from then on.
    pub expires_in: Duration,
    /// What it is good for: of what was asked, that which is allowed now.
    pub granted: Vec<AccessEntry>,
    /// What can be exchanged for further ones.
    pub refresh: Option<Secret>,
}

impl Identity {
    /// Whether something is within what the access token is good for, if it was one.
    pub fn admits(&self, permission: &Permission<'_>) -> bool {
        let within = |entries: &Arc<[AccessEntry]>| entries.iter().any(|of| of.admits(permission));
        self.access.as_ref().is_none_or(within)
    }

    /// Who is behind an access token that is good for a listing, else whoever asks.
    pub(super) fn lister(&self, kind: &str) -> Cow<'_, Self> {
        let lists = |entry: &AccessEntry| entry.is_listing() && entry.kind == kind;
        match &self.access {
            Some(entries) if entries.iter().any(lists) => Cow::Owned(self.subject()),
            _ => Cow::Borrowed(self),
        }
    }

    /// Who is behind an access token, with all that they may do.
    pub(crate) fn subject(&self) -> Self {
        Self {
            access: None,
            ..self.clone()
        }
    }
}
