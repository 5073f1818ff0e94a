//! The handle on one resource: all that a protocol does to its documents and bytes.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use memchr::memmem::Finder;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::{
    Store,
    catalog::{Resource, StoredBytes},
    content::Content,
    document::{Document, RawDocument},
    documents::{self, Settled, Snapshot, lock},
    hooks::{Actor, Operation},
    stage::{Incoming, StageWriter, Staged},
    view::Fold,
};
use crate::{
    digest::{Algorithm, MultiHasher, random_hex},
    error::{Error, ErrorKind, Result},
    storage::{Key, Storage},
};

/// One package, repository or crate of a mount, for one request.
#[derive(Clone)]
pub struct Repo {
    pub(super) store: Store,
    name: Arc<str>,
    pub(super) home: Key,
    actor: Arc<Actor>,
}

/// What a change of a document came to.
#[derive(Clone, Debug)]
pub struct Change<R> {
    /// The answer for the caller.
    pub value: R,
    /// Whether the document changed and is to be written.
    pub write: bool,
    /// Bytes that the document names no longer; they are deleted after the write.
    pub removed: Vec<StoredBytes>,
    /// Bytes that never became what people can get; they are deleted after the write, and no hook is
    /// asked for its leave.
    pub dropped: Vec<StoredBytes>,
    /// What becomes of content in the document itself.
    pub content: Option<Content>,
}

impl<R> Change<R> {
    /// The document changed.
    pub fn write(value: R) -> Self {
        Self {
            write: true,
            ..Self::keep(value)
        }
    }

    /// The document is as it should be already.
    pub fn keep(value: R) -> Self {
        Self {
            value,
            write: false,
            removed: Vec::new(),
            dropped: Vec::new(),
            content: None,
        }
    }

    /// The document changed, or is as it should be already.
    pub fn when(changed: bool, value: R) -> Self {
        Self {
            write: changed,
            ..Self::keep(value)
        }
    }

    /// The document changed and names some bytes no longer.
    #[must_use]
    pub fn removing(mut self, removed: Vec<StoredBytes>) -> Self {
        self.removed = removed;
        self
    }

    /// The document changed, and some bytes that it named, or that came with it, will never be what people
    /// can get.
    #[must_use]
    pub fn dropping(mut self, dropped: Vec<StoredBytes>) -> Self {
        self.dropped = dropped;
        self
    }
}

impl Repo {
    pub(super) fn new(store: Store, resource: &Resource, actor: Arc<Actor>) -> Self {
        let home = resource.home.under(&store.0.root);
        Self {
            store,
            name: resource.name.clone(),
            home,
            actor,
        }
    }

    /// The resource's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document `file` as it is now, or `None`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn document<H>(&self, file: &str) -> Result<Option<Document<H>>>
    where
        H: DeserializeOwned + Default,
    {
        let snapshot = self.snapshot(file).await?;
        snapshot
            .map(|snapshot| snapshot.document.typed())
            .transpose()
    }

    /// The head of the document `file` as it is now, or `None`; parsed once for each version of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn head<H>(&self, file: &str) -> Result<Option<Arc<H>>>
    where
        H: DeserializeOwned + Default + Send + Sync + 'static,
    {
        let snapshot = self.snapshot(file).await?;
        snapshot.map(|snapshot| snapshot.head()).transpose()
    }

    /// Like [`head`](Self::head), whatever age is trusted elsewhere: for those who conclude from it what to
    /// write or to delete.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fresh_head<H>(&self, file: &str) -> Result<Option<Arc<H>>>
    where
        H: DeserializeOwned + Default + Send + Sync + 'static,
    {
        let snapshot = self.fresh_snapshot(file).await?;
        snapshot.map(|snapshot| snapshot.head()).transpose()
    }

