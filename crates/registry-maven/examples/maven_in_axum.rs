//! An application that hosts artifacts for Maven, and only those, inside axum.

use std::sync::Arc;

use axum::Router;
use registry_core::{
    auth::{Anonymous, AuthOptions, DefaultAuth, MemoryTokens},
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::Documents,
};
use registry_maven::Maven;

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
        .mount(Mount::new(Maven::default()))
        .build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, Router::new().fallback_service(registry)).await?)
}
