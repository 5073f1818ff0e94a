//! Runs an example of the crate under test and talks to it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

/// An example that serves, ended when this is dropped.
pub struct Example {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Example {
    /// Starts the example `name`, which cargo built beside the test, and waits until it listens.
    ///
    /// # Panics
    /// When it does not start or listen.
    #[allow(clippy::unwrap_used, clippy::expect_used)]
    pub fn start(name: &str) -> Self {
        let test = std::env::current_exe().unwrap();
        let program = test
            .parent()
            .and_then(|deps| deps.parent())
            .unwrap()
            .join("examples")
            .join(name);
        let mut command = Command::new(program);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example was built");
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut example = Self {
            child,
            output,
            address: String::new(),
        };
        let line = example.line();
        let address = line
            .strip_prefix("listening on http://")
            .expect("it says where it listens");
        example.address = address.to_owned();
        example
    }

    /// The next line that it prints.
    ///
    /// # Panics
    /// When it prints no more.
    #[allow(clippy::unwrap_used)]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends a request and reads the answer, status line and all.
    ///
    /// # Panics
    /// When the example does not answer.
    #[allow(clippy::unwrap_used)]
    pub fn send(&self, method: &str, path: &str, headers: &str, body: impl AsRef<[u8]>) -> String {
        let body = body.as_ref();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, length) = (&self.address, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        let head = format!("{head}{headers}content-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // One that has ended by itself needs no ending.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
