//! A client with a home of its own, and how to talk to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{PASSWORD, USER, World};
use crate::http::Connection;
use crate::proc::{self, Ran, Session};

/// The longest that a client may take to ask its next question.
const PROMPT: Duration = Duration::from_secs(30);
/// The longest that one command of a client may take, and what it may with the full sizes.
const LIMIT: [Duration; 2] = [Duration::from_secs(120), Duration::from_secs(900)];

/// A client, configured for one server.
#[derive(Clone)]
pub(crate) struct Client {
    /// The program, and arguments that come before all others.
    pub(crate) program: Vec<String>,
    /// Its whole environment beside `PATH` and `HOME`.
    pub(crate) env: Vec<(String, String)>,
    /// Its home, where credentials and caches are.
    pub(crate) home: PathBuf,
    limit: Duration,
}

impl Client {
    /// A client with an empty home.
    pub(crate) fn new(
        world: &World,
        home: &str,
        program: &[&str],
        env: &[(&str, &str)],
    ) -> Result<Self> {
        let home = world.folder.join("homes").join(home);
        ensure!(!home.exists(), "{} is used twice", home.display());
        fs::create_dir_all(&home)?;
        let own = |word: &&str| (*word).to_owned();
        let env = env
            .iter()
            .map(|(name, value)| (own(name), own(value)))
            .collect();
        Ok(Self {
            program: program.iter().map(own).collect(),
            env,
            home,
            limit: LIMIT[usize::from(world.full)],
        })
    }

