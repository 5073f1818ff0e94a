//! Tokens as they are kept: by the hash of the secret, never the secret.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Grant, Secret, TOKEN_PREFIX, TokenInfo, layout, rights::told};
use crate::{
    digest::{hex, random_hex, sha256},
    error::{Error, Result},
    storage::Key,
    store::{Document, Documents, lock},
};

/// How many characters of the hash are the id.
const ID: usize = 16;
/// How many characters of the secret are the hint.
const HINT: usize = 8;
/// How many tokens are read at once to be listed.
const AT_ONCE: usize = 16;

/// A token as kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Its id, which may be seen: the first 16 characters of the hash.
    pub id: String,
    /// The SHA-256 of its secret, in hexadecimal.
    pub hash: String,
    /// The name of its user.
    pub user: String,
    /// Which user of that name, should one have been removed and another made.
    pub account: String,
    /// The first characters of the secret.
    pub hint: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it is good for.
    pub grant: Grant,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl TokenRecord {
    /// A new token of somebody, and its secret.
    pub(super) fn new(
        user: &str,
        account: &str,
        grant: Grant,
        created: Timestamp,
    ) -> Result<(Secret, Self)> {
        let secret = Secret::new(format!("{TOKEN_PREFIX}{}", random_hex::<20>()?));
        let hash = token_hash(&secret);
        let record = Self {
            id: hash[..ID].to_owned(),
            hash,
            user: user.to_owned(),
            account: account.to_owned(),
            hint: secret.reveal()[..HINT].to_owned(),
            created,
            grant,
            revoked: None,
        };
        Ok((secret, record))
    }

    /// Whether it has ended by itself.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.grant.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether it has neither ended nor been revoked.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && !self.is_expired(now)
    }

    /// What its owner may see.
    pub(super) fn info(&self) -> TokenInfo {
        TokenInfo {
            id: self.id.clone(),
            user: self.user.clone(),
            hint: self.hint.clone(),
            created: told(self.created),
            grant: self.grant.clone().into(),
        }
    }
}

/// The hash by which a token is found.
pub(super) fn token_hash(secret: &Secret) -> String {
    hex(&sha256(secret.reveal().as_bytes()))
}

/// Whether this is an id, so that a store need not be asked for what cannot be there.
fn is_id(text: &str) -> bool {
    text.len() == ID && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where tokens are kept.
#[async_trait]
pub trait TokenStore: Send + Sync + 'static {
    /// Keeps a new token.
    ///
    /// # Errors
    /// When the store fails; the token may be kept all the same.
    async fn put(&self, token: &TokenRecord) -> Result<()>;

    /// A token by the hash of its secret, revoked or not.
    ///
    /// # Errors
    /// When the store fails.
    async fn get(&self, hash: &str) -> Result<Option<TokenRecord>>;

    /// A token by its id, revoked or not.
    ///
    /// # Errors
    /// When the store fails.
    async fn find(&self, id: &str) -> Result<Option<TokenRecord>>;

    /// Makes a token good for more uses, in one step with what others add; one that is not there, or is
    /// good for all, is success and stays so.
    ///
    /// # Errors
    /// `Invalid` when they become too many, or when the store fails.
    async fn add_uses(&self, hash: &str, uses: &[String]) -> Result<()>;

    /// Ends a token for good; one that has been already, or is not there, is success.
    ///
    /// # Errors
    /// When the store fails.
    async fn revoke(&self, hash: &str, at: Timestamp) -> Result<()>;

    /// The tokens of a user, in no order; those that ended need not be among them.
    ///
    /// # Errors
    /// When the store fails.
    async fn of_user(&self, user: &str) -> Result<Vec<TokenRecord>>;
}

/// Tokens in the bucket: a document each, and one for each user that names theirs.
pub struct BucketTokens {
    documents: Documents,
}

/// What a user's document says of a token. It may name one that is not there: what counts is the
/// token itself.
#[derive(Serialize, Deserialize)]
struct Listed {
    hash: String,
    expires: Option<Timestamp>,
}

impl BucketTokens {
    /// The tokens among these documents. They should be documents that are never trusted
    /// unasked, since [`AuthOptions::auth_max_age`](super::AuthOptions::auth_max_age) is counted
    /// on top.
    pub fn new(documents: Documents) -> Self {
        Self { documents }
    }

    async fn read(documents: &Documents, key: &Key) -> Result<Option<TokenRecord>> {
        let Some(snapshot) = documents.read(key).await? else {
            return Ok(None);
        };
        Ok(snapshot.typed::<Option<TokenRecord>>()?.head)
    }
}

