//! A registry as a `tower::Service`: the mounts, and what they share.

use std::{
    convert::Infallible,
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, future::BoxFuture};
use http::{Request, Response, Uri, uri::PathAndQuery};
use ipnet::IpNet;

use super::{
    Protocol,
    context::{BaseUrl, Connection, Context, RequestId, Shown, client_ip, is_trusted},
    handler::{Handler, ProtocolHandler},
};
use crate::{
    auth::{AuthProvider, signing_keys},
    body::Body,
    clock::Clock,
    digest::random_hex,
    error::{BoxError, Error, Result},
    storage::Storage,
    store::{
        Actor, Contents, Documents, Forms, GRACE, GcReport, Hooks, SETTLE, Shared, StorageHook,
        Store, VerifyReport, contents, forms,
    },
};

/// How much of a refused request's body is read, so that the client gets to see the refusal.
const DRAIN_BYTES: u64 = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(20);

/// How long the keys of the bucket are trusted before they are read again.
const KEYS_AGE: Duration = Duration::from_secs(60);

/// What all mounts share.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients call this server, where the request does not say it truly.
    pub public_url: Option<BaseUrl>,
    /// The proxies whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a document is served from memory without asking the store; 0 always asks.
    pub metadata_max_age: Duration,
    /// How much memory documents, their forms and small files may take, in bytes.
    pub cache: u64,
    /// How long `gc` is going to leave alone what it does not know to be in use.
    pub grace: Duration,
    /// What time it is.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            metadata_max_age: Duration::ZERO,
            cache: 128 << 20,
            grace: GRACE,
            clock: Clock::default(),
        }
    }
}

/// A protocol to be mounted.
pub struct Mount<P> {
    name: String,
    protocol: P,
    paths: Vec<MountPath>,
}

/// Where a mount lies, and what takes that prefix's place in the path that its routes see.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MountPath {
    prefix: String,
    inner: String,
}

impl<P: Protocol> Mount<P> {
    /// A protocol under its own name, at `/name` unless it is put elsewhere.
    pub fn new(protocol: P) -> Self {
        Self {
            name: P::NAME.to_owned(),
            protocol,
            paths: Vec::new(),
        }
    }

    /// Under another name: that of its folder in the bucket and of its scopes.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// At this path; may be given more than once.
    #[must_use]
    pub fn at(mut self, prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('/').to_owned();
        self.paths.push(MountPath {
            prefix,
            inner: String::new(),
        });
        self
    }

    /// At this path too, whose prefix its routes see as `inner`; addresses in answers are those of the
    /// mount's first path.
    #[must_use]
    pub fn also_at(mut self, prefix: &str, inner: &str) -> Self {
        let prefix = prefix.trim_end_matches('/').to_owned();
        self.paths.push(MountPath {
            prefix,
            inner: inner.trim_end_matches('/').to_owned(),
        });
        self
    }
}

/// Puts a registry together.
pub struct Builder {
    documents: Documents,
    forms: Arc<Forms>,
    contents: Arc<Contents>,
    auth: Arc<dyn AuthProvider>,
    hooks: Vec<Arc<dyn StorageHook>>,
    options: Options,
    pending: Vec<Pending>,
}

/// A mount that waits for all hooks to be known.
type Pending = Box<dyn FnOnce(&Builder, Hooks) -> Result<Mounted> + Send>;

struct Mounted {
    name: Arc<str>,
    paths: Vec<MountPath>,
    handler: Arc<dyn ProtocolHandler>,
    store: Store,
}

impl Mounted {
    /// The path that addresses begin with in answers to a request that came by `path`: the mount's
    /// first, where what came by is a part of the mount under another name.
    fn address<'a>(&'a self, path: &'a MountPath) -> &'a str {
        match self.paths.first() {
            Some(first) if !path.inner.is_empty() => &first.prefix,
            _ => &path.prefix,
        }
    }
}

impl Builder {
    /// A registry over `storage` whose users `auth` knows.
    pub fn new(storage: Arc<dyn Storage>, auth: Arc<dyn AuthProvider>, options: Options) -> Self {
        let documents = Documents::new(storage, options.cache / 2, options.metadata_max_age);
        let forms = Arc::new(forms(options.cache / 4));
        let contents = Arc::new(contents(options.cache / 4));
        Self {
            documents,
            forms,
            contents,
            auth,
            hooks: Vec::new(),
            options,
            pending: Vec::new(),
        }
    }

    fn shared(&self, hooks: Hooks) -> Result<Shared> {
        Ok(Shared {
            documents: self.documents.clone(),
            forms: self.forms.clone(),
            contents: self.contents.clone(),
            hooks,
            keys: signing_keys(self.documents.clone(), KEYS_AGE, self.options.clock.clone())?,
            grace: self.options.grace,
            settle: SETTLE,
        })
    }

    /// Hangs in a hook; they are asked in the order in which they came.
    #[must_use]
    pub fn hook(mut self, hook: Arc<dyn StorageHook>) -> Self {
        self.hooks.push(hook);
        self
    }

