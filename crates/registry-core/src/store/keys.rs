//! The secrets of a bucket, with which its replicas sign what they hand to clients.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Document, Documents, documents::lock};
use crate::{
    clock::Clock,
    digest::random_hex,
    error::{Error, Result},
    storage::Key,
};

/// How many keys are kept when a new one is made.
const KEPT: usize = 2;

/// The keys of a bucket: the newest signs, and what any of them signed is good.
///
/// They lie in a document of the bucket, made when they are first needed, so that what one replica
/// signs every other believes. Cheap to clone; clones remember together.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    documents: Documents,
    place: Key,
    max_age: Duration,
    clock: Clock,
    /// What was last read, and when.
    known: Mutex<Option<(Timestamp, Ring)>>,
}

/// All keys, oldest first. Never empty.
type Ring = Arc<[SigningKey]>;

/// One of the keys: 256 random bits, and a name for them.
#[derive(Clone)]
pub struct SigningKey {
    id: Arc<str>,
    secret: [u8; 32],
}

/// A key as stored, by its id.
#[derive(Serialize, Deserialize)]
struct Record {
    /// In hexadecimal.
    secret: String,
    created: Timestamp,
}

impl SigningKey {
    /// What it is called.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The HMAC-SHA256 of a message. What is signed for one purpose is good for no other.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.of(purpose, message).finalize().into_bytes().into()
    }

    /// Whether this is the message's code; takes as long whether or not it is.
    pub fn verify(&self, purpose: &str, message: &[u8], mac: &[u8]) -> bool {
        self.of(purpose, message).verify_slice(mac).is_ok()
    }

    fn of(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        let purpose = hmac(&self.secret).chain_update(purpose);
        hmac(&purpose.finalize().into_bytes().into()).chain_update(message)
    }

    fn read(id: &Arc<str>, record: &Record) -> Result<Self> {
        let damaged = || Error::internal(format!("the key {id} is damaged"));
        let mut secret = [0; 32];
        let digits = record.secret.as_bytes();
        if digits.len() != 2 * secret.len() {
            return Err(damaged());
        }
        for (byte, pair) in secret.iter_mut().zip(digits.chunks(2)) {
            let pair = str::from_utf8(pair).ok();
            let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
            *byte = value.ok_or_else(damaged)?;
        }
        let id = id.clone();
        Ok(Self { id, secret })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC itself fills a key up with zeros to the length of a block.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    KeyInit::new(&block.into())
}

impl Keys {
    /// The keys that `documents` hold at `place`, which are trusted for `max_age` before they are
    /// read again: so long may a key be believed after it was dropped.
    pub fn new(documents: Documents, place: Key, max_age: Duration, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            documents,
            place,
            max_age,
            clock,
            known: Mutex::default(),
        }))
    }

    /// The HMAC-SHA256 of a message under the newest key. What is signed for one purpose is good
    /// for no other.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn mac(&self, purpose: &str, message: &[u8]) -> Result<[u8; 32]> {
        Ok(self.newest().await?.mac(purpose, message))
    }

    /// Whether this is the message's code under any of the keys.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify(&self, purpose: &str, message: &[u8], mac: &[u8]) -> Result<bool> {
        let good = |ring: &Ring| ring.iter().any(|key| key.verify(purpose, message, mac));
        // It may have been signed with a key that was made elsewhere a moment ago.
        Ok(good(&self.ring().await?) || good(&self.fresh().await?))
    }

    /// The key to sign with.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn newest(&self) -> Result<SigningKey> {
        let ring = self.ring().await?;
        let newest = ring.last().cloned();
        newest.ok_or_else(|| Error::internal("there is no key"))
    }

    /// The key of this name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, id: &str) -> Result<Option<SigningKey>> {
        let find = |ring: &Ring| ring.iter().find(|key| key.id() == id).cloned();
        match find(&self.ring().await?) {
            Some(key) => Ok(Some(key)),
            // It may have been made elsewhere a moment ago.
            None => Ok(find(&self.fresh().await?)),
        }
    }

    /// Makes a new key, which signs from now on. Of the old ones only the newest stays good, so
    /// that doing this twice ends whatever was signed before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn rotate(&self) -> Result<()> {
        self.make(KEPT - 1).await.map(drop)
    }

    async fn ring(&self) -> Result<Ring> {
        if let Some((at, ring)) = &*lock(&self.0.known)
            && Duration::try_from(self.0.clock.now().duration_since(*at))
                .is_ok_and(|age| age < self.0.max_age)
        {
            return Ok(ring.clone());
        }
        self.fresh().await
    }

    async fn fresh(&self) -> Result<Ring> {
        let now = self.0.clock.now();
        let ring = match self.0.documents.fresh(&self.0.place).await? {
            Some(snapshot) => ring(&snapshot.typed()?)?,
            None => Arc::default(),
        };
        if ring.is_empty() {
            return self.make(0).await;
        }
        *lock(&self.0.known) = Some((now, ring.clone()));
        Ok(ring)
    }

    /// Adds a key to the newest `others`. Where there are to be no others, the first key stands:
    /// of several replicas that start at once, one makes it.
    async fn make(&self, others: usize) -> Result<Ring> {
        let now = self.0.clock.now();
        let (id, secret): (Arc<str>, _) = (random_hex::<8>()?.into(), random_hex::<32>()?);
        let work = move |document: &mut Document<()>| {
            let known = ring(document)?;
            if others == 0 && !known.is_empty() {
                return Ok((false, known));
            }
            // Of two clocks one may be behind.
            let mut created = now;
            for record in document.entries.values() {
                let record: Record = serde_json::from_slice(record).map_err(Error::internal)?;
                created = created.max(record.created + Duration::from_millis(1));
            }
            let keep = &known[known.len().saturating_sub(others)..];
            document
                .entries
                .retain(|id, _| keep.iter().any(|key| key.id == *id));
            let secret = secret.clone();
            let record = serde_json::to_vec(&Record { secret, created });
            let record = record.map_err(Error::internal)?;
            document.entries.insert(id.clone(), record.into());
            Ok((true, ring(document)?))
        };
        let ring = self.0.documents.change(&self.0.place, work).await?;
        *lock(&self.0.known) = Some((now, ring.clone()));
        Ok(ring)
    }
}

