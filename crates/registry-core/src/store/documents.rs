//! Reading documents, always fresh, and changing them, never losing an update.

use std::{
    any::Any,
    collections::{HashMap, VecDeque},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use quick_cache::{Weighter, sync::Cache};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

#[cfg(test)]
mod tests;

use super::document::{Document, RawDocument};
use crate::{
    digest::random_hex,
    error::{Error, ErrorKind, Result},
    storage::{Get, GetOptions, Key, Object, PutMode, Storage, StorageError, Version},
};

/// How long a change is tried against other writers and a failing store before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many waiting changes of one document go into one write.
const GROUP: usize = 256;
/// The largest document that is read, and so written, in bytes.
const MAX_DOCUMENT: usize = 256 << 20;

/// The documents of a bucket.
#[derive(Clone)]
pub struct Documents(Arc<Inner>);

struct Inner {
    storage: Arc<dyn Storage>,
    cache: Cache<Key, Arc<Snapshot>, ByWeight>,
    lanes: Mutex<HashMap<Key, VecDeque<Box<dyn Change>>>>,
    flights: Mutex<HashMap<Key, Flight>>,
    max_age: Duration,
}

/// A document as it was at a moment, with its version in the store.
#[derive(Debug)]
pub struct Snapshot {
    /// The document.
    pub document: RawDocument,
    /// Its version in the store.
    pub version: Version,
    /// When the look at the store began that last confirmed it, for `metadata_max_age`.
    checked: Mutex<Instant>,
    /// The head, once it was parsed.
    head: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// Whether the log is known to speak of this revision.
    pub(crate) logged: AtomicBool,
}

impl Snapshot {
    /// The head, parsed once for as long as the snapshot is kept.
    ///
    /// # Errors
    /// When the head is not what it is taken for.
    pub fn head<H>(&self) -> Result<Arc<H>>
    where
        H: DeserializeOwned + Default + Send + Sync + 'static,
    {
        if let Some(known) = self.head.get()
            && let Ok(known) = known.clone().downcast()
        {
            return Ok(known);
        }
        let head: Option<H> =
            serde_json::from_slice(&self.document.head).map_err(Error::internal)?;
        let head = Arc::new(head.unwrap_or_default());
        // Of two who parse it at once one keeps it.
        let _ = self.head.set(head.clone());
        Ok(head)
    }
}

/// A change of one document, carried through by [`Documents::submit`].
#[async_trait]
pub(crate) trait Change: Send {
    /// Changes the document, and says whether that has to be written. Called again, on a newer
    /// document, whenever another writer was faster.
    fn apply(&mut self, document: &mut RawDocument) -> Result<bool>;

    /// Whether the document is likely not to exist yet, so that its creation is worth a try before
    /// it is looked for.
    fn creates(&self) -> bool {
        false
    }

    /// The last word before the write, once `apply` agreed: asks hooks about what goes away.
    async fn admit(&mut self) -> Result<()>;

    /// Told how it ended, in a task of its own; does all that follows, then answers.
    async fn settle(self: Box<Self>, end: Result<Settled>);
}

/// How a change ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    /// The revision that holds it.
    pub(crate) revision: u64,
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<Key, Arc<Snapshot>> for ByWeight {
    fn weight(&self, _: &Key, snapshot: &Arc<Snapshot>) -> u64 {
        snapshot.document.weight() as u64
    }
}

/// A look at the store that several readers share: whoever waited when it started takes its
/// answer, be it that it failed; whoever came later starts the next.
#[derive(Clone, Default)]
struct Flight {
    readers: usize,
    started: Arc<AtomicU64>,
    last: Arc<tokio::sync::Mutex<(u64, Answer)>>,
}

/// What the last look found; `None` before the first.
type Answer = Option<Result<Option<Arc<Snapshot>>>>;

/// A reader's place in a flight. The last who leaves, whichever way, clears it away.
struct Place<'a> {
    flights: &'a Mutex<HashMap<Key, Flight>>,
    key: &'a Key,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut flights = lock(self.flights);
        if let Some(flight) = flights.get_mut(self.key) {
            flight.readers -= 1;
            if flight.readers == 0 {
                flights.remove(self.key);
            }
        }
    }
}

impl Documents {
    /// The documents of `storage`, of which about `cache` bytes are kept in memory. A read trusts
    /// the memory for `max_age` without asking the store; 0 always asks.
    pub fn new(storage: Arc<dyn Storage>, cache: u64, max_age: Duration) -> Self {
        Self(Arc::new(Inner {
            storage,
            cache: super::rendered::cache(cache, ByWeight),
            lanes: Mutex::default(),
            flights: Mutex::default(),
            max_age,
        }))
    }

