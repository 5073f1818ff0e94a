//! What somebody may do: the rights of a user, narrowed by the token that was shown.

use std::{net::IpAddr, str::FromStr, sync::Arc, time::SystemTime};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, Identity, NewToken, Permission, Scope, TokenRecord, users::User};
use crate::error::{Error, ErrorKind, Result};

/// How many scopes or networks a token may have.
const MAX_LIST: usize = 100;
/// The longest word for a use, in bytes.
const MAX_USE: usize = 100;
/// The longest name of a token, in characters.
const MAX_NAME: usize = 200;

/// What nobody in particular may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Nothing.
    None,
    /// Read everything.
    #[default]
    Read,
    /// Everything, writes included.
    All,
}

impl Anonymous {
    pub(super) fn may(self, action: Action) -> bool {
        match self {
            Self::None => false,
            Self::Read => action == Action::Read,
            Self::All => true,
        }
    }
}

impl FromStr for Anonymous {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "read" => Ok(Self::Read),
            "all" => Ok(Self::All),
            _ => Err(Error::invalid("anonymous is none, read or all")),
        }
    }
}

/// What a token is good for, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What its owner calls it.
    pub name: String,
    /// Its scopes; without any it has the rights of its user.
    pub scopes: Vec<Scope>,
    /// What of a protocol's requests it is good for; without any, for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
    /// Whether it may only read.
    pub read_only: bool,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// The networks it is good from; from anywhere without any.
    pub networks: Vec<IpNet>,
}

impl Grant {
    /// Checks what is asked for a new token.
    pub(super) fn parse(asked: &NewToken, now: Timestamp) -> Result<Self> {
        if asked.name.chars().count() > MAX_NAME || asked.name.chars().any(char::is_control) {
            return Err(Error::invalid(
                "the token's name is too long or not one line",
            ));
        }
        if asked.scopes.len() > MAX_LIST || asked.networks.len() > MAX_LIST {
            return Err(Error::invalid(
                "a token has at most 100 scopes and 100 networks",
            ));
        }
        check_uses(&asked.uses)?;
        let scopes: Result<_> = asked.scopes.iter().map(|scope| scope.parse()).collect();
        let networks: Result<_> = asked.networks.iter().map(|text| network(text)).collect();
        let expires = asked.expires.map(Timestamp::try_from).transpose();
        let expires = expires.map_err(|_| Error::invalid("the token's end is out of bounds"))?;
        if expires.is_some_and(|expires| expires <= now) {
            return Err(Error::invalid("the token would have ended already"));
        }
        Ok(Self {
            name: asked.name.clone(),
            scopes: scopes?,
            uses: asked.uses.clone(),
            read_only: asked.read_only,
            expires,
            networks: networks?,
        })
    }

    /// Whether it is good from an address.
    pub(super) fn is_good_from(&self, from: Option<IpAddr>) -> bool {
        let here = |ip: IpAddr| {
            self.networks
                .iter()
                .any(|net| net.contains(&ip.to_canonical()))
        };
        self.networks.is_empty() || from.is_some_and(here)
    }

    /// Makes it good for more uses; whether that changes anything.
    ///
    /// # Errors
    /// `Invalid` when they become too many.
    pub(super) fn add_uses(&mut self, more: &[String]) -> Result<bool> {
        let new = more.iter().filter(|word| !self.uses.contains(word));
        let new: Vec<String> = new.cloned().collect();
        // Without any it is good for all.
        if self.uses.is_empty() || new.is_empty() {
            return Ok(false);
        }
        let all = [&self.uses[..], &new].concat();
        check_uses(&all)?;
        self.uses = all;
        Ok(true)
    }
}

/// Bounds what is to be kept of a protocol's words.
fn check_uses(uses: &[String]) -> Result<()> {
    if uses.len() <= MAX_LIST && uses.iter().all(|word| word.len() <= MAX_USE) {
        return Ok(());
    }
    Err(Error::invalid(
        "a token has at most 100 uses, each of 100 bytes at most",
    ))
}

fn network(text: &str) -> Result<IpNet> {
    let net = text.parse().ok();
    let net = net.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    net.ok_or_else(|| {
        let shown: String = text.chars().take(50).collect();
        Error::invalid(format!("{shown:?} is no network; write it like 10.0.0.0/8"))
    })
}

/// A time as the provider's answers tell it.
pub(super) fn told(at: Timestamp) -> SystemTime {
    at.try_into().unwrap_or(SystemTime::UNIX_EPOCH)
}

impl From<Grant> for NewToken {
    fn from(grant: Grant) -> Self {
        Self {
            name: grant.name,
            scopes: grant.scopes.iter().map(ToString::to_string).collect(),
            uses: grant.uses,
            read_only: grant.read_only,
            expires: grant.expires.map(told),
            networks: grant.networks.iter().map(ToString::to_string).collect(),
            cut: false,
        }
    }
}

