//! The default provider over memory, by a clock that the tests move.

mod access;
mod logins;
mod passwords;
mod tokens;
mod users;

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Action, Anonymous, AuthOptions, AuthProvider, BucketTokens, Credentials, Decision, DefaultAuth,
    Identity, MemoryTokens, NewToken, Permission, ProfileChange, Secret, TokenStore,
};
use crate::{ErrorKind, Result, clock::Clock, storage::Memory, store::Documents};

const PASSWORD: &str = "correct horse";

/// A bucket, a clock, and as many replicas as a test wants.
struct World {
    storage: Memory,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        let start = Timestamp::from_second(1_750_000_000).unwrap();
        Self {
            storage: Memory::default(),
            clock: Clock::fixed(start),
        }
    }

    fn documents(&self) -> Documents {
        Documents::new(Arc::new(self.storage.clone()), 1 << 20, Duration::ZERO)
    }

    fn replica(&self) -> DefaultAuth {
        self.replica_with(AuthOptions::default())
    }

    fn replica_with(&self, options: AuthOptions) -> DefaultAuth {
        let documents = self.documents();
        let tokens = Arc::new(BucketTokens::new(documents.clone()));
        let clock = self.clock.clone();
        let options = AuthOptions { clock, ..options };
        DefaultAuth::new(documents, tokens, options).unwrap()
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

async fn add(auth: &DefaultAuth, name: &str, scopes: &[&str]) {
    let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    let password = Secret::new(PASSWORD);
    auth.add_user(name, password, false, &scopes).await.unwrap();
}

async fn password(auth: &DefaultAuth, user: &str, password: &str) -> Result<Identity> {
    let credentials = Credentials::Password {
        user: user.to_owned(),
        password: Secret::new(password),
    };
    auth.authenticate(&credentials, "npm", ip("10.0.0.1")).await
}

async fn token(auth: &DefaultAuth, secret: &Secret) -> Result<Identity> {
    let credentials = Credentials::Token(secret.clone());
    auth.authenticate(&credentials, "npm", ip("10.0.0.1")).await
}

fn scoped(scopes: &[&str]) -> NewToken {
    NewToken {
        scopes: scopes.iter().map(ToString::to_string).collect(),
        ..NewToken::default()
    }
}

async fn may(auth: &DefaultAuth, identity: &Identity, name: &str, action: Action) -> bool {
    may_on(auth, identity, "npm", name, action).await
}

async fn may_on(
    auth: &DefaultAuth,
    identity: &Identity,
    mount: &str,
    name: &str,
    action: Action,
) -> bool {
    let permission = Permission {
        mount,
        kind: "package",
        name,
        action,
    };
    let decision = auth.authorize(identity, permission).await.unwrap();
    assert_ne!(decision, Decision::Hide);
    decision == Decision::Allow
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it went well"),
        Err(error) => error.kind(),
    }
}