    /// The store below.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.0.storage
    }

    /// The document as it is now, or `None`.
    ///
    /// # Errors
    /// When the store fails or the document is damaged.
    pub async fn read(&self, key: &Key) -> Result<Option<Arc<Snapshot>>> {
        self.recent(key, Duration::ZERO).await
    }

    /// The document as it was no longer ago than `age`, or than all are trusted for: for who finds out
    /// where it has changed since, or does no harm then.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn recent(&self, key: &Key, age: Duration) -> Result<Option<Arc<Snapshot>>> {
        let age = age.max(self.0.max_age);
        if !age.is_zero()
            && let Some(known) = self.0.cache.get(key)
            && lock(&known.checked).elapsed() < age
        {
            return Ok(Some(known));
        }
        self.fresh(key).await
    }

    /// The document as it is now, whatever age is trusted elsewhere: for those who conclude from
    /// it what to write or to delete.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn fresh(&self, key: &Key) -> Result<Option<Arc<Snapshot>>> {
        if self.0.storage.profile().local {
            return self.0.fetch(key, self.0.cache.get(key)).await;
        }
        Box::pin(self.shared(key)).await
    }

    /// The document as it is now, by a look at the store that all share who wait for one.
    async fn shared(&self, key: &Key) -> Result<Option<Arc<Snapshot>>> {
        let (flight, _place) = self.board(key);
        let seen = flight.started.load(Ordering::SeqCst);
        let mut last = flight.last.lock().await;
        if let (number, Some(answer)) = &*last
            && *number > seen
        {
            return answer.clone();
        }
        let number = flight.started.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = self.0.fetch(key, self.0.cache.get(key)).await;
        *last = (number, Some(answer.clone()));
        answer
    }

    fn board<'a>(&'a self, key: &'a Key) -> (Flight, Place<'a>) {
        let flights = &self.0.flights;
        let mut all = lock(flights);
        let flight = all.entry(key.clone()).or_default();
        flight.readers += 1;
        (flight.clone(), Place { flights, key })
    }

    /// Puts a change in line. It runs to its end whatever becomes of the caller.
    pub(crate) fn submit(&self, key: &Key, change: Box<dyn Change>) {
        let mut lanes = lock(&self.0.lanes);
        if let Some(lane) = lanes.get_mut(key) {
            lane.push_back(change);
            return;
        }
        lanes.insert(key.clone(), VecDeque::from([change]));
        drop(lanes);
        let lane = Lane {
            inner: self.0.clone(),
            key: key.clone(),
        };
        tokio::spawn(lane.lead());
    }

    /// Changes the document at `key`, of which no log tells. `change` says whether the document is
    /// to be written, and what to answer; it is called again, on a newer document, whenever another
    /// writer was faster. It runs to its end whatever becomes of the caller.
    ///
    /// # Errors
    /// What `change` says, or when the store fails.
    pub(crate) async fn change<H, R>(
        &self,
        key: &Key,
        change: impl FnMut(&mut Document<H>) -> Result<(bool, R)> + Send + 'static,
    ) -> Result<R>
    where
        H: Serialize + DeserializeOwned + Default + Send + 'static,
        R: Send + 'static,
    {
        self.submit_plain(key, false, change).await
    }

    /// Like [`change`](Self::change), of a document that is likely not to exist yet: where that is
    /// so, it costs one request less.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn create<H, R>(
        &self,
        key: &Key,
        change: impl FnMut(&mut Document<H>) -> Result<(bool, R)> + Send + 'static,
    ) -> Result<R>
    where
        H: Serialize + DeserializeOwned + Default + Send + 'static,
        R: Send + 'static,
    {
        self.submit_plain(key, true, change).await
    }

    async fn submit_plain<H, R>(
        &self,
        key: &Key,
        creates: bool,
        change: impl FnMut(&mut Document<H>) -> Result<(bool, R)> + Send + 'static,
    ) -> Result<R>
    where
        H: Serialize + DeserializeOwned + Default + Send + 'static,
        R: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let plain = Plain {
            change,
            creates,
            value: None,
            reply,
            head: PhantomData::<fn(H)>,
        };
        self.submit(key, Box::new(plain));
        answer
            .await
            .map_err(|_| Error::internal("the change broke off"))?
    }
}

/// A change from which nothing follows but its answer.
struct Plain<H, R, F> {
    change: F,
    creates: bool,
    value: Option<R>,
    reply: oneshot::Sender<Result<R>>,
    head: PhantomData<fn(H)>,
}

