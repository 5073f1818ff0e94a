//! A small HTTP client, with keep-alive and without redirects, retries or opinions.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// After which a request counts as lost; nothing here should ever take so long.
const PATIENCE: Duration = Duration::from_secs(180);

/// After which an idle connection is not used again: far less than any server here waits, which might
/// close it just when a request is sent on it.
const IDLE: Duration = Duration::from_millis(200);

/// A request that is not sent yet.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    path: String,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
}

impl Request {
    /// A request for `path`, which stands below the site's address and begins with a slash.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// A `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A `PUT` of a JSON document.
    pub fn put(path: impl Into<String>, document: &Value) -> Self {
        Self::new(Method::PUT, path).json(document)
    }

    /// A `DELETE`.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let name = HeaderName::from_static(name);
        self.headers.push((name, value.into()));
        self
    }

    /// With these bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// With a JSON document.
    #[must_use]
    pub fn json(self, document: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(document.to_string())
    }

    /// Its bytes.
    pub fn content(&self) -> &Bytes {
        &self.body
    }

    /// All of it as it is written on a connection to a site, with a header that says how long its body is.
    pub fn written(&self, to: &Site, length: &str) -> Vec<u8> {
        let (method, path, host) = (&self.method, &self.path, to.authority());
        let token = to.token.as_deref().unwrap_or_default();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n"
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        [format!("{head}{length}\r\n\r\n").as_bytes(), &self.body].concat()
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(other, _)| other == name)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header's value, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.and_then(Result::ok).unwrap_or_default()
    }

    /// Passes the answer on if its status says success.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn good(self) -> Self {
        assert!(self.status.is_success(), "{self}");
        self
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.chars().take(2_000).collect();
        write!(f, "{} {body}", self.status)
    }
}

/// No answer came, or not all of it.
#[derive(Clone, Debug)]
pub struct Lost(pub String);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer: {}", self.0)
    }
}

impl std::error::Error for Lost {}

/// Connections to any number of servers.
#[derive(Clone, Debug)]
pub struct Client(hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>);

impl Default for Client {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let mut client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        client.pool_idle_timeout(IDLE);
        Self(client.build(connector))
    }
}

/// A server's address, and who is asking.
#[derive(Clone, Debug)]
pub struct Site {
    client: Client,
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    /// The token that goes with each request, if any.
    pub token: Option<String>,
}

impl Site {
    /// A server, asked by nobody.
    pub fn new(client: &Client, url: &str) -> Self {
        Self {
            client: client.clone(),
            url: url.to_owned(),
            token: None,
        }
    }

    /// The same server, asked by whoever has `token`.
    #[must_use]
    pub fn with(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same server, asked by nobody.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    /// `127.0.0.1:PORT`.
    pub fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// What stands behind the host in an address that a server gave out.
    ///
    /// # Panics
    /// When it is no address.
    pub fn path_of(address: &str) -> String {
        let uri: http::Uri = address.parse().expect("the server gives out addresses");
        let path = uri.path_and_query().expect("an address has a path");
        path.to_string()
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// When the connection fails, or breaks off.
    ///
    /// # Panics
    /// When the request is none.
    pub async fn try_send(&self, request: &Request) -> Result<Answer, Lost> {
        let mut built = http::Request::builder()
            .method(&request.method)
            .uri(format!("{}{}", self.url, request.path));
        for (name, value) in &request.headers {
            built = built.header(name, value);
        }
        if let Some(token) = self.token.as_ref().filter(|_| !request.has(&AUTHORIZATION)) {
            built = built.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let built = built.body(Full::new(request.body.clone()));
        let built = built.expect("tests make valid requests");
        let lost = |error: &dyn std::error::Error| {
            let cause = error.source().map(|cause| format!(": {cause}"));
            Lost(format!("{request}: {error}{}", cause.unwrap_or_default()))
        };
        let whole = async {
            let answer = self.client.0.request(built).await;
            let (head, body) = answer.map_err(|error| lost(&error))?.into_parts();
            let body = body.collect().await.map_err(|error| lost(&error))?;
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes(),
            })
        };
        let answer = tokio::time::timeout(PATIENCE, whole).await;
        answer.unwrap_or_else(|_| Err(Lost(format!("{request}: nothing for {PATIENCE:?}"))))
    }

    /// Sends a request to a server that must answer.
    ///
    /// # Panics
    /// When it does not.
    pub async fn send(&self, request: Request) -> Answer {
        let answer = self.try_send(&request).await;
        answer.unwrap_or_else(|lost| panic!("{}: {lost}", self.url))
    }

    /// Gets a path from a server that must answer.
    ///
    /// # Panics
    /// When it does not.
    pub async fn get(&self, path: impl Into<String>) -> Answer {
        self.send(Request::get(path)).await
    }
}
