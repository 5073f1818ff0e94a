//! Where users, tokens, logins and keys lie in the bucket. The only place that knows their keys.

use crate::{
    digest::{hex, sha256},
    error::Result,
    storage::Key,
};

/// The folder of all users.
pub(super) fn users() -> Result<Key> {
    Ok(Key::new("auth/users")?)
}

/// A user.
pub(super) fn user(name: &str) -> Result<Key> {
    Ok(users()?.join(Key::segment(name))?.join("user")?)
}

/// The name of the user whose document this is.
pub(super) fn user_of(key: &Key) -> Option<String> {
    let folder = key.parent().filter(|_| key.name() == "user")?;
    Some(folder.name().to_owned())
}

/// Which tokens a user has.
pub(super) fn user_tokens(name: &str) -> Result<Key> {
    Ok(users()?.join(Key::segment(name))?.join("tokens")?)
}

/// The folder of all tokens.
pub(super) fn tokens() -> Result<Key> {
    Ok(Key::new("auth/tokens")?)
}

/// A token, by the SHA-256 of its secret, or the place before all that begin so.
pub(super) fn token(hash: &str) -> Result<Key> {
    Ok(tokens()?.join(hash)?)
}

/// A login by web page.
pub(super) fn login(page: &str) -> Result<Key> {
    let folder = Key::new("auth/logins")?;
    Ok(folder.join(hex(&sha256(page.as_bytes())))?)
}

/// The secrets with which access tokens are signed.
pub(super) fn keys() -> Result<Key> {
    Ok(Key::new("auth/keys")?)
}