    /// Mounts a protocol.
    #[must_use]
    pub fn mount<P: Protocol>(mut self, mount: Mount<P>) -> Self {
        self.pending.push(Box::new(move |builder, hooks| {
            let Mount {
                name,
                protocol,
                mut paths,
            } = mount;
            if paths.is_empty() {
                paths.push(MountPath {
                    prefix: format!("/{name}"),
                    inner: String::new(),
                });
            }
            let protocol = Arc::new(protocol);
            let store = Store::new(&name, P::NAME, protocol.clone(), builder.shared(hooks)?)?;
            let auth = builder.auth.clone();
            let handler = Arc::new(Handler {
                protocol,
                store: store.clone(),
                auth,
            });
            Ok(Mounted {
                name: name.into(),
                paths,
                handler,
                store,
            })
        }));
        self
    }

    /// The registry.
    ///
    /// # Errors
    /// When two mounts have one name or one path, or a name is none.
    pub fn build(mut self) -> Result<RegistryService> {
        let hooks: Hooks = std::mem::take(&mut self.hooks).into();
        let mut mounts: Vec<Mounted> = Vec::new();
        let mut table: Vec<(MountPath, usize)> = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            let mounted = pending(&self, hooks.clone())?;
            check_name(&mounted.name)?;
            if mounts.iter().any(|other| other.name == mounted.name) {
                return Err(Error::invalid(format!(
                    "two mounts are called {}",
                    mounted.name
                )));
            }
            for path in &mounted.paths {
                if table.iter().any(|(other, _)| other.prefix == path.prefix) {
                    return Err(Error::invalid(format!("two mounts lie at {}", path.prefix)));
                }
                table.push((path.clone(), mounts.len()));
            }
            mounts.push(mounted);
        }
        // The longest prefix wins.
        table.sort_by_key(|(path, _)| std::cmp::Reverse(path.prefix.len()));
        Ok(RegistryService(Arc::new(Inner {
            mounts,
            table,
            options: self.options,
        })))
    }
}

fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name == "auth" || !name.bytes().all(plain) {
        let message = format!("{name:?} is no name for a mount: use a-z, 0-9 and -, and not auth");
        return Err(Error::invalid(message));
    }
    Ok(())
}

/// A registry: hands each request to the mount that its path lies in.
#[derive(Clone)]
pub struct RegistryService(Arc<Inner>);

struct Inner {
    mounts: Vec<Mounted>,
    table: Vec<(MountPath, usize)>,
    options: Options,
}

impl RegistryService {
    /// Whether some mount would answer this path.
    pub fn serves(&self, path: &str) -> bool {
        self.0.find(path).is_some()
    }

    /// Each mount's name and the lines to paste into its client, for a server reached as `base`,
    /// with `token` in them if there is one.
    pub fn usage(&self, base: &BaseUrl, token: Option<&str>) -> Vec<(String, String)> {
        let of = |mounted: &Mounted| {
            let prefix = mounted.paths.first().map_or("", |path| &path.prefix);
            (
                mounted.name.to_string(),
                mounted.handler.usage(&base.join(prefix), token),
            )
        };
        self.0.mounts.iter().map(of).collect()
    }

    /// What the client calls this server, without any mount.
    pub fn base(&self, request: &http::request::Parts) -> BaseUrl {
        self.0.base(
            &request.headers,
            &request.uri,
            connection(&request.extensions),
        )
    }

    /// Reads each mount's log, so that the first listing is no slower than the next.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn warm_up(&self) -> Result<()> {
        for mounted in &self.0.mounts {
            mounted.store.warm_up().await?;
        }
        Ok(())
    }

    /// Deletes, in every mount, bytes that nothing names and that are older than `grace`; a dry run
    /// only tells.
    ///
    /// # Errors
    /// When the store fails, or a document is damaged (then nothing beside it is deleted).
    pub async fn gc(&self, grace: Duration, dry_run: bool) -> Result<GcReport> {
        let mut report = GcReport::default();
        for mounted in &self.0.mounts {
            report.add(mounted.store.gc(grace, dry_run).await?);
        }
        Ok(report)
    }

    /// Drops the uploads that had no piece for a day; how many they were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire_uploads(&self) -> Result<u64> {
        let mut dropped = 0;
        for mounted in &self.0.mounts {
            dropped += mounted.store.expire_uploads().await?;
        }
        Ok(dropped)
    }

    /// Reads every document and hashes every artifact of every mount; with `repair`, appends to the
    /// logs what is missing there.
    ///
    /// # Errors
    /// When the store fails; what is damaged stands in the report.
    pub async fn verify(&self, repair: bool) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        for mounted in &self.0.mounts {
            report.add(mounted.store.verify(repair).await?);
        }
        Ok(report)
    }

    /// Answers one request.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut parts, body) = request.into_parts();
        let Some((at, path)) = self.0.find(parts.uri.path()) else {
            return plain(
                http::StatusCode::NOT_FOUND,
                "nothing is mounted at this address\n",
            );
        };
        let (path_of_mount, index) = &self.0.table[at];
        let mounted = &self.0.mounts[*index];
        let base = self
            .0
            .base(&parts.headers, &parts.uri, connection(&parts.extensions));
        let base = base.join(mounted.address(path_of_mount));
        let Ok(context) = self.0.context(&parts, &mounted.name, base) else {
            return plain(http::StatusCode::INTERNAL_SERVER_ERROR, "no randomness\n");
        };
        parts.uri = with_query(path, parts.uri.query());
        // A client that waits to be told to go on, and was not, sends nothing to be read.
        let waits = parts.headers.contains_key(http::header::EXPECT);
        let home = Home::default();
        let lent = home.lend(Body::new(body));
        let work = mounted
            .handler
            .handle(Request::from_parts(parts, lent), context);
        let response = match AssertUnwindSafe(work).catch_unwind().await {
            Ok(response) => response,
            Err(_) => plain(
                http::StatusCode::INTERNAL_SERVER_ERROR,
                "the registry failed\n",
            ),
        };
        if !response.status().is_success() && (!waits || home.was_asked()) {
            home.drain().await;
        }
        response
    }
}

