//! The forms in which documents are served, made once and kept while they last.

use std::{io::Write, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use serde::de::DeserializeOwned;

use super::{Repo, catalog::StoredBytes, document::Document, documents::Snapshot};
use crate::{
    body::Kept,
    digest::{Algorithm, MultiHasher},
    error::{Error, Result},
    storage::{Key, Version},
};

/// Forms smaller than this are not compressed, in bytes.
const COMPRESS_FROM: usize = 512;
/// Forms larger than this are made off the async threads, in bytes of the document.
pub(crate) const INLINE: usize = 64 << 10;

/// A form of a document, ready to be sent.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The bytes.
    pub body: Bytes,
    /// The same, compressed by gzip, if that is worth it.
    pub gzip: Option<Bytes>,
    /// Its strong entity tag; that of the compressed bytes differs.
    pub etag: HeaderValue,
    /// The entity tag of the compressed bytes.
    pub gzip_etag: HeaderValue,
    /// The media type.
    pub content_type: HeaderValue,
    /// When what it says last changed.
    pub modified: SystemTime,
    /// Whether that is in whole seconds, and no other state of it ever has the same: then a client may
    /// ask by it at once.
    pub is_dated: bool,
    /// Further fields of every answer that sends it.
    pub headers: HeaderMap,
    /// The bytes that it tells of, which hooks are asked about, and their media type.
    pub(crate) source: Option<(StoredBytes, &'static str)>,
}

impl Rendered {
    /// Compresses and tags a form.
    ///
    /// # Errors
    /// When compression fails.
    pub fn new(body: Vec<u8>, content_type: &'static str, modified: SystemTime) -> Result<Self> {
        let gzip = if body.len() < COMPRESS_FROM {
            None
        } else {
            Some(gzip(&body)?)
        };
        Ok(Self {
            gzip,
            ..Self::as_it_is(body, content_type, modified)?
        })
    }

    /// Tags a form that is not to be compressed, since it is already.
    ///
    /// # Errors
    /// Never, since entity tags are plain text.
    pub fn as_it_is(
        body: Vec<u8>,
        content_type: &'static str,
        modified: SystemTime,
    ) -> Result<Self> {
        // The same bytes as something else are another representation.
        let mut hasher = MultiHasher::new(&[Algorithm::Sha256]);
        hasher.update(content_type.as_bytes());
        hasher.update(&body);
        let tag = &hasher.finish().hex(Algorithm::Sha256)[..24];
        let header = |text: String| HeaderValue::try_from(text).map_err(Error::internal);
        let content_type = HeaderValue::from_static(content_type);
        let etag = header(format!("\"{tag}\""))?;
        Ok(Self {
            gzip_etag: header(format!("\"{tag}-gz\""))?,
            ..Self::tagged(body.into(), etag, content_type, modified)
        })
    }

    /// A form that is sent as it is, under an entity tag of its own.
    pub fn tagged(
        body: Bytes,
        etag: HeaderValue,
        content_type: HeaderValue,
        modified: SystemTime,
    ) -> Self {
        Self {
            body,
            gzip: None,
            gzip_etag: etag.clone(),
            etag,
            content_type,
            modified,
            is_dated: false,
            headers: HeaderMap::new(),
            source: None,
        }
    }
}

/// A form of a document, as it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The document, below the resource's folder.
    pub file: &'a str,
    /// What the form is called; no other of the document is.
    pub name: &'static str,
    /// What else it depends on, such as the base address.
    pub base: &'a str,
}

/// Bytes of which a form is made, beside its document.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Their media type.
    pub content_type: &'static str,
    /// The most that they may be.
    pub limit: usize,
}

impl Repo {
    /// A form of the document `file`, made by `render` once per version of it and base address.
    ///
    /// # Errors
    /// What `render` says, or when the store fails.
    pub async fn rendered<H>(
        &self,
        file: &str,
        form: &'static str,
        base: &str,
        render: impl FnOnce(&Document<H>) -> Result<Rendered> + Send + 'static,
    ) -> Result<Option<Arc<Rendered>>>
    where
        H: DeserializeOwned + Default,
    {
        let Some(snapshot) = self.snapshot(file).await? else {
            return Ok(None);
        };
        let name = form;
        let key = self.form_key(Form { file, name, base }, &snapshot)?;
        let make = of_document(&snapshot, |document| render(document).map(Arc::new));
        let forms = &self.store.0.forms;
        forms.get_or_insert_async(&key, make).await.map(Some)
    }

