//! A server process, and a client that says exactly what it is told to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
};

/// The binary, with an environment of nothing but what is given.
pub(crate) fn registry(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_registry"));
    let ours =
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REGISTRY_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end, with a standard input; its success, standard output and error.
pub(crate) fn run(
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> (bool, String, String) {
    let mut command = registry(arguments, environment);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A server process, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    out: Arc<Mutex<String>>,
    log: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Server {
    /// A server over memory, on a port of its own.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        Self::with(&["--storage", "memory:"], environment)
    }

    /// A server with arguments of its own.
    pub(crate) fn with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = registry(arguments, &[("REGISTRY_LISTEN", "127.0.0.1:0")]);
        command
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (log, collected) = (
            child.stderr.take().unwrap(),
            Arc::<Mutex<String>>::default(),
        );
        let mut readers = vec![collect(BufReader::new(log), collected.clone())];
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        let address = first
            .trim()
            .strip_prefix("listening on ")
            .and_then(|url| url.split_once("://"));
        let Some((_, address)) = address else {
            panic!(
                "the server printed {first:?} and {}",
                collected.lock().unwrap()
            );
        };
        let rest = Arc::<Mutex<String>>::default();
        readers.push(collect(out, rest.clone()));
        let address = address.parse().unwrap();
        Self {
            child,
            address,
            out: rest,
            log: collected,
            readers,
        }
    }

    /// A connection.
    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// Sends bytes, and reads until the server closes.
    pub(crate) fn talk(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may have enough before everything is sent.
        let _ = stream.write_all(bytes);
        rest(stream)
    }

    /// Answers of a GET that closes the connection.
    pub(crate) fn get(&self, path: &str, headers: &str) -> String {
        self.talk(
            format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{headers}\r\n")
                .as_bytes(),
        )
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits until a line of the log holds `words`.
    pub(crate) fn wait_for_log(&self, words: &str) {
        while !self.log.lock().unwrap().contains(words) {
            thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Waits for its end; how it ended, what it printed, and what it logged.
    pub(crate) fn end(mut self) -> (ExitStatus, String, String) {
        let status = self.child.wait().unwrap();
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let text = |shared: &Mutex<String>| shared.lock().unwrap().clone();
        (status, text(&self.out), text(&self.log))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(
    mut from: impl BufRead + Send + 'static,
    into: Arc<Mutex<String>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut line = String::new();
        while from.read_line(&mut line).is_ok_and(|read| read > 0) {
            into.lock().unwrap().push_str(&line);
            line.clear();
        }
    })
}

/// Everything until the server closes; that it does so rudely is no matter.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read) = stream.read(&mut piece) {
        if read == 0 {
            break;
        }
        all.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&all).into_owned()
}