#[async_trait]
impl<H, R, F> Change for Plain<H, R, F>
where
    H: Serialize + DeserializeOwned + Default + Send + 'static,
    R: Send + 'static,
    F: FnMut(&mut Document<H>) -> Result<(bool, R)> + Send + 'static,
{
    fn apply(&mut self, document: &mut RawDocument) -> Result<bool> {
        let mut typed: Document<H> = document.typed()?;
        let (write, value) = (self.change)(&mut typed)?;
        if write {
            document.head = serde_json::to_vec(&typed.head)
                .map_err(Error::internal)?
                .into();
            document.entries = typed.entries;
        }
        self.value = Some(value);
        Ok(write)
    }

    fn creates(&self) -> bool {
        self.creates
    }

    async fn admit(&mut self) -> Result<()> {
        Ok(())
    }

    async fn settle(self: Box<Self>, end: Result<Settled>) {
        let value = self.value;
        let end =
            end.and_then(|_| value.ok_or_else(|| Error::internal("a change without a value")));
        // A caller who went away does not want the answer.
        drop(self.reply.send(end));
    }
}

/// Whether a document has become larger than can be read again. One that shrinks may stay so.
fn outgrows(next: &RawDocument, before: &RawDocument) -> bool {
    let weight = next.weight();
    weight > MAX_DOCUMENT && weight > before.weight()
}

fn too_large() -> Error {
    let message =
        "this would make the registry's own record of it too large; remove something first";
    Error::new(ErrorKind::TooLarge, message)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// Asks the store, with what is known as a validator.
    async fn fetch(
        &self,
        key: &Key,
        known: Option<Arc<Snapshot>>,
    ) -> Result<Option<Arc<Snapshot>>> {
        let if_none_match = known.as_ref().map(|known| known.version.clone());
        let options = GetOptions {
            if_none_match,
            ..Default::default()
        };
        let began = Instant::now();
        match (self.storage.get(key, options).await, known) {
            (Ok(Get::NotModified), Some(known)) => {
                *lock(&known.checked) = began;
                Ok(Some(known))
            }
            (Ok(Get::NotModified), None) => Err(Error::internal("not modified since never")),
            (Ok(Get::Found(object)), _) => {
                Box::pin(self.take_in(key, object, began)).await.map(Some)
            }
            (Err(StorageError::NotFound), _) => {
                self.cache.remove(key);
                Ok(None)
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    async fn take_in(&self, key: &Key, object: Object, began: Instant) -> Result<Arc<Snapshot>> {
        let bytes = object.body.collect(MAX_DOCUMENT).await?;
        let document = RawDocument::parse(&bytes, object.modified)
            .map_err(|error| error.with_source(format!("the document {key} is damaged")))?;
        Ok(self.remember(key, document, object.version, began))
    }

    /// Keeps what a look at the store that began then, or a write, found.
    fn remember(
        &self,
        key: &Key,
        document: RawDocument,
        version: Version,
        checked: Instant,
    ) -> Arc<Snapshot> {
        let snapshot = Arc::new(Snapshot {
            document,
            version,
            checked: Mutex::new(checked),
            head: OnceLock::new(),
            logged: AtomicBool::new(false),
        });
        // A look that began before a write may end after it. What it saw is not kept, since it would
        // be trusted for `max_age`.
        let newest = self.cache.get(key).map(|known| known.revision);
        if newest.is_none_or(|newest| newest <= snapshot.revision) {
            self.cache.insert(key.clone(), snapshot.clone());
        }
        snapshot
    }
}

/// The one task that writes a document while changes of it are waiting.
struct Lane {
    inner: Arc<Inner>,
    key: Key,
}

impl Drop for Lane {
    /// Only a panic leaves a lane open; its callers then learn that their change was dropped.
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.inner.lanes).remove(&self.key);
        }
    }
}

/// What one group of changes came to, before it was written.
struct Attempt {
    document: RawDocument,
    write: String,
    wrote: bool,
    refusals: Vec<Option<Error>>,
}

impl Lane {
    async fn lead(self) {
        loop {
            let group: Vec<_> = {
                let mut lanes = lock(&self.inner.lanes);
                let Some(lane) = lanes.get_mut(&self.key) else {
                    return;
                };
                if lane.is_empty() {
                    lanes.remove(&self.key);
                    return;
                }
                let count = lane.len().min(GROUP);
                lane.drain(..count).collect()
            };
            self.carry(group).await;
        }
    }

    /// Carries one group through and lets each of its changes settle.
    async fn carry(&self, mut group: Vec<Box<dyn Change>>) {
        let end = self.write(&mut group).await;
        for (at, change) in group.into_iter().enumerate() {
            let end = match &end {
                Ok((revision, refusals)) => match &refusals[at] {
                    None => Ok(Settled {
                        revision: *revision,
                    }),
                    Some(error) => Err(error.clone()),
                },
                Err(error) => Err(error.clone()),
            };
            tokio::spawn(change.settle(end));
        }
    }

