//! Blobs, uploads and their collection, over one bucket and several replicas.

mod collection;
mod holds;
mod uploads;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::value::RawValue;
use tokio::sync::{Notify, Semaphore};

use super::{
    Actor, Catalog, Change, Document, Documents, Finished, Fold, Keys, LogEntry, Named, Piece,
    Progress, RawDocument, Rendered, Repo, Resource, Shared, Store, Subject, contents, forms,
    layout,
};
use crate::{
    body::Body,
    clock::Clock,
    digest::{Algorithm, Digest},
    error::{Error, Result},
    storage::{
        Entry, Get, GetOptions, Key, Memory, Profile, PutMode, Storage, StorageError, Upload,
        Version,
    },
};

/// A protocol of shelves, each with lists that name blobs by their digests.
struct Shelves;

struct Nothing;

impl Fold for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn apply(&mut self, _: LogEntry<'_>) -> Result<()> {
        Ok(())
    }

    fn revision(&self, _: &str) -> Option<u64> {
        None
    }

    fn save(&self, _: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        Ok(())
    }
}

fn resource(name: &str) -> Resource {
    Resource {
        name: name.into(),
        home: Key::new(format!("shelves/{name}")).unwrap(),
    }
}

impl Catalog for Shelves {
    fn fold(&self) -> Box<dyn Fold> {
        Box::new(Nothing)
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        let (name, _) = key
            .as_str()
            .strip_prefix("shelves/")?
            .split_once("/_lists/")?;
        Some(Subject {
            resource: resource(name),
            logged: None,
        })
    }

    fn entry(&self, _: &str, _: &RawDocument) -> Result<Box<RawValue>> {
        RawValue::from_string("null".to_owned()).map_err(Error::internal)
    }

    fn named(&self, document: &RawDocument) -> Result<Named> {
        let blobs = document.entries.keys().map(|digest| digest.parse());
        Ok(Named {
            blobs: blobs.collect::<Result<_>>()?,
            ..Named::default()
        })
    }
}

/// A store far away, before whose every call others get a chance.
#[derive(Clone, Debug)]
struct Far {
    inner: Memory,
    gate: Option<Gate>,
    ages_content: bool,
}

/// What is out of the ordinary about a replica.
#[derive(Clone, Debug, Default)]
struct Habits {
    /// It leaves bytes alone for so long at least.
    settle: Duration,
    /// Its writes pass it.
    gate: Option<Gate>,
    /// It trusts for so long what it has read.
    max_age: Duration,
    /// All bytes of blobs that it lists are from long ago.
    ages_content: bool,
}

/// Holds up the writes of keys that contain a text, but for as many as it is open to.
#[derive(Clone, Debug)]
struct Gate {
    part: &'static str,
    reached: Arc<Notify>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn before(part: &'static str) -> Self {
        Self {
            part,
            reached: Arc::default(),
            open: Arc::new(Semaphore::new(0)),
        }
    }

    async fn pass(&self, key: &Key) {
        if key.as_str().contains(self.part) {
            if let Ok(permit) = self.open.try_acquire() {
                permit.forget();
                return;
            }
            self.reached.notify_one();
            self.open.acquire().await.unwrap().forget();
        }
    }
}

