//! The registry server: one binary, one bucket, the clients that you have.

mod admin;
mod app;
mod cli;
mod config;
mod listen;
mod maintenance;
mod maven;
mod metrics;
mod mounts;
mod operator;
mod output;
mod page;
mod pypi;
mod serve;
mod storage;
mod telemetry;

use std::{error::Error as _, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Parser;
use registry::ErrorKind;

use self::{
    cli::{Cli, Command},
    config::Config,
    output::Output,
};

/// Most work is done on threads that come and go, and what they leave in caches outlives them: this
/// allocator gives the rest back to the system.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What the allocator reads when it begins: a thread of its own gives back what was free for a second,
/// and no huge pages, of which every thread would take one for little.
#[allow(unsafe_code, non_upper_case_globals)]
#[unsafe(export_name = "_rjem_malloc_conf")]
static malloc_conf: &[u8; 70] =
    b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,thp:never\0";

/// How long what runs beside the requests may take to end with them.
const LAST_WORDS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("registry: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// What went wrong, and why: whoever runs a command may see what a client may not.
fn told(error: &anyhow::Error) -> String {
    let is_phrase = |cause: &&(dyn std::error::Error + 'static)| {
        let error = cause.downcast_ref::<registry::Error>();
        error.is_some_and(|error| error.kind() == ErrorKind::Internal && error.source().is_some())
    };
    let causes = error.chain().filter(|cause| !is_phrase(cause));
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

/// Carries out a command; whether it found all well.
fn run(cli: Cli) -> Result<bool> {
    let mut flags = cli.common.flags();
    match &cli.command {
        None => cli.serve.flags(&mut flags),
        Some(Command::Serve(serve) | Command::CheckConfig(serve)) => {
            cli.serve.flags(&mut flags);
            serve.flags(&mut flags);
        }
        Some(_) if !cli.serve.is_empty() => {
            bail!("--listen, --public-url and --anonymous are for serve")
        }
        Some(Command::Gc {
            grace: Some(grace), ..
        }) => {
            flags.insert("gc.grace", grace.clone());
        }
        Some(_) => {}
    }
    // Variables that are not UTF-8 are none of ours.
    let env = std::env::vars_os();
    let env =
        env.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (config, resolved) = Config::load(flags, env, cli.common.config.as_deref())?;
    let mut out = Output;
    if let Some(Command::CheckConfig(_)) = cli.command {
        telemetry::filter(&config)?;
        config
            .tls
            .as_ref()
            .map(listen::Certificate::load)
            .transpose()?;
        let storage = std::sync::Arc::new(registry::storage::Memory::new());
        let auth = admin::provider(storage.clone(), &config)?;
        mounts::registry(storage, auth, &config)?;
        out.line(config::show(&resolved).trim_end());
        return Ok(true);
    }
    // Dropped last, it writes what is left of the log.
    let _log = telemetry::start(&config)?;
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        bail!("the cryptography of TLS is set already");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("no runtime came about")?;
    let end = runtime.block_on(carry_out(cli.command, &config, &mut out));
    runtime.shutdown_timeout(LAST_WORDS);
    end
}

async fn carry_out(command: Option<Command>, config: &Config, out: &mut Output) -> Result<bool> {
    match command {
        Some(Command::User { command }) => admin::user(command, config, out).await?,
        Some(Command::Token { command }) => admin::token(command, config, out).await?,
        Some(Command::Maven { command }) => maven::carry_out(command, config, out).await?,
        Some(Command::Pypi { command }) => pypi::carry_out(command, config).await?,
        Some(Command::Gc { dry_run, .. }) => maintenance::gc(config, dry_run, out).await?,
        Some(Command::Verify { repair }) => return maintenance::verify(config, repair, out).await,
        None | Some(Command::Serve(_) | Command::CheckConfig(_)) => {
            serve::serve(config, out).await?
        }
    }
    Ok(true)
}
