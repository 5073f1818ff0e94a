//! The forms in which documents are served, made once and kept while they last.

use std::{io::Write, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use quick_cache::{Weighter, sync::Cache};

use crate::{
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
    /// Headers that are sent with it.
    pub fields: Vec<(HeaderName, HeaderValue)>,
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
        let form = Self::plain(body, content_type, modified)?;
        Ok(Self { gzip, ..form })
    }

    /// Tags a form that is sent as it is to everybody.
    ///
    /// # Errors
    /// Never, since entity tags are hexadecimal.
    pub fn plain(body: Vec<u8>, content_type: &'static str, modified: SystemTime) -> Result<Self> {
        // The same bytes as something else are another representation.
        let mut hasher = MultiHasher::new(&[Algorithm::Sha256]);
        hasher.update(content_type.as_bytes());
        hasher.update(&body);
        let tag = &hasher.finish().hex(Algorithm::Sha256)[..24];
        let header = |text: String| HeaderValue::try_from(text).map_err(Error::internal);
        Ok(Self {
            etag: header(format!("\"{tag}\""))?,
            gzip_etag: header(format!("\"{tag}-gz\""))?,
            body: body.into(),
            gzip: None,
            content_type: HeaderValue::from_static(content_type),
            modified,
            fields: Vec::new(),
        })
    }
}

fn gzip(body: &[u8]) -> Result<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(body).map_err(Error::internal)?;
    Ok(encoder.finish().map_err(Error::internal)?.into())
}

/// What a form is kept under: the document that it is made of, or the root of a mount for one that
/// is made of its view.
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
        let fields = form.fields.iter();
        let fields: usize = fields
            .map(|(name, value)| 64 + name.as_str().len() + value.len())
            .sum();
        (512 + form.body.len() + form.gzip.as_ref().map_or(0, Bytes::len) + fields) as u64
    }
}

pub(crate) type Forms = Cache<FormKey, Arc<Rendered>, ByWeight>;

#[derive(Clone)]
pub(crate) struct BySize;

impl Weighter<Key, Bytes> for BySize {
    fn weight(&self, _: &Key, bytes: &Bytes) -> u64 {
        (256 + bytes.len()) as u64
    }
}

/// Small blobs, by the keys of their bytes, which never change.
pub(crate) type Contents = Cache<Key, Bytes, BySize>;

/// A cache of about `bytes` bytes.
pub(crate) fn contents(bytes: u64) -> Contents {
    Cache::with_weighter(1024, bytes, BySize)
}

/// A cache of about `bytes` bytes.
pub(crate) fn forms(bytes: u64) -> Forms {
    Cache::with_weighter(1024, bytes, ByWeight)
}