#[async_trait]
impl TokenStore for BucketTokens {
    async fn put(&self, token: &TokenRecord) -> Result<()> {
        // Listed first: what a crash leaves is a name without a token, not a token unnamed.
        let (id, now) = (token.id.clone(), token.created);
        let listed = Listed {
            hash: token.hash.clone(),
            expires: token.grant.expires,
        };
        let listed = serde_json::to_vec(&listed).map_err(Error::internal)?;
        let list = move |document: &mut Document<()>| {
            document.entries.retain(|_, listed| {
                let listed = serde_json::from_slice::<Listed>(listed);
                let expires = listed.ok().and_then(|listed| listed.expires);
                expires.is_none_or(|expires| expires > now)
            });
            let entry = (id.as_str().into(), listed.clone().into());
            document.entries.extend([entry]);
            Ok((true, ()))
        };
        let index = layout::user_tokens(&token.user)?;
        self.documents.change(&index, list).await?;
        let token = token.clone();
        let key = layout::token(&token.hash)?;
        let keep = move |document: &mut Document<Option<TokenRecord>>| {
            if document.head.is_some() {
                return Err(Error::internal("two tokens with one hash"));
            }
            document.head = Some(token.clone());
            Ok((true, ()))
        };
        self.documents.change(&key, keep).await
    }

    async fn get(&self, hash: &str) -> Result<Option<TokenRecord>> {
        Self::read(&self.documents, &layout::token(hash)?).await
    }

    async fn find(&self, id: &str) -> Result<Option<TokenRecord>> {
        if !is_id(id) {
            return Ok(None);
        }
        // The id begins the name of the document: it is the first one after that, or none is.
        let (folder, before) = (layout::tokens()?, layout::token(id)?);
        let mut list = self.documents.storage().list(Some(&folder), Some(&before));
        match list.try_next().await? {
            Some(entry) if entry.key.name().starts_with(id) => {
                Self::read(&self.documents, &entry.key).await
            }
            _ => Ok(None),
        }
    }

    async fn add_uses(&self, hash: &str, uses: &[String]) -> Result<()> {
        let uses = uses.to_owned();
        let add = move |document: &mut Document<Option<TokenRecord>>| match &mut document.head {
            Some(token) => Ok((token.grant.add_uses(&uses)?, ())),
            None => Ok((false, ())),
        };
        self.documents.change(&layout::token(hash)?, add).await
    }

    async fn revoke(&self, hash: &str, at: Timestamp) -> Result<()> {
        let end = move |document: &mut Document<Option<TokenRecord>>| match &mut document.head {
            Some(token) => {
                let write = token.revoked.is_none();
                token.revoked.get_or_insert(at);
                Ok((write, Some((token.user.clone(), token.id.clone()))))
            }
            None => Ok((false, None)),
        };
        let Some((user, id)) = self.documents.change(&layout::token(hash)?, end).await? else {
            return Ok(());
        };
        let strike = move |document: &mut Document<()>| {
            let struck = document.entries.remove(id.as_str()).is_some();
            Ok((struck, ()))
        };
        let index = layout::user_tokens(&user)?;
        self.documents.change(&index, strike).await
    }

    async fn of_user(&self, user: &str) -> Result<Vec<TokenRecord>> {
        let Some(index) = self.documents.read(&layout::user_tokens(user)?).await? else {
            return Ok(Vec::new());
        };
        let mut keys = Vec::with_capacity(index.entries.len());
        for listed in index.entries.values() {
            let listed: Listed = serde_json::from_slice(listed).map_err(Error::internal)?;
            keys.push(layout::token(&listed.hash)?);
        }
        let tokens = keys.into_iter().map(|key| {
            let documents = self.documents.clone();
            async move { Self::read(&documents, &key).await }
        });
        let tokens = stream::iter(tokens).buffered(AT_ONCE);
        tokens
            .try_filter_map(async |token| Ok(token))
            .try_collect()
            .await
    }
}

/// Tokens in memory, for registries that may forget.
#[derive(Clone, Default)]
pub struct MemoryTokens(Arc<Mutex<BTreeMap<String, TokenRecord>>>);

#[async_trait]
impl TokenStore for MemoryTokens {
    async fn put(&self, token: &TokenRecord) -> Result<()> {
        lock(&self.0).insert(token.hash.clone(), token.clone());
        Ok(())
    }

    async fn get(&self, hash: &str) -> Result<Option<TokenRecord>> {
        Ok(lock(&self.0).get(hash).cloned())
    }

    async fn find(&self, id: &str) -> Result<Option<TokenRecord>> {
        let tokens = lock(&self.0);
        let first = tokens.range(id.to_owned()..).next();
        let found = first.filter(|(_, token)| token.id == id);
        Ok(found.map(|(_, token)| token.clone()))
    }

    async fn add_uses(&self, hash: &str, uses: &[String]) -> Result<()> {
        if let Some(token) = lock(&self.0).get_mut(hash) {
            token.grant.add_uses(uses)?;
        }
        Ok(())
    }

    async fn revoke(&self, hash: &str, at: Timestamp) -> Result<()> {
        if let Some(token) = lock(&self.0).get_mut(hash) {
            token.revoked.get_or_insert(at);
        }
        Ok(())
    }

    async fn of_user(&self, user: &str) -> Result<Vec<TokenRecord>> {
        let tokens = lock(&self.0);
        let theirs = tokens.values().filter(|token| token.user == user);
        Ok(theirs.cloned().collect())
    }
}
