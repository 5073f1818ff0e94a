//! What protocols keep and how: documents, bytes, the log and what is made of them.

mod blobs;
mod catalog;
mod content;
mod document;
mod documents;
mod gc;
mod held;
mod hooks;
mod keys;
mod layout;
mod log;
mod places;
mod read;
mod release;
mod rendered;
mod repo;
pub mod search;
mod stage;
#[cfg(test)]
mod tests;
mod uploads;
mod verify;
mod view;

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};

pub use self::{
    blobs::{Blob, Hold},
    catalog::{Catalog, Named, Resource, StoredBytes, Subject},
    content::Content,
    document::{Document, Entries, RawDocument},
    documents::{Documents, Snapshot},
    gc::GcReport,
    held::Held,
    hooks::{Actor, Inspector, Operation, StorageHook, Veto},
    keys::{Keys, SigningKey},
    log::LogEntry,
    read::Opened,
    release::{release, same_release},
    rendered::{Form, Rendered, Source},
    repo::{Change, Repo},
    stage::{Incoming, Inspection, StageWriter, Staged, Teller, Told},
    uploads::{Finished, Piece, Progress, Upload},
    verify::{Problem, VerifyReport},
    view::Fold,
};
pub(crate) use self::{
    blobs::{GRACE, SETTLE},
    documents::lock,
    hooks::Hooks,
    rendered::{Contents, FormKey, Forms, contents, forms},
};
use tokio::sync::Semaphore;

use self::{
    log::{Log, Topic},
    view::View,
};
use crate::{
    error::{Error, Result},
    storage::{Key, StorageError, Version},
};

/// A document that is ahead of the log for longer than this lost its append to a crash.
const HEAL_AFTER: Duration = Duration::from_secs(5);
/// How many uploads are read again at once to be hashed with another function.
const HASHING: usize = 2;

/// What the stores of all mounts have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) documents: Documents,
    pub(crate) forms: Arc<Forms>,
    pub(crate) contents: Arc<Contents>,
    pub(crate) hooks: Hooks,
    pub(crate) keys: Keys,
    /// How long `gc` leaves alone what it does not know to be in use.
    pub(crate) grace: Duration,
    /// How long it leaves alone bytes of uploads that nothing names, whatever grace it is told:
    /// longer than it may take from the end of a piece until its session names it.
    pub(crate) settle: Duration,
}

/// One mount's part of the bucket.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    protocol: &'static str,
    root: Key,
    catalog: Arc<dyn Catalog>,
    log: Log,
    view: Arc<View>,
    /// Turns at reading whole blobs again to hash them.
    hashing: Semaphore,
    shared: Shared,
}

impl std::ops::Deref for Inner {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Inner {
    /// What the document at a key of the bucket is about.
    fn subject(&self, key: &Key) -> Option<Subject> {
        self.catalog.subject(&key.below(&self.root)?)
    }

    /// The document at a key of the bucket, as the log speaks of it; `None` when it does not.
    fn topic(&self, key: &Key) -> Option<Topic> {
        Some(Topic {
            name: self.subject(key)?.logged?,
            key: key.clone(),
            anew: false,
        })
    }

    fn log_folder(&self) -> Key {
        layout::log(&self.root)
    }
}

impl Store {
    pub(crate) fn new(
        name: &str,
        protocol: &'static str,
        catalog: Arc<dyn Catalog>,
        shared: Shared,
    ) -> Result<Self> {
        let root = Key::new(name)?;
        let folder = layout::log(&root);
        let documents = &shared.documents;
        let log = Log::new(documents.clone(), catalog.clone(), folder.clone());
        let view = Arc::new(View::new(documents.clone(), folder, catalog.fold()));
        let name = name.into();
        Ok(Self(Arc::new(Inner {
            name,
            protocol,
            root,
            catalog,
            log,
            view,
            hashing: Semaphore::new(HASHING),
            shared,
        })))
    }

    /// Deletes bytes that nothing names, from memory too.
    async fn delete_bytes(&self, key: &Key) -> Result<(), StorageError> {
        let deleted = self.0.documents.storage().delete(key).await;
        self.0.contents.remove(key);
        deleted
    }

    /// The mount's name.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// A handle on one resource. Only `Granted` asks for one, having checked the right to it.
    pub(crate) fn repo(&self, resource: &Resource, actor: Arc<Actor>) -> Repo {
        Repo::new(self.clone(), resource, actor)
    }

