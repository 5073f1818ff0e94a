//! PyPI: what the clients share.
//!
//! Each client has packages of its own, whose names begin with its, so that it can run alone.

pub(super) mod pip;
pub(super) mod poetry;
mod project;
pub(super) mod twine;
pub(super) mod uv;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::client::Client;
use super::mixed::{self, Round};
use super::{USER, World};
use crate::http::Connection;
use crate::server::{self, Server};
use crate::tools;
use project::Project;

/// What a client may do that publishes.
const SCOPE: &str = "pypi:package:*:write";
/// The JSON form of a page.
const JSON: &str = "application/vnd.pypi.simple.v1+json";
/// How long a line may take to come into the server's log.
const LOGGED: Duration = Duration::from_secs(10);

/// pypiserver, to which everybody may publish.
pub(super) fn peer(root: &Path, folder: &Path) -> Result<Server> {
    server::pypiserver(root, folder)
}

/// Where clients look for packages.
fn index(world: &World) -> String {
    format!("{}/simple/", world.mount("pypi"))
}

/// Where clients send packages.
fn upload(world: &World) -> String {
    format!("{}/legacy/", world.mount("pypi"))
}

/// A program of the tools folder, with a home of its own and nothing that tells it of other servers.
fn client(world: &World, home: &str, program: &[&str], env: &[(&str, &str)]) -> Result<Client> {
    let path = program_path(world, program[0]);
    let words: Vec<&str> = [&[path.as_str()], &program[1..]].concat();
    let python = program_path(world, tools::PYTHON);
    let own = [
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring"),
        ("UV_PYTHON_DOWNLOADS", "never"),
        ("UV_PYTHON", python.as_str()),
        // Two file systems in a temporary folder are no reason for a warning.
        ("UV_LINK_MODE", "copy"),
    ];
    Client::new(world, home, &words, &[&own, env].concat())
}

fn program_path(world: &World, below: &str) -> String {
    let path = tools::path(&world.root, below);
    path.to_string_lossy().into_owned()
}

/// twine, which is given a token, as CI systems do.
fn publisher(world: &World, home: &str) -> Result<Client> {
    let token = world.token(SCOPE, &[])?;
    twine_as(world, home, "__token__", &token)
}

fn twine_as(world: &World, home: &str, user: &str, password: &str) -> Result<Client> {
    let upload = upload(world);
    let env = [
        ("TWINE_REPOSITORY_URL", upload.as_str()),
        ("TWINE_USERNAME", user),
        ("TWINE_PASSWORD", password),
        ("TWINE_NON_INTERACTIVE", "1"),
    ];
    let command = [tools::TWINE, "upload", "--disable-progress-bar"];
    client(world, home, &command, &env)
}

/// What publishes files, and what they hold: `base` 1.0 and 1.1, and `lib` 1.0, which depends on it,
/// and 2.0, which depends on one that does not exist.
fn publish_family(world: &World, prefix: &str) -> Result<()> {
    let twine = publisher(world, &format!("{prefix}-publisher"))?;
    let (base, lib) = (format!("{prefix}-base"), format!("{prefix}.Lib"));
    for (name, version, depends) in [
        (&base, "1.0", None),
        (&base, "1.1", None),
        (&lib, "1.0", Some(format!("{base}>=1"))),
        (&lib, "2.0", Some(format!("{base}>=9"))),
    ] {
        let mut project = Project::new(name, version);
        project.depends.extend(depends);
        let files = project.build(world)?;
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        twine.ok(world.elsewhere(), &files, &[])?;
    }
    Ok(())
}

/// The file of a wheel of such a family.
fn wheel(prefix: &str, rest: &str, version: &str) -> String {
    format!("{prefix}_{rest}-{version}-py3-none-any.whl")
}

/// Publishes a wheel by twine and installs it by pip, again and again.
pub(super) fn round(world: &World) -> Result<Round<'_>> {
    let twine = publisher(world, "twine-mixed")?;
    Ok(Box::new(move |number| {
        let project = Project::new("mixed", &format!("1.{number}"));
        let files = project.build(world)?;
        let words: Vec<&str> = files.iter().map(String::as_str).collect();
        twine.ok(world.elsewhere(), &words, &[])?;
        let (folder, python) = environment(world, &format!("mixed-{number}"))?;
        let command = [tools::PIP, "--python", &python];
        let home = format!("pip-mixed-{number}");
        let pip = client(world, &home, &command, &[("PIP_INDEX_URL", &index(world))])?;
        let wanted = format!("mixed=={}", project.version);
        pip.ok(world.elsewhere(), &["install", &wanted], &[])?;
        says(world, &python, &project.module(), &project.content)?;
        mixed::clear(&[folder, pip.home])
    }))
}

/// A place in the server's log.
struct Mark(usize);

impl Mark {
    /// Where it ends now.
    fn now(world: &World) -> Result<Self> {
        let log = fs::read(world.server.log())?;
        Ok(Self(log.len()))
    }

