//! Content that stands in a document itself, such as a manifest: for hooks it is an artifact as any
//! other, under its document's key.

use bytes::Bytes;

use super::{Change, Operation, Repo};
use crate::{error::Result, storage::Key};

/// What a change does to content in its document.
#[derive(Clone, Debug)]
pub struct Content {
    content_type: &'static str,
    deed: Deed,
}

#[derive(Clone, Debug)]
enum Deed {
    Put(Bytes),
    Delete(u64),
}

impl<R> Change<R> {
    /// The document changed and holds new content.
    #[must_use]
    pub fn putting(mut self, content_type: &'static str, content: Bytes) -> Self {
        let deed = Deed::Put(content);
        self.content = Some(Content { content_type, deed });
        self
    }

    /// The document changed and holds its content, of so many bytes, no longer.
    #[must_use]
    pub fn deleting(mut self, content_type: &'static str, size: u64) -> Self {
        let deed = Deed::Delete(size);
        self.content = Some(Content { content_type, deed });
        self
    }
}

impl Repo {
    /// Tells the hooks that content is sent which stands in the document `file`.
    ///
    /// # Errors
    /// A hook's veto.
    pub async fn reading(&self, file: &str, content_type: &'static str, size: u64) -> Result<()> {
        if self.store.0.hooks.is_empty() {
            return Ok(());
        }
        let operation = self.operation(self.home.join(file)?, Some(size), content_type);
        for hook in &*self.store.0.hooks {
            hook.before_get(&operation).await?;
        }
        for hook in &*self.store.0.hooks {
            hook.after_get(&operation).await;
        }
        Ok(())
    }

    fn of_content(&self, key: &Key, content: &Content) -> Operation {
        let size = match &content.deed {
            Deed::Put(bytes) => bytes.len() as u64,
            Deed::Delete(size) => *size,
        };
        self.operation(key.clone(), Some(size), content.content_type)
    }

    /// Asks the hooks about what a change is going to do to content at `key`.
    pub(super) async fn admit(&self, key: &Key, content: &Content) -> Result<()> {
        let operation = self.of_content(key, content);
        for hook in &*self.store.0.hooks {
            match &content.deed {
                Deed::Put(bytes) => {
                    if let Some(mut inspector) = hook.before_put(&operation).await? {
                        inspector.feed(bytes)?;
                        inspector.finish()?;
                    }
                }
                Deed::Delete(_) => hook.before_delete(&operation).await?,
            }
        }
        Ok(())
    }

    /// Tells the hooks what a change has done to content at `key`.
    pub(super) async fn tell(&self, key: &Key, content: &Content) {
        let operation = self.of_content(key, content);
        for hook in &*self.store.0.hooks {
            match content.deed {
                Deed::Put(_) => hook.after_put(&operation).await,
                Deed::Delete(_) => hook.after_delete(&operation).await,
            }
        }
    }
}
