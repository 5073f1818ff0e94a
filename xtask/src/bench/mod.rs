//! Measuring the server side by side with its peers, in one run on one machine.
//!
//! Rounds of all sides alternate, so that what else the machine does falls on all of them, and
//! medians are compared. Only ratios mean something on another machine.

mod build;
mod cargo;
mod composer;
mod load;
mod maven;
pub(crate) mod memory;
mod npm;
mod oci;
mod pypi;
mod report;
mod rubygems;
mod zip;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::server::{self, Registry, Server};
use crate::tools;
use report::Report;

/// Options of `cargo xtask bench`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Protocols (`npm`) or single benches (`npm-read`); all if none is named.
    names: Vec<String>,
    /// The numbers of packages and the durations that the targets are about.
    #[arg(long)]
    full: bool,
    /// A server binary that is built already.
    #[arg(long)]
    bin: Option<PathBuf>,
    /// Put the protocol's peer in our place as well, to try the bench itself.
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

impl Bench {
    /// Our server over an empty folder, with a token of this scope. It does not log each request,
    /// as no peer does here.
    fn ours(&self, name: &str, scope: &str) -> Result<(Registry, Server, String)> {
        let registry = Registry::new(&self.bin, &self.folder.join(name))?
            .with("REGISTRY_LOG", "info,registry::access=off");
        registry.add_user(USER, PASSWORD, &[])?;
        let token = registry.token(USER, scope, &[])?;
        let server = registry.serve()?;
        Ok((registry, server, token))
    }
}

const USER: &str = "bench";
const PASSWORD: &str = "correct-horse-7";

/// Measures one thing, and adds rows to the table.
type Measure = fn(&Bench, &mut Report) -> Result<()>;

/// What is measured of a protocol.
struct Protocol {
    name: &'static str,
    /// The peers and tools that it needs.
    tools: &'static [&'static str],
    benches: &'static [(&'static str, Measure)],
}

const PROTOCOLS: &[Protocol] = &[
    cargo::BENCHES,
    composer::BENCHES,
    maven::BENCHES,
    npm::BENCHES,
    oci::BENCHES,
    pypi::BENCHES,
    rubygems::BENCHES,
    build::BENCHES,
];

/// Installs what all benches need.
pub(crate) fn install(root: &Path) -> Result<()> {
    let mut all = PROTOCOLS.iter();
    all.try_for_each(|protocol| tools::ensure(root, protocol.tools))
}

/// Runs the named benches, or all, and prints one table.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let benches = chosen(&args.names)?;
    for (protocol, ..) in &benches {
        tools::ensure(root, protocol.tools)?;
    }
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
    for (_, name, measure) in benches {
        let start = Instant::now();
        measure(&bench, &mut report).with_context(|| format!("bench {name}"))?;
        println!("{name} took {:.0} s", start.elapsed().as_secs_f64());
    }
    report.print();
    Ok(())
}

/// The benches that some names mean; all where there are none.
fn chosen(names: &[String]) -> Result<Vec<(&'static Protocol, String, Measure)>> {
    let all: Vec<_> = PROTOCOLS
        .iter()
        .flat_map(|protocol| {
            let full = move |name: &str| format!("{}-{name}", protocol.name);
            let benches = protocol.benches.iter();
            benches.map(move |(name, measure)| (protocol, full(name), *measure))
        })
        .collect();
    for name in names {
        if !all
            .iter()
            .any(|(protocol, full, _)| name == full || name == protocol.name)
        {
            let known: Vec<_> = all.iter().map(|(_, full, _)| full.as_str()).collect();
            bail!("no bench is called {name}; there are {}", known.join(", "));
        }
    }
    let named = |(protocol, full, _): &(&Protocol, String, Measure)| {
        names.is_empty()
            || names
                .iter()
                .any(|name| name == full || name == protocol.name)
    };
    Ok(all.into_iter().filter(named).collect())
}
