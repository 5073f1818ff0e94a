//! The registry: its binary, where its state lies, and how it is configured.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Probe, Server, free_port};
use crate::proc;

/// The registry's binary and one storage place.
#[derive(Clone)]
pub(crate) struct Registry {
    bin: PathBuf,
    folder: PathBuf,
    /// What all of its commands are told.
    environment: BTreeMap<String, String>,
}

impl Registry {
    /// A registry whose state and log lie in `folder`, and which everybody may read.
    pub(crate) fn new(bin: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let storage = folder.join("storage").to_string_lossy().into_owned();
        let registry = Self {
            bin: bin.to_owned(),
            folder: folder.to_owned(),
            environment: BTreeMap::new(),
        };
        Ok(registry
            .with("REGISTRY_STORAGE", &storage)
            .with("REGISTRY_ANONYMOUS", "read"))
    }

    /// The same with another variable in its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with more of them.
    pub(crate) fn with_all<'a>(
        self,
        variables: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Self {
        variables
            .into_iter()
            .fold(self, |registry, (name, value)| registry.with(name, &value))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bin);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("REGISTRY_") || name.starts_with("AWS_") {
                command.env_remove(&*name);
            }
        }
        command.args(arguments).envs(&self.environment);
        command
    }

    /// Starts it on a free port.
    pub(crate) fn serve(&self) -> Result<Server> {
        let port = free_port()?;
        let mut command = self.command(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
        let probe = if self.environment.contains_key("REGISTRY_TLS_CERT") {
            Probe::Connect
        } else {
            Probe::Get("/healthz")
        };
        Server::start(&mut command, port, probe, &self.folder.join("log"))
    }

    /// Runs a command on its bucket, which must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Result<()> {
        proc::output(&mut self.command(arguments)).map(drop)
    }

    /// Makes a user; `more` says what they may do.
    pub(crate) fn add_user(&self, name: &str, password: &str, more: &[&str]) -> Result<()> {
        let mut command = self.command(&["user", "add", name]);
        let limit = Duration::from_secs(60);
        let input = format!("{password}\n");
        let ran = proc::capture(command.args(more), Some(&input), limit)?;
        if !ran.success() {
            bail!("{}", ran.report());
        }
        Ok(())
    }

    /// Makes a token.
    pub(crate) fn token(&self, user: &str, scope: &str, more: &[&str]) -> Result<String> {
        let mut command = self.command(&["token", "create", "--user", user, "--scope", scope]);
        let printed = proc::output(command.args(more))?;
        let token = printed.trim();
        if token.is_empty() || token.contains(char::is_whitespace) {
            bail!("`token create` should print only the token, and printed: {printed}");
        }
        Ok(token.to_owned())
    }
}

/// The release binary of the server, built if it is not.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    let arguments = [
        "build",
        "--release",
        "--quiet",
        "--package",
        "registry-server",
    ];
    proc::run(proc::command(cargo(), root).args(arguments))?;
    let metadata = metadata(root)?;
    let target = metadata["target_directory"]
        .as_str()
        .context("no target directory")?;
    let bin = Path::new(target).join("release").join("registry");
    if !bin.is_file() {
        bail!("the build left no {}", bin.display());
    }
    Ok(bin)
}

/// The binary that was named, or the one that is built from here.
pub(crate) fn named_or_built(root: &Path, named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(bin) => bin
            .canonicalize()
            .with_context(|| bin.display().to_string()),
        None => build(root),
    }
}

/// What `cargo metadata` says of the whole workspace.
pub(crate) fn metadata(root: &Path) -> Result<serde_json::Value> {
    let printed =
        proc::output(proc::command(cargo(), root).args(["metadata", "--format-version", "1"]))?;
    serde_json::from_str(&printed).context("cargo metadata")
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
