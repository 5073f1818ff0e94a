//! The users and their documents.

use std::sync::Arc;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AuthOptions, Profile, Scope, Secret, layout, remembered::Remembered, rights::told};
use crate::{
    digest::random_hex,
    error::{Error, ErrorKind, Result},
    store::{Document, Documents},
};

/// How many users are kept in memory.
const REMEMBERED: usize = 4096;
/// The longest mail address or full name, in bytes.
const MAX_TEXT: usize = 254;

/// A user as stored. One who was removed stays, without all that was theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UserRecord {
    pub(super) name: String,
    /// Tells this user from one of the same name who was removed: tokens are bound to it.
    pub(super) account: String,
    /// The hash of the password; without one, only tokens are good.
    pub(super) password: Option<String>,
    pub(super) admin: bool,
    /// What the user may do with packages; `None` is everything.
    pub(super) scopes: Option<Vec<Scope>>,
    pub(super) email: Option<String>,
    pub(super) full_name: Option<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) removed: Option<Timestamp>,
}

impl UserRecord {
    /// A new user.
    pub(super) fn new(name: &str, now: Timestamp) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            account: random_hex::<8>()?,
            password: None,
            admin: false,
            scopes: None,
            email: None,
            full_name: None,
            created: now,
            updated: now,
            removed: None,
        })
    }

    /// What stays of a user who goes.
    pub(super) fn remove(&mut self, now: Timestamp) -> Result<()> {
        *self = Self {
            created: self.created,
            removed: Some(now),
            ..Self::new(&self.name, now)?
        };
        Ok(())
    }

    pub(super) fn profile(&self) -> Profile {
        Profile {
            name: self.name.clone(),
            email: self.email.clone(),
            full_name: self.full_name.clone(),
            created: Some(told(self.created)),
            updated: Some(told(self.updated)),
        }
    }
}

/// A user who is there, as read.
#[derive(Debug)]
pub(super) struct User {
    pub(super) record: UserRecord,
    /// The revision of the document.
    pub(super) revision: u64,
}

/// All users.
pub(super) struct Users {
    documents: Documents,
    known: Remembered<User>,
}

impl Users {
    pub(super) fn new(documents: Documents, options: &AuthOptions) -> Self {
        let known = Remembered::new(REMEMBERED, options.auth_max_age, options.clock.clone());
        Self { documents, known }
    }

    /// A user as they were no longer ago than `auth_max_age`.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Arc<User>>> {
        self.known.get(name, async || self.read(name).await).await
    }

    /// A user as they are now.
    pub(super) async fn fresh(&self, name: &str) -> Result<Option<Arc<User>>> {
        self.known.fresh(name, self.read(name)).await
    }

    async fn read(&self, name: &str) -> Result<Option<User>> {
        if check_name(name).is_err() {
            return Ok(None);
        }
        let Some(snapshot) = self.documents.read(&layout::user(name)?).await? else {
            return Ok(None);
        };
        let document: Document<Option<UserRecord>> = snapshot.typed()?;
        let revision = document.revision;
        // A file system may take two spellings for one.
        let there = |record: &UserRecord| record.removed.is_none() && record.name == name;
        Ok(document
            .head
            .filter(there)
            .map(|record| User { record, revision }))
    }

    /// Changes a user, who may not be there yet or any more. What `change` says is written.
    pub(super) async fn change(
        &self,
        name: &str,
        mut change: impl FnMut(&mut Option<UserRecord>) -> Result<()> + Send + 'static,
    ) -> Result<UserRecord> {
        check_name(name)?;
        let work = move |document: &mut Document<Option<UserRecord>>| {
            change(&mut document.head)?;
            let record = document.head.clone();
            let record = record.ok_or_else(|| Error::internal("a change left no user"))?;
            Ok((true, record))
        };
        let record = self.documents.change(&layout::user(name)?, work).await;
        self.known.forget(name);
        record
    }

    /// Changes a user who is there.
    pub(super) async fn update(
        &self,
        name: &str,
        now: Timestamp,
        mut change: impl FnMut(&mut UserRecord) -> Result<()> + Send + 'static,
    ) -> Result<UserRecord> {
        let asked = name.to_owned();
        let work = move |record: &mut Option<UserRecord>| match record {
            Some(record) if record.removed.is_none() && record.name == asked => {
                change(record)?;
                record.updated = now;
                Ok(())
            }
            _ => Err(unknown(&asked)),
        };
        self.change(name, work).await
    }

    /// The names of all users who ever were, in order.
    pub(super) async fn names(&self) -> Result<Vec<String>> {
        let list = self.documents.storage().list(Some(&layout::users()?), None);
        let names = list.try_filter_map(async |entry| Ok(layout::user_of(&entry.key)));
        Ok(names.try_collect().await?)
    }

    /// Whether there ever was a user.
    pub(super) async fn any(&self) -> Result<bool> {
        let list = self.documents.storage().list(Some(&layout::users()?), None);
        let names = list.try_filter_map(async |entry| Ok(layout::user_of(&entry.key)));
        Ok(std::pin::pin!(names).try_next().await?.is_some())
    }
}

pub(super) fn unknown(name: &str) -> Error {
    Error::not_found(format!("there is no user {name}"))
}

/// Checks the name of a user.
pub(super) fn check_name(name: &str) -> Result<()> {
    let ok = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len())
        && name.bytes().all(ok)
        && !name.starts_with(['.', '-'])
        && name != "__proto__"
    {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidName,
        "a user's name is 1 to 64 letters, digits, dots, - and _, and does not begin with a dot \
         or -",
    ))
}

/// Checks a password that somebody wants.
pub(super) fn check_password(password: &Secret) -> Result<()> {
    if (8..=1024).contains(&password.reveal().len()) {
        return Ok(());
    }
    Err(Error::invalid("a password has 8 to 1024 bytes"))
}

/// Checks what users say of themselves: one line; an empty one is none.
pub(super) fn check_text(what: &str, value: String) -> Result<Option<String>> {
    if value.len() > MAX_TEXT || value.chars().any(char::is_control) {
        let message = format!("the {what} is too long or not one line");
        return Err(Error::invalid(message));
    }
    Ok((!value.is_empty()).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_checked() {
        for good in ["a", "Ann.B-c_9", "_x", "proto", &"a".repeat(64)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".a",
            "-a",
            "a b",
            "a/b",
            "ü",
            "a:b",
            "__proto__",
            &"a".repeat(65),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        for (length, good) in [(7, false), (8, true), (1024, true), (1025, false)] {
            assert_eq!(
                check_password(&Secret::new("x".repeat(length))).is_ok(),
                good
            );
        }
    }
}
