//! The peers and the stores, each over a folder of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use super::{Probe, Server, free_port};
use crate::http::Connection;
use crate::{proc, tools};

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
    Server::start(
        &mut command,
        port,
        Probe::Get("/-/ping"),
        &folder.join("log"),
    )
}

/// Starts pypiserver over a folder; everybody may do everything.
pub(crate) fn pypiserver(root: &Path, folder: &Path) -> Result<Server> {
    let packages = folder.join("packages");
    fs::create_dir_all(&packages)?;
    let port = free_port()?;
    let mut command = Command::new(tools::path(root, tools::PYPISERVER));
    command
        .args([
            "run",
            "--interface",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ])
        .args([
            "--passwords",
            ".",
            "--authenticate",
            ".",
            "--disable-fallback",
        ])
        .arg(&packages)
        .env("HOME", folder);
    Server::start(&mut command, port, Probe::Get("/"), &folder.join("log"))
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
  default_type TYPE;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:PORT;
    root files;
    gzip_static on;
  }
}
"#;

/// Starts nginx over `folder/files`, all of one content type; a file's `.gz` neighbour is what a
/// gzip client gets.
pub(crate) fn nginx(folder: &Path, probe: &str, content_type: &str) -> Result<Server> {
    let port = free_port()?;
    // Where nginx is started by root, its workers must still be able to read our folder.
    let own = |what| proc::output(Command::new("id").arg(what));
    let config = NGINX
        .replace("TYPE", content_type)
        .replace("PORT", &port.to_string())
        .replace("USER", own("-un")?.trim())
        .replace("GROUP", own("-gn")?.trim());
    fs::write(folder.join("nginx.conf"), config)?;
    let mut command = Command::new(tools::need("nginx")?);
    command
        .arg("-p")
        .arg(folder)
        .args(["-c", "nginx.conf", "-e", "error.log"]);
    Server::start(&mut command, port, Probe::Get(probe), &folder.join("log"))
}

const DOCKER_REGISTRY: &str = r#"
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: FOLDER/storage }
  delete: { enabled: true }
  cache: { blobdescriptor: inmemory }
http:
  addr: "127.0.0.1:PORT"
"#;

/// Starts Debian's docker-registry over a folder. It lets in whoever comes where no users, each
/// with a password, are named, and only those where they are; it speaks TLS where it is given
/// files with certificate and key.
pub(crate) fn docker_registry(
    folder: &Path,
    users: &[(&str, &str)],
    tls: Option<(&Path, &Path)>,
) -> Result<Server> {
    fs::create_dir_all(folder)?;
    let port = free_port()?;
    let text = folder.to_string_lossy();
    let mut config = DOCKER_REGISTRY
        .replace("FOLDER", &text)
        .replace("PORT", &port.to_string());
    // Its root needs no credentials.
    let mut probe = Probe::Get("/");
    if let Some((certificate, key)) = tls {
        let (certificate, key) = (certificate.display(), key.display());
        config += &format!("  tls: {{ certificate: {certificate}, key: {key} }}\n");
        probe = Probe::Connect;
    }
    let mut lines = String::new();
    for (name, password) in users {
        let mut command = Command::new(tools::need("htpasswd")?);
        lines += proc::output(command.args(["-Bbn", name, password]))?.trim();
        lines.push('\n');
    }
    if !users.is_empty() {
        fs::write(folder.join("htpasswd"), lines)?;
        config += &format!("auth: {{ htpasswd: {{ realm: peer, path: {text}/htpasswd }} }}\n");
    }
    fs::write(folder.join("config.yml"), config)?;
    let mut command = proc::command(tools::need("docker-registry")?, folder);
    command
        .args(["serve", "config.yml"])
        .env("OTEL_TRACES_EXPORTER", "none");
    Server::start(&mut command, port, probe, &folder.join("log"))
}

const KEY: (&str, &str) = ("minio-of-the-run", "minio-of-the-run-secret");

/// A running MinIO with one bucket.
pub(crate) struct Minio {
    server: Server,
}

impl Minio {
    /// A place in the bucket, as the registry's storage.
    pub(crate) fn storage(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// The variables by which an S3 client finds it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.server.url()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", KEY.1.to_owned()),
        ]
    }
}

const BUCKET: &str = "registry";

/// Starts MinIO over a folder.
pub(crate) fn minio(root: &Path, folder: &Path) -> Result<Minio> {
    // A folder in the server's folder is a bucket.
    fs::create_dir_all(folder.join("data").join(BUCKET))?;
    let port = free_port()?;
    let mut command = proc::command(tools::path(root, tools::MINIO), folder);
    command
        .args(["server", "--quiet", "--address"])
        .arg(format!("127.0.0.1:{port}"))
        .arg("data")
        .env("HOME", folder)
        .env("MINIO_ROOT_USER", KEY.0)
        .env("MINIO_ROOT_PASSWORD", KEY.1)
        .env("MINIO_UPDATE", "off")
        .env("MINIO_BROWSER", "off");
    let probe = Probe::Get("/minio/health/live");
    let server = Server::start(&mut command, port, probe, &folder.join("log"))?;
    Ok(Minio { server })
}
