//! A store that fails, stalls and lies.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use registry_core::storage::{
    Entry, Get, GetOptions, Key, Profile, PutMode, Storage, StorageError, Upload, Version,
};
use tokio::sync::Notify;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens and nobody answers.
    Lost,
    /// It happens, but nobody answers.
    Unanswered,
    /// It happens, and a retry of it makes it look as if somebody else had been faster.
    Retried,
    /// It happens, and nobody answers for so long that others can write meanwhile.
    Late,
    /// It happens, and a retry of it fails for good.
    Refused,
    /// There is no room.
    Full,
    /// It takes a while.
    Slow,
}

/// Where a put waits until others have done what they may do meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    reached: Arc<Notify>,
    open: Arc<Notify>,
}

impl Gate {
    /// Waits until the put has come here.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it go on.
    pub fn open(&self) {
        self.open.notify_one();
    }
}

/// A store whose calls go wrong as told: the next put (or finish of an upload) whose key contains a
/// text meets the next fault told for it.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: Arc<dyn Storage>,
    remote: bool,
    pace: Option<Duration>,
    paced: Arc<Mutex<HashMap<Key, Instant>>>,
    told: Arc<Mutex<VecDeque<(String, Fault)>>>,
    gates: Arc<Mutex<VecDeque<(String, Gate)>>>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Faulty {
    /// A store that is well until told otherwise.
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self {
            inner,
            remote: false,
            pace: None,
            paced: Arc::default(),
            told: Arc::default(),
            gates: Arc::default(),
            calls: Arc::default(),
        }
    }

    /// One that says of itself that it is far away.
    #[must_use]
    pub fn remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// One that takes a single put of a key in that time and refuses others, as GCS does.
    #[must_use]
    pub fn paced(mut self, pace: Duration) -> Self {
        self.pace = Some(pace);
        self
    }

    /// The next write of a key that contains `part` meets `fault`.
    pub fn tell(&self, part: &str, fault: Fault) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.push_back((part.to_owned(), fault));
    }

    /// The next put of a key that contains `part` waits at a gate.
    pub fn gate(&self, part: &str) -> Gate {
        let gate = Gate::default();
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.push_back((part.to_owned(), gate.clone()));
        gate
    }

    async fn pass(&self, key: &Key) {
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            let at = gates
                .iter()
                .position(|(part, _)| key.as_str().contains(part));
            at.and_then(|at| gates.remove(at))
        };
        if let Some((_, gate)) = gate {
            gate.reached.notify_one();
            gate.open.notified().await;
        }
    }

    /// The calls made since the last time this was asked, such as `put npm/log/0000000000`.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, call: &str, key: &Key) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(format!("{call} {key}"));
    }

    /// Whether a put comes too soon after the last that was let through.
    fn too_soon(&self, key: &Key) -> bool {
        let Some(pace) = self.pace else { return false };
        let mut paced = self.paced.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let soon = paced.get(key).is_some_and(|last| now - *last < pace);
        if !soon {
            paced.insert(key.clone(), now);
        }
        soon
    }

    fn fault(&self, key: &Key) -> Option<Fault> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let at = told
            .iter()
            .position(|(part, _)| key.as_str().contains(part))?;
        told.remove(at).map(|(_, fault)| fault)
    }
}

fn no_answer() -> StorageError {
    StorageError::Unavailable("a fault that was told".into())
}

#[async_trait]
impl Storage for Faulty {
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Get, StorageError> {
        self.note("get", key);
        self.inner.get(key, options).await
    }

    async fn put(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<Version, StorageError> {
        self.note("put", key);
        self.pass(key).await;
        if self.too_soon(key) {
            return Err(StorageError::Unavailable("too many writes".into()));
        }
        match self.fault(key) {
            None => self.inner.put(key, bytes, mode).await,
            Some(Fault::Lost) => Err(no_answer()),
            Some(Fault::Full) => Err(StorageError::Full("a fault that was told".into())),
            Some(Fault::Slow) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.inner.put(key, bytes, mode).await
            }
            Some(Fault::Unanswered) => {
                self.inner.put(key, bytes, mode).await?;
                Err(no_answer())
            }
            Some(Fault::Late) => {
                self.inner.put(key, bytes, mode).await?;
                tokio::time::sleep(Duration::from_millis(500)).await;
                Err(no_answer())
            }
            Some(Fault::Refused) => {
                self.inner.put(key, bytes, mode).await?;
                Err(StorageError::Failed("a fault that was told".into()))
            }
            Some(Fault::Retried) => {
                self.inner.put(key, bytes.clone(), mode.clone()).await?;
                self.inner.put(key, bytes, mode).await
            }
        }
    }

    async fn upload(&self, key: &Key) -> Result<Box<dyn Upload>, StorageError> {
        self.note("upload", key);
        let fault = self.fault(key);
        Ok(Box::new(FaultyUpload {
            inner: self.inner.upload(key).await?,
            fault,
        }))
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.note("delete", key);
        self.inner.delete(key).await
    }

    fn list(
        &self,
        prefix: Option<&Key>,
        after: Option<&Key>,
    ) -> BoxStream<'static, Result<Entry, StorageError>> {
        if let Some(prefix) = prefix {
            self.note("list", prefix);
        }
        self.inner.list(prefix, after)
    }

    fn profile(&self) -> Profile {
        let profile = self.inner.profile();
        Profile {
            local: profile.local && !self.remote,
            ..profile
        }
    }
}

struct FaultyUpload {
    inner: Box<dyn Upload>,
    fault: Option<Fault>,
}

#[async_trait]
impl Upload for FaultyUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        if self.fault == Some(Fault::Full) {
            return Err(StorageError::Full("a fault that was told".into()));
        }
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<Version, StorageError> {
        match self.fault {
            Some(Fault::Lost) => {
                self.inner.abort().await?;
                Err(no_answer())
            }
            Some(Fault::Unanswered | Fault::Retried) => {
                self.inner.finish().await?;
                Err(no_answer())
            }
            _ => self.inner.finish().await,
        }
    }

    async fn abort(self: Box<Self>) -> Result<(), StorageError> {
        self.inner.abort().await
    }
}