    /// The same of a form that is made of bytes, too, which the document names: `pick` says which, and the
    /// hooks are asked about them whenever the form is read.
    ///
    /// # Errors
    /// What `pick` and `render` say, a hook's veto, or when the store fails.
    pub async fn rendered_with<H>(
        &self,
        form: Form<'_>,
        source: Source,
        pick: impl FnOnce(&Document<H>) -> Result<StoredBytes> + Send + 'static,
        render: impl FnOnce(&Document<H>, &Bytes) -> Result<Rendered> + Send + 'static,
    ) -> Result<Option<Arc<Rendered>>>
    where
        H: DeserializeOwned + Default,
    {
        let Some(snapshot) = self.snapshot(form.file).await? else {
            return Ok(None);
        };
        let key = self.form_key(form, &snapshot)?;
        let content_type = source.content_type;
        let mut asked = false;
        let make = async {
            let stored = of_document(&snapshot, pick).await?;
            asked = true;
            let opened = self.open(&stored, content_type, None, false).await?;
            let bytes = opened.body.collect(source.limit).await?;
            let render = move |document: &Document<H>| render(document, &bytes);
            let mut rendered = of_document(&snapshot, render).await?;
            rendered.source = Some((stored, content_type));
            Ok::<_, Error>(Arc::new(rendered))
        };
        let made = self.store.0.forms.get_or_insert_async(&key, make).await?;
        if let Some((stored, content_type)) = made.source.as_ref().filter(|_| !asked) {
            self.reading(&stored.file, content_type, stored.size)
                .await?;
        }
        Ok(Some(made))
    }

    fn form_key(&self, form: Form<'_>, snapshot: &Snapshot) -> Result<FormKey> {
        Ok(FormKey {
            document: self.home.join(form.file)?,
            version: snapshot.version.clone(),
            form: form.name,
            base: form.base.into(),
        })
    }
}

/// Does `work` on a document, off the async threads if it is large.
async fn of_document<H, T>(
    snapshot: &Arc<Snapshot>,
    work: impl FnOnce(&Document<H>) -> Result<T> + Send + 'static,
) -> Result<T>
where
    H: DeserializeOwned + Default,
    T: Send + 'static,
{
    let large = snapshot.document.weight() > INLINE;
    let snapshot = snapshot.clone();
    let work = move || work(&snapshot.document.typed()?);
    if !large {
        return work();
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Error::internal)?
}

fn gzip(body: &[u8]) -> Result<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(body).map_err(Error::internal)?;
    Ok(encoder.finish().map_err(Error::internal)?.into())
}

/// What a form is kept under.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct FormKey {
    pub(crate) document: Key,
    pub(crate) version: Version,
    pub(crate) form: &'static str,
    /// As it is, since a client may choose it (`Host`): a hash could be made to meet another's.
    pub(crate) base: Box<str>,
}

#[derive(Clone)]
pub(crate) struct ByWeight;

impl Weighter<FormKey, Arc<Rendered>> for ByWeight {
    fn weight(&self, _: &FormKey, form: &Arc<Rendered>) -> u64 {
        (512 + form.body.len() + form.gzip.as_ref().map_or(0, Bytes::len)) as u64
    }
}

pub(crate) type Forms = Cache<FormKey, Arc<Rendered>, ByWeight>;

#[derive(Clone)]
pub(crate) struct BySize;

impl Weighter<Key, Kept> for BySize {
    fn weight(&self, key: &Key, kept: &Kept) -> u64 {
        (256 + key.as_str().len() + kept.len()) as u64
    }
}

/// Small files, by their keys, under which bytes never change.
pub(crate) type Contents = Cache<Key, Kept, BySize>;

/// How many parts a cache has, each with a lock of its own. What is larger than a part is never kept.
const PARTS: usize = 2;

/// A cache of about `bytes` bytes, which keeps what is nearly half as large.
pub(crate) fn cache<K, V, W>(bytes: u64, weighter: W) -> Cache<K, V, W>
where
    K: Eq + std::hash::Hash,
    V: Clone,
    W: Weighter<K, V> + Clone,
{
    let options = OptionsBuilder::new()
        .shards(PARTS)
        .estimated_items_capacity(1024)
        .weight_capacity(bytes)
        .build();
    match options {
        Ok(options) => Cache::with_options(
            options,
            weighter,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ),
        // Both that must be set are.
        Err(_) => Cache::with_weighter(1024, bytes, weighter),
    }
}

/// A cache of about `bytes` bytes.
pub(crate) fn contents(bytes: u64) -> Contents {
    cache(bytes, BySize)
}

/// A cache of about `bytes` bytes.
pub(crate) fn forms(bytes: u64) -> Forms {
    cache(bytes, ByWeight)
}
