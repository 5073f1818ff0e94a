//! A proxy before an S3 server, which tells what was asked of it.

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The variable that names the server.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// 0 while there is no answer.
type Status = Arc<AtomicU16>;

/// A request that went through the proxy.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The object's key, or the bucket's name, as it stands in the address.
    pub path: String,
    /// The query, if any.
    pub query: String,
    /// Its headers, with names in small letters.
    pub headers: Vec<(String, String)>,
    /// How many bytes it brought.
    pub length: u64,
    status: Status,
}

impl Call {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What was answered; 0 while nothing was.
    pub fn status(&self) -> u16 {
        self.status.load(Ordering::Relaxed)
    }

    /// Whether it asks the server to copy bytes.
    pub fn copies(&self) -> bool {
        self.header("x-amz-copy-source").is_some()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            path,
            query,
            length,
            ..
        } = self;
        write!(f, "{method} {path}")?;
        if !query.is_empty() {
            write!(f, "?{query}")?;
        }
        for name in ["if-match", "if-none-match", "range", "x-amz-copy-source"] {
            if let Some(value) = self.header(name) {
                write!(f, " {name}: {value}")?;
            }
        }
        write!(f, " ({length} bytes) -> {}", self.status())
    }
}

/// The request on a connection that has no answer yet.
type Open = Arc<Mutex<Option<Status>>>;

/// A proxy, which ends with this value.
#[derive(Debug)]
pub struct S3Proxy {
    port: u16,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    state: Mutex<State>,
    stalled: Notify,
}

#[derive(Debug, Default)]
enum State {
    /// Everything is passed on.
    #[default]
    Passing,
    /// Everything is passed on, up to such a request after so many others.
    Waiting(fn(&Call) -> bool, usize),
    /// Nothing is passed on.
    Stalled,
}

impl Shared {
    /// Takes note of a request; whether it is passed on.
    fn admit(&self, call: Call) -> bool {
        let mut state = self.state.lock().unwrap();
        match &mut *state {
            State::Waiting(which, after) if which(&call) => match after.checked_sub(1) {
                Some(left) => *after = left,
                None => {
                    *state = State::Stalled;
                    self.stalled.notify_one();
                }
            },
            _ => {}
        }
        let passes = !matches!(*state, State::Stalled);
        self.calls.lock().unwrap().push(call);
        passes
    }
}

impl Drop for S3Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl S3Proxy {
    /// Stands before the server that a registry's environment names, and names itself there.
    ///
    /// # Panics
    /// When none is named.
    pub async fn before(environment: &mut [(String, String)]) -> Self {
        let mut variables = environment.iter_mut();
        let endpoint = variables.find(|(name, _)| name == ENDPOINT);
        let (_, endpoint) = endpoint.expect("a server is named");
        let server = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        *endpoint = format!("http://127.0.0.1:{port}");
        let shared = Arc::<Shared>::default();
        let listening = tokio::spawn(listen(listener, server, shared.clone()));
        Self {
            port,
            shared,
            listening,
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was asked since this was last called.
    ///
    /// # Panics
    /// When a connection's task did.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.calls.lock().unwrap())
    }

    /// From the next such request `after` others on nothing is passed on.
    ///
    /// # Panics
    /// When a connection's task did.
    pub fn stall(&self, which: fn(&Call) -> bool, after: usize) {
        *self.shared.state.lock().unwrap() = State::Waiting(which, after);
    }

    /// Waits until that request has come.
    pub async fn stalled(&self) {
        self.shared.stalled.notified().await;
    }

    /// Passes everything on again that comes from now on.
    ///
    /// # Panics
    /// When a connection's task did.
    pub fn resume(&self) {
        *self.shared.state.lock().unwrap() = State::Passing;
    }
}

async fn listen(listener: TcpListener, server: String, shared: Arc<Shared>) {
    loop {
        let (client, _) = listener.accept().await.expect("connections come");
        let (server, shared) = (server.clone(), shared.clone());
        tokio::spawn(async move {
            let server = TcpStream::connect(&*server).await;
            let server = server.expect("the S3 server listens");
            // Either side may go away whenever it likes.
            pass(client, server, &shared).await.ok();
        });
    }
}

/// Passes requests and answers on, to the byte: the signature covers the head, the host included.
async fn pass(client: TcpStream, server: TcpStream, shared: &Shared) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let open = Open::default();
    let back = tokio::spawn(answers(from_server, to_client, open.clone()));
    let mut from_client = BufReader::new(from_client);
    while let Some((head, call)) = request(&mut from_client).await? {
        let length = call.length;
        *open.lock().unwrap() = Some(call.status.clone());
        if !shared.admit(call) {
            // Until whoever asked is gone.
            tokio::io::copy(&mut from_client, &mut tokio::io::sink()).await?;
            break;
        }
        to_server.write_all(&head).await?;
        let mut body = (&mut from_client).take(length);
        tokio::io::copy(&mut body, &mut to_server).await?;
    }
    to_server.shutdown().await?;
    back.await.expect("it does not panic")
}

/// Reads the head of a request, up to its body; none at the end.
async fn request(from: &mut BufReader<OwnedReadHalf>) -> std::io::Result<Option<(Vec<u8>, Call)>> {
    let mut head = Vec::new();
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        head.extend_from_slice(&line);
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut words = lines[0].split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, target) = (word(), word());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let mut call = Call {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.collect(),
        length: 0,
        status: Status::default(),
    };
    let chunked = call.header("transfer-encoding").is_some();
    assert!(!chunked, "a body without a length: {call}");
    let length = call.header("content-length").unwrap_or("0");
    call.length = length.parse().expect("a length is a number");
    Ok(Some((head, call)))
}

/// Passes answers on. The first bytes after a request tell its status, since no request is sent
/// before the last one's answer came.
async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    open: Open,
) -> std::io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        if let Some(status) = open.lock().unwrap().take() {
            let digits = str::from_utf8(&piece[9..12]).unwrap_or_default();
            status.store(digits.parse().unwrap_or_default(), Ordering::Relaxed);
        }
        to.write_all(&piece[..length]).await?;
    }
}
