//! Owners: who may change a crate, where the registry enforces that.

use http::StatusCode;
use registry_core::{
    Body, Error as CoreError, ErrorKind,
    auth::user_number,
    protocol,
    store::{Change, Document},
};

use super::check_owner;
use crate::{
    Answer, Call, CrateName, Error,
    document::{Head, change, no_crate},
    layout::DOCUMENT,
    read::done,
    wire::{ChangeOwners, Owner, Owners},
};

/// The most bytes of a request about owners.
const MAX_BODY: usize = 64 << 10;
/// How many users one request may name.
const MAX_USERS: usize = 100;

impl Call<'_> {
    /// Who owns a crate.
    pub(crate) async fn owners(&self, name: &CrateName) -> Answer {
        let document = self.granted.repo()?.document::<Head>(DOCUMENT).await?;
        let document = document.filter(|document| document.head.is_spelled(&name.lower()));
        let document = document.ok_or_else(|| no_crate(name))?;
        let mut users = Vec::new();
        for login in document.head.owners {
            let profile = self.granted.auth().profile(&login).await?;
            users.push(Owner {
                id: user_number(&login),
                name: profile.and_then(|profile| profile.full_name),
                login,
            });
        }
        Ok(protocol::json(StatusCode::OK, &Owners { users })?)
    }

    /// Makes users owners, or no longer owners.
    pub(crate) async fn change_owners(&self, name: CrateName, add: bool, body: Body) -> Answer {
        let ChangeOwners { users } = protocol::read_json(body, MAX_BODY).await?;
        if users.is_empty() || users.len() > MAX_USERS {
            let message = format!("name 1 to {MAX_USERS} users");
            return Err(CoreError::invalid(message).into());
        }
        let users = if add { self.known(users).await? } else { users };
        let (writer, all) = (self.writer(), users.join(", "));
        let msg = if add {
            format!("{all} added to the owners of crate {name}")
        } else {
            format!("{all} removed from the owners of crate {name}")
        };
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            let head = &mut document.head;
            change::check_name(head, &name)?;
            check_owner(&writer, head)?;
            if add {
                let changed = change::add_owners(head, &users)?;
                return Ok(Change::when(changed, ()));
            }
            change::remove_owners(head, &users)?;
            Ok(Change::write(()))
        };
        self.granted
            .repo()?
            .change(DOCUMENT, Vec::new(), change)
            .await?;
        done(Some(&msg))
    }

    /// The names of users who are there.
    async fn known(&self, logins: Vec<String>) -> Result<Vec<String>, CoreError> {
        let mut users = Vec::new();
        for login in logins {
            if login.contains(':') {
                let message = format!("{login:?} is a team, and this registry has users only");
                return Err(CoreError::new(ErrorKind::Invalid, message));
            }
            let profile = self.granted.auth().profile(&login).await?;
            let unknown =
                || CoreError::invalid(format!("could not find user with login `{login}`"));
            users.push(profile.ok_or_else(unknown)?.name);
        }
        Ok(users)
    }
}
