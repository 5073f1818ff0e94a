//! JSON Web Tokens (RFC 7519) in the one form that is made here: compact, HS256, by a key of the
//! bucket.
//!
//! A library for them would bring every algorithm of the standard along, and keys and a clock of
//! its own. This takes none but its own: whatever header it is shown, the one algorithm is used.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use super::{AccessEntry, Secret, provider::unauthenticated};
use crate::{
    digest::sha256,
    error::{Error, Result},
    store::{Keys, SigningKey},
};

/// What these are signed for, among all that the keys sign.
const PURPOSE: &str = "json web token";
const ALGORITHM: &str = "HS256";
/// How many tokens are remembered, and how long they are at most, in bytes.
const REMEMBERED: usize = 1024;
const LONGEST: usize = 1024;
/// How far the clock of the replica that made it may be ahead, in seconds.
const AHEAD: i64 = 60;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Use {
    /// To be shown with requests.
    Access,
    /// To be exchanged for access tokens.
    Refresh,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    #[serde(rename = "typ")]
    pub(super) purpose: Use,
    /// The mount.
    pub(super) aud: String,
    /// The user's name; empty for nobody.
    pub(super) sub: String,
    /// By what the user was known; nobody was by nothing.
    pub(super) holder: Option<Holder>,
    pub(super) access: Vec<AccessEntry>,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
    pub(super) jti: String,
}

/// By what a user was known when a token was made. The token is good while that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Holder {
    /// A token, by its hash.
    Token(String),
    /// The password, by a code of its stored form.
    Password(String),
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    /// What a reader has to know that is not in the standard; nothing is known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

/// Whether a text looks like one: whatever is in its three parts.
pub(super) fn is_one(text: &str) -> bool {
    memchr::memchr_iter(b'.', text.as_bytes()).count() == 2
}

/// The signed text of some claims.
pub(super) fn sign(key: &SigningKey, claims: &Claims) -> Result<Secret> {
    let header = Header {
        alg: ALGORITHM.to_owned(),
        typ: Some("JWT".to_owned()),
        kid: Some(key.id().to_owned()),
        crit: None,
    };
    let header = serde_json::to_vec(&header).map_err(Error::internal)?;
    let claims = serde_json::to_vec(claims).map_err(Error::internal)?;
    let mut text = URL_SAFE_NO_PAD.encode(header);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut text);
    let mac = key.mac(PURPOSE, text.as_bytes());
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(mac, &mut text);
    Ok(Secret::new(text))
}

/// Reads tokens, each only once while it is remembered, however many requests show it.
pub(super) struct Reader {
    keys: Keys,
    /// By the SHA-256 of the text.
    known: Cache<[u8; 32], Arc<Signed>>,
}

/// What a key signed, and which one.
pub(super) struct Signed {
    pub(super) claims: Claims,
    /// What the claims give access to.
    pub(super) access: Arc<[AccessEntry]>,
    key: Box<str>,
}

impl Reader {
    /// A reader of what one of these keys signed.
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            keys,
            known: Cache::new(REMEMBERED),
        }
    }

    /// The keys.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What a text says that one of the keys of now signed, and which of them did.
    pub(super) async fn read(&self, token: &Secret) -> Result<(Arc<Signed>, SigningKey)> {
        let text = token.reveal();
        let hash = sha256(text.as_bytes());
        if let Some(signed) = self.known.get(&hash)
            && let Some(key) = self.keys.find(&signed.key).await?
        {
            return Ok((signed, key));
        }
        let (claims, key) = read(&self.keys, token).await?;
        let signed = Arc::new(Signed {
            access: claims.access.clone().into(),
            claims,
            key: key.id().into(),
        });
        if text.len() <= LONGEST {
            self.known.insert(hash, signed.clone());
        }
        Ok((signed, key))
    }
}

async fn read(keys: &Keys, token: &Secret) -> Result<(Claims, SigningKey)> {
    let refuse = |why: &str| unauthenticated(format!("the access token {why}; get a new one"));
    let unreadable = || refuse("cannot be read");
    let text = token.reveal();
    let (signed, mac) = text.rsplit_once('.').ok_or_else(unreadable)?;
    let (header, claims) = signed.split_once('.').ok_or_else(unreadable)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| unreadable());
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| unreadable())?;
    if header.alg != ALGORITHM || header.crit.is_some() {
        return Err(refuse("is not signed in the way that this registry signs"));
    }
    let key = match &header.kid {
        Some(id) => keys.find(id).await?,
        None => None,
    };
    let key =
        key.ok_or_else(|| refuse("is signed with a key that is not one of this registry's"))?;
    if !key.verify(PURPOSE, signed.as_bytes(), &decode(mac)?) {
        return Err(refuse("is not as this registry signed it"));
    }
    let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| unreadable())?;
    Ok((claims, key))
}

impl Claims {
    /// Checks that they are for this, here and now.
    pub(super) fn check(&self, purpose: Use, mount: &str, now: Timestamp) -> Result<()> {
        match (self.purpose, purpose) {
            (Use::Refresh, Use::Access) => Err(unauthenticated(
                "this is a refresh token: exchange it for an access token first",
            )),
            (Use::Access, Use::Refresh) => Err(unauthenticated(
                "this is an access token, which cannot be exchanged: send a refresh token",
            )),
            _ if self.aud != mount => Err(unauthenticated(format!(
                "this access token is for {}, and here is {mount}; get one for here",
                self.aud
            ))),
            _ if self.exp <= now.as_second() => Err(unauthenticated(
                "the access token has expired; get a new one",
            )),
            _ if self.nbf > now.as_second().saturating_add(AHEAD) => Err(unauthenticated(
                "the access token is not good yet; compare the clocks of the registry's servers",
            )),
            _ => Ok(()),
        }
    }
}
