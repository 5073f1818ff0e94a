//! HTTP by hand, for what no client would send.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, Site};

/// How long a server may keep a connection open that owes it nothing.
const PATIENCE: Duration = Duration::from_secs(180);

/// A connection on which the test writes whatever it likes.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects to a server.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn open(site: &Site) -> Self {
        let stream = TcpStream::connect(site.authority()).await;
        let stream = stream.expect("the server listens");
        stream.set_nodelay(true).expect("it is a TCP connection");
        Self { stream }
    }

    /// Writes bytes; false when the server no longer takes any.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Ends the writing half, as a client does whose input was cut off.
    pub async fn finish(&mut self) {
        // A server that has closed already has had what it wants.
        self.stream.shutdown().await.ok();
    }

    /// Breaks the connection off, with a reset where the system allows it.
    pub fn abort(self) {
        self.stream.set_zero_linger().ok();
    }

    /// Reads what the server answers until it closes the connection or the answer is whole; nothing
    /// when it closes without an answer.
    ///
    /// # Panics
    /// When it does neither, or what it sends is no HTTP.
    pub async fn answer(&mut self) -> Option<Answer> {
        let mut bytes = Vec::new();
        loop {
            if let Some(answer) = parse(&bytes) {
                return Some(answer);
            }
            let mut piece = [0; 4096];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await;
            match read.expect("the server neither answers nor closes") {
                // A reset after refusal is a way to close, too.
                Ok(0) | Err(_) => {
                    assert!(bytes.is_empty(), "half an answer: {:?}", text(&bytes));
                    return None;
                }
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Whether the server has sent something, or closed, within `wait`.
    pub async fn stirs(&self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.stream.readable())
            .await
            .is_ok()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A whole answer whose length is announced.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = text(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|number| number.parse::<u16>().ok());
    let status = status.and_then(|number| StatusCode::from_u16(number).ok());
    let status = status.unwrap_or_else(|| panic!("no HTTP: {head:?}"));
    if status.is_informational() {
        return parse(&bytes[end + 4..]);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header has a name");
        headers.append(name, HeaderValue::from_str(value).expect("and a value"));
    }
    let length = headers.get("content-length");
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let body = &bytes[end + 4..];
    let body = body.get(..length.unwrap_or(0))?;
    Some(Answer {
        status,
        headers,
        body: body.to_vec().into(),
    })
}
