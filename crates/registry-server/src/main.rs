//! The registry server: one binary, one bucket, the clients that you have.

mod admin;
mod app;
mod cli;
mod config;
mod listen;
mod metrics;
mod mounts;
mod output;
mod page;
mod serve;
mod storage;
mod telemetry;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Parser;

use self::{
    cli::{Cli, Command},
    config::Config,
    output::Output,
};

/// How long what runs beside the requests may take to end with them.
const LAST_WORDS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("registry: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let mut flags = cli.common.flags();
    match &cli.command {
        None => cli.serve.flags(&mut flags),
        Some(Command::Serve(serve) | Command::CheckConfig(serve)) => {
            cli.serve.flags(&mut flags);
            serve.flags(&mut flags);
        }
        Some(_) if cli.serve.is_empty() => {}
        Some(_) => bail!("--listen, --public-url and --anonymous are for serve"),
    }
    // Variables that are not UTF-8 are none of ours.
    let env = std::env::vars_os();
    let env = env.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (config, resolved) = Config::load(flags, env, cli.common.config.as_deref())?;
    let mut out = Output;
    if let Some(Command::CheckConfig(_)) = cli.command {
        telemetry::filter(&config)?;
        config.tls.as_ref().map(listen::Certificate::load).transpose()?;
        out.line(config::show(&resolved).trim_end());
        return Ok(());
    }
    telemetry::start(&config)?;
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("the cryptography of TLS is set already");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("no runtime came about")?;
    let end = runtime.block_on(async {
        match cli.command {
            Some(Command::User { command }) => admin::user(command, &config, &mut out).await,
            Some(Command::Token { command }) => admin::token(command, &config, &mut out).await,
            _ => serve::serve(&config, &mut out).await,
        }
    });
    runtime.shutdown_timeout(LAST_WORDS);
    end
}
