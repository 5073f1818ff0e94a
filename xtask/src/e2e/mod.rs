//! The real clients, unmodified, against the real binary.
//!
//! For each protocol a run starts one server over a temporary folder and gives every client a home,
//! a cache and a configuration of its own, which know this server and no other. A step that fails
//! fails the run.

mod cargo;
mod client;
mod composer;
mod maven;
mod mixed;
mod npm;
mod oci;
mod pnpm;
mod pypi;
mod rubygems;
mod tls;
mod yarn;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::server::{self, Registry, Server};
use crate::tools;

/// A protocol, its clients, and the function that runs a client's steps.
struct Protocol {
    name: &'static str,
    clients: &'static [(&'static str, Steps)],
    /// The tools that they are.
    tools: &'static [&'static str],
    /// What stands in our place with `--peer`, and the tools that it needs.
    peer: Option<(StartPeer, &'static [&'static str])>,
}

/// Starts a peer; with the workspace's folder, and one for its state.
type StartPeer = fn(&Path, &Path) -> Result<Server>;

const PROTOCOLS: &[Protocol] = &[
    Protocol {
        name: "cargo",
        clients: &[("cargo", cargo::steps)],
        tools: &[],
        peer: None,
    },
    Protocol {
        name: "composer",
        clients: &[("composer", composer::steps)],
        tools: &["composer", "unzip"],
        peer: None,
    },
    Protocol {
        name: "maven",
        clients: &[
            ("mvn-3.8", maven::mvn::steps_3_8),
            ("mvn-3.9", maven::mvn::steps_3_9),
            ("mvn-4", maven::mvn::steps_4),
            ("gradle", maven::gradle::steps),
            ("lein", maven::lein::steps),
            ("coursier", maven::coursier::steps),
        ],
        tools: &[
            "maven-3.9",
            "maven-4",
            "maven-plugins",
            "gradle",
            "leiningen",
            "coursier",
        ],
        peer: None,
    },
    Protocol {
        name: "npm",
        clients: &[
            ("npm", npm::steps),
            ("pnpm", pnpm::steps),
            ("yarn", yarn::steps),
        ],
        tools: &["node-clients"],
        peer: Some((npm::peer, &["verdaccio"])),
    },
    Protocol {
        name: "oci",
        clients: &[
            ("skopeo", oci::skopeo::steps),
            ("crane", oci::crane::steps),
            ("oras", oci::oras::steps),
            ("podman", oci::podman::steps),
        ],
        tools: &["skopeo", "crane", "oras", "podman"],
        peer: Some((oci::peer, &["docker-registry", "htpasswd"])),
    },
    Protocol {
        name: "pypi",
        clients: &[
            ("twine", pypi::twine::steps),
            ("uv", pypi::uv::steps),
            ("pip", pypi::pip::steps),
            ("poetry", pypi::poetry::steps),
        ],
        tools: &["python-clients", "old-pip"],
        peer: Some((pypi::peer, &["pypiserver"])),
    },
    Protocol {
        name: "rubygems",
        clients: &[
            ("gem", rubygems::gem::steps),
            ("bundler", rubygems::bundler::steps),
        ],
        tools: &["ruby", "bundler"],
        peer: None,
    },
    Protocol {
        name: "mixed",
        clients: &[("all", mixed::steps)],
        tools: &[
            "composer",
            "crane",
            "maven-plugins",
            "python-clients",
            "ruby",
            "unzip",
        ],
        peer: None,
    },
];

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
    /// The sizes that the targets are about.
    #[arg(long)]
    full: bool,
    /// Run against a peer of each protocol instead, to see what a client does by itself. What only
    /// our command line can prepare fails.
    #[arg(long)]
    peer: bool,
}

