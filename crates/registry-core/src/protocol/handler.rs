//! The one pipeline: route, access, auth, call, render.

use std::{net::IpAddr, sync::Arc};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};

use super::{
    Context, Protocol,
    context::{BaseUrl, Shown},
};
use crate::{
    auth::{Access, AuthProvider, Credentials, Granted, Identity},
    body::Body,
    error::{Error, ErrorKind, Result},
    store::Store,
};

/// What became of a request, for the log and for metrics: an extension of every response.
#[derive(Clone, Debug, Default)]
pub struct Handled {
    /// The mount that answered.
    pub mount: Arc<str>,
    /// The route's label, or `none`.
    pub route: &'static str,
    /// The user, unless nobody.
    pub user: Option<Arc<str>>,
    /// Where the request came from, seen through the proxies that are trusted.
    pub ip: Option<IpAddr>,
    /// What failed, if something did.
    pub error: Option<ErrorKind>,
    /// The sentence that the client got, if something failed.
    pub message: Option<Box<str>>,
}

/// Who made a request whose credentials only its protocol could find: an extension of the response,
/// for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeBy(pub Arc<str>);

/// A mounted protocol, whatever it is: answers every request, never fails.
pub trait ProtocolHandler: Send + Sync + 'static {
    /// Answers a request whose path has the mount's prefix removed.
    fn handle<'a>(
        &'a self,
        request: Request<Body>,
        context: Context,
    ) -> BoxFuture<'a, Response<Body>>;

    /// The lines that a user pastes into a client to use this mount at `base`, with
    /// `token` in them if there is one.
    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String;
}

/// A protocol with its part of the bucket.
pub(crate) struct Handler<P> {
    pub(crate) protocol: Arc<P>,
    pub(crate) store: Store,
    pub(crate) auth: Arc<dyn AuthProvider>,
}

impl<P: Protocol> ProtocolHandler for Handler<P> {
    fn handle<'a>(
        &'a self,
        request: Request<Body>,
        context: Context,
    ) -> BoxFuture<'a, Response<Body>> {
        Box::pin(async move {
            let mut context = context;
            let mut handled = Handled {
                mount: context.mount.clone(),
                route: "none",
                ..Handled::default()
            };
            let mut response = match self.run(request, &mut context, &mut handled).await {
                Ok(response) => response,
                Err(error) => self.fail(&error, &context, &mut handled),
            };
            let told = || response.extensions().get::<MadeBy>();
            handled.user = context.actor.user.clone();
            handled.user = handled.user.or_else(|| told().map(|by| by.0.clone()));
            handled.ip = context.actor.ip;
            response.extensions_mut().insert(handled);
            response
        })
    }

    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String {
        self.protocol.usage(base, token)
    }
}

impl<P: Protocol> Handler<P> {
    async fn run(
        &self,
        request: Request<Body>,
        context: &mut Context,
        handled: &mut Handled,
    ) -> Result<Response<Body>, P::Error> {
        let uri = request.uri();
        let (path, query) = (uri.path(), uri.query());
        let route = self
            .protocol
            .route(request.method(), path, query, request.headers())?;
        handled.route = P::label(&route);
        let access = self.protocol.access(&route);
        context.access = Some(access.clone());
        let identity = self.identify(&access, request.headers(), context).await?;
        let (auth, store) = (self.auth.clone(), self.store.clone());
        let actor = context.actor.clone();
        let called = (P::RESOURCE, self.protocol.prefix(), P::HIDES);
        let granted = Granted::check(&access, identity, auth, store, called, actor).await?;
        self.protocol.call(route, request, context, &granted).await
    }

    /// Recognises who asks, and remembers it in the context.
    async fn identify(
        &self,
        access: &Access,
        headers: &HeaderMap,
        context: &mut Context,
    ) -> Result<Arc<Identity>> {
        if *access == Access::Public {
            return Ok(Arc::new(Identity::anonymous()));
        }
        let credentials = Credentials::from_headers(headers)?;
        context.shown = match credentials {
            Credentials::None => Shown::Nothing,
            Credentials::Password { .. } => Shown::Password,
            Credentials::Token(_) => Shown::Token,
        };
        let identity = self
            .auth
            .authenticate(&credentials, self.store.name(), context.actor.ip)
            .await?;
        if identity.access.is_some() {
            context.shown = Shown::AccessToken;
        }
        let actor = Arc::make_mut(&mut context.actor);
        actor.user.clone_from(&identity.user);
        actor.token.clone_from(&identity.token);
        Ok(Arc::new(identity))
    }

    fn fail(&self, error: &P::Error, context: &Context, handled: &mut Handled) -> Response<Body> {
        let cause: &Error = P::cause(error);
        handled.error = Some(cause.kind());
        handled.message = Some(cause.message().into());
        if matches!(
            cause.kind(),
            ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::Upstream
        ) {
            tracing::error!(request = %context.actor.request_id, error = ?cause, "a request failed");
        }
        let mut response = self.protocol.render(error, context);
        for (name, value) in cause.headers() {
            response.headers_mut().entry(name).or_insert(value);
        }
        response
    }
}
