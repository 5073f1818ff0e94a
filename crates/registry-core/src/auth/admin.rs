//! What whoever runs the registry does to its users and tokens.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    DefaultAuth, Grant, NewToken, Profile, Scope, Secret, TokenInfo, TokenRecord,
    users::{self, User, UserRecord},
};
use crate::error::{Error, ErrorKind, Result};

/// How many users are read at once to be listed.
const AT_ONCE: usize = 16;
/// The user that is made when there is none.
const FIRST: &str = "admin";

/// A user as an administrator sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfo {
    /// What others see.
    pub profile: Profile,
    /// Whether they administer the registry.
    pub admin: bool,
    /// What they may do with packages; everything without any.
    pub scopes: Vec<String>,
}

impl From<&UserRecord> for UserInfo {
    fn from(record: &UserRecord) -> Self {
        let scopes = record.scopes.iter().flatten();
        Self {
            profile: record.profile(),
            admin: record.admin,
            scopes: scopes.map(ToString::to_string).collect(),
        }
    }
}

impl DefaultAuth {
    /// Makes a user who may do everything with packages, or only what `scopes` say if there are
    /// any.
    ///
    /// # Errors
    /// `Conflict` when there is one of that name; `InvalidName` or `Invalid` for a name, password
    /// or scope that will not do.
    pub async fn add_user(
        &self,
        name: &str,
        password: Secret,
        admin: bool,
        scopes: &[String],
    ) -> Result<UserInfo> {
        users::check_name(name)?;
        users::check_password(&password)?;
        let scopes: Result<Vec<Scope>> = scopes.iter().map(|scope| scope.parse()).collect();
        let scopes = Some(scopes?).filter(|scopes| !scopes.is_empty());
        let record = UserRecord {
            password: Some(self.passwords.hash(&password).await?),
            admin,
            scopes,
            ..UserRecord::new(name, self.now())?
        };
        let work = move |head: &mut Option<UserRecord>| match head {
            Some(there) if there.removed.is_none() => Err(Error::new(
                ErrorKind::Conflict,
                format!("there is a user {} already", there.name),
            )),
            _ => {
                *head = Some(record.clone());
                Ok(())
            }
        };
        Ok((&self.users.change(name, work).await?).into())
    }

    /// Removes a user, and with them all their tokens.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn remove_user(&self, name: &str) -> Result<()> {
        let now = self.now();
        let work = move |record: &mut UserRecord| record.remove(now);
        self.users.update(name, now, work).await?;
        // They are good for nothing any more; this says so of each.
        for token in self.tokens.of_user(name).await? {
            self.end(&token).await?;
        }
        Ok(())
    }

    /// Gives a user another password and, where `admin` or `scopes` say any, other rights; their
    /// tokens stay, within those rights.
    ///
    /// # Errors
    /// `NotFound` when there is none; `Invalid` for a password or scope that will not do.
    pub async fn change_user(
        &self,
        name: &str,
        password: Secret,
        admin: bool,
        scopes: &[String],
    ) -> Result<UserInfo> {
        users::check_password(&password)?;
        let scopes: Result<Vec<Scope>> = scopes.iter().map(|scope| scope.parse()).collect();
        let scopes = Some(scopes?).filter(|scopes| !scopes.is_empty());
        let hash = self.passwords.hash(&password).await?;
        let work = move |record: &mut UserRecord| {
            record.password = Some(hash.clone());
            if admin || scopes.is_some() {
                record.admin = admin;
                record.scopes.clone_from(&scopes);
            }
            Ok(())
        };
        Ok((&self.users.update(name, self.now(), work).await?).into())
    }

    /// All users, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_users(&self) -> Result<Vec<UserInfo>> {
        let users = self.all_users().await?;
        Ok(users.iter().map(|user| (&user.record).into()).collect())
    }

    /// How many users there are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn user_count(&self) -> Result<usize> {
        Ok(self.all_users().await?.len())
    }

    async fn all_users(&self) -> Result<Vec<std::sync::Arc<User>>> {
        let names = self.users.names().await?;
        let users = names.iter().map(|name| self.users.fresh(name));
        let users = stream::iter(users).buffered(AT_ONCE);
        users
            .try_filter_map(async |user| Ok(user))
            .try_collect()
            .await
    }

    /// Makes a token for a user, good for just what is given, within what the user may do.
    ///
    /// # Errors
    /// `NotFound` when there is no such user; `Invalid` for a scope that does not parse.
    pub async fn create_token_for(
        &self,
        user: &str,
        grant: NewToken,
    ) -> Result<(Secret, TokenInfo)> {
        let grant = Grant::parse(&grant, self.now())?;
        let there = self.users.fresh(user).await?;
        let there = there.ok_or_else(|| users::unknown(user))?;
        self.mint(&there, grant).await
    }

    /// All tokens of all users that are good for something.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_all_tokens(&self) -> Result<Vec<TokenInfo>> {
        let mut tokens = Vec::new();
        for user in self.all_users().await? {
            tokens.extend(self.live_tokens(&user).await?);
        }
        Ok(tokens)
    }

    /// Ends a token, whosever it is.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id.
    pub async fn revoke_token_by_id(&self, id: &str) -> Result<()> {
        let found = self.tokens.find(id).await?;
        let found = found.filter(|token| token.revoked.is_none());
        let missing = || Error::not_found(format!("there is no token {id}"));
        self.end(&found.ok_or_else(missing)?).await
    }

    /// On the first start, when there never was a user, makes the user `admin`, without a
    /// password, and tells the secret of a token that may do everything. Of several replicas that
    /// start at once, one does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ensure_admin(&self) -> Result<Option<(String, Secret)>> {
        if self.users.any().await? {
            return Ok(None);
        }
        let admin = UserRecord {
            admin: true,
            ..UserRecord::new(FIRST, self.now())?
        };
        // The token first: whoever stops in between leaves a token of nobody, and the next start
        // begins anew; the other way round there would be a user whom nobody can be.
        let grant = Grant {
            name: "first start".to_owned(),
            scopes: vec![Scope::everything()],
            ..Grant::default()
        };
        let (secret, token) = TokenRecord::new(FIRST, &admin.account, grant, self.now())?;
        self.tokens.put(&token).await?;
        let account = admin.account.clone();
        let work = move |head: &mut Option<UserRecord>| {
            // Whoever was first stays.
            head.get_or_insert_with(|| admin.clone());
            Ok(())
        };
        let won = self.users.change(FIRST, work).await?;
        if won.account == account {
            return Ok(Some((FIRST.to_owned(), secret)));
        }
        self.end(&token).await?;
        Ok(None)
    }
}