    /// One entry of the document `file` as it is now, or `None`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn entry(&self, file: &str, name: &str) -> Result<Option<Bytes>> {
        let snapshot = self.snapshot(file).await?;
        Ok(snapshot.and_then(|snapshot| snapshot.document.entries.get(name).cloned()))
    }

    /// The head of the document `file` and one of its entries, both as they are now, or `None` where
    /// one of them is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn head_and_entry<H>(&self, file: &str, name: &str) -> Result<Option<(Arc<H>, Bytes)>>
    where
        H: DeserializeOwned + Default + Send + Sync + 'static,
    {
        let found = self.head_with_entry(file, name).await?;
        Ok(found.and_then(|(head, entry)| Some((head, entry?))))
    }

    /// The head of the document `file` and one of its entries if it is there, both as they are now, or
    /// `None` where there is no document.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn head_with_entry<H>(
        &self,
        file: &str,
        name: &str,
    ) -> Result<Option<(Arc<H>, Option<Bytes>)>>
    where
        H: DeserializeOwned + Default + Send + Sync + 'static,
    {
        let snapshot = self.snapshot(file).await?;
        snapshot
            .map(|snapshot| head_with_entry(&snapshot, name))
            .transpose()
    }

    /// Like [`head_with_entry`](Self::head_with_entry), whatever age is trusted elsewhere: for those who
    /// conclude from it what to write or to delete.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fresh_head_with_entry<H>(
        &self,
        file: &str,
        name: &str,
    ) -> Result<Option<(Arc<H>, Option<Bytes>)>>
    where
        H: DeserializeOwned + Default + Send + Sync + 'static,
    {
        let snapshot = self.fresh_snapshot(file).await?;
        snapshot
            .map(|snapshot| head_with_entry(&snapshot, name))
            .transpose()
    }

    /// Looks at the mount's view, brought up to date, for what it says of this resource.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn view<F: Fold, R>(&self, look: impl FnOnce(&F) -> R) -> Result<R> {
        self.store.view(look).await
    }

    pub(super) async fn snapshot(&self, file: &str) -> Result<Option<Arc<Snapshot>>> {
        let key = self.home.join(file)?;
        let snapshot = self.store.0.documents.read(&key).await?;
        Ok(snapshot.inspect(|snapshot| self.store.heal(&key, snapshot)))
    }

    async fn fresh_snapshot(&self, file: &str) -> Result<Option<Arc<Snapshot>>> {
        let key = self.home.join(file)?;
        let snapshot = self.store.0.documents.fresh(&key).await?;
        Ok(snapshot.inspect(|snapshot| self.store.heal(&key, snapshot)))
    }

    /// Starts to take in the bytes of an artifact.
    ///
    /// # Errors
    /// A hook's veto, or when the store cannot begin.
    pub async fn stage(&self, incoming: &Incoming<'_>) -> Result<StageWriter> {
        let unique = random_hex::<8>()?;
        let most = Key::MAX_SEGMENT - 1 - unique.len() - incoming.extension.len();
        let stem = Key::segment_within(incoming.stem, most);
        let file = format!("{stem}.{unique}{}", incoming.extension);
        let key = self.home.join(&file)?;
        let operation = self.operation(key, incoming.size, incoming.content_type);
        let hasher = Box::new(MultiHasher::new(incoming.digests));
        let take = (hasher, incoming.limit);
        self.stage_at((file, unique), operation, take).await
    }

    /// Takes in something small that goes with an artifact, and hashes it with SHA-256.
    ///
    /// # Errors
    /// A hook's veto, or when the store fails.
    pub async fn stage_whole(
        &self,
        (stem, extension): (&str, &str),
        content_type: &'static str,
        bytes: Vec<u8>,
    ) -> Result<Staged> {
        let size = bytes.len() as u64;
        let incoming = Incoming {
            stem,
            extension,
            content_type,
            size: Some(size),
            limit: size,
            digests: &[Algorithm::Sha256],
        };
        let mut writer = self.stage(&incoming).await?;
        writer.write(bytes.into()).await?;
        writer.finish().await
    }

    /// Starts to take in bytes under the key of `operation`.
    pub(super) async fn stage_at(
        &self,
        names: (String, String),
        operation: Operation,
        take: (Box<MultiHasher>, u64),
    ) -> Result<StageWriter> {
        let mut inspectors = Vec::new();
        for hook in &*self.store.0.hooks {
            inspectors.extend(hook.before_put(&operation).await?);
        }
        let storage = self.storage().clone();
        let upload = storage.upload(&operation.key).await?;
        Ok(StageWriter::new(
            upload, storage, names, take, operation, inspectors,
        ))
    }

    pub(super) fn storage(&self) -> &Arc<dyn Storage> {
        self.store.0.documents.storage()
    }

    pub(super) fn operation(
        &self,
        key: Key,
        size: Option<u64>,
        content_type: &'static str,
    ) -> Operation {
        Operation {
            actor: self.actor.clone(),
            protocol: self.store.0.protocol,
            mount: self.store.0.name.clone(),
            resource: self.name.clone(),
            key,
            size,
            content_type,
        }
    }

    /// Changes the document `file`, and with it the fate of `staged` bytes: once the document that
    /// names them is written they stay, in every other case they go.
    ///
    /// `change` may be called more than once, each time on the newest document. When this returns,
    /// what it says is durable, visible everywhere and in the log. It runs to its end even when
    /// the caller goes away.
    ///
    /// # Errors
    /// What `change` says, a hook's veto, or when the store fails.
    pub async fn change<H, R, E, F>(
        &self,
        file: &str,
        staged: Vec<Staged>,
        change: F,
    ) -> Result<R, E>
    where
        H: Serialize + DeserializeOwned + Default + Send + 'static,
        R: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Document<H>) -> Result<Change<R>, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Work {
            repo: self.clone(),
            key: self.home.join(file).map_err(Error::from)?,
            change: Mutex::new(change),
            staged,
            outcome: None,
            refusal: None,
            landed: false,
            reply,
            head: std::marker::PhantomData::<fn(H)>,
        };
        let key = work.key.clone();
        self.store.0.documents.submit(&key, Box::new(work));
        answer
            .await
            .map_err(|_| Error::internal("the change broke off"))?
    }
}

