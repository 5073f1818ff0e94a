//! Measuring the server side by side with its peers, in one run on one machine.
//!
//! Rounds of all sides alternate, so that what else the machine does falls on all of them, and
//! medians are compared. Only ratios mean something on another machine.

mod load;
mod memory;
mod npm;
mod npm_memory;
mod npm_scale;
mod package;
mod report;
mod subject;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{server, tools};
use report::Report;

/// Options of `cargo xtask bench`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// A protocol (`npm`) or a single bench (`npm-read`); all if none is named.
    names: Vec<String>,
    /// The numbers of packages and the durations that the targets are about.
    #[arg(long)]
    full: bool,
    /// A server binary that is built already.
    #[arg(long)]
    bin: Option<PathBuf>,
    /// Put Verdaccio in our place as well, to try the bench itself.
    #[arg(long)]
    peer: bool,
}

impl Args {
    /// All benches, in full.
    pub(crate) fn full() -> Self {
        Self {
            full: true,
            ..Self::default()
        }
    }
}

/// What a bench works with.
pub(crate) struct Bench {
    root: PathBuf,
    /// A folder on a real file system, emptied at the end.
    folder: PathBuf,
    bin: PathBuf,
    full: bool,
    peer: bool,
}

type Measure = fn(&Bench, &mut Report) -> Result<()>;

const BENCHES: &[(&str, Measure)] = &[
    ("npm-read", npm::read),
    ("npm-publish", npm::publish),
    ("npm-memory", npm_memory::memory),
    ("npm-start", npm_memory::start),
    ("npm-scale", npm_scale::scale),
];

/// Runs the named benches, or all, and prints one table.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let chosen = |bench: &str| {
        let named = |name: &String| bench == name || bench.starts_with(&format!("{name}-"));
        args.names.is_empty() || args.names.iter().any(named)
    };
    let benches: Vec<_> = BENCHES.iter().filter(|(name, _)| chosen(name)).collect();
    if benches.is_empty() {
        let known: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("no bench of that name; there are {}", known.join(", "));
    }
    tools::ensure(root, tools::BENCH)?;
    let bin = match &args.bin {
        None if args.peer => PathBuf::new(),
        named => server::named_or_built(root, named.as_deref())?,
    };
    // Not in /tmp, which may be memory: syncing is part of what is measured.
    let target = root.join("target").join("xtask");
    fs::create_dir_all(&target)?;
    let temporary = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(target)?;
    let folder = temporary.path().canonicalize()?;
    let bench = Bench {
        root: root.to_owned(),
        folder,
        bin,
        full: args.full,
        peer: args.peer,
    };
    let mut report = Report::default();
    for (name, measure) in benches {
        let start = Instant::now();
        measure(&bench, &mut report).with_context(|| format!("bench {name}"))?;
        println!("{name} took {:.0} s", start.elapsed().as_secs_f64());
    }
    report.print();
    Ok(())
}
