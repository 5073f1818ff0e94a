//! The outermost handler: the server's own addresses, and the registry for all others.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::ext::ReasonPhrase;
use registry::{
    Body,
    digest::random_hex,
    error::BoxError,
    protocol::{Connection, Handled, Reason, RegistryService, RequestId},
    storage::{GetOptions, Storage},
};

use crate::{
    config::Limits,
    listen::{Activity, Pace, Paced},
    metrics::{self, Metrics},
    page, storage,
    telemetry::{Record, Recorded},
};

/// How long the store may take to show that it is there.
const READY: Duration = Duration::from_secs(5);
/// What lies between the names of two requests: odd, and far.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-request-id");

/// What answers requests.
pub(crate) struct App {
    registry: RegistryService,
    storage: Arc<dyn Storage>,
    metrics: Metrics,
    pace: Pace,
    stopping: AtomicBool,
    /// What the next request is called.
    next: AtomicU64,
}

impl App {
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn new(
        registry: RegistryService,
        storage: Arc<dyn Storage>,
        limits: &Limits,
    ) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            registry,
            storage,
            metrics: Metrics::new(),
            pace: limits.into(),
            stopping: AtomicBool::new(false),
            next: AtomicU64::new(u64::from_str_radix(&random_hex::<8>()?, 16)?),
        }))
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// From now on `/readyz` says no.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Answers one request, and sees that it is counted and logged.
    pub(crate) async fn answer<B>(
        self: Arc<Self>,
        mut request: Request<B>,
        from: Connection,
        activity: Arc<Activity>,
    ) -> Result<Response<Recorded>, Infallible>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // A step that never comes back to where it was, from a place of this process alone.
        let id = self.next.fetch_add(STEP, Ordering::Relaxed);
        let id: Arc<str> = format!("{id:016x}").into();
        let in_flight = activity.begin(request.version());
        let mut record = Record::begin(&self, id.clone(), &request, from, in_flight);
        request.extensions_mut().insert(from);
        request.extensions_mut().insert(RequestId(id.clone()));
        let received = record.received();
        let request = request.map(|body| Paced::new(body, self.pace, received, activity));
        let response = self.route(request).await;
        let (mut parts, body) = response.into_parts();
        record.answered(&mut parts, &body);
        // HTTP/2 has no such phrase, and hyper sends none there.
        if let Some(reason) = parts.extensions.get::<Reason>().map(Reason::to_bytes)
            && let Ok(reason) = ReasonPhrase::try_from(reason)
        {
            parts.extensions.insert(reason);
        }
        if let Ok(id) = HeaderValue::try_from(&*id) {
            parts.headers.insert(REQUEST_ID, id);
        }
        Ok(Response::from_parts(parts, Recorded::new(body, record)))
    }

    async fn route<B>(&self, request: Request<Paced<B>>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let path = request.uri().path();
        let route = match path {
            "/healthz" => "healthz",
            "/readyz" => "readyz",
            "/metrics" => "metrics",
            "/" if !self.registry.serves(path) => "index",
            _ => return self.registry.handle(request).await,
        };
        let mut response = if matches!(*request.method(), Method::GET | Method::HEAD) {
            match route {
                "healthz" => text(StatusCode::OK, "ok\n"),
                "readyz" => self.ready().await,
                "metrics" => typed(metrics::CONTENT_TYPE, self.metrics.text()),
                _ => self.index(request),
            }
        } else {
            let mut refused = text(
                StatusCode::METHOD_NOT_ALLOWED,
                "this address takes GET only\n",
            );
            refused
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            refused
        };
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(Handled {
            route,
            ..Handled::default()
        });
        response
    }

    async fn ready(&self) -> Response<Body> {
        if self.stopping.load(Ordering::Relaxed) {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        let look = async {
            let options = GetOptions {
                head: true,
                ..GetOptions::default()
            };
            self.storage.get(&storage::format_key()?, options).await?;
            anyhow::Ok(())
        };
        match tokio::time::timeout(READY, look).await {
            Ok(Ok(())) => text(StatusCode::OK, "ready\n"),
            Ok(Err(error)) => {
                tracing::warn!("not ready: {error:#}");
                text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the storage cannot be reached\n",
                )
            }
            Err(_) => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the storage does not answer\n",
            ),
        }
    }

    fn index<B>(&self, request: Request<B>) -> Response<Body> {
        let parts = request.into_parts().0;
        let usage = self.registry.usage(&self.registry.base(&parts), None);
        let accept = parts
            .headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok());
        if !accept.is_some_and(|accept| accept.contains("text/html")) {
            return typed(page::PLAIN, page::plain(&usage));
        }
        let mut response = typed("text/html; charset=utf-8", page::html(&usage));
        let headers = response.headers_mut();
        let policy = HeaderValue::from_static(page::POLICY);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        response
    }
}

fn typed(content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = typed(page::PLAIN, body);
    *response.status_mut() = status;
    response
}