/// A change on its way through its document's lane.
struct Work<H, R, E, F> {
    repo: Repo,
    key: Key,
    change: Mutex<F>,
    staged: Vec<Staged>,
    outcome: Option<Change<R>>,
    /// Why the change refused the newest document, in the protocol's own words.
    refusal: Option<Mutex<E>>,
    /// Whether the document names the staged bytes though the change wrote nothing: it was written
    /// before, its answer was lost, and others have written since.
    landed: bool,
    reply: oneshot::Sender<Result<R, E>>,
    head: std::marker::PhantomData<fn(H)>,
}

#[async_trait]
impl<H, R, E, F> documents::Change for Work<H, R, E, F>
where
    H: Serialize + DeserializeOwned + Default + Send + 'static,
    R: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnMut(&mut Document<H>) -> Result<Change<R>, E> + Send + 'static,
{
    fn apply(&mut self, document: &mut RawDocument) -> Result<bool> {
        let mut typed: Document<H> = document.typed()?;
        let outcome = match lock(&self.change)(&mut typed) {
            Ok(outcome) => outcome,
            Err(refusal) => {
                self.refusal = Some(Mutex::new(refusal));
                self.landed = self.is_named_by(document);
                return Err(Error::invalid("refused"));
            }
        };
        self.refusal = None;
        let write = outcome.write;
        self.landed = !write && self.is_named_by(document);
        if write {
            document.head = serde_json::to_vec(&typed.head)
                .map_err(Error::internal)?
                .into();
            document.entries = typed.entries;
        }
        self.outcome = Some(outcome);
        Ok(write)
    }

    async fn admit(&mut self) -> Result<()> {
        let Some(outcome) = &self.outcome else {
            return Ok(());
        };
        let content = outcome.content.clone().filter(|_| outcome.write);
        for stored in &outcome.removed {
            let operation = self.repo.removal(stored)?;
            for hook in &*self.repo.store.0.hooks {
                hook.before_delete(&operation).await?;
            }
        }
        match content {
            Some(content) => self.repo.admit(&self.key, &content).await,
            None => Ok(()),
        }
    }

    async fn settle(mut self: Box<Self>, end: Result<Settled>) {
        let end = match self.follow(end).await {
            Ok(value) => Ok(value),
            // A refusal holds once the state it was made on is known to hold: when the store failed
            // meanwhile, that is the answer.
            Err(error) => Err(match self.refusal.take() {
                Some(refusal) if error.kind() == ErrorKind::Invalid => {
                    refusal.into_inner().unwrap_or_else(PoisonError::into_inner)
                }
                _ => error.into(),
            }),
        };
        // A caller who went away does not want the answer; all of the work is done.
        drop(self.reply.send(end));
    }
}