/// The keys in a document, oldest first.
fn ring(document: &Document<()>) -> Result<Ring> {
    let mut keys = Vec::with_capacity(document.entries.len());
    for (id, record) in &document.entries {
        let record: Record = serde_json::from_slice(record).map_err(Error::internal)?;
        keys.push((record.created, SigningKey::read(id, &record)?));
    }
    keys.sort_by(|(a, one), (b, other)| (a, &one.id).cmp(&(b, &other.id)));
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        digest::hex,
        storage::{Memory, Storage},
    };

    struct World(Arc<dyn Storage>, Clock);

    impl World {
        fn new() -> Self {
            let start = Timestamp::from_second(1_750_000_000).unwrap();
            Self(Arc::new(Memory::default()), Clock::fixed(start))
        }

        fn replica(&self) -> Keys {
            let documents = Documents::new(self.0.clone(), 1 << 20, Duration::ZERO);
            let (place, age) = (Key::new("auth/keys").unwrap(), Duration::from_secs(10));
            Keys::new(documents, place, age, self.1.clone())
        }
    }

    #[tokio::test]
    async fn what_one_replica_signs_others_believe() {
        let world = World::new();
        let (here, there) = (world.replica(), world.replica());
        let mac = here.mac("upload", b"message").await.unwrap();
        assert!(there.verify("upload", b"message", &mac).await.unwrap());
        assert_eq!(there.mac("upload", b"message").await.unwrap(), mac);
        let mut tampered = mac;
        tampered[31] ^= 1;
        for (purpose, message, mac) in [
            ("uploads", &b"message"[..], &mac[..]),
            ("upload", b"messages", &mac),
            ("upload", b"message", &tampered),
            ("upload", b"message", &mac[..31]),
            ("upload", b"message", b""),
        ] {
            let good = there.verify(purpose, message, mac).await.unwrap();
            assert!(!good, "{purpose} {message:?}");
        }
    }

    #[test]
    fn a_code_is_the_hmac_under_the_hmac_of_the_purpose() {
        let record = Record {
            secret: "0b".repeat(32),
            created: Timestamp::UNIX_EPOCH,
        };
        let key = SigningKey::read(&"k".into(), &record).unwrap();
        // Reckoned with another implementation.
        let known = "f09c5c46ffdebae8303f8cf4ba086fd3f7ff5b6505ea5c486c593f7538f28637";
        assert_eq!(hex(&key.mac("upload", b"message")), known);
        assert!(!format!("{key:?}").contains("0b0b"));
        for secret in ["0b", &"0b".repeat(33), &"0g".repeat(32), &"é".repeat(32)] {
            let secret = secret.to_owned();
            let created = record.created;
            assert!(SigningKey::read(&"k".into(), &Record { secret, created }).is_err());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_first_needs_one_makes_the_key() {
        for _ in 0..20 {
            let world = World::new();
            let starts = (0..8).map(|_| {
                let keys = world.replica();
                tokio::spawn(async move { keys.mac("a", b"b").await.unwrap() })
            });
            let starts: Vec<_> = starts.collect();
            let macs = futures_util::future::join_all(starts).await;
            let macs: Vec<_> = macs.into_iter().map(Result::unwrap).collect();
            assert!(macs.iter().all(|mac| *mac == macs[0]));
        }
    }

    #[tokio::test]
    async fn after_two_rotations_what_was_signed_before_is_good_no_more() {
        let world = World::new();
        let (here, there) = (world.replica(), world.replica());
        let first = here.mac("a", b"b").await.unwrap();
        assert!(there.verify("a", b"b", &first).await.unwrap());
        here.rotate().await.unwrap();
        let second = here.mac("a", b"b").await.unwrap();
        assert_ne!(first, second);
        for keys in [&here, &there] {
            assert!(keys.verify("a", b"b", &first).await.unwrap());
            assert!(keys.verify("a", b"b", &second).await.unwrap());
        }
        let id = here.newest().await.unwrap().id().to_owned();
        assert!(there.find(&id).await.unwrap().is_some());
        // A clock that stands still, or is behind, does not make the old key the newest.
        here.rotate().await.unwrap();
        assert!(!here.verify("a", b"b", &first).await.unwrap());
        assert!(here.verify("a", b"b", &second).await.unwrap());
        // The other replica forgets the first in time.
        world.1.advance(Duration::from_secs(10));
        assert!(!there.verify("a", b"b", &first).await.unwrap());
        assert!(there.find("unknown").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn keys_that_were_deleted_are_made_anew() {
        let world = World::new();
        let (here, there) = (world.replica(), world.replica());
        let lost = here.mac("a", b"b").await.unwrap();
        assert!(there.verify("a", b"b", &lost).await.unwrap());
        world
            .0
            .delete(&Key::new("auth/keys").unwrap())
            .await
            .unwrap();
        world.1.advance(Duration::from_secs(10));
        let made = here.mac("a", b"b").await.unwrap();
        for keys in [&here, &there] {
            assert!(keys.verify("a", b"b", &made).await.unwrap());
            assert!(!keys.verify("a", b"b", &lost).await.unwrap());
        }
    }
}
