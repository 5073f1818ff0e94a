//! An npm registry nested in an axum application.
//!
//! ```text
//! cargo run -p registry --example axum
//! npm view left-pad --registry http://127.0.0.1:PORT/packages/npm/
//! ```

use std::sync::Arc;

use axum::{Router, routing::get};
use registry::{
    auth::{Anonymous, AuthOptions, DefaultAuth, MemoryTokens},
    npm::Npm,
    protocol::{BaseUrl, Builder, Mount, Options},
    storage::Memory,
    store::Documents,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);

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
    // What axum strips from the path has to be told, since clients are sent to whole addresses.
    let public_url = Some(BaseUrl::new(&format!("{address}/packages"))?);
    let registry = Builder::new(
        storage,
        auth,
        Options {
            public_url,
            ..Options::default()
        },
    )
    .mount(Mount::new(Npm::default()))
    .build()?;

    let app = Router::new()
        .route("/", get(|| async { "the rest of the application\n" }))
        .nest_service("/packages", registry);
    println!("listening on {address}");
    Ok(axum::serve(listener, app).await?)
}