async fn others() {
    let mut byte = [0];
    getrandom::fill(&mut byte).unwrap();
    // Now and then for so long that others come much further.
    let turns = if byte[0] < 24 { 100 } else { byte[0] % 4 };
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

#[async_trait::async_trait]
impl Storage for Far {
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Get, StorageError> {
        others().await;
        self.inner.get(key, options).await
    }

    async fn put(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<Version, StorageError> {
        others().await;
        if let Some(gate) = &self.gate {
            gate.pass(key).await;
        }
        self.inner.put(key, bytes, mode).await
    }

    async fn upload(&self, key: &Key) -> Result<Box<dyn Upload>, StorageError> {
        self.inner.upload(key).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        others().await;
        self.inner.delete(key).await
    }

    fn list(
        &self,
        prefix: Option<&Key>,
        after: Option<&Key>,
    ) -> BoxStream<'static, Result<Entry, StorageError>> {
        let ages = self.ages_content;
        let listed = self.inner.list(prefix, after);
        let age = move |mut entry: Entry| {
            if ages && entry.key.as_str().starts_with("m/content/") {
                entry.modified = UNIX_EPOCH;
            }
            entry
        };
        listed.map(move |entry| entry.map(age)).boxed()
    }

    fn profile(&self) -> Profile {
        Profile {
            local: false,
            ..self.inner.profile()
        }
    }
}

/// A bucket.
#[derive(Clone, Default)]
struct Bucket(Memory);

impl Bucket {
    /// A process of its own on it.
    fn replica(&self) -> Store {
        self.replica_with(Habits::default())
    }

    fn replica_with(&self, habits: Habits) -> Store {
        let storage: Arc<dyn Storage> = Arc::new(Far {
            inner: self.0.clone(),
            gate: habits.gate,
            ages_content: habits.ages_content,
        });
        let documents = Documents::new(storage, 1 << 20, habits.max_age);
        let place = Key::new("auth/keys").unwrap();
        let shared = Shared {
            keys: Keys::new(
                documents.clone(),
                place,
                Duration::from_secs(60),
                Clock::default(),
            ),
            documents,
            forms: Arc::new(forms(1 << 20)),
            contents: Arc::new(contents(1 << 20)),
            hooks: Arc::default(),
            grace: Duration::from_secs(24 * 60 * 60),
            settle: habits.settle,
        };
        Store::new("m", "shelves", Arc::new(Shelves), shared).unwrap()
    }

    /// A shelf, by a process of its own.
    fn shelf(&self, name: &str) -> Repo {
        self.replica()
            .repo(&resource(name), Arc::new(Actor::default()))
    }

    /// The files of bytes that there are.
    async fn content(&self) -> Vec<String> {
        let prefix = Key::new("m/content").unwrap();
        let listed = self.0.list(Some(&prefix), None);
        listed
            .map(|entry| entry.unwrap().key.to_string())
            .collect()
            .await
    }

    /// Once what was dropped had time to go.
    async fn settled(&self, count: usize) -> bool {
        for _ in 0..1000 {
            if self.content().await.len() == count {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }
}

const LIMIT: u64 = 1 << 20;

fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

async fn push(shelf: &Repo, bytes: &[u8]) -> Result<()> {
    let upload = shelf.begin_upload(Algorithm::Sha256, LIMIT).await?;
    let body = Body::from(bytes.to_vec());
    match upload.whole(sha256(bytes), body).await? {
        Finished::Done => Ok(()),
        Finished::OutOfOrder(_) => Err(Error::internal("out of order")),
    }
}

async fn read(shelf: &Repo, digest: &Digest) -> Result<Option<Bytes>> {
    let Some(blob) = shelf.readable_blob(digest).await? else {
        return Ok(None);
    };
    let opened = shelf.open_blob(&blob, None, false).await?;
    opened.body.collect(1 << 20).await.map(Some)
}

#[tokio::test]
async fn a_form_of_a_quarter_of_the_memory_is_made_once() {
    let shelf = Bucket::default().shelf("a");
    assert!(collection::list(&shelf, "l", &[]).await);
    let made = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let made = made.clone();
        let render = move |_: &Document<()>| {
            made.fetch_add(1, Ordering::SeqCst);
            Rendered::as_it_is(vec![b' '; 1 << 18], "text/plain", UNIX_EPOCH)
        };
        let form = shelf.rendered("_lists/l", "form", "", render).await;
        assert_eq!(form.unwrap().unwrap().body.len(), 1 << 18);
    }
    assert_eq!(made.load(Ordering::SeqCst), 1);
}
