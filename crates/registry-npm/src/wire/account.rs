//! Documents of users and their tokens.

use serde::{Deserialize, Serialize};

/// The body of `PUT /-/user/org.couchdb.user:{user}`.
#[derive(Deserialize)]
pub struct CouchLogin {
    /// The user's name.
    pub name: String,
    /// The password.
    pub password: String,
    /// Sent by old clients that mean to make a user.
    pub email: Option<String>,
}

/// The answer to a couch login.
#[derive(Serialize)]
pub struct LoggedIn<'a> {
    /// A sentence.
    pub ok: &'a str,
    /// The token.
    pub token: &'a str,
}

/// The answer of `GET /-/user/org.couchdb.user:{user}`.
#[derive(Debug, Serialize)]
pub struct User<'a> {
    /// `org.couchdb.user:` and the name.
    #[serde(rename = "_id")]
    pub id: &'a str,
    /// The user's name.
    pub name: &'a str,
    /// Where to write to, as far as it is known.
    pub email: &'a str,
}

/// The answer of `POST /-/v1/login`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebLogin<'a> {
    /// Where the user goes.
    pub login_url: &'a str,
    /// Where the client waits.
    pub done_url: &'a str,
}

/// The answer of the address where the client waits.
#[derive(Serialize)]
pub struct WebLoginDone<'a> {
    /// The token.
    pub token: &'a str,
}

/// The answer of `GET /-/whoami`.
#[derive(Debug, Serialize)]
pub struct Whoami<'a> {
    /// The user's name.
    pub username: &'a str,
}

/// The answer of `GET /-/npm/v1/tokens`.
#[derive(Debug, Serialize)]
pub struct TokenList {
    /// The tokens.
    pub objects: Vec<Token>,
    /// How many there are.
    pub total: usize,
    /// Where the next page is: nowhere.
    pub urls: PageUrls,
}

/// The addresses of other pages.
#[derive(Debug, Default, Serialize)]
pub struct PageUrls {}

/// A token, as lists show it.
#[derive(Debug, Default, Serialize)]
pub struct Token {
    /// By what it is revoked; npm prints its first six characters.
    pub key: String,
    /// The beginning of the token, or all of it once, when it is made.
    pub token: String,
    /// What its maker called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was made.
    pub created: String,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Whether it may only read.
    pub readonly: bool,
    /// Where it may come from; npm crashes where this is missing.
    pub cidr_whitelist: Vec<String>,
    /// What it may do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// The body of `POST /-/npm/v1/tokens`.
#[derive(Deserialize)]
pub struct CreateToken {
    /// The user's password, once more.
    pub password: String,
    /// What to call the token.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it may only read.
    #[serde(default)]
    pub readonly: bool,
    /// Days until it ends.
    pub expires: Option<u32>,
    /// The packages it is for.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Whether it is for all packages.
    #[serde(default)]
    pub packages_all: bool,
    /// The npm scopes it is for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// `read-only`, `read-write` or `no-access`.
    pub packages_and_scopes_permission: Option<String>,
    /// Where it may come from.
    #[serde(default)]
    pub cidr_whitelist: Vec<String>,
}

/// The answer of `GET /-/npm/v1/user`.
#[derive(Debug, Serialize)]
pub struct Profile<'a> {
    /// Second factor: none.
    pub tfa: Option<()>,
    /// The user's name.
    pub name: &'a str,
    /// Where to write to, as far as it is known.
    pub email: &'a str,
    /// Not known to be.
    pub email_verified: bool,
    /// When the user was made.
    pub created: &'a str,
    /// When the user last changed.
    pub updated: &'a str,
    /// Kept for clients that print it.
    pub fullname: &'a str,
    /// `[cidr]`, of which there are none.
    pub cidr_whitelist: Option<()>,
}

/// The body of `POST /-/npm/v1/user`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ProfileChange {
    /// A new address.
    pub email: Option<String>,
    /// A new full name.
    pub fullname: Option<String>,
    /// A new password.
    pub password: Option<PasswordChange>,
    /// A second factor, which there is not.
    pub tfa: Option<serde_json::Value>,
}

/// A change of password.
#[derive(Deserialize)]
pub struct PasswordChange {
    /// The password until now.
    pub old: String,
    /// The password from now on.
    pub new: String,
}
