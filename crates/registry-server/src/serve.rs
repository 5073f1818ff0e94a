//! `registry serve`: from the configuration to the last request.

use std::sync::Arc;

use anyhow::{Context, Result};
use registry::{
    auth::Secret,
    protocol::{BaseUrl, RegistryService},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    admin,
    app::App,
    config::Config,
    listen::{Certificate, Listeners},
    maintenance, mounts,
    output::Output,
    storage,
};

/// Serves until a signal says to stop.
///
/// # Errors
/// When it cannot begin.
pub(crate) async fn serve(config: &Config, out: &mut Output) -> Result<()> {
    open_files();
    let storage = storage::open(config).await?;
    let auth = admin::provider(storage.clone(), config)?;
    let registry = mounts::registry(storage.clone(), auth.clone(), config)?;
    let certificate = config.tls.as_ref().map(Certificate::load).transpose()?;
    let acceptor = certificate
        .as_ref()
        .map(Certificate::acceptor)
        .transpose()?;
    let listeners = Listeners::bind(&config.listen, acceptor).await?;
    let signals = Signals::new()?;
    // Only now, since the token is told once.
    let first = auth.ensure_admin().await?;
    announce(&listeners, &registry, first, config, out)?;

    let warm = registry.clone();
    tokio::spawn(async move {
        if let Err(error) = warm.warm_up().await {
            tracing::warn!(?error, "the logs could not be read beforehand");
        }
    });
    tokio::spawn(maintenance::expire_uploads(registry.clone()));
    if let Some(interval) = config.gc.interval {
        tokio::spawn(maintenance::collect(
            registry.clone(),
            interval,
            config.gc.grace,
        ));
    }
    let app = App::new(registry, storage, &config.limits)?;
    let (stop, stopped) = watch::channel(false);
    let serving = listeners.serve(app.clone(), &config.limits, stopped);
    let forced = signals.run(&app, stop, certificate, config);
    tokio::select! {
        () = serving => tracing::info!("stopped"),
        reason = forced => tracing::warn!("stopped with requests under way: {reason}"),
    }
    Ok(())
}

/// Lets this process open as many files as it may ask for: each connection is one.
fn open_files() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, all) {
        tracing::warn!(%error, "no more than {:?} files can be open", limit.current);
    }
}

/// Says where it listens, who the first user is, and what to paste.
fn announce(
    listeners: &Listeners,
    registry: &RegistryService,
    first: Option<(String, Secret)>,
    config: &Config,
    out: &mut Output,
) -> Result<()> {
    let addresses = listeners.addresses()?;
    for address in &addresses {
        out.line(&format!("listening on {address}"));
    }
    let here = addresses.first().map_or("http://localhost", String::as_str);
    let here = here
        .replace("//0.0.0.0:", "//localhost:")
        .replace("//[::]:", "//localhost:");
    let base = config
        .public_url
        .clone()
        .map_or_else(|| BaseUrl::new(&here), Ok)?;
    if let Some((user, token)) = &first {
        let token = token.reveal();
        out.line(&format!(
            "\nThis is the first start. The user {user} was made, with the token\n\n  {token}\n"
        ));
        out.line("which administers, and is not told again.");
    }
    let token = first.as_ref().map(|(_, token)| token.reveal());
    for (name, usage) in registry.usage(&base, token) {
        out.line(&format!("\n{name}:\n{}", usage.trim_end()));
    }
    Ok(())
}

/// The signals that mean something.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let of = |kind| signal(kind).context("signals cannot be had");
        Ok(Self {
            interrupt: of(SignalKind::interrupt())?,
            terminate: of(SignalKind::terminate())?,
            hangup: of(SignalKind::hangup())?,
        })
    }

    /// Waits for one that means to stop; reads the certificate again on the other.
    async fn stop(&mut self, certificate: Option<&Certificate>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hangup.recv() => {
                    if let Some(certificate) = certificate {
                        certificate.reload();
                    }
                }
            }
        }
    }

    /// Lets the server stop at the first signal; ends, with the reason, when it takes too long.
    async fn run(
        mut self,
        app: &App,
        stop: watch::Sender<bool>,
        certificate: Option<Arc<Certificate>>,
        config: &Config,
    ) -> &'static str {
        self.stop(certificate.as_deref()).await;
        tracing::info!("stopping; requests under way are finished first");
        app.stop();
        stop.send_replace(true);
        tokio::select! {
            () = self.stop(certificate.as_deref()) => "a second signal came",
            () = tokio::time::sleep(config.limits.shutdown) => "they took too long",
        }
    }
}
