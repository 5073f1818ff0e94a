//! The real clients, unmodified, against the real binary.
//!
//! A run starts one server over a temporary folder and gives every client a home, a cache and a
//! configuration of its own, which know this server and no other. A step that fails fails the run.

mod client;
mod npm;
mod pnpm;
mod yarn;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::server::{self, Registry, Server};
use crate::tools;

/// Each protocol's clients, with the function that runs a client's steps.
const PROTOCOLS: &[(&str, &[(&str, Steps)])] = &[(
    "npm",
    &[
        ("npm", npm::steps),
        ("pnpm", pnpm::steps),
        ("yarn", yarn::steps),
    ],
)];

type Steps = fn(&mut Run, &World) -> Result<()>;

/// Options of `cargo xtask e2e`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// The protocols whose clients to run; all if none is named.
    protocols: Vec<String>,
    /// A server binary that is built already.
    #[arg(long)]
    bin: Option<PathBuf>,
    /// One client alone.
    #[arg(long)]
    client: Option<String>,
    /// Go on after a failed step; the run still fails.
    #[arg(long)]
    keep_going: bool,
    /// Run against Verdaccio instead, to see what a client does by itself. What only our command
    /// line can prepare fails.
    #[arg(long)]
    peer: bool,
}

impl Args {
    /// All clients, with a server binary that is built already.
    pub(crate) fn with_bin(bin: PathBuf) -> Self {
        Self {
            bin: Some(bin),
            ..Self::default()
        }
    }
}

/// The user that the clients log in as.
pub(crate) const USER: &str = "alice";
/// Her password.
pub(crate) const PASSWORD: &str = "correct-horse-7";
/// Somebody else.
pub(crate) const OTHER: &str = "bob";

/// What a client can reach: one server, and folders.
pub(crate) struct World {
    root: PathBuf,
    folder: PathBuf,
    elsewhere: PathBuf,
    server: Server,
    registry: Option<Registry>,
}

impl World {
    /// A new server with two users, over an empty folder.
    fn start(root: &Path, folder: &Path, args: &Args) -> Result<Self> {
        let (root, folder) = (root.to_owned(), folder.to_owned());
        let elsewhere = folder.join("elsewhere");
        fs::create_dir_all(&elsewhere)?;
        if args.peer {
            tools::ensure(&root, &["verdaccio"])?;
            let server = server::verdaccio(&root, &folder.join("server"))?;
            server::couch_login(server.port, "", USER, PASSWORD)?;
            server::couch_login(server.port, "", OTHER, PASSWORD)?;
            return Ok(Self {
                root,
                folder,
                elsewhere,
                server,
                registry: None,
            });
        }
        let bin = server::named_or_built(&root, args.bin.as_deref())?;
        let registry = Registry::new(&bin, &folder.join("server"))?;
        registry.add_user(USER, PASSWORD, &[])?;
        registry.add_user(OTHER, PASSWORD, &[])?;
        let server = registry.serve()?;
        Ok(Self {
            root,
            folder,
            elsewhere,
            server,
            registry: Some(registry),
        })
    }

    /// Where a protocol is mounted, without a slash at the end.
    fn mount(&self, protocol: &str) -> String {
        format!("{}{}", self.server.url(), self.mount_path(protocol))
    }

    /// The path of that.
    fn mount_path(&self, protocol: &str) -> String {
        match self.registry {
            Some(_) => format!("/{protocol}"),
            None => String::new(),
        }
    }

    /// An empty folder, for commands that are about no package; a client's home will not do, since
    /// clients read the configuration of the folder that they run in.
    fn elsewhere(&self) -> &Path {
        &self.elsewhere
    }

    /// A token of `USER` with just this scope, made on the command line.
    fn token(&self, scope: &str, more: &[&str]) -> Result<String> {
        let registry = self
            .registry
            .as_ref()
            .context("the peer has no such command")?;
        registry.token(USER, scope, more)
    }
}

/// Counts the steps, and prints a line for each.
pub(crate) struct Run {
    passed: usize,
    failed: Vec<String>,
    keep_going: bool,
}

impl Run {
    /// Runs one step.
    pub(crate) fn step(
        &mut self,
        world: &World,
        name: &str,
        step: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let start = Instant::now();
        match step() {
            Ok(()) => {
                println!("ok  {name} ({:.1} s)", start.elapsed().as_secs_f64());
                self.passed += 1;
                return Ok(());
            }
            Err(error) => {
                println!(
                    "FAILED  {name} ({:.1} s)\n{error:#}",
                    start.elapsed().as_secs_f64()
                );
            }
        }
        println!(
            "--- the end of the server's log\n{}",
            world.server.log_tail()
        );
        self.failed.push(name.to_owned());
        if self.keep_going {
            Ok(())
        } else {
            bail!("{name} failed")
        }
    }
}

/// Runs the named protocols' clients, or all.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let known: Vec<_> = PROTOCOLS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = args
        .protocols
        .iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        bail!("no clients for {unknown}; there are {}", known.join(", "));
    }
    tools::ensure(root, tools::SHORT)?;
    let temporary = tempfile::Builder::new().prefix("registry-e2e-").tempdir()?;
    let folder = temporary.path().canonicalize()?;
    let world = World::start(root, &folder, args)?;
    let mut run = Run {
        passed: 0,
        failed: Vec::new(),
        keep_going: args.keep_going,
    };
    let chosen = PROTOCOLS.iter().filter(|(name, _)| {
        args.protocols.is_empty() || args.protocols.iter().any(|chosen| chosen == name)
    });
    let clients = chosen.flat_map(|(_, clients)| *clients);
    let ended = clients
        .filter(|(name, _)| args.client.as_deref().is_none_or(|client| client == *name))
        .try_for_each(|(_, steps)| steps(&mut run, &world));
    println!("{} passed, {} failed", run.passed, run.failed.len());
    ended?;
    if !run.failed.is_empty() {
        bail!("failed: {}", run.failed.join("; "));
    }
    if world.registry.is_some() {
        world.server.stop()
    } else {
        Ok(())
    }
}
