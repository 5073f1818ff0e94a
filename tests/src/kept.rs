//! Servers of other projects, which live as long as the test process.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

/// How a server is started.
pub(crate) struct Recipe<'a> {
    /// For the folder's name.
    pub(crate) name: &'a str,
    pub(crate) program: &'a Path,
    /// Of its folder and its port.
    pub(crate) arguments: fn(&Path, u16) -> Vec<OsString>,
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// A path that it answers, with any status but 5xx, as soon as it serves.
    pub(crate) alive: &'a str,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) port: u16,
    /// Its standard input is what keeps the server alive.
    _keeper: Child,
}

/// The program that a variable of the environment names, if any.
pub(crate) fn program(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty());
    named.map(PathBuf::from)
}

/// Starts a server.
///
/// # Panics
/// When it does not start.
pub(crate) fn start(recipe: &Recipe<'_>) -> Kept {
    let started = (0..5).find_map(|_| try_start(recipe));
    started.unwrap_or_else(|| {
        let program = recipe.program.display();
        panic!("{} does not start: {program}", recipe.name)
    })
}

/// Starts a server on a port that was free a moment ago; none when another was faster.
fn try_start(recipe: &Recipe<'_>) -> Option<Kept> {
    let folder = tempfile::Builder::new()
        .prefix(&format!("registry-{}-", recipe.name))
        .tempdir()
        .expect("a temporary folder")
        .keep();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER, recipe.name])
        .arg(recipe.program)
        .args((recipe.arguments)(&folder, port))
        .env("KEPT", &folder)
        .envs(recipe.environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("there is a shell");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        let get = format!(
            "GET {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            recipe.alive
        );
        match ask(port, &get) {
            Ok(answer) if answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 5") => {
                return Some(Kept {
                    port,
                    _keeper: keeper,
                });
            }
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    drop(keeper.stdin.take());
    keeper.wait().expect("the shell is our child");
    None
}

/// The answer to a request that closes its connection.
pub(crate) fn ask(port: u16, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