    /// The names of the files that a client has asked for since, once `last` is among them.
    fn fetched(&self, world: &World, agent: &str, last: &str) -> Result<Vec<String>> {
        let start = Instant::now();
        loop {
            let log = fs::read(world.server.log())?;
            let log = String::from_utf8_lossy(log.get(self.0..).unwrap_or_default()).into_owned();
            let mine = log
                .lines()
                .filter(|line| line.contains(&format!("agent=\"{agent}")));
            let files: Vec<String> = mine.filter_map(file_of).collect();
            if files.iter().any(|file| file == last) {
                return Ok(files);
            }
            if start.elapsed() > LOGGED {
                bail!("{agent} did not fetch {last}, only {files:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The file that a line of the log is about.
fn file_of(line: &str) -> Option<String> {
    let (_, path) = line.split_once("path=\"/pypi/packages/")?;
    let (path, _) = path.split_once('"')?;
    Some(path.split_once('/')?.1.to_owned())
}

/// A client has resolved `lib`: it looked at the metadata of the version that does not fit, and not at
/// its wheel.
fn used_metadata(world: &World, mark: &Mark, agent: &str, prefix: &str) -> Result<()> {
    let installed = wheel(prefix, "lib", "1.0");
    let fetched = mark.fetched(world, agent, &installed)?;
    let passed_over = wheel(prefix, "lib", "2.0");
    let has = |file: &str| fetched.iter().any(|fetched| fetched == file);
    for file in [&passed_over, &installed, &wheel(prefix, "base", "1.1")] {
        let metadata = format!("{file}.metadata");
        ensure!(
            has(&metadata),
            "{agent} did not fetch {metadata}: {fetched:?}"
        );
    }
    ensure!(
        !has(&passed_over),
        "{agent} fetched {passed_over}: {fetched:?}"
    );
    ensure!(
        !fetched.iter().any(|file| file.ends_with(".tar.gz")),
        "{agent} fetched a source distribution: {fetched:?}"
    );
    Ok(())
}

/// A virtual environment without anything in it, and its Python.
fn environment(world: &World, name: &str) -> Result<(PathBuf, String)> {
    let folder = world.folder.join("environments").join(name);
    let place = folder.to_string_lossy();
    let python = client(
        world,
        &format!("{name}-venv"),
        &[tools::PYTHON, "-m", "venv"],
        &[],
    )?;
    python.ok(world.elsewhere(), &["--without-pip", &place], &[])?;
    let python = folder.join("bin").join("python");
    Ok((folder, python.to_string_lossy().into_owned()))
}

/// Imports a module with an environment's Python, and compares what it says.
fn says(world: &World, python: &str, module: &str, wanted: &str) -> Result<()> {
    let script = format!("import {module}; print({module}.CONTENT)");
    let mut command = std::process::Command::new(python);
    let command = command.args(["-c", &script]).current_dir(world.elsewhere());
    let printed = crate::proc::output(command)?;
    ensure!(
        printed.trim() == wanted,
        "{module} says {printed}, not {wanted}"
    );
    Ok(())
}

/// A project's page, as we ask for it ourselves.
fn page(world: &World, project: &str) -> Result<Value> {
    let path = format!("{}/simple/{project}/", world.mount_path("pypi"));
    let answer = Connection::new(world.server.port).get(&path, &[("accept", JSON)])?;
    answer.successful(&path)?.json()
}

/// When the first file of a version was uploaded: what clients are told to be the end of a time
/// leaves out what was uploaded right then.
fn uploaded(world: &World, project: &str, version: &str) -> Result<String> {
    let page = page(world, project)?;
    let files = page["files"].as_array().context("a page has files")?;
    let of_version = files.iter().filter(|file| {
        let name = file["filename"].as_str().unwrap_or_default();
        name.contains(&format!("-{version}-")) || name.contains(&format!("-{version}.tar"))
    });
    let times = of_version.filter_map(|file| file["upload-time"].as_str());
    let first = times
        .min()
        .with_context(|| format!("{project} {version} has no upload-time"))?;
    Ok(first.to_owned())
}

/// A replica that wants a user to read, and the address of its index with the credentials in it.
fn closed(world: &World) -> Result<(Server, String, String)> {
    let replica = world.replica(&[("REGISTRY_ANONYMOUS", "none")])?;
    let token = world.token("pypi:package:*:read", &["--read-only"])?;
    let place = format!("127.0.0.1:{}/pypi/simple/", replica.port);
    let with = format!("http://__token__:{token}@{place}");
    Ok((replica, format!("http://{place}"), with))
}

/// Runs a command of the registry's own on a release.
fn manage(world: &World, arguments: &[&str]) -> Result<()> {
    world.registry()?.ok(&[&["pypi"], arguments].concat())
}

/// The user that packages are published by.
fn user() -> &'static str {
    USER
}
