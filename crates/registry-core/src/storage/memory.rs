//! Objects in memory: for tests, and for registries that may forget.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{
    Entry, Get, GetOptions, Key, Object, Profile, PutMode, Storage, StorageError, Upload, Version,
};
use crate::body::Body;

/// The longest piece of a body.
const PIECE: usize = 1 << 20;
/// How many entries a listing takes under one lock.
const PAGE: usize = 256;

/// A [`Storage`] in memory. Clones share their objects.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Stored>,
    last_version: u64,
}

#[derive(Clone)]
struct Stored {
    bytes: Bytes,
    version: u64,
    modified: SystemTime,
}

impl Stored {
    fn version(&self) -> Version {
        Version::new(self.version.to_string())
    }
}

impl State {
    fn insert(&mut self, key: Key, bytes: Bytes) -> Version {
        self.last_version += 1;
        let stored = Stored {
            bytes,
            version: self.last_version,
            modified: SystemTime::now(),
        };
        let version = stored.version();
        self.objects.insert(key, stored);
        version
    }
}

impl Memory {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No call panics between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next entries after `after`, or from `prefix` on.
    fn page(&self, prefix: Option<&Key>, after: Option<&Key>) -> Vec<Entry> {
        let start = match (prefix, after) {
            (Some(prefix), Some(after)) if after > prefix => Bound::Excluded(after),
            (Some(prefix), _) => Bound::Excluded(prefix),
            (None, Some(after)) => Bound::Excluded(after),
            (None, None) => Bound::Unbounded,
        };
        self.state()
            .objects
            .range::<Key, _>((start, Bound::Unbounded))
            // All that begins with the prefix's text stands together; not all of it lies below.
            .take_while(|(key, _)| {
                prefix.is_none_or(|prefix| key.as_str().starts_with(prefix.as_str()))
            })
            .filter(|(key, _)| prefix.is_none_or(|prefix| key.below(prefix).is_some()))
            .take(PAGE)
            .map(|(key, stored)| Entry {
                key: key.clone(),
                size: stored.bytes.len() as u64,
                modified: stored.modified,
            })
            .collect()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("objects", &self.state().objects.len())
            .finish()
    }
}

#[async_trait]
impl Storage for Memory {
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Get, StorageError> {
        let stored = self.state().objects.get(key).cloned();
        let stored = stored.ok_or(StorageError::NotFound)?;
        let version = stored.version();
        if options.if_none_match.as_ref() == Some(&version) {
            return Ok(Get::NotModified);
        }
        let size = stored.bytes.len() as u64;
        let range = match options.range {
            Some(range) => range.resolve(size).ok_or(StorageError::Range(size))?,
            None => 0..size,
        };
        let body = if options.head {
            Body::empty()
        } else {
            // Both ends lie within a length that is a usize.
            body(stored.bytes.slice(range.start as usize..range.end as usize))
        };
        Ok(Get::Found(Object {
            version,
            size,
            modified: stored.modified,
            range,
            body,
        }))
    }

    async fn put(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<Version, StorageError> {
        let mut state = self.state();
        let current = state.objects.get(key).map(Stored::version);
        match mode {
            PutMode::Replace => {}
            PutMode::Create if current.is_none() => {}
            PutMode::Update(version) if current.as_ref() == Some(&version) => {}
            PutMode::Create | PutMode::Update(_) => return Err(StorageError::Precondition),
        }
        Ok(state.insert(key.clone(), bytes))
    }

    async fn upload(&self, key: &Key) -> Result<Box<dyn Upload>, StorageError> {
        Ok(Box::new(MemoryUpload {
            memory: self.clone(),
            key: key.clone(),
            bytes: BytesMut::new(),
        }))
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.state().objects.remove(key);
        Ok(())
    }

    fn list(
        &self,
        prefix: Option<&Key>,
        after: Option<&Key>,
    ) -> BoxStream<'static, Result<Entry, StorageError>> {
        let (memory, prefix) = (self.clone(), prefix.cloned());
        stream::unfold(after.cloned(), move |after| {
            let page = memory.page(prefix.as_ref(), after.as_ref());
            let last = page.last().map(|entry| entry.key.clone());
            let page = stream::iter(page.into_iter().map(Ok));
            std::future::ready(last.map(|last| (page, Some(last))))
        })
        .flatten()
        .boxed()
    }

    fn profile(&self) -> Profile {
        Profile {
            conditional_writes: true,
            local: true,
        }
    }
}

/// A body of pieces that are not too long.
fn body(bytes: Bytes) -> Body {
    if bytes.len() <= PIECE {
        return Body::from(bytes);
    }
    let length = bytes.len() as u64;
    let pieces = stream::unfold(bytes, |mut rest| async move {
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then_some((Ok::<_, StorageError>(piece), rest))
    });
    Body::from_stream(pieces, Some(length))
}

struct MemoryUpload {
    memory: Memory,
    key: Key,
    bytes: BytesMut,
}

#[async_trait]
impl Upload for MemoryUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Version, StorageError> {
        let Self { memory, key, bytes } = *self;
        Ok(memory.state().insert(key, bytes.freeze()))
    }

    async fn abort(self: Box<Self>) -> Result<(), StorageError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn memory_keeps_the_promises() {
        let root = Key::new("suite").unwrap();
        super::super::conformance::run(Arc::new(Memory::new()), &root).await;
    }
}
