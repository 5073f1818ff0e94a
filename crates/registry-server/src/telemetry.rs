//! The log: one line a request, and what else happens.

mod lines;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use http_body::{Frame, SizeHint};
use registry::{
    Body,
    protocol::{Connection, Handled},
};
use tracing_subscriber::{EnvFilter, fmt};

use self::lines::{Guard, Lines};
use crate::{
    app::App,
    config::{Config, LogFormat},
    listen::InFlight,
    metrics::{Counted, Held},
};

/// What stands for a request that nobody waited for the answer of.
const GONE: u16 = 499;
/// Routes whose last segment is a secret.
const SECRET_TAILS: [&str; 3] = ["/-/user/token/", "/-/npm/v1/tokens/token/", "/-/v1/done/"];
/// The longest text of a client that goes into the log.
const LONGEST: usize = 300;

/// Begins the log, to standard error. A thread of its own writes it, many lines at a time when
/// there are many; what is left is written when the guard is dropped.
///
/// # Errors
/// When the filter cannot be read, or no thread can be had.
pub(crate) fn start(config: &Config) -> Result<Guard> {
    let (to, guard) = Lines::begin(std::io::stderr())?;
    let builder = fmt().with_env_filter(filter(config)?).with_writer(to);
    let started = match config.log_format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot begin: {error}"))?;
    Ok(guard)
}

/// What is logged.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn filter(config: &Config) -> Result<EnvFilter> {
    EnvFilter::try_new(&config.log).with_context(|| format!("log: {:?} is no filter", config.log))
}

/// A request from its head until the last byte of its answer has gone. Dropped, it becomes a line in
/// the log.
pub(crate) struct Record {
    app: Arc<App>,
    id: Arc<str>,
    method: Method,
    /// As it came, with what may be secret.
    path: Box<str>,
    agent: Box<[u8]>,
    from: Connection,
    began: Instant,
    received: Arc<AtomicU64>,
    sent: u64,
    status: Option<u16>,
    complete: bool,
    handled: Handled,
    in_flight: InFlight,
    _gauge: Held,
}

impl Record {
    /// A request begins.
    pub(crate) fn begin<B>(
        app: &Arc<App>,
        id: Arc<str>,
        request: &http::Request<B>,
        from: Connection,
        in_flight: InFlight,
    ) -> Self {
        Self {
            app: app.clone(),
            id,
            method: request.method().clone(),
            path: request.uri().path().into(),
            agent: user_agent(request.headers()).into(),
            from,
            began: Instant::now(),
            received: Arc::default(),
            sent: 0,
            status: None,
            complete: false,
            handled: Handled::default(),
            in_flight,
            _gauge: app.metrics().request(),
        }
    }

    /// Where the bytes of its body are counted.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        self.received.clone()
    }

    /// Its answer begins.
    pub(crate) fn answered(&mut self, parts: &mut http::response::Parts, body: &Body) {
        self.status = Some(parts.status.as_u16());
        self.handled = parts.extensions.remove().unwrap_or_default();
        self.complete = self.method == Method::HEAD || body.length() == Some(0);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let received = self.received.load(Ordering::Relaxed);
        let mount = &self.handled.mount;
        let route = if self.handled.route.is_empty() {
            "none"
        } else {
            self.handled.route
        };
        let status = self.status.unwrap_or(GONE);
        let request = Counted {
            mount,
            route,
            method: &self.method,
            status,
            took,
            received,
            sent: self.sent,
        };
        self.app.metrics().count(&request);
        let cut = (!self.complete || self.in_flight.broke_off()).then_some(true);
        let error = self.handled.error.map(tracing::field::debug);
        tracing::info!(
            target: "registry::access",
            method = %self.method,
            path = loggable(&self.path),
            status,
            mount = &**mount,
            route,
            user = self.handled.user.as_deref(),
            ip = self.handled.ip.or(self.from.peer).map(tracing::field::display),
            request = &*self.id,
            bytes_in = received,
            bytes_out = self.sent,
            ms = (took.as_secs_f64() * 1e6).round() / 1e3,
            agent = shorten(&String::from_utf8_lossy(&self.agent)),
            cut,
            error,
            message = self.handled.message.as_deref().unwrap_or_default(),
        );
    }
}

/// An answer's body, which tells its record how it goes.
pub(crate) struct Recorded {
    body: Body,
    /// Until the last bytes take it with them.
    record: Option<Record>,
}

impl Recorded {
    /// An answer that `record` is told of.
    pub(crate) fn new(mut body: Body, record: Record) -> Self {
        record.in_flight.lend(&mut body);
        Self {
            body,
            record: Some(record),
        }
    }
}

impl http_body::Body for Recorded {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { body, record } = &mut *self;
        let Some(under_way) = record else {
            return Poll::Ready(None);
        };
        under_way.in_flight.asked();
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        let frame = frame.map(|frame| frame.map(Frame::into_data));
        let bytes = match frame {
            Some(Ok(Ok(bytes))) => bytes,
            Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
            Some(Err(error)) => {
                tracing::error!(request = &*under_way.id, ?error, "an answer broke off");
                return Poll::Ready(Some(Err(error)));
            }
            None => {
                under_way.complete = true;
                return Poll::Ready(None);
            }
        };
        under_way.sent += bytes.len() as u64;
        under_way.in_flight.offered();
        if body.length() != Some(0) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        under_way.complete = true;
        let _record = record.take();
        let last = Bytes::from_owner(Last { bytes, _record });
        Poll::Ready(Some(Ok(Frame::data(last))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The last bytes of an answer: its record lives until they have gone, or the connection has.
struct Last {
    bytes: Bytes,
    _record: Option<Record>,
}

impl AsRef<[u8]> for Last {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A path without what may be secret in it.
fn loggable(path: &str) -> String {
    let tail = SECRET_TAILS
        .iter()
        .filter_map(|tail| Some(path.find(tail)? + tail.len()))
        .min();
    let path = match tail {
        Some(end) if end < path.len() => format!("{}…", &path[..end]),
        _ => path.to_owned(),
    };
    let hide = |segment: &str| match segment.find("reg_") {
        Some(at) => format!("{}reg_…", &segment[..at]),
        None => segment.to_owned(),
    };
    let path = if path.contains("reg_") {
        path.split('/').map(hide).collect::<Vec<_>>().join("/")
    } else {
        path
    };
    shorten(&path)
}

fn user_agent(headers: &HeaderMap) -> &[u8] {
    let agent = headers.get(header::USER_AGENT);
    agent.map(|value| value.as_bytes()).unwrap_or_default()
}

fn shorten(text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == text.len() {
        text.to_owned()
    } else {
        format!("{}…", &text[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_stand_in_paths() {
        for (path, logged) in [
            ("/npm/-/user/token/abc", "/npm/-/user/token/…"),
            ("/npm/-/user/token/", "/npm/-/user/token/"),
            ("/npm/-/v1/done/s3cret/x", "/npm/-/v1/done/…"),
            (
                "/npm/-/npm/v1/tokens/token/reg_1",
                "/npm/-/npm/v1/tokens/token/…",
            ),
            ("/x/reg_abc/y", "/x/reg_…/y"),
            ("/npm/@acme%2fx", "/npm/@acme%2fx"),
        ] {
            assert_eq!(loggable(path), logged);
        }
        assert_eq!(loggable(&"ä".repeat(500)).chars().count(), 151);
    }
}
