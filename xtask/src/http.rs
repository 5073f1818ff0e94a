//! A small HTTP/1.1 client for loopback, with connections that stay open.
//!
//! The load generator must cost little beside the servers that share its machine, and needs no
//! more than this.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How long a server may keep us waiting between two bytes.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer, with its body.
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// The body; empty where it was discarded.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The first header of a name given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("not JSON ({}): {}", self.status, self.text()))
    }

    /// Whether the status is one of success.
    pub(crate) fn success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Fails, with the body in the message, unless the status is one of success.
    pub(crate) fn successful(self, what: &str) -> Result<Self> {
        if !self.success() {
            bail!("{what} was answered {}: {}", self.status, self.text());
        }
        Ok(self)
    }
}

/// A connection to a port of this machine; it is opened when needed and kept open.
pub(crate) struct Connection {
    port: u16,
    stream: Option<BufReader<TcpStream>>,
}

impl Connection {
    /// Opens nothing yet.
    pub(crate) fn new(port: u16) -> Self {
        Self { port, stream: None }
    }

    /// Sends a request, and reads the whole answer.
    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        let mut kept = Vec::new();
        let mut response = self.exchange(method, path, headers, Payload::Bytes(body), &mut kept)?;
        response.body = kept;
        Ok(response)
    }

    /// A GET.
    pub(crate) fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
        self.request("GET", path, headers, &[])
    }

    /// Sends a file as the body, by the kernel alone.
    pub(crate) fn send_file(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        file: &mut File,
    ) -> Result<Response> {
        let mut kept = Vec::new();
        let mut response = self.exchange(method, path, headers, Payload::File(file), &mut kept)?;
        response.body = kept;
        Ok(response)
    }

    /// Sends a body of this length that is made as it goes.
    pub(crate) fn send_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        length: u64,
        send: &mut Sender<'_>,
    ) -> Result<Response> {
        let mut kept = Vec::new();
        let payload = Payload::Made(length, send);
        let mut response = self.exchange(method, path, headers, payload, &mut kept)?;
        response.body = kept;
        Ok(response)
    }

    /// A GET whose body goes to `sink`.
    pub(crate) fn download(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        sink: &mut dyn Write,
    ) -> Result<Response> {
        self.exchange("GET", path, headers, Payload::Bytes(&[]), sink)
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        payload: Payload<'_>,
        sink: &mut dyn Write,
    ) -> Result<Response> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.port)?,
        };
        let what = || format!("{method} {path} on port {}", self.port);
        let head = request_head(self.port, method, path, headers, payload.length()?);
        payload.send(&head, stream.get_mut()).with_context(what)?;
        let response = read_head(&mut stream).with_context(what)?;
        read_body(&mut stream, &response, sink).with_context(what)?;
        if response.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(response)
    }
}

/// Writes a body.
pub(crate) type Sender<'a> = dyn FnMut(&mut dyn Write) -> io::Result<()> + 'a;

/// Where bytes go that are only counted.
#[derive(Default)]
pub(crate) struct Counter(pub(crate) u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Payload<'a> {
    Bytes(&'a [u8]),
    File(&'a mut File),
    Made(u64, &'a mut Sender<'a>),
}

impl Payload<'_> {
    fn length(&self) -> Result<u64> {
        Ok(match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.metadata()?.len(),
            Self::Made(length, _) => *length,
        })
    }

    fn send(self, head: &str, stream: &mut TcpStream) -> io::Result<()> {
        match self {
            // In one write, so that a small request is one packet.
            Self::Bytes(bytes) => stream.write_all(&[head.as_bytes(), bytes].concat()),
            Self::File(file) => {
                stream.write_all(head.as_bytes())?;
                io::copy(file, stream).map(drop)
            }
            Self::Made(_, send) => {
                stream.write_all(head.as_bytes())?;
                send(stream)
            }
        }
    }
}

fn connect(port: u16) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("connecting to port {port}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(256 * 1024, stream))
}

fn request_head(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    length: u64,
) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if length > 0 || method != "GET" {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("\r\n");
    head
}

fn read_line(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        bail!("the connection was closed");
    }
    Ok(line.trim_end().to_owned())
}

fn read_head(stream: &mut BufReader<TcpStream>) -> Result<Response> {
    loop {
        let line = read_line(stream)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.with_context(|| format!("not a status line: {line}"))?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(stream)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .with_context(|| format!("header {line}"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        // 1xx are not yet the answer.
        if status >= 200 {
            return Ok(Response {
                status,
                headers,
                body: Vec::new(),
            });
        }
    }
}

fn read_body(
    stream: &mut BufReader<TcpStream>,
    response: &Response,
    sink: &mut dyn Write,
) -> Result<()> {
    if matches!(response.status, 204 | 304) {
        return Ok(());
    }
    if response.header("transfer-encoding") == Some("chunked") {
        loop {
            let line = read_line(stream)?;
            let length = line.split(';').next().unwrap_or_default();
            let length = u64::from_str_radix(length, 16).context("length of a chunk")?;
            copy_exactly(stream, length, sink)?;
            read_line(stream)?;
            if length == 0 {
                return Ok(());
            }
        }
    }
    match response.header("content-length") {
        Some(length) => copy_exactly(stream, length.parse().context("content-length")?, sink),
        None => io::copy(stream, sink)
            .map(drop)
            .context("reading to the end"),
    }
}

fn copy_exactly(
    stream: &mut BufReader<TcpStream>,
    length: u64,
    sink: &mut dyn Write,
) -> Result<()> {
    // Straight from the buffer: a copy more would be felt beside a server that makes none.
    let mut left = length;
    while left > 0 {
        let bytes = stream.fill_buf()?;
        let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            bail!("the body ended after {} of {length} bytes", length - left);
        }
        sink.write_all(&bytes[..count])?;
        stream.consume(count);
        left -= count as u64;
    }
    Ok(())
}
