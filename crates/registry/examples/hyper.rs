//! A registry served by plain hyper, without a framework.

use std::sync::Arc;

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use registry::{
    auth::{Anonymous, AuthOptions, DefaultAuth, MemoryTokens},
    npm::Npm,
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::Documents,
};

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
        .mount(Mount::new(Npm::default()))
        .build()?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let registry = registry.clone();
        let answer = service_fn(move |request| {
            let registry = registry.clone();
            async move { Ok::<_, std::convert::Infallible>(registry.handle(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}
