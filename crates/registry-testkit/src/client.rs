//! Requests to a registry in the same process.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use registry_core::{Body, protocol::RegistryService};

/// Sends requests as one user.
#[derive(Clone)]
pub struct Client {
    service: RegistryService,
    headers: Vec<(&'static str, String)>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A client who is nobody.
    pub fn new(service: RegistryService) -> Self {
        Self {
            service,
            headers: Vec::new(),
        }
    }

    /// The same with a token.
    #[must_use]
    pub fn token(&self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The same with a header set.
    #[must_use]
    pub fn header(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(other, _)| *other != name);
        client.headers.push((name, value.to_owned()));
        client
    }

    /// Sends a request and reads the answer.
    ///
    /// # Panics
    /// When the request cannot be built or the answer breaks off.
    #[allow(clippy::unwrap_used)]
    pub async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "test");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = self
            .service
            .handle(request.body(body.into()).unwrap())
            .await;
        let (parts, body) = response.into_parts();
        let body = body.collect(1 << 30).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Method::PUT, path, body).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Method::POST, path, body).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Body::empty()).await
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[allow(clippy::unwrap_used)]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}
