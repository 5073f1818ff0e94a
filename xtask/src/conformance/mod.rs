//! The OCI specification's own suite, strictly: nothing may fail, and nothing may be skipped but
//! what a version of the specification does not have.
//!
//! It runs over each combination of the specification's version, sparse data, authentication and
//! storage, each time against a new server with an empty place to store.

mod matrix;
mod outcome;
mod target;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{proc, tools};
use matrix::{Auth, Combination, Filter, Storage};
use outcome::Outcome;
use target::Target;

/// The longest that one run of the suite may take.
const LIMIT: Duration = Duration::from_secs(900);

/// Options of `cargo xtask conformance`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// The three combinations that together have each version, storage and way of authentication.
    #[arg(long)]
    short: bool,
    /// Run a peer instead, to see that the suite and we tell what fails. It stores in a directory,
    /// and knows no tokens.
    #[arg(long)]
    peer: Option<Peer>,
    /// A server binary that is built already.
    #[arg(long)]
    bin: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Peer {
    DockerRegistry,
}

impl Args {
    /// What the CI runs, with a server binary that is built already.
    pub(crate) fn of_ci(full: bool, bin: PathBuf) -> Self {
        Self {
            short: !full,
            bin: Some(bin),
            ..Self::default()
        }
    }

    fn combinations(&self) -> Vec<Combination> {
        let all = if self.short {
            matrix::SHORT.to_vec()
        } else {
            matrix::all()
        };
        let possible = |combination: &Combination| {
            self.peer.is_none()
                || combination.storage == Storage::Directory && combination.auth != Auth::Bearer
        };
        all.into_iter()
            .filter(|combination| self.filter.wants(combination) && possible(combination))
            .collect()
    }
}

/// Runs the suite over the chosen combinations, or all.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let combinations = args.combinations();
    if combinations.is_empty() {
        bail!("there is no such combination");
    }
    let target = Target::prepare(root, args)?;
    let results = root.join("target").join("xtask").join("conformance");
    let mut failed = Vec::new();
    for combination in &combinations {
        let start = Instant::now();
        let outcome = one(root, &target, combination, &results)
            .with_context(|| format!("the suite with {combination}"))?;
        let complaints = outcome.complaints(combination);
        let took = start.elapsed().as_secs_f64();
        println!(
            "{}{combination}: {} ({took:.1} s)",
            mark(&complaints),
            outcome.counts()
        );
        for complaint in &complaints {
            println!("{complaint}");
        }
        if !complaints.is_empty() {
            failed.push(combination.to_string());
        }
    }
    let (all, bad) = (combinations.len(), failed.len());
    println!("{} combinations passed, {bad} failed", all - bad);
    println!("reports: {}", results.display());
    if bad > 0 {
        bail!("not conformant with {}", failed.join("; "));
    }
    Ok(())
}

fn mark(complaints: &[String]) -> &'static str {
    if complaints.is_empty() {
        "ok  "
    } else {
        "FAILED  "
    }
}

/// One run of the suite; its reports stay in a folder below `results`.
fn one(root: &Path, target: &Target, combination: &Combination, results: &Path) -> Result<Outcome> {
    let results = results.join(combination.slug());
    if results.exists() {
        // What an earlier run left must not be taken for this one's.
        fs::remove_dir_all(&results)?;
    }
    fs::create_dir_all(&results)?;
    let server = target.start(combination)?;
    target::check_challenge(&server, combination.auth)?;
    let mut suite = proc::command(tools::path(root, tools::CONFORMANCE), &results);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OCI_") {
            suite.env_remove(name);
        }
    }
    let registry = format!("127.0.0.1:{}", server.port);
    suite
        .env("OCI_REGISTRY", registry)
        .env("OCI_TLS", "disabled")
        .env("OCI_REPO1", "conformance/one")
        .env("OCI_REPO2", "conformance/two")
        .env("OCI_VERSION", combination.version.name())
        .env("OCI_DATA_SPARSE", combination.sparse.to_string())
        .env("OCI_RESULTS_DIR", &results)
        .env("OCI_LOG", "error");
    if combination.auth != Auth::None {
        suite
            .env("OCI_USERNAME", target::USER)
            .env("OCI_PASSWORD", target::PASSWORD);
    }
    let outcome = suite_outcome(&mut suite, &results);
    let outcome = outcome.with_context(|| format!("the server's log:\n{}", server.log_tail()))?;
    fs::copy(server.log(), results.join("server.log"))?;
    target.stop(server)?;
    Ok(outcome)
}

fn suite_outcome(suite: &mut Command, results: &Path) -> Result<Outcome> {
    let ran = proc::capture(suite, None, LIMIT)?;
    let report = results.join("junit.xml");
    let text = fs::read_to_string(&report)
        .with_context(|| format!("{} should be there\n{}", report.display(), ran.report()))?;
    Outcome::read(&text, ran.success())
        .with_context(|| format!("{}\n{}", report.display(), ran.report()))
}

/// Installs what the combinations need.
fn install(root: &Path, args: &Args) -> Result<()> {
    tools::ensure(root, &["conformance"])?;
    if args.peer.is_some() {
        tools::ensure(root, &["docker-registry", "htpasswd"])?;
    }
    if args
        .combinations()
        .iter()
        .any(|combination| combination.storage == Storage::S3)
    {
        tools::ensure(root, &["minio"])?;
    }
    Ok(())
}
