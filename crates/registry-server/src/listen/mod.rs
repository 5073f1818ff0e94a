//! The listener: from sockets to requests, within limits, until told to stop.

mod activity;
mod body;
mod connection;
mod io;
mod plain;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use registry::{body::Direct, protocol::Connection};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
};
use tokio_rustls::TlsAcceptor;

use self::plain::Plain;
pub(crate) use self::{
    activity::{Activity, InFlight},
    body::{Pace, Paced},
    tls::Certificate,
};
use crate::{app::App, config::Limits};

/// How long to wait when no more connections can be accepted, as when files run out.
const BREATH: Duration = Duration::from_millis(50);

/// Sockets that listen.
pub(crate) struct Listeners {
    sockets: Vec<TcpListener>,
    tls: Option<TlsAcceptor>,
}

/// What every connection needs.
struct Shared {
    app: Arc<App>,
    limits: Limits,
    tls: Option<TlsAcceptor>,
    free: Arc<Semaphore>,
}

impl Listeners {
    /// Begins to listen; nothing is accepted yet.
    ///
    /// # Errors
    /// When an address is none or is taken.
    pub(crate) async fn bind(addresses: &[String], tls: Option<TlsAcceptor>) -> Result<Self> {
        let mut sockets = Vec::new();
        for address in addresses {
            let socket = TcpListener::bind(address.as_str()).await;
            sockets.push(socket.with_context(|| format!("cannot listen on {address}"))?);
        }
        Ok(Self { sockets, tls })
    }

    /// The addresses, as clients on this machine call them.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(crate) fn addresses(&self) -> Result<Vec<String>> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let of = |socket: &TcpListener| Ok(format!("{scheme}://{}", socket.local_addr()?));
        self.sockets.iter().map(of).collect()
    }

    /// Serves until `stop` says so and the last request has been answered.
    pub(crate) async fn serve(self, app: Arc<App>, limits: &Limits, stop: watch::Receiver<bool>) {
        let shared = Arc::new(Shared {
            app,
            limits: limits.clone(),
            tls: self.tls,
            free: Arc::new(Semaphore::new(limits.max_connections as usize)),
        });
        // Each connection holds a sender; when the last one is gone, so are they.
        let (alive, mut gone) = mpsc::channel::<()>(1);
        for socket in self.sockets {
            tokio::spawn(accept(socket, shared.clone(), stop.clone(), alive.clone()));
        }
        drop(alive);
        gone.recv().await;
    }
}

async fn accept(
    socket: TcpListener,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
) {
    let stopped = stop.clone();
    let stopping = stop.wait_for(|stop| *stop);
    tokio::pin!(stopping);
    loop {
        let next = async {
            let permit = shared.free.clone().acquire_owned().await.ok();
            (permit, socket.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            _ = &mut stopping => return,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (shared, stop, alive) = (shared.clone(), stopped.clone(), alive.clone());
                tokio::spawn(async move {
                    greet(stream, peer, &shared, stop).await;
                    drop((permit, alive));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// Gets a connection as far as HTTP.
async fn greet(stream: TcpStream, peer: SocketAddr, shared: &Shared, stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let peer = peer.ip().to_canonical();
    let from = Connection {
        peer: Some(peer),
        tls: shared.tls.is_some(),
    };
    let _gauge = shared.app.metrics().connection();
    let Some(acceptor) = &shared.tls else {
        let direct = Direct::default();
        let stream = Plain::new(stream, direct.clone());
        return connection::serve(
            stream,
            Some(direct),
            from,
            &shared.app,
            &shared.limits,
            stop,
        )
        .await;
    };
    match tokio::time::timeout(shared.limits.tls_timeout, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            connection::serve(stream, None, from, &shared.app, &shared.limits, stop).await
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS came about"),
        Err(_) => tracing::debug!(%peer, "no TLS came about in time"),
    }
}
