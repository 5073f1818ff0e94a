//! Two hooks: one that keeps each package within a quota, one that writes down who did what.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::Router;
use registry::{
    auth::{Anonymous, AuthOptions, DefaultAuth, MemoryTokens},
    npm::Npm,
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::{Documents, Inspector, Operation, StorageHook, Veto},
};

/// The most bytes that the tarballs of one package may take together.
const QUOTA: u64 = 2000;

/// Counts what is committed, and refuses what would be too much while it still streams.
#[derive(Default)]
struct Quota(Mutex<HashMap<Arc<str>, u64>>);

struct Room(u64);

impl Inspector for Room {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Veto> {
        let left = self.0.checked_sub(bytes.len() as u64);
        self.0 = left.ok_or_else(|| Veto(format!("a package has {QUOTA} bytes at most")))?;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Veto> {
        Ok(())
    }
}

impl Quota {
    fn used(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl StorageHook for Quota {
    async fn before_put(&self, what: &Operation) -> Result<Option<Box<dyn Inspector>>, Veto> {
        let used = self.used().get(&what.resource).copied().unwrap_or_default();
        Ok(Some(Box::new(Room(QUOTA.saturating_sub(used)))))
    }

    async fn after_put(&self, what: &Operation) {
        *self.used().entry(what.resource.clone()).or_default() += what.size.unwrap_or_default();
    }

    async fn after_delete(&self, what: &Operation) {
        if let Some(used) = self.used().get_mut(&what.resource) {
            *used = used.saturating_sub(what.size.unwrap_or_default());
        }
    }
}

/// Prints a line for everything that was stored, sent or deleted.
struct Audit;

impl Audit {
    fn write(did: &str, what: &Operation) {
        let who = what.actor.user.as_deref().unwrap_or("somebody");
        println!("{who} {did} {}", what.key);
    }
}

#[async_trait::async_trait]
impl StorageHook for Audit {
    async fn after_put(&self, what: &Operation) {
        Self::write("stored", what);
    }

    async fn after_get(&self, what: &Operation) {
        Self::write("read", what);
    }

    async fn after_delete(&self, what: &Operation) {
        Self::write("deleted", what);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let storage = Arc::new(Memory::default());
    let documents = Documents::new(storage.clone(), 1 << 20, std::time::Duration::ZERO);
    let open = AuthOptions {
        anonymous: Anonymous::All,
        ..AuthOptions::default()
    };
    let auth = Arc::new(DefaultAuth::new(
        documents,
        Arc::new(MemoryTokens::default()),
        open,
    )?);
    let registry = Builder::new(storage, auth, Options::default())
        .hook(Arc::new(Quota::default()))
        .hook(Arc::new(Audit))
        .mount(Mount::new(Npm::default()))
        .build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, Router::new().fallback_service(registry)).await?)
}