    /// Writes the group in one compare-and-swap; the revision that holds it, and what each of the
    /// changes refused.
    async fn write(&self, group: &mut [Box<dyn Change>]) -> Result<(u64, Vec<Option<Error>>)> {
        let give_up = Instant::now() + PATIENCE;
        let mut base = self.inner.cache.get(&self.key);
        // What is cached, or guessed, may be old. A write proves it was not; without one, it is
        // looked at.
        let mut fresh = false;
        let creates = group.iter().all(|change| change.creates());
        for round in 0u32.. {
            if (base.is_none() && !creates) || round > 0 {
                base = self.inner.fetch(&self.key, base).await?;
                fresh = true;
            }
            let mut attempt = self.attempt(base.as_deref(), group).await?;
            if !attempt.wrote && !fresh {
                let now = self.inner.fetch(&self.key, base.clone()).await?;
                fresh = true;
                if now.as_ref().map(|now| &now.version) != base.as_ref().map(|base| &base.version) {
                    base = now;
                    attempt = self.attempt(base.as_deref(), group).await?;
                }
            }
            if !attempt.wrote {
                return Ok((attempt.document.revision, attempt.refusals));
            }
            if let Some(document) = self.put(base.as_deref(), &attempt, give_up).await? {
                return Ok((document.revision, attempt.refusals));
            }
            if Instant::now() > give_up {
                return Err(Error::unavailable("other writers were always faster"));
            }
            pause(round).await;
        }
        Err(Error::internal("unreachable"))
    }

    async fn attempt(
        &self,
        base: Option<&Snapshot>,
        group: &mut [Box<dyn Change>],
    ) -> Result<Attempt> {
        let mut document = base.map_or_else(RawDocument::absent, |base| base.document.clone());
        let write = random_hex::<8>()?;
        let mut wrote = false;
        let mut refusals = Vec::with_capacity(group.len());
        for change in group {
            let mut next = document.clone();
            // One that panics does not take along those that came with it.
            let applied = catch_unwind(AssertUnwindSafe(|| change.apply(&mut next)));
            let applied = applied.unwrap_or_else(|_| Err(Error::internal("a change panicked")));
            let refusal = match applied {
                Ok(true) if outgrows(&next, &document) => Some(too_large()),
                Ok(writes) => match change.admit().await {
                    Ok(()) => {
                        if writes {
                            document = next;
                            document.revision += 1;
                            wrote = true;
                        }
                        None
                    }
                    Err(veto) => Some(veto),
                },
                Err(error) => Some(error),
            };
            refusals.push(refusal);
        }
        if wrote {
            document.remember(&write);
        }
        Ok(Attempt {
            document,
            write,
            wrote,
            refusals,
        })
    }

    /// Writes once, or finds out what became of a write whose answer was lost; `None` when another
    /// writer was faster.
    async fn put(
        &self,
        base: Option<&Snapshot>,
        attempt: &Attempt,
        give_up: Instant,
    ) -> Result<Option<Arc<Snapshot>>> {
        let bytes = attempt.document.serialize()?;
        let mut mode = PutMode::Create;
        if let Some(base) = base {
            mode = PutMode::Update(base.version.clone());
        }
        for round in 0u32.. {
            let began = Instant::now();
            let storage = &self.inner.storage;
            match storage.put(&self.key, bytes.clone(), mode.clone()).await {
                Ok(version) => {
                    let mut document = attempt.document.clone();
                    document.modified = std::time::SystemTime::now();
                    let written = self.inner.remember(&self.key, document, version, began);
                    return Ok(Some(written));
                }
                Err(error @ (StorageError::Precondition | StorageError::Unavailable(_))) => {
                    let now = match self.inner.fetch(&self.key, None).await {
                        Ok(now) => now,
                        Err(_) if Instant::now() < give_up => {
                            pause(round).await;
                            continue;
                        }
                        Err(error) => return Err(error),
                    };
                    let landed = |now: &Arc<Snapshot>| {
                        now.document
                            .writes
                            .iter()
                            .any(|write| **write == *attempt.write)
                    };
                    if now.as_ref().is_some_and(landed) {
                        return Ok(now);
                    }
                    if now.as_ref().map(|now| &now.version) != base.map(|base| &base.version) {
                        return Ok(None);
                    }
                    if Instant::now() > give_up {
                        return Err(error.into());
                    }
                    pause(round).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::internal("unreachable"))
    }
}

/// Waits before the next try, longer each time, never in step with other writers.
pub(crate) async fn pause(round: u32) {
    let mut byte = [0];
    if getrandom::fill(&mut byte).is_err() {
        byte = [128];
    }
    let most = 2u64 << round.min(8);
    let wait = most * u64::from(byte[0]) / 255;
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

impl std::ops::Deref for Snapshot {
    type Target = RawDocument;

    fn deref(&self) -> &RawDocument {
        &self.document
    }
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents")
            .field("storage", &self.0.storage)
            .finish_non_exhaustive()
    }
}