impl Args {
    /// All clients, with a server binary that is built already.
    pub(crate) fn of_ci(full: bool, bin: PathBuf) -> Self {
        Self {
            full,
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
/// Somebody who may read, and nothing else. All have the same password.
pub(crate) const READER: &str = "carol";

/// What a client can reach: one server, and folders.
pub(crate) struct World {
    root: PathBuf,
    folder: PathBuf,
    elsewhere: PathBuf,
    server: Server,
    registry: Option<Registry>,
    full: bool,
}

impl World {
    /// A new server with three users, over an empty folder.
    fn start(root: &Path, folder: &Path, args: &Args, protocol: &Protocol) -> Result<Self> {
        let elsewhere = folder.join("elsewhere");
        fs::create_dir_all(&elsewhere)?;
        let state = folder.join("server");
        let (server, registry) = if args.peer {
            let peer = protocol.peer.as_ref();
            let (start, needs) = peer.context("no peer is known for this protocol")?;
            tools::ensure(root, needs)?;
            (start(root, &state)?, None)
        } else {
            let bin = server::named_or_built(root, args.bin.as_deref())?;
            // A cache that a few minutes of load fill, so that what grows beside it is seen.
            let registry = Registry::new(&bin, &state)?.with("REGISTRY_LIMITS_CACHE", "16M");
            registry.add_user(USER, PASSWORD, &[])?;
            registry.add_user(OTHER, PASSWORD, &[])?;
            registry.add_user(READER, PASSWORD, &["--scope", "*:*:*:read"])?;
            (registry.serve()?, Some(registry))
        };
        Ok(Self {
            root: root.to_owned(),
            folder: folder.to_owned(),
            elsewhere,
            server,
            registry,
            full: args.full,
        })
    }

    /// Another server over the same state, which is told something else.
    fn replica(&self, variables: &[(&str, &str)]) -> Result<Server> {
        let mut registry = self.registry()?.clone();
        for (name, value) in variables {
            registry = registry.with(name, value);
        }
        registry.serve()
    }

    fn registry(&self) -> Result<&Registry> {
        let registry = self.registry.as_ref();
        registry.context("the peer has no such command")
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
        self.registry()?.token(USER, scope, more)
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
    let known: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    let unknown = |name: &&String| !known.contains(&name.as_str());
    if let Some(unknown) = args.protocols.iter().find(unknown) {
        bail!("no clients for {unknown}; there are {}", known.join(", "));
    }
    let temporary = tempfile::Builder::new().prefix("e2e-").tempdir()?;
    let folder = temporary.path().canonicalize()?;
    let mut run = Run {
        passed: 0,
        failed: Vec::new(),
        keep_going: args.keep_going,
    };
    let chosen = |protocol: &&Protocol| {
        args.protocols.is_empty() || args.protocols.iter().any(|name| name == protocol.name)
    };
    let ended = PROTOCOLS
        .iter()
        .filter(chosen)
        .try_for_each(|protocol| clients(root, &folder, args, protocol, &mut run));
    println!("{} passed, {} failed", run.passed, run.failed.len());
    ended?;
    if !run.failed.is_empty() {
        bail!("failed: {}", run.failed.join("; "));
    }
    if run.passed == 0 {
        bail!("no client was chosen");
    }
    Ok(())
}

/// Runs one protocol's clients against one server.
fn clients(
    root: &Path,
    folder: &Path,
    args: &Args,
    protocol: &Protocol,
    run: &mut Run,
) -> Result<()> {
    let chosen = |name: &str| args.client.as_deref().is_none_or(|client| client == name);
    let clients = protocol.clients.iter().filter(|(name, _)| chosen(name));
    let clients: Vec<_> = clients.collect();
    if clients.is_empty() {
        return Ok(());
    }
    tools::ensure(root, protocol.tools)?;
    let world = World::start(root, &folder.join(protocol.name), args, protocol)?;
    for (_, steps) in clients {
        steps(run, &world)?;
    }
    if world.registry.is_some() {
        world.server.stop()
    } else {
        Ok(())
    }
}