impl<H, R, E, F> Work<H, R, E, F> {
    /// Whether a document names bytes that this change brought.
    fn is_named_by(&self, document: &RawDocument) -> bool {
        let mut marks = self.staged.iter().map(|bytes| Finder::new(bytes.unique()));
        marks.any(|mark| {
            let holds = |json: &Bytes| mark.find(json).is_some();
            holds(&document.head) || document.entries.values().any(holds)
        })
    }

    /// All that follows from the write, or from there being none.
    async fn follow(&mut self, end: Result<Settled>) -> Result<R> {
        let mut staged = std::mem::take(&mut self.staged);
        let settled = match end {
            Ok(settled) => settled,
            Err(error) => {
                // Whether the write landed is not known when the store is failing, even when it
                // fails for good, since that may be its answer to a repetition: then the bytes
                // stay, for `gc` to judge.
                let failing = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal);
                forget(staged, self.landed || failing);
                return Err(error);
            }
        };
        let Some(outcome) = self.outcome.take() else {
            return Err(Error::internal("a change without an outcome"));
        };
        let hooks = &self.repo.store.0.hooks;
        if outcome.write || self.landed {
            // All of them before a hook, which may fail.
            staged.iter_mut().for_each(Staged::keep);
            for bytes in staged {
                for hook in &**hooks {
                    hook.after_put(&bytes.operation).await;
                }
            }
        } else {
            forget(staged, false);
        }
        if settled.revision > 0
            && let Some(topic) = self.repo.store.0.topic(&self.key)
        {
            self.repo.store.0.log.append(topic).await?;
        }
        let gone = outcome.removed.iter().chain(&outcome.dropped);
        for stored in gone.filter(|_| outcome.write) {
            let operation = self.repo.removal(stored)?;
            if let Err(error) = self.repo.store.delete_bytes(&operation.key).await {
                tracing::warn!(key = %operation.key, ?error, "bytes were not deleted; gc will");
            }
            for hook in &**hooks {
                hook.after_delete(&operation).await;
            }
        }
        if let Some(content) = outcome.content.filter(|_| outcome.write) {
            self.repo.tell(&self.key, &content).await;
        }
        Ok(outcome.value)
    }
}

fn head_with_entry<H>(snapshot: &Snapshot, name: &str) -> Result<(Arc<H>, Option<Bytes>)>
where
    H: DeserializeOwned + Default + Send + Sync + 'static,
{
    let entry = snapshot.document.entries.get(name).cloned();
    Ok((snapshot.head()?, entry))
}

/// Lets staged bytes go; keeps them if a document may name them after all.
fn forget(staged: Vec<Staged>, unsure: bool) {
    for mut bytes in staged {
        if unsure {
            bytes.keep();
        }
    }
}

impl Repo {
    fn removal(&self, stored: &StoredBytes) -> Result<Operation> {
        let key = self.home.join(&stored.file)?;
        Ok(self.operation(key, Some(stored.size), "application/octet-stream"))
    }
}
