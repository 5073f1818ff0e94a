//! One connection, HTTP/1.1 or HTTP/2.

use std::{pin::pin, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use registry::{body::Direct, protocol::Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

use super::{
    activity::{Activity, Verdict},
    io::Guarded,
};
use crate::{app::App, config::Limits};

/// How long a connection that was told to end may take to do so while it has no request.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often it is asked whether an HTTP/2 client is still there, and how long it may take to say.
const PING: Duration = Duration::from_secs(30);

/// Answers what comes over one connection until it ends; `direct` is what it can send files by.
pub(crate) async fn serve<I>(
    io: I,
    direct: Option<Direct>,
    from: Connection,
    app: &Arc<App>,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new(direct);
    let service = service_fn(|request| app.clone().answer(request, from, activity.clone()));
    let io = TokioIo::new(Guarded::new(
        io,
        activity.clone(),
        limits.header_timeout,
        limits.write_timeout,
    ));
    let builder = builder(limits);
    let mut connection = pin!(builder.serve_connection(io, service));

    let shortest = limits.idle_timeout.min(limits.write_timeout);
    let every = (shortest / 4).clamp(Duration::from_millis(50), Duration::from_secs(10));
    let mut tick = tokio::time::interval_at(Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ending: Option<Instant> = None;
    loop {
        tokio::select! {
            end = connection.as_mut() => {
                if let Err(error) = end {
                    activity.break_off();
                    tracing::debug!(peer = ?from.peer, error, "a connection broke");
                }
                return;
            }
            _ = stop.wait_for(|stop| *stop), if ending.is_none() => {
                connection.as_mut().graceful_shutdown();
                ending = Some(Instant::now());
            }
            _ = tick.tick() => {
                let idle = if ending.is_some() { FAREWELL } else { limits.idle_timeout };
                match activity.verdict(idle, limits.write_timeout) {
                    Verdict::Stay => {}
                    Verdict::Stalled => {
                        activity.break_off();
                        return;
                    }
                    Verdict::Idle if ending.is_some_and(|since| since.elapsed() >= FAREWELL) => return,
                    Verdict::Idle => {
                        connection.as_mut().graceful_shutdown();
                        ending = ending.or(Some(Instant::now()));
                    }
                }
            }
        }
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let header_size = u32::try_from(limits.max_header_size).unwrap_or(u32::MAX);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(header_size as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .adaptive_window(true)
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(header_size)
        .max_send_buf_size(256 << 10)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}
