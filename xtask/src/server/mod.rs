//! Starting the registry and its peers on loopback, each over a folder of its own.

mod peers;
mod registry;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::http::Connection;
use crate::proc::{self, Background};

pub(crate) use peers::{Minio, couch_login, docker_registry, minio, nginx, pypiserver, verdaccio};
pub(crate) use registry::{Registry, build, cargo, metadata, named_or_built};

/// How long a server may take to answer its first request.
const START: Duration = Duration::from_secs(30);

/// How a server shows that it has started.
#[derive(Clone, Copy)]
enum Probe<'a> {
    /// It answers a GET of this path well.
    Get(&'a str),
    /// It takes connections; what it speaks there is not asked.
    Connect,
}

impl Probe<'_> {
    fn ask(self, port: u16) -> Result<()> {
        match self {
            Self::Get(path) => {
                let answer = Connection::new(port).get(path, &[])?;
                answer.successful(path).map(drop)
            }
            Self::Connect => TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .map(drop)
                .map_err(|error| anyhow!("no connection: {error}")),
        }
    }
}

/// A running server; it ends with this value.
pub(crate) struct Server {
    process: Background,
    /// The port of 127.0.0.1 that it listens on.
    pub(crate) port: u16,
    /// Where its output goes.
    log: PathBuf,
    /// From the start of the process to the first good answer.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts a program that will listen on `port`, with its output in a file.
    fn start(command: &mut Command, port: u16, probe: Probe<'_>, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let start = Instant::now();
        let mut process = Background::spawn(command)?;
        while let Err(error) = probe.ask(port) {
            let (line, tail) = (proc::command_line(command), tail(log, 40));
            if let Some(status) = process.ended()? {
                bail!("{line}: {status}\n{tail}");
            }
            if start.elapsed() > START {
                bail!("{line} does not answer on port {port} ({error:#})\n{tail}");
            }
            thread::sleep(Duration::from_millis(1));
        }
        let started_in = start.elapsed();
        Ok(Self {
            process,
            port,
            log: log.to_owned(),
            started_in,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it logs.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The end of what it logged.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log, 40)
    }

    /// Asks it to end, and waits for it.
    pub(crate) fn stop(self) -> Result<()> {
        let status = self.process.terminate(Duration::from_secs(30))?;
        if !status.success() {
            bail!(
                "the server ended with {status} after SIGTERM\n{}",
                tail(&self.log, 40)
            );
        }
        Ok(())
    }
}

fn tail(log: &Path, lines: usize) -> String {
    match fs::read_to_string(log) {
        Ok(text) => {
            let all: Vec<_> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
        Err(error) => format!("(no log: {error})"),
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