/// The rights behind an identity of ours.
pub(super) struct Rights {
    pub(super) user: Arc<User>,
    pub(super) token: Option<Arc<TokenRecord>>,
}

impl Rights {
    /// The identity that has them.
    pub(super) fn identity(self) -> Identity {
        Identity {
            user: Some(self.user.record.name.as_str().into()),
            token: self.token.as_ref().map(|token| token.id.as_str().into()),
            admin: self.administer(),
            read_only: self.read_only(),
            access: None,
            uses: self.uses().map(Into::into),
            rights: Some(Arc::new(self)),
        }
    }

    /// The rights of an identity, if they are ours.
    pub(super) fn of(identity: &Identity) -> Option<&Self> {
        identity.rights.as_ref()?.downcast_ref()
    }

    fn administer(&self) -> bool {
        let full = |token: &TokenRecord| {
            let scopes = &token.grant.scopes;
            !token.grant.read_only && (scopes.is_empty() || scopes.iter().any(Scope::is_everything))
        };
        self.user.record.admin && self.token.as_deref().is_none_or(full)
    }

    pub(super) fn read_only(&self) -> bool {
        self.token
            .as_ref()
            .is_some_and(|token| token.grant.read_only)
    }

    /// What the token is good for, if that is not all.
    fn uses(&self) -> Option<&[String]> {
        let uses = self.token.as_deref().map(|token| &*token.grant.uses);
        uses.filter(|uses| !uses.is_empty())
    }

    /// The lists of scopes each of which has to allow what is done.
    fn scopes(&self) -> impl Iterator<Item = &[Scope]> {
        let token = self.token.as_ref().map(|token| &*token.grant.scopes);
        let token = token.filter(|scopes| !scopes.is_empty());
        self.user.record.scopes.as_deref().into_iter().chain(token)
    }

    pub(super) fn allow(&self, permission: &Permission<'_>) -> bool {
        let any = |scopes: &[Scope]| scopes.iter().any(|scope| scope.allows(permission));
        (permission.action == Action::Read || !self.read_only()) && self.scopes().all(any)
    }

    /// What a new token is to be good for that has all of these rights, and no more.
    pub(super) fn whole(&self, name: &str) -> Grant {
        let grant = self.token.as_ref().map(|token| token.grant.clone());
        Grant {
            name: name.to_owned(),
            ..grant.unwrap_or_default()
        }
    }

    /// Those parts of some scopes that are within these rights.
    pub(super) fn cut(&self, asked: Vec<Scope>) -> Result<Vec<Scope>> {
        let common = |asked: Vec<Scope>, own: &[Scope]| -> Vec<Scope> {
            let each = asked.iter().flat_map(|asked| {
                let common = own.iter().filter_map(|own| own.common(asked));
                common.collect::<Vec<_>>()
            });
            each.collect()
        };
        let left = self.scopes().fold(asked, common);
        if left.is_empty() {
            let why = "you have no rights here that a token could have";
            return Err(Error::new(ErrorKind::Denied, why));
        }
        Ok(left)
    }

    /// What a new token is to be good for, if that is within these rights. What was left open is
    /// as narrow as they are.
    pub(super) fn narrow(&self, asked: Grant) -> Result<Grant> {
        let denied = |why: &str| Err(Error::new(ErrorKind::Denied, why.to_owned()));
        if self.read_only() {
            return denied("a read-only token cannot make tokens");
        }
        let mut grant = self.whole(&asked.name);
        for scope in &asked.scopes {
            if !self
                .scopes()
                .all(|own| own.iter().any(|own| own.covers(scope)))
            {
                let why = format!(
                    "you may not make a token with the scope {scope}: it is more than you have here"
                );
                return denied(&why);
            }
        }
        if !asked.scopes.is_empty() {
            grant.scopes = asked.scopes;
        }
        if let Some(own) = self.uses()
            && asked.uses.iter().any(|word| !own.contains(word))
        {
            return denied("the new token would be good for more than the one you use");
        }
        if !asked.uses.is_empty() {
            grant.uses = asked.uses;
        }
        if let Some(expires) = asked.expires {
            if grant.expires.is_some_and(|own| own < expires) {
                return denied("the new token would outlive the one you use");
            }
            grant.expires = Some(expires);
        }
        for net in &asked.networks {
            if !grant.networks.is_empty() && !grant.networks.iter().any(|own| own.contains(net)) {
                return denied("the new token would be good from networks that yours is not");
            }
        }
        if !asked.networks.is_empty() {
            grant.networks = asked.networks;
        }
        grant.read_only = asked.read_only;
        Ok(grant)
    }
}