    /// Looks at the mount's view, brought up to date.
    pub(crate) async fn view<F: Fold, R>(&self, look: impl FnOnce(&F) -> R) -> Result<R> {
        self.0.view.refresh().await?;
        self.0.view.look(look)
    }

    /// A form of the mount's view as it is now: `render` makes it of what `look` copies out of it,
    /// once while the view stays as it is, and off the async threads.
    pub(crate) async fn rendered_view<F: Fold, S: Send + 'static>(
        &self,
        form: &'static str,
        look: impl Fn(&F) -> S,
        render: impl FnOnce(S) -> Result<Rendered> + Send + 'static,
    ) -> Result<Arc<Rendered>> {
        let view = &self.0.view;
        view.refresh().await?;
        let key = |changes: u64| self.form_key((form, ""), changes);
        let (changes, ()) = view.look_at(|_: &F| ())?;
        if let Some(form) = self.0.forms.get(&key(changes)?) {
            return Ok(form);
        }
        let (changes, copied) = view.look_at(look)?;
        self.make_form(key(changes)?, copied, render).await
    }

    /// A form of something in the view, which is called `name`: made as long as the view says the same
    /// of it, for which `stamp` stands; nothing where there is no stamp.
    pub(crate) async fn rendered_part<F: Fold, S: Send + 'static>(
        &self,
        (form, name): (&'static str, &str),
        stamp: impl FnOnce(&F) -> Option<u64>,
        look: impl FnOnce(&F) -> S,
        render: impl FnOnce(S) -> Result<Rendered> + Send + 'static,
    ) -> Result<Option<Arc<Rendered>>> {
        let look = |view: &F| {
            let Some(stamp) = stamp(view) else {
                return Ok(None);
            };
            let key = self.form_key((form, name), stamp)?;
            let known = self.0.forms.get(&key);
            let copied = known.is_none().then(|| look(view));
            Ok::<_, Error>(Some((key, known, copied)))
        };
        match self.view(look).await?? {
            None => Ok(None),
            Some((key, None, Some(copied))) => self.make_form(key, copied, render).await.map(Some),
            Some((_, known, _)) => Ok(known),
        }
    }

    /// What a form of the view, or of something in it, is kept under.
    fn form_key(&self, (form, name): (&'static str, &str), stamp: u64) -> Result<FormKey> {
        Ok(FormKey {
            document: self.0.log_folder(),
            version: Version::new(stamp.to_string()),
            form,
            base: name.into(),
        })
    }

    /// Makes a form off the async threads, unless somebody else does.
    async fn make_form<S: Send + 'static>(
        &self,
        key: FormKey,
        copied: S,
        render: impl FnOnce(S) -> Result<Rendered> + Send + 'static,
    ) -> Result<Arc<Rendered>> {
        let make = async {
            let work = move || render(copied).map(Arc::new);
            tokio::task::spawn_blocking(work)
                .await
                .map_err(Error::internal)?
        };
        self.0.forms.get_or_insert_async(&key, make).await
    }

    /// Reads the log from its last checkpoint on, so that the first view is no slower than others.
    pub(crate) async fn warm_up(&self) -> Result<()> {
        self.0.view.refresh().await
    }

    /// Heals what a crash left between a commit and its append: called on every read, it costs
    /// nothing once the revision is known to be in the log.
    fn heal(&self, key: &Key, snapshot: &Arc<Snapshot>) {
        if snapshot.logged.load(Ordering::Relaxed) {
            return;
        }
        let age = SystemTime::now().duration_since(snapshot.document.modified);
        if age.unwrap_or_default() < HEAL_AFTER {
            return;
        }
        snapshot.logged.store(true, Ordering::Relaxed);
        let Some(topic) = self.0.topic(key) else {
            return;
        };
        let topic = Topic {
            anew: true,
            ..topic
        };
        let (store, snapshot) = (self.clone(), snapshot.clone());
        tokio::spawn(async move {
            let healed: Result<()> = async {
                store.0.view.refresh().await?;
                let seen = store.0.view.revision(&topic.name);
                if seen.is_none_or(|seen| seen < snapshot.document.revision) {
                    tracing::info!(name = %topic.name, "a change was missing in the log; appended");
                    store.0.log.append(topic).await?;
                }
                Ok(())
            }
            .await;
            if let Err(error) = healed {
                snapshot.logged.store(false, Ordering::Relaxed);
                tracing::warn!(
                    ?error,
                    "the log could not be healed; the next read tries again"
                );
            }
        });
    }
}