    fn prepare(&self, folder: &Path, program: &str) -> Command {
        let mut command = proc::command(program, folder);
        command
            .env_clear()
            .env("HOME", &self.home)
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", "1");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end, however that may be.
    pub(crate) fn run(&self, folder: &Path, arguments: &[&str]) -> Result<Ran> {
        let mut command = self.prepare(folder, &self.program[0]);
        command.args(&self.program[1..]).args(arguments);
        proc::capture(&mut command, None, self.limit)
    }

    /// Runs it to its end with something on its standard input.
    pub(crate) fn fed(&self, folder: &Path, arguments: &[&str], input: &str) -> Result<Ran> {
        let mut command = self.prepare(folder, &self.program[0]);
        command.args(&self.program[1..]).args(arguments);
        proc::capture(&mut command, Some(input), self.limit)
    }

    /// Runs it, and fails if it does or if it did not print all of `wanted`.
    pub(crate) fn ok(&self, folder: &Path, arguments: &[&str], wanted: &[&str]) -> Result<Ran> {
        let ran = self.run(folder, arguments)?;
        ensure!(ran.success(), "it should succeed\n{}", ran.report());
        printed(&ran, wanted)?;
        Ok(ran)
    }

    /// Runs it, and fails if it does not, or if it did not print all of `wanted`.
    pub(crate) fn refused(
        &self,
        folder: &Path,
        arguments: &[&str],
        wanted: &[&str],
    ) -> Result<Ran> {
        let ran = self.run(folder, arguments)?;
        let ended = ran.status.is_some();
        ensure!(
            ended && !ran.success(),
            "it should be refused\n{}",
            ran.report()
        );
        printed(&ran, wanted)?;
        Ok(ran)
    }

    /// Runs it, and reads its standard output as JSON.
    pub(crate) fn json(&self, folder: &Path, arguments: &[&str]) -> Result<Value> {
        let ran = self.ok(folder, arguments, &[])?;
        serde_json::from_str(&ran.stdout).with_context(|| format!("not JSON\n{}", ran.report()))
    }

    /// Runs it on a terminal, types an answer for each prompt, and returns all that it printed.
    pub(crate) fn dialogue(
        &self,
        folder: &Path,
        arguments: &[&str],
        answers: &[(&str, &str)],
    ) -> Result<Ran> {
        let mut session = self.on_terminal(folder, arguments)?;
        answer(&mut session, answers)?;
        session.finish(self.limit)
    }

    /// Logs in by the web flow as a person would: opens the page that the client names, fills its
    /// form, sends it, and waits for the client. What the client asks before is answered first.
    pub(crate) fn web_login(
        &self,
        world: &World,
        mount: &str,
        folder: &Path,
        arguments: &[&str],
        answers: &[(&str, &str)],
    ) -> Result<Ran> {
        let mut session = self.on_terminal(folder, arguments)?;
        answer(&mut session, answers)?;
        let below = format!("{mount}/");
        let page = session.expect("the address of the login page", PROMPT, |text| {
            text.match_indices(&below).find_map(|(at, _)| {
                let end = at + text[at..].find(char::is_whitespace)?;
                // The registry itself may be named too.
                (end - at > below.len()).then(|| (text[at..end].to_owned(), end))
            })
        })?;
        fill_login_form(world, &page)?;
        session.finish(self.limit)
    }

    fn on_terminal(&self, folder: &Path, arguments: &[&str]) -> Result<Session> {
        let words = self
            .program
            .iter()
            .map(String::as_str)
            .chain(arguments.iter().copied());
        let line = words.map(quoted).collect::<Vec<_>>().join(" ");
        let mut command = self.prepare(folder, "script");
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        Session::start(command.env("TERM", "xterm").stdin(Stdio::piped()))
    }
}

fn answer(session: &mut Session, answers: &[(&str, &str)]) -> Result<()> {
    for (prompt, answer) in answers {
        session.expect(prompt, PROMPT, |text| {
            text.find(prompt).map(|at| ((), at + prompt.len()))
        })?;
        session.send(&format!("{answer}\r"))?;
    }
    Ok(())
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn printed(ran: &Ran, wanted: &[&str]) -> Result<()> {
    let text = ran.text().to_lowercase();
    for word in wanted {
        ensure!(
            text.contains(&word.to_lowercase()),
            "it should print: {word}\n{}",
            ran.report()
        );
    }
    Ok(())
}

/// The page has a form with `username` and `password`, which goes to the page's own address.
fn fill_login_form(world: &World, page: &str) -> Result<()> {
    let path = page
        .strip_prefix(&world.server.url())
        .context("a page of another server")?;
    let mut connection = Connection::new(world.server.port);
    let form = connection.get(path, &[])?.successful("the login page")?;
    let html = form.text();
    for field in ["<form", "username", "password"] {
        ensure!(
            html.contains(field),
            "the login page has no {field}:\n{html}"
        );
    }
    // Neither name nor password has a character that a form would encode.
    let body = format!("username={USER}&password={PASSWORD}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = connection.request("POST", path, &headers, body.as_bytes())?;
    if !answer.success() && answer.status != 303 {
        bail!(
            "the login form was answered {}: {}",
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

/// A new folder with a package to publish, whose content says which it is.
pub(crate) fn package(world: &World, name: &str, version: &str, content: &str) -> Result<PathBuf> {
    let folder = world
        .folder
        .join("packages")
        .join(format!("{name}-{version}"));
    fs::create_dir_all(&folder)?;
    let manifest = json!({
        "name": name, "version": version, "description": format!("The package {name}"),
        "keywords": ["keyword-of-the-run"], "main": "index.js", "license": "MIT",
        "author": "A. Author <author@example.invalid>",
    });
    fs::write(folder.join("package.json"), format!("{manifest:#}\n"))?;
    fs::write(
        folder.join("index.js"),
        format!("module.exports = \"{content}\";\n"),
    )?;
    fs::write(
        folder.join("README.md"),
        format!("# {name}\n\nUsed in a test.\n"),
    )?;
    Ok(folder)
}

/// A new project folder that depends on packages by range.
pub(crate) fn project(world: &World, name: &str, depends: &[(&str, &str)]) -> Result<PathBuf> {
    let folder = world.folder.join("projects").join(name);
    ensure!(!folder.exists(), "{} is used twice", folder.display());
    fs::create_dir_all(&folder)?;
    let depends: serde_json::Map<_, _> = depends
        .iter()
        .map(|(name, range)| ((*name).to_owned(), json!(range)))
        .collect();
    let manifest = json!({
        "name": name, "version": "0.0.0", "private": true, "dependencies": depends,
    });
    fs::write(folder.join("package.json"), format!("{manifest:#}\n"))?;
    Ok(folder)
}

/// Checks that a package lies in the project's `node_modules`, in this version, with its content.
pub(crate) fn installed(project: &Path, name: &str, version: &str, content: &str) -> Result<()> {
    let folder = project.join("node_modules").join(name);
    let manifest = fs::read(folder.join("package.json"))
        .with_context(|| format!("{name} should be installed in {}", project.display()))?;
    let manifest: Value = serde_json::from_slice(&manifest)?;
    let found = &manifest["version"];
    ensure!(
        *found == version,
        "{name} {version} should be installed, and {found} is"
    );
    let found = fs::read_to_string(folder.join("index.js"))?;
    let wanted = format!("module.exports = \"{content}\";\n");
    ensure!(
        found == wanted,
        "{name} should contain {wanted}, and contains {found}"
    );
    Ok(())
}

/// Checks that a JSON value is what it should be.
pub(crate) fn same(what: &str, found: &Value, wanted: &Value) -> Result<()> {
    ensure!(found == wanted, "{what} should be {wanted}, and is {found}");
    Ok(())
}