fn plain(status: http::StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let content_type = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, content_type);
    response
}

/// The inner path with the request's query.
fn with_query(path: Uri, query: Option<&str>) -> Uri {
    let Some(query) = query else { return path };
    PathAndQuery::try_from(format!("{}?{query}", path.path())).map_or(path, Uri::from)
}

fn connection(extensions: &http::Extensions) -> Connection {
    extensions.get().copied().unwrap_or_default()
}

impl Inner {
    /// The row of the table that a path belongs to, and the address that its routes see.
    fn find(&self, path: &str) -> Option<(usize, Uri)> {
        let fits = |(at, (mount, _)): (usize, &(MountPath, usize))| {
            let rest = path.strip_prefix(&*mount.prefix)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (at, [&*mount.inner, rest].concat()))
        };
        let (at, mut inner) = self.table.iter().enumerate().find_map(fits)?;
        if inner.is_empty() {
            inner.push('/');
        }
        Some((at, Uri::from(PathAndQuery::try_from(inner).ok()?)))
    }

    fn base(&self, headers: &http::HeaderMap, uri: &Uri, connection: Connection) -> BaseUrl {
        if let Some(base) = &self.options.public_url {
            return base.clone();
        }
        let trusted = connection
            .peer
            .is_some_and(|ip: IpAddr| is_trusted(ip, &self.options.trusted_proxies));
        let authority = uri.authority().map(http::uri::Authority::as_str);
        BaseUrl::of_request(headers, authority, connection, trusted)
    }

    fn context(
        &self,
        parts: &http::request::Parts,
        mount: &Arc<str>,
        base: BaseUrl,
    ) -> Result<Context> {
        let connection = connection(&parts.extensions);
        let text = |name: http::HeaderName| parts.headers.get(name)?.to_str().ok().map(Into::into);
        let request_id = match parts.extensions.get::<RequestId>() {
            Some(given) => given.0.clone(),
            None => random_hex::<8>()?.into(),
        };
        let actor = Actor {
            request_id,
            ip: client_ip(&parts.headers, connection, &self.options.trusted_proxies),
            user_agent: text(http::header::USER_AGENT),
            ..Actor::default()
        };
        let clock = self.options.clock.clone();
        Ok(Context {
            actor: Arc::new(actor),
            shown: Shown::Nothing,
            access: None,
            mount: mount.clone(),
            base,
            clock,
            connection,
        })
    }
}

impl<B> tower_service::Service<Request<B>> for RegistryService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

/// Where a request's body returns to when the handler has no more use for it.
#[derive(Clone, Default)]
struct Home(Arc<Mutex<Returned>>);

/// A body that came home, or has not yet, and whether any of it was asked for.
#[derive(Default)]
struct Returned {
    body: Option<Body>,
    asked: bool,
}

/// A body on loan; dropped, it goes home.
struct Lent {
    body: Option<Body>,
    asked: bool,
    home: Home,
}

impl Home {
    fn lend(&self, body: Body) -> Body {
        let length = body.length();
        if length == Some(0) {
            return body;
        }
        Body::from_stream(
            Lent {
                body: Some(body),
                asked: false,
                home: self.clone(),
            },
            length,
        )
    }

    fn look(&self) -> MutexGuard<'_, Returned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the handler asked for any of the body.
    fn was_asked(&self) -> bool {
        self.look().asked
    }

    /// Reads what the handler left, within bounds, so that the client is not cut off in the middle
    /// of sending and reads the answer.
    async fn drain(&self) {
        let Some(mut body) = self.look().body.take() else {
            return;
        };
        let drain = async {
            let mut read = 0;
            while let Some(Ok(bytes)) = body.next().await {
                read += bytes.len() as u64;
                if read > DRAIN_BYTES {
                    break;
                }
            }
        };
        if tokio::time::timeout(DRAIN_TIME, drain).await.is_err() {
            tracing::debug!("a refused request was not read to its end in time");
        }
    }
}

impl Stream for Lent {
    type Item = Result<Bytes, Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Self::Item>> {
        self.asked = true;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        body.poll_next_unpin(cx)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (body, asked) = (self.body.take(), self.asked);
        *self.home.look() = Returned { body, asked };
    }
}
