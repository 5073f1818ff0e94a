//! One process of the registry, and its command line.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::place::Place;

/// How long a server may take to say where it listens. Only a server that hangs ever takes it.
const START: Duration = Duration::from_secs(120);

/// The server's binary.
///
/// # Panics
/// When there is none.
pub fn binary() -> PathBuf {
    let named = std::env::var_os("REGISTRY_BIN").filter(|path| !path.is_empty());
    let path = named.map(PathBuf::from).unwrap_or_else(|| {
        let test = std::env::current_exe().expect("a test has a path");
        let target = test.parent().and_then(Path::parent);
        target
            .expect("it lies in target/debug/deps")
            .join("registry")
    });
    assert!(
        path.is_file(),
        "{} is not there: build the server, or name it in REGISTRY_BIN",
        path.display()
    );
    path
}

/// The binary with nothing of our own environment that it would take for its configuration.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REGISTRY_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(place.folder())
        .args(arguments)
        .args(["--storage", &place.url])
        .envs(place.environment.iter().cloned());
    command
}

/// How a subcommand ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub printed: String,
    /// What it logged.
    pub logged: String,
}

/// Runs a subcommand to its end, with `input` as its standard input.
///
/// # Panics
/// When it cannot be run.
pub fn try_run(place: &Place, arguments: &[&str], input: &str) -> Ended {
    let mut child = command(place, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A command that reads no input may have ended already.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    let output = child.wait_with_output().expect("it is our child");
    Ended {
        code: output.status.code(),
        printed: String::from_utf8_lossy(&output.stdout).into_owned(),
        logged: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a subcommand to its end, with `input` as its standard input; what it printed.
///
/// # Panics
/// When it fails.
pub fn run(place: &Place, arguments: &[&str], input: &str) -> String {
    let ended = try_run(place, arguments, input);
    let what = arguments.join(" ");
    assert_eq!(ended.code, Some(0), "registry {what}: {ended:#?}");
    ended.printed
}

/// A running server. It is killed when this value goes.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    log: PathBuf,
}

impl Server {
    /// Starts a server on a port that the system chooses. `name` tells its log from others'.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(place: &Place, name: &str, settings: &[(String, String)]) -> Self {
        let log = place.folder().join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let mut child = command(place, &arguments)
            .envs(settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file.expect("the log can be written"))
            .spawn()
            .expect("the binary runs");
        let stdout = child.stdout.take().expect("it is piped");
        let mut server = Self {
            child,
            url: String::new(),
            log,
        };
        server.url = address(stdout).recv_timeout(START).unwrap_or_else(|_| {
            panic!("the server did not say where it listens");
        });
        server
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process at once, as `kill -9` does.
    ///
    /// # Panics
    /// When it had ended by itself.
    pub fn kill(mut self) {
        let ended = self.child.try_wait().expect("it is our child");
        assert!(ended.is_none(), "the server ended by itself: {ended:?}");
        self.end();
    }

    fn end(&mut self) {
        // An error says that it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// The end of what it logged.
    fn tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            println!("{} logged at its end:\n{}", self.url, self.tail());
        }
    }
}

/// Follows the server's output, lest it wait for a reader, and sends on where it listens.
fn address(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { break };
            if let Some(url) = line.trim().strip_prefix("listening on ") {
                // Nobody waits for a second address.
                send.send(url.trim_end_matches('/').to_owned()).ok();
            }
        }
    });
    receive
}
