//! What is counted, for Prometheus.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::Method;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// The type of what [`Metrics::text`] gives.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where the time that a request takes is divided, in seconds.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0,
];

/// Everything that is counted. Labels are bounded: mounts by the configuration, routes and methods
/// by the code.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    duration: Family<RouteLabels, Histogram, fn() -> Histogram>,
    received: Family<RouteLabels, Counter>,
    sent: Family<RouteLabels, Counter>,
    connections: Gauge,
    in_flight: Gauge,
    resident: Gauge,
    anonymous: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    mount: Arc<str>,
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    mount: Arc<str>,
    route: &'static str,
}

/// A request as it is counted.
pub(crate) struct Counted<'a> {
    pub(crate) mount: &'a Arc<str>,
    pub(crate) route: &'static str,
    pub(crate) method: &'a Method,
    pub(crate) status: u16,
    pub(crate) took: Duration,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// Adds one to a gauge for as long as it lives.
pub(crate) struct Held(Gauge);

impl Held {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn buckets() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            duration: Family::new_with_constructor(buckets),
            received: Family::default(),
            sent: Family::default(),
            connections: Gauge::default(),
            in_flight: Gauge::default(),
            resident: Gauge::default(),
            anonymous: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let start = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let started = Gauge::<f64, AtomicU64>::default();
        started.set(start.as_secs_f64());
        let all = &mut self.registry;
        all.register("requests", "Requests answered", self.requests.clone());
        let (took, seconds) = (
            "From a request's head to the end of its answer",
            Unit::Seconds,
        );
        all.register_with_unit("request_duration", took, seconds, self.duration.clone());
        let received = "Bytes of requests' bodies";
        all.register_with_unit("request", received, Unit::Bytes, self.received.clone());
        let sent = "Bytes of answers' bodies";
        all.register_with_unit("response", sent, Unit::Bytes, self.sent.clone());
        all.register(
            "connections",
            "Connections that are open",
            self.connections.clone(),
        );
        all.register(
            "in_flight",
            "Requests that are being answered",
            self.in_flight.clone(),
        );
        let resident = "Resident memory";
        all.register_with_unit(
            "process_resident_memory",
            resident,
            Unit::Bytes,
            self.resident.clone(),
        );
        let anonymous = "Resident memory that is not mapped files";
        all.register_with_unit(
            "process_anonymous_memory",
            anonymous,
            Unit::Bytes,
            self.anonymous.clone(),
        );
        let start = "When this process began, in seconds since 1970";
        all.register_with_unit("process_start_time", start, Unit::Seconds, started);
    }

    /// Counts a connection while the answer lives.
    pub(crate) fn connection(&self) -> Held {
        Held::new(&self.connections)
    }

    /// Counts a request under way while the answer lives.
    pub(crate) fn request(&self) -> Held {
        Held::new(&self.in_flight)
    }

    /// Counts a request that ended.
    pub(crate) fn count(&self, request: &Counted<'_>) {
        let route = RouteLabels {
            mount: request.mount.clone(),
            route: request.route,
        };
        let labels = Labels {
            mount: request.mount.clone(),
            route: request.route,
            method: method(request.method),
            status: request.status,
        };
        self.requests.get_or_create(&labels).inc();
        self.duration
            .get_or_create(&route)
            .observe(request.took.as_secs_f64());
        self.received.get_or_create(&route).inc_by(request.received);
        self.sent.get_or_create(&route).inc_by(request.sent);
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn text(&self) -> String {
        if let Some(memory) = Memory::now() {
            self.resident.set(memory.resident);
            self.anonymous.set(memory.anonymous);
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Only methods that somebody thought of become labels.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The memory of this process, in bytes.
struct Memory {
    resident: i64,
    anonymous: i64,
}

impl Memory {
    /// As Linux tells it; elsewhere it is not known.
    fn now() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let of = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            let kilobytes = line.split_whitespace().next()?.parse::<i64>().ok()?;
            Some(kilobytes * 1024)
        };
        let anonymous = of("RssAnon")? + of("RssShmem")?;
        Some(Self {
            resident: of("VmRSS")?,
            anonymous,
        })
    }
}
