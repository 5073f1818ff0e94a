//! One S3 server for the whole test process.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::announce;

/// The bucket that is there from the start.
pub const BUCKET: &str = "registry-tests";
const USER: &str = "registry-tests";
const PASSWORD: &str = "registry-tests-secret";

/// What runs the server and outlives us by a moment: standard input ends when this process does,
/// however it does, and then the server ends and its folder goes.
const KEEPER: &str = r#"
"$@" </dev/null >"$KEPT.log" 2>&1 &
server=$!
read -r line
kill -9 "$server"
wait "$server"
rm -rf "$KEPT" "$KEPT.log"
"#;

/// A running MinIO.
#[derive(Debug)]
pub struct Minio {
    port: u16,
    /// Its standard input is what keeps the server alive.
    _keeper: Child,
}

impl Minio {
    /// What a registry needs in its environment to use this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        [
            ("AWS_ACCESS_KEY_ID", USER),
            ("AWS_SECRET_ACCESS_KEY", PASSWORD),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &endpoint),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

/// The server, started when it is first asked for; none where `MINIO_BIN` names none, and then the
/// test says so, or fails if `CI_REQUIRE_S3=1`.
///
/// # Panics
/// When there should be one and is not.
pub fn minio() -> Option<&'static Minio> {
    static MINIO: OnceLock<Option<Minio>> = OnceLock::new();
    let minio = MINIO.get_or_init(|| {
        let program = std::env::var_os("MINIO_BIN").filter(|path| !path.is_empty())?;
        let started = (0..5).find_map(|_| start(Path::new(&program)));
        Some(started.expect("MinIO does not start"))
    });
    if minio.is_none() {
        let required = std::env::var_os("CI_REQUIRE_S3").is_some_and(|value| value == "1");
        assert!(!required, "CI_REQUIRE_S3=1, but MINIO_BIN names no server");
        announce("LEFT OUT, since MINIO_BIN names no S3 server");
    }
    minio.as_ref()
}

/// Starts a server on a port that was free a moment ago; none when another was faster.
fn start(program: &Path) -> Option<Minio> {
    let folder: PathBuf = tempfile::Builder::new()
        .prefix("registry-minio-")
        .tempdir()
        .expect("a temporary folder")
        .keep();
    // A folder in the server's folder is a bucket.
    std::fs::create_dir(folder.join(BUCKET)).expect("the folder is ours");
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER, "minio"])
        .arg(program)
        .args(["server", "--quiet", "--address"])
        .arg(format!("127.0.0.1:{port}"))
        .arg(&folder)
        .env("KEPT", &folder)
        .env("MINIO_ROOT_USER", USER)
        .env("MINIO_ROOT_PASSWORD", PASSWORD)
        .env("MINIO_UPDATE", "off")
        .env("MINIO_BROWSER", "off")
        .env_remove("MINIO_BIN")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if is_alive(port).is_ok_and(|alive| alive) {
            return Some(Minio {
                port,
                _keeper: keeper,
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(keeper.stdin.take());
    keeper.wait().expect("the shell is our child");
    None
}

fn is_alive(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(
        b"GET /minio/health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
