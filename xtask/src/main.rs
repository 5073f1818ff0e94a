//! The repository's own commands: `cargo xtask ci | tidy | e2e | conformance | bench | tools`.
//!
//! They run the real tools as processes, install what is missing into `.tools`, and fail on the
//! first thing that is not as it should be.

mod bench;
mod ci;
mod conformance;
mod e2e;
mod http;
mod maven_project;
mod proc;
mod random;
mod server;
mod tidy;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// The repository's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything the CI runs.
    Ci {
        /// Run the long forms too: all emulators, all rounds, the bench.
        #[arg(long)]
        full: bool,
    },
    /// Checks the rules that keep the workspace in shape.
    Tidy,
    /// Runs the real clients against the real server.
    E2e(e2e::Args),
    /// Runs the OCI specification's own suite, and wants nothing failed and nothing skipped.
    Conformance(conformance::Args),
    /// Measures the server side by side with its peers.
    Bench(bench::Args),
    /// Installs the clients, servers and peers that the other commands need.
    Tools {
        /// Which ones; all that a short run needs if none is named.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let root = workspace_root()?;
    std::env::set_current_dir(&root).context("entering the workspace")?;
    match command {
        Command::Ci { full } => ci::run(&root, full),
        Command::Tidy => tidy::run(&root),
        Command::E2e(args) => e2e::run(&root, &args),
        Command::Conformance(args) => conformance::run(&root, &args),
        Command::Bench(args) => bench::run(&root, &args),
        Command::Tools { names } if names.is_empty() => tools::ensure(&root, tools::SHORT),
        Command::Tools { names } => tools::ensure(&root, &names),
    }
}

/// The folder of the workspace's `Cargo.toml`.
fn workspace_root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(manifest
        .parent()
        .context("xtask lies in the workspace")?
        .to_owned())
}
