//! What an operator may hang into every read, write and delete of artifacts.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;

use crate::{
    error::{Error, ErrorKind, Result},
    storage::Key,
};

/// Who acts, for hooks and the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The request's id, which the log repeats.
    pub request_id: Arc<str>,
    /// The user, unless nobody.
    pub user: Option<Arc<str>>,
    /// The id of the token that was shown.
    pub token: Option<Arc<str>>,
    /// Where the request came from.
    pub ip: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<Box<str>>,
}

/// What is about to happen, or has happened, to an artifact.
#[derive(Clone, Debug)]
pub struct Operation {
    /// On whose behalf.
    pub actor: Arc<Actor>,
    /// The protocol's name.
    pub protocol: &'static str,
    /// The mount's name.
    pub mount: Arc<str>,
    /// The package, repository or crate.
    pub resource: Arc<str>,
    /// The artifact's key in the bucket.
    pub key: Key,
    /// Its size in bytes; `None` where it is not known yet.
    pub size: Option<u64>,
    /// Its media type.
    pub content_type: &'static str,
}

/// A refusal by a hook; the client sees the reason.
#[derive(Clone, Debug)]
pub struct Veto(pub String);

impl From<Veto> for Error {
    fn from(veto: Veto) -> Self {
        Error::new(ErrorKind::Denied, veto.0)
    }
}

/// Sees every artifact that is stored, read or deleted. `before_*` may veto; `after_*` cannot fail
/// the request.
#[async_trait]
pub trait StorageHook: Send + Sync + 'static {
    /// Before bytes are taken in. An inspector is fed them as they stream.
    async fn before_put(&self, _operation: &Operation) -> Result<Option<Box<dyn Inspector>>, Veto> {
        Ok(None)
    }

    /// After the release that names the bytes is committed.
    async fn after_put(&self, _operation: &Operation) {}

    /// Before bytes are sent.
    async fn before_get(&self, _operation: &Operation) -> Result<(), Veto> {
        Ok(())
    }

    /// After the sending of bytes has begun.
    async fn after_get(&self, _operation: &Operation) {}

    /// Before a release is removed.
    async fn before_delete(&self, _operation: &Operation) -> Result<(), Veto> {
        Ok(())
    }

    /// After a release is removed.
    async fn after_delete(&self, _operation: &Operation) {}
}

/// Is fed the bytes of one artifact as they stream in.
pub trait Inspector: Send {
    /// The next bytes.
    ///
    /// # Errors
    /// A veto ends the upload.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Veto>;

    /// The end of the bytes.
    ///
    /// # Errors
    /// A veto refuses the artifact.
    fn finish(&mut self) -> Result<(), Veto>;
}

/// The hooks of a registry, in order.
pub(crate) type Hooks = Arc<[Arc<dyn StorageHook>]>;
