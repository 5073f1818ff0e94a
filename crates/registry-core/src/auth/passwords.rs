//! Passwords: hashed slowly, a few at a time, and not guessed.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use jiff::Timestamp;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use super::{Secret, remembered::within, users::User};
use crate::{
    clock::Clock,
    digest::sha256,
    error::{Error, Result},
    store::lock,
};

/// How many passwords are hashed at once: each takes 19 MiB and a core.
const RUNNING: usize = 2;
/// How many more may wait.
const WAITING: usize = 64;
/// How long a password that was right is known to be.
const PROVEN_FOR: Duration = Duration::from_secs(60);
/// How many right passwords are remembered.
const PROVEN: usize = 4096;
/// How many wrong ones somebody may send for a user within [`WINDOW`].
const FAILURES: u32 = 5;
/// How long a failure counts.
const WINDOW: Duration = Duration::from_secs(60);
/// For how many pairs of a user and an address failures are counted.
const WATCHED: usize = 16 * 1024;
/// What the password of nobody is checked against, so that it takes as long as anybody's.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Checks passwords.
pub(super) struct Passwords {
    /// The key of this process, under which right passwords are remembered.
    key: [u8; 32],
    running: Arc<Semaphore>,
    places: Semaphore,
    proven: Cache<[u8; 32], Timestamp>,
    failures: Cache<[u8; 32], Arc<Mutex<Failures>>>,
    clock: Clock,
}

/// The failures of a pair of a user and an address.
#[derive(Clone, Copy)]
struct Failures {
    since: Timestamp,
    count: u32,
}

impl Passwords {
    pub(super) fn new(clock: Clock) -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(Error::internal)?;
        Ok(Self {
            key,
            running: Arc::new(Semaphore::new(RUNNING)),
            places: Semaphore::new(RUNNING + WAITING),
            proven: Cache::new(PROVEN),
            failures: Cache::new(WATCHED),
            clock,
        })
    }

    /// The form in which a password is kept.
    ///
    /// # Errors
    /// `RateLimited` when too many are waiting.
    pub(super) async fn hash(&self, password: &Secret) -> Result<String> {
        let password = password.clone();
        let hash = move || Argon2::default().hash_password(password.reveal().as_bytes());
        let hash = self.slowly(hash).await?.map_err(Error::internal)?;
        Ok(hash.to_string())
    }

    /// Whether this is the password of `name`, who is `user` or unknown.
    ///
    /// # Errors
    /// `RateLimited` after too many wrong ones, or when too many are waiting.
    pub(super) async fn check(
        &self,
        name: &str,
        user: Option<&User>,
        password: &Secret,
        from: Option<IpAddr>,
    ) -> Result<bool> {
        self.admit(name, from, 0)?;
        let proof = self.proof(name, user, password);
        // Whoever sends the same password at the same time waits here for the first of them.
        let guard = loop {
            match self.proven.get_value_or_guard_async(&proof).await {
                Ok(at) if within(at, self.clock.now(), PROVEN_FOR) => return Ok(true),
                Ok(at) => {
                    self.proven.remove_if(&proof, |known| *known == at);
                }
                Err(guard) => break guard,
            }
        };
        // Counted as a failure until it is known to be none, so that many at once are no way
        // around the count.
        let failures = self.admit(name, from, 1)?;
        let now = self.clock.now();
        let stored = user.and_then(|user| user.record.password.clone());
        let password = password.clone();
        let verify = move || {
            let hash = stored.as_deref().unwrap_or(NOBODY);
            let right = Argon2::default().verify_password(password.reveal().as_bytes(), hash);
            right.is_ok() && stored.is_some()
        };
        let right = self.slowly(verify).await;
        let right = right.inspect_err(|_| {
            let mut failures = lock(&failures);
            failures.count = failures.count.saturating_sub(1);
        })?;
        if right {
            lock(&failures).count = 0;
            // Without room in the cache it is only not remembered.
            let _ = guard.insert(now);
        }
        Ok(right)
    }

    /// Runs on a thread that may be busy for long, a few at once.
    async fn slowly<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R> {
        let busy = "too many passwords are being checked; try again in a moment, or use a token";
        let place = self.places.try_acquire();
        let _place = place.map_err(|_| Error::rate_limited(2, busy))?;
        let running = self.running.clone().acquire_owned().await;
        let running = running.map_err(Error::internal)?;
        let work = move || {
            let done = work();
            // Held until here, whether or not anybody still waits for the answer.
            drop(running);
            done
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Error::internal)
    }

    /// What a right password is remembered by: good in this process only, and for this revision of
    /// the user only.
    fn proof(&self, name: &str, user: Option<&User>, password: &Secret) -> [u8; 32] {
        let account = user.map_or("", |user| &user.record.account);
        let revision = user.map_or(0, |user| user.revision);
        let inner = [
            &self.key[..],
            &sha256(name.as_bytes()),
            &sha256(account.as_bytes()),
            &revision.to_be_bytes(),
            password.reveal().as_bytes(),
        ];
        let inner = sha256(&inner.concat());
        sha256(&[self.key, inner].concat())
    }

    /// Refuses after too many failures, whatever is sent then: else a guess could be told from the
    /// answer. Else counts `count` more, and gives the count.
    fn admit(&self, name: &str, from: Option<IpAddr>, count: u32) -> Result<Arc<Mutex<Failures>>> {
        let pair = format!("{:?} {name}", from.map(network));
        let pair = sha256(pair.as_bytes());
        let now = self.clock.now();
        let none = Failures {
            since: now,
            count: 0,
        };
        let start = || Ok::<_, Infallible>(Arc::new(Mutex::new(none)));
        let Ok(counted) = self.failures.get_or_insert_with(&pair, start);
        let mut failures = lock(&counted);
        if !within(failures.since, now, WINDOW) {
            *failures = none;
        }
        if failures.count >= FAILURES {
            let passed = Duration::try_from(now.duration_since(failures.since)).unwrap_or_default();
            let rest = WINDOW.saturating_sub(passed).as_secs().max(1);
            let rest = u32::try_from(rest).unwrap_or(60);
            let message = format!(
                "too many wrong passwords for this user from this address; try again in {rest} \
                 seconds"
            );
            return Err(Error::rate_limited(rest, message));
        }
        failures.count += count;
        drop(failures);
        Ok(counted)
    }
}

/// What is taken for one address: with IPv6, everybody has a whole network of them.
pub(crate) fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_nobody_is_hashed_like_any_other() {
        let hash = Argon2::default()
            .hash_password(b"12345678")
            .unwrap()
            .to_string();
        let parameters = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(parameters(&hash), parameters(NOBODY));
        let wrong = Argon2::default().verify_password(b"12345678", NOBODY);
        assert_eq!(wrong, Err(argon2::password_hash::Error::PasswordInvalid));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!same("10.0.0.1", "10.0.0.2"));
    }

    #[tokio::test]
    async fn only_so_many_passwords_wait() {
        let passwords = Passwords::new(Clock::default()).unwrap();
        let all = passwords.places.acquire_many(66).await.unwrap();
        let password = Secret::new("12345678");
        for _ in 0..10 {
            let error = passwords.check("ann", None, &password, None).await;
            assert_eq!(error.unwrap_err().kind(), crate::ErrorKind::RateLimited);
        }
        drop(all);
        // Having had to wait is no failure.
        assert!(!passwords.check("ann", None, &password, None).await.unwrap());
        assert!(passwords.hash(&password).await.is_ok());
    }
}
