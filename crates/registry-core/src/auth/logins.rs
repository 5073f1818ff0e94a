//! Logins by web page.
//!
//! A client begins one without being known, so beginning stores nothing: the secret is random, the
//! page is made of its hash, and both begin with the time. Only when somebody confirms a page is a
//! document written, and only whoever has the secret can name that page.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Grant, LoginSession, layout, rights::Rights};
use crate::{
    digest::{hex, random_hex, sha256},
    error::{Error, ErrorKind, Result},
    store::{Document, Documents},
};

/// How long a login may take, in seconds.
const LASTS: i64 = 600;
/// How far the clock of the replica that began it may be ahead, in seconds.
const AHEAD: i64 = 60;

/// A login that somebody confirmed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) account: String,
    /// The id of the token that they confirmed it with, if it was one.
    pub(super) token: Option<String>,
    /// What the new token is to be good for.
    pub(super) grant: Grant,
    confirmed: Timestamp,
    /// Whether the client was told of it.
    done: bool,
}

/// All logins by web page.
pub(super) struct Logins {
    documents: Documents,
}

impl Logins {
    pub(super) fn new(documents: Documents) -> Self {
        Self { documents }
    }

    pub(super) fn begin(now: Timestamp) -> Result<LoginSession> {
        let secret = format!("{:x}.{}", now.as_second(), random_hex::<20>()?);
        let page = page(&secret).ok_or_else(expired)?;
        Ok(LoginSession { page, secret })
    }

    /// Remembers who confirmed a login, and with which rights.
    pub(super) async fn confirm(&self, page: &str, rights: &Rights, now: Timestamp) -> Result<()> {
        check_time(page, '-', now)?;
        let user = &rights.user.record;
        let login = Login {
            user: user.name.clone(),
            account: user.account.clone(),
            token: rights.token.as_ref().map(|token| token.id.clone()),
            grant: rights.whole("web login"),
            confirmed: now,
            done: false,
        };
        let work = move |document: &mut Document<Option<Login>>| match &document.head {
            None => {
                document.head = Some(login.clone());
                Ok((true, ()))
            }
            Some(other) if !other.done && other.account == login.account => Ok((false, ())),
            Some(_) => Err(Error::new(
                ErrorKind::Conflict,
                "this login was confirmed before; start again",
            )),
        };
        self.documents.change(&layout::login(page)?, work).await
    }

    /// The login if it was confirmed, once; `None` if it was not yet.
    pub(super) async fn claim(&self, secret: &str, now: Timestamp) -> Result<Option<Login>> {
        check_time(secret, '.', now)?;
        let page = page(secret).ok_or_else(expired)?;
        let key = layout::login(&page)?;
        if self.documents.read(&key).await?.is_none() {
            return Ok(None);
        }
        let work = |document: &mut Document<Option<Login>>| match &mut document.head {
            Some(login) if !login.done => {
                login.done = true;
                Ok((true, Some(login.clone())))
            }
            _ => Err(expired()),
        };
        self.documents.change(&key, work).await
    }
}

/// The page that belongs to a secret.
fn page(secret: &str) -> Option<String> {
    let (time, _) = secret.split_once('.')?;
    let hash = hex(&sha256(format!("login page of {secret}").as_bytes()));
    Some(format!("{time}-{hash}"))
}

/// Checks that a page or secret began a short while ago. Who would forge its time could as well
/// begin another.
fn check_time(text: &str, separator: char, now: Timestamp) -> Result<()> {
    let time = text.split_once(separator).map(|(time, _)| time);
    let time = time.and_then(|time| i64::from_str_radix(time, 16).ok());
    let age = time.and_then(|time| now.as_second().checked_sub(time));
    if age.is_some_and(|age| (-AHEAD..=LASTS).contains(&age)) {
        return Ok(());
    }
    Err(expired())
}

fn expired() -> Error {
    Error::not_found("this login has expired or is over; start it again")
}
