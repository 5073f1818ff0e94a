//! Starting the registry and its peers on loopback, each over a folder of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::http::{Connection, Response};
use crate::proc::{self, Background};
use crate::tools;

/// How long a server may take to answer its first request.
const START: Duration = Duration::from_secs(30);

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
    /// Starts a program that will answer `GET probe` on `port`, with its output in a file.
    fn start(command: &mut Command, port: u16, probe: &str, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let start = Instant::now();
        let mut process = Background::spawn(command)?;
        loop {
            let answer = Connection::new(port).get(probe, &[]);
            if answer.as_ref().is_ok_and(Response::success) {
                break;
            }
            let tail = || tail(log, 40);
            if let Some(status) = process.ended()? {
                bail!("{}: {status}\n{}", proc::command_line(command), tail());
            }
            if start.elapsed() > START {
                let last = match answer {
                    Ok(response) => response.status.to_string(),
                    Err(error) => format!("{error:#}"),
                };
                let line = proc::command_line(command);
                bail!("{line} does not answer {probe} ({last})\n{}", tail());
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

/// The registry's binary and one storage folder.
#[derive(Clone)]
pub(crate) struct Registry {
    bin: PathBuf,
    folder: PathBuf,
}

impl Registry {
    /// A registry whose state and log lie in `folder`.
    pub(crate) fn new(bin: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            bin: bin.to_owned(),
            folder: folder.to_owned(),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bin);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REGISTRY_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .arg("--storage")
            .arg(self.folder.join("storage"));
        command
    }

    /// Starts it on a free port.
    pub(crate) fn serve(&self) -> Result<Server> {
        let port = free_port()?;
        let listen = format!("127.0.0.1:{port}");
        let mut command = self.command(&["serve", "--listen", &listen, "--anonymous", "read"]);
        Server::start(&mut command, port, "/healthz", &self.folder.join("log"))
    }

    /// Makes a user.
    pub(crate) fn add_user(&self, name: &str, password: &str, admin: bool) -> Result<()> {
        let mut command = self.command(&["user", "add", name]);
        if admin {
            command.arg("--admin");
        }
        let limit = Duration::from_secs(60);
        let ran = proc::capture(&mut command, Some(&format!("{password}\n")), limit)?;
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

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

const VERDACCIO: &str = r#"
storage: ./storage
auth:
  htpasswd:
    file: ./htpasswd
    max_users: 100
uplinks: {}
packages:
  '**':
    access: $all
    publish: $authenticated
    unpublish: $authenticated
security:
  api:
    jwt:
      sign:
        expiresIn: 30d
max_body_size: 1gb
web:
  enable: false
log: { type: stdout, format: json, level: fatal }
"#;

/// Starts Verdaccio over a folder, with no upstream. Tokens are signed, which is the faster of its
/// two kinds.
pub(crate) fn verdaccio(root: &Path, folder: &Path) -> Result<Server> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("config.yaml"), VERDACCIO)?;
    let port = free_port()?;
    let mut command = proc::command("node", folder);
    command
        .arg(tools::path(root, tools::VERDACCIO))
        .args([
            "--config",
            "config.yaml",
            "--listen",
            &format!("127.0.0.1:{port}"),
        ])
        .env("HOME", folder)
        .env("NODE_ENV", "production");
    Server::start(&mut command, port, "/-/ping", &folder.join("log"))
}

/// Logs in by the couch flow, making the user where the server lets anyone; returns the token.
pub(crate) fn couch_login(port: u16, mount: &str, name: &str, password: &str) -> Result<String> {
    let path = format!("{mount}/-/user/org.couchdb.user:{name}");
    let body = json!({
        "_id": format!("org.couchdb.user:{name}"), "name": name, "password": password,
        "email": "bench@example.invalid", "type": "user", "roles": [],
    });
    let headers = [("content-type", "application/json")];
    let mut connection = Connection::new(port);
    let answer = connection.request("PUT", &path, &headers, body.to_string().as_bytes())?;
    let answer = answer.successful("the couch login")?.json()?;
    Ok(answer["token"]
        .as_str()
        .context("the couch login returned no token")?
        .to_owned())
}

const NGINX: &str = r#"
daemon off;
user USER GROUP;
worker_processes auto;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  default_type application/vnd.npm.install-v1+json;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:PORT;
    root files;
    gzip_static on;
  }
}
"#;

/// Starts nginx over `folder/files`; a file's `.gz` neighbour is what a gzip client gets.
pub(crate) fn nginx(folder: &Path, probe: &str) -> Result<Server> {
    let port = free_port()?;
    // Where nginx is started by root, its workers must still be able to read our folder.
    let own = |what| proc::output(Command::new("id").arg(what));
    let config = NGINX
        .replace("PORT", &port.to_string())
        .replace("USER", own("-un")?.trim())
        .replace("GROUP", own("-gn")?.trim());
    fs::write(folder.join("nginx.conf"), config)?;
    let mut command = Command::new(tools::need("nginx")?);
    command
        .arg("-p")
        .arg(folder)
        .args(["-c", "nginx.conf", "-e", "error.log"]);
    Server::start(&mut command, port, probe, &folder.join("log"))
}
