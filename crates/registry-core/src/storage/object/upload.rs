//! Streamed writes: small ones whole, others in parts.

use std::{mem, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    convert::{failed, version_found, version_written},
    write,
};
use crate::storage::{PutMode, StorageError, Upload, Version};

/// The size of every part but the last; up to here an upload is one plain write. Some stores want
/// all parts alike and take 10,000, so that an object may hold 78 GiB.
const PART: usize = 8 << 20;

/// An upload that holds at most two parts: one on its way, and one that fills meanwhile.
pub(super) struct PartUpload {
    store: Arc<dyn ObjectStore>,
    at: Path,
    part: Vec<Bytes>,
    filled: usize,
    parts: Option<Parts>,
}

struct Parts {
    upload: Box<dyn MultipartUpload>,
    sending: Option<JoinHandle<object_store::Result<()>>>,
}

impl PartUpload {
    pub(super) fn new(store: Arc<dyn ObjectStore>, at: Path) -> Self {
        Self {
            store,
            at,
            part: Vec::new(),
            filled: 0,
            parts: None,
        }
    }

    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.filled += bytes.len();
            self.part.push(bytes);
        }
    }

    /// Sends the part as it is, once the last is through.
    async fn send(&mut self) -> Result<(), StorageError> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => {
                let upload = self.store.put_multipart(&self.at).await.map_err(failed)?;
                self.parts.insert(Parts {
                    upload,
                    sending: None,
                })
            }
        };
        parts.sent().await?;
        self.filled = 0;
        let part = PutPayload::from_iter(mem::take(&mut self.part));
        parts.sending = Some(tokio::spawn(parts.upload.put_part(part)));
        Ok(())
    }
}

/// An error of an upload under way: that the store does not know it is no answer to who asks for an
/// object.
fn lost(error: object_store::Error) -> StorageError {
    match failed(error) {
        StorageError::NotFound => StorageError::Unavailable("the upload is gone".into()),
        error => error,
    }
}

impl Parts {
    /// Waits until nothing is on its way.
    async fn sent(&mut self) -> Result<(), StorageError> {
        let Some(sending) = &mut self.sending else {
            return Ok(());
        };
        let sent = sending.await;
        self.sending = None;
        match sent {
            Ok(sent) => sent.map_err(lost),
            Err(error) => Err(StorageError::Unavailable(error.into())),
        }
    }

    async fn abort(mut self) -> Result<(), StorageError> {
        // A part that arrives after the end would stay. Whether it failed is all the same.
        let _ = self.sent().await;
        self.upload.abort().await.map_err(failed)
    }
}

#[async_trait]
impl Upload for PartUpload {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), StorageError> {
        // Only what exceeds a part shows that there are several.
        while self.filled + bytes.len() > PART {
            let head = bytes.split_to(PART - self.filled);
            self.push(head);
            self.send().await?;
        }
        self.push(bytes);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Version, StorageError> {
        if self.parts.is_none() {
            let bytes = PutPayload::from_iter(mem::take(&mut self.part));
            return write::put(&*self.store, &self.at, bytes, PutMode::Replace).await;
        }
        self.send().await?;
        let Some(parts) = &mut self.parts else {
            return Err(StorageError::Failed("the upload has no parts".into()));
        };
        parts.sent().await?;
        let version = match parts.upload.complete().await {
            Ok(written) => version_written(&written),
            // When the answer was lost, the repetition finds nothing left to complete. Nobody else
            // writes here, so what is there is ours, and whole.
            Err(error) => match self.store.head(&self.at).await {
                Ok(found) => version_found(&found),
                Err(_) => return Err(lost(error)),
            },
        };
        self.parts = None;
        Ok(version)
    }

    async fn abort(mut self: Box<Self>) -> Result<(), StorageError> {
        match self.parts.take() {
            Some(parts) => parts.abort().await,
            None => Ok(()),
        }
    }
}

impl Drop for PartUpload {
    fn drop(&mut self) {
        if let (Some(parts), Ok(runtime)) = (self.parts.take(), Handle::try_current()) {
            // Best effort: parts are no object, and buckets have rules that drop old ones.
            runtime.spawn(parts.abort());
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::{PutResult, UploadPart, memory::InMemory};

    use super::*;

    /// An upload whose completion is repeated, since the answer was lost.
    #[derive(Debug)]
    struct Repeated(Box<dyn MultipartUpload>);

    #[async_trait]
    impl MultipartUpload for Repeated {
        fn put_part(&mut self, data: PutPayload) -> UploadPart {
            self.0.put_part(data)
        }

        async fn complete(&mut self) -> object_store::Result<PutResult> {
            self.0.complete().await?;
            Err(object_store::Error::NotFound {
                path: "upload".into(),
                source: "NoSuchUpload".into(),
            })
        }

        async fn abort(&mut self) -> object_store::Result<()> {
            self.0.abort().await
        }
    }

    #[tokio::test]
    async fn an_upload_that_was_completed_is_complete() {
        let store = Arc::new(InMemory::new());
        let at = Path::from("big");
        let upload = Repeated(store.put_multipart(&at).await.unwrap());
        let mut ours = PartUpload::new(store.clone(), at.clone());
        ours.parts = Some(Parts {
            upload: Box::new(upload),
            sending: None,
        });
        ours.write(Bytes::from_static(b"all of it")).await.unwrap();
        let version = Box::new(ours).finish().await.unwrap();
        let found = store.head(&at).await.unwrap();
        assert_eq!((found.size, version_found(&found)), (9, version));
    }
}
