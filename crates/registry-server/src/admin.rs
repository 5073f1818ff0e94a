//! The commands that administer users and tokens, beside running servers or without any.

use std::{collections::BTreeSet, io::BufRead, sync::Arc, time::Duration, time::SystemTime};

use anyhow::{Context, Result};
use jiff::Timestamp;
use registry::{
    ErrorKind,
    auth::{AuthOptions, BucketTokens, DefaultAuth, NewToken, Secret, TokenInfo},
    storage::Storage,
    store::Documents,
};

use crate::{
    cli::{Token, User},
    config::{Config, duration},
    mounts,
    output::Output,
    storage,
};

/// How much memory users and tokens may take, in bytes.
const CACHE: u64 = 4 << 20;

/// The provider that keeps users and tokens in the bucket.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn provider(storage: Arc<dyn Storage>, config: &Config) -> Result<Arc<DefaultAuth>> {
    let documents = Documents::new(storage, CACHE, Duration::ZERO);
    let tokens = Arc::new(BucketTokens::new(documents.clone()));
    let mut options = AuthOptions {
        anonymous: config.anonymous,
        auth_max_age: config.auth_max_age,
        ..AuthOptions::default()
    };
    for mount in &config.mounts {
        options = options.with_mount_anonymous(&mount.name, mount.anonymous);
    }
    Ok(Arc::new(DefaultAuth::new(documents, tokens, options)?))
}

async fn open(config: &Config) -> Result<Arc<DefaultAuth>> {
    provider(storage::open_existing(config).await?, config)
}

/// Carries out a command about users.
///
/// # Errors
/// When the user is not there, or there already, or the storage fails.
pub(crate) async fn user(command: User, config: &Config, out: &mut Output) -> Result<()> {
    match command {
        User::Add {
            name,
            admin,
            scopes,
        } => {
            let password = password()?;
            // The first thing that is done to a registry may be to give it a user.
            let auth = provider(storage::open(config).await?, config)?;
            match auth.add_user(&name, password.clone(), admin, &scopes).await {
                Ok(_) => eprintln!("added the user {name}"),
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    auth.change_user(&name, password, admin, &scopes).await?;
                    eprintln!("changed the user {name}");
                }
                Err(error) => return Err(error.into()),
            }
            warn(&scopes, config);
        }
        User::List => {
            for user in open(config).await?.list_users().await? {
                let role = if user.admin { "admin" } else { "user" };
                let scopes = words(&user.scopes);
                out.line(&format!("{}\t{role}\t{scopes}", user.profile.name));
            }
        }
        User::Remove { name } => {
            open(config).await?.remove_user(&name).await?;
            eprintln!("removed the user {name}");
        }
    }
    Ok(())
}

/// Says of scopes that nothing here would ask for them. That is no error, since what they name may
/// be mounted later.
fn warn(scopes: &[String], config: &Config) {
    let mounts = mounts::resources(config);
    for scope in scopes {
        if let Some(doubt) = doubt(scope, &mounts) {
            eprintln!("warning: {scope}: {doubt}");
        }
    }
}

/// What is odd about a scope that parses, given each mount's name and type.
fn doubt(scope: &str, mounts: &[(&str, &str)]) -> Option<String> {
    let mut fields = scope.split(':');
    let (mount, kind) = (fields.next()?, fields.next()?);
    let (names, kinds): (BTreeSet<_>, BTreeSet<_>) = mounts.iter().copied().unzip();
    let listed = |words: BTreeSet<&str>| words.into_iter().collect::<Vec<_>>().join(", ");
    let of = mounts.iter().find(|(name, _)| *name == mount);
    match of {
        None if mount != "*" => Some(format!(
            "this configuration has no mount called {mount}; it has {}",
            listed(names)
        )),
        Some((_, own)) if kind != "*" && kind != *own => Some(format!(
            "the mount {mount} has nothing of the type {kind}; it has {own}"
        )),
        None if kind != "*" && !kinds.contains(kind) => Some(format!(
            "no mount has anything of the type {kind}; there are {}",
            listed(kinds)
        )),
        _ => None,
    }
}

/// The first line of the standard input.
fn password() -> Result<Secret> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.context("the password is read from the standard input")?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// Carries out a command about tokens.
///
/// # Errors
/// When the user or token is not there, a scope does not parse, or the storage fails.
pub(crate) async fn token(command: Token, config: &Config, out: &mut Output) -> Result<()> {
    match command {
        Token::Create {
            user,
            scopes,
            expires,
            read_only,
        } => {
            let life = expires.as_deref().map(duration).transpose();
            let life = life.map_err(|wrong| anyhow::anyhow!("--expires: {wrong}"))?;
            let grant = NewToken {
                name: "registry token create".to_owned(),
                scopes: scopes.clone(),
                read_only,
                expires: life.map(|life| SystemTime::now() + life),
                ..NewToken::default()
            };
            let (secret, _) = open(config).await?.create_token_for(&user, grant).await?;
            out.line(secret.reveal());
            warn(&scopes, config);
        }
        Token::List => {
            for token in open(config).await?.list_all_tokens().await? {
                out.line(&described(&token));
            }
        }
        Token::Revoke { id } => {
            open(config).await?.revoke_token_by_id(&id).await?;
            eprintln!("revoked the token {id}");
        }
    }
    Ok(())
}

/// A token in a line: id, user, hint, when it was made, when it ends, what it may, where, its name.
fn described(token: &TokenInfo) -> String {
    let grant = &token.grant;
    let ends = grant.expires.map_or_else(|| "never".to_owned(), date);
    let access = if grant.read_only {
        "read-only"
    } else {
        "read-write"
    };
    let (scopes, networks) = (words(&grant.scopes), words(&grant.networks));
    let made = date(token.created);
    let TokenInfo { id, user, hint, .. } = token;
    format!(
        "{id}\t{user}\t{hint}\t{made}\t{ends}\t{access}\t{scopes}\t{networks}\t{}",
        grant.name
    )
}

fn words(list: &[String]) -> String {
    if list.is_empty() {
        "-".to_owned()
    } else {
        list.join(" ")
    }
}

fn date(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or_else(|_| "?".to_owned(), |at| format!("{at:.0}"))
}
