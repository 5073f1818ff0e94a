//! Where bytes rest: a small trait over keys, and what implements it.
//!
//! A [`Storage`] knows nothing of protocols, documents or users. What it must promise is written
//! on each method, and `storage::conformance` (feature `conformance`) checks it.

use std::{fmt::Debug, ops::Range, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::{
    body::Body,
    error::{BoxError, Error, ErrorKind},
};

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod directory;
mod key;
mod memory;
#[cfg(feature = "object-store")]
mod object;

pub use directory::Directory;
pub use key::{InvalidKey, Key};
pub use memory::Memory;
#[cfg(feature = "object-store")]
pub use object::ObjectStorage;

/// A version of an object: two are equal exactly when nobody replaced the object in between.
///
/// Opaque; a store makes it of whatever it has (an entity tag, a file's time and inode). Where the
/// entity tag is a hash of the content, as on S3, replacing an object by the same bytes keeps its
/// version; a document therefore carries an id of its last write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(Box<str>);

impl Version {
    /// A version from a store's own token.
    pub fn new(token: impl Into<Box<str>>) -> Self {
        Self(token.into())
    }

    /// The store's own token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part of an object, as a client asks for it (RFC 9110 §14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first offset to the last, both included.
    Inclusive(u64, u64),
    /// From an offset to the end.
    From(u64),
    /// The last so many bytes.
    Last(u64),
}

impl ByteRange {
    /// The bytes meant in an object of `size` bytes, cut to its end; `None` when there are none.
    pub fn resolve(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Inclusive(first, last) => first..last.saturating_add(1).min(size),
            Self::From(first) => first..size,
            Self::Last(count) => size.saturating_sub(count)..size,
        };
        (range.start < range.end).then_some(range)
    }
}

/// What a [`Storage::get`] asks beside the key.
#[derive(Clone, Debug, Default)]
pub struct GetOptions {
    /// Only this part; the whole object without it.
    pub range: Option<ByteRange>,
    /// Answer [`Get::NotModified`] when the object still has this version.
    pub if_none_match: Option<Version>,
    /// Only the metadata; the body comes empty.
    pub head: bool,
}

/// What a [`Storage::get`] answers.
#[derive(Debug)]
pub enum Get {
    /// The object, or the part of it asked for.
    Found(Object),
    /// The object still has the version named in [`GetOptions::if_none_match`].
    NotModified,
}

/// An object as read.
#[derive(Debug)]
pub struct Object {
    /// Its version.
    pub version: Version,
    /// The size of the whole object, in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
    /// Which of its bytes `body` holds.
    pub range: Range<u64>,
    /// The bytes. What they fail with is an [`Error`], such as one of a [`StorageError`]: any other is
    /// taken for a fault of who sends a request.
    pub body: Body,
}

/// An object as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// When a [`Storage::put`] may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutMode {
    /// Only if there is no such object.
    Create,
    /// Whatever is there.
    Replace,
    /// Only if the object still has this version.
    Update(Version),
}

/// Why a storage call failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The condition of a [`PutMode`] does not hold. Nothing was written.
    #[error("the object was changed or exists already")]
    Precondition,
    /// The range lies outside an object of this size.
    #[error("the range lies outside an object of {0} bytes")]
    Range(u64),
    /// No room is left. Nothing was written.
    #[error("the storage is full")]
    Full(#[source] BoxError),
    /// The call failed and may or may not have taken effect.
    #[error("the storage did not answer")]
    Unavailable(#[source] BoxError),
    /// The call failed for good.
    #[error("the storage failed")]
    Failed(#[source] BoxError),
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => {
                Error::not_found("there is no such object").with_source(error)
            }
            StorageError::Range(size) => Error::range_not_satisfiable(size),
            StorageError::Precondition => Error::new(
                ErrorKind::Conflict,
                "it was changed at the same time; try again",
            ),
            StorageError::Full(_) | StorageError::Unavailable(_) => Error::unavailable(error),
            StorageError::Failed(_) => Error::internal(error),
        }
    }
}

/// What a store is like, for those who tune to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Whether [`PutMode::Create`] and [`PutMode::Update`] hold against every other writer.
    pub conditional_writes: bool,
    /// Whether a look at an object's metadata costs microseconds (a directory, memory) rather
    /// than a request over a network.
    pub local: bool,
}

/// A place for objects under keys.
///
/// Every write that was answered is durable and visible to every later read, on any replica.
#[async_trait]
pub trait Storage: Debug + Send + Sync + 'static {
    /// Reads an object. The body streams, in pieces of at most 1 MiB.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when absent; [`StorageError::Range`] when the range holds no byte.
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Get, StorageError>;

    /// Writes a small object whole, in one step: a reader sees the old or the new.
    ///
    /// # Errors
    /// [`StorageError::Precondition`] when `mode` forbids it.
    async fn put(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<Version, StorageError>;

    /// Starts a streamed write to a key that nobody else ever writes.
    ///
    /// # Errors
    /// When the store cannot begin.
    async fn upload(&self, key: &Key) -> Result<Box<dyn Upload>, StorageError>;

    /// Deletes an object; an absent one is success.
    ///
    /// # Errors
    /// When the store cannot say that the object is gone.
    async fn delete(&self, key: &Key) -> Result<(), StorageError>;

    /// Lists the objects below `prefix` (a folder; all without it) whose keys are greater than
    /// `after`, in the byte order of their keys.
    fn list(
        &self,
        prefix: Option<&Key>,
        after: Option<&Key>,
    ) -> BoxStream<'static, Result<Entry, StorageError>>;

    /// What this store is like.
    fn profile(&self) -> Profile;
}

/// A streamed write under way. Dropped before `finish`, it leaves at most bytes that nothing names.
#[async_trait]
pub trait Upload: Send {
    /// Adds bytes. Returns when there is room for more, not when they are durable.
    ///
    /// # Errors
    /// When the store refuses or fails; the upload is then lost.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError>;

    /// Makes the object durable and visible.
    ///
    /// # Errors
    /// When the store fails; the object may or may not exist then.
    async fn finish(self: Box<Self>) -> Result<Version, StorageError>;

    /// Gives up and removes what was written.
    ///
    /// # Errors
    /// When the store cannot remove it.
    async fn abort(self: Box<Self>) -> Result<(), StorageError>;
}
