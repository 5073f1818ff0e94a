//! Access tokens on their way through the pipeline, by a protocol that hands them out.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use registry_core::{
    Body, Error, ErrorKind, Result,
    auth::{
        Access, AccessEntry, AccessRequest, Action, Anonymous, AuthOptions, BucketTokens,
        DefaultAuth, Granted, NewToken, Secret,
    },
    protocol::{self, BaseUrl, Builder, Context, Mount, Options, Protocol},
    storage::{Key, Memory},
    store::{Catalog, Documents, Fold, Named, RawDocument, Resource, Subject},
};
use registry_testkit::{
    Client,
    toy::{self, Toy},
};
use serde_json::value::RawValue;

/// The toy, with three addresses more:
///
/// ```text
/// GET /-/ping             whether anybody is known
/// GET /-/token/{box}      an access token to write a box
/// GET /-/copy/{box}/{to}  whether whoever may write `to` could copy from `box`
/// ```
struct Gate;

#[derive(Clone, Debug)]
enum Route {
    Ping,
    Token(String),
    Copy(String, String),
    Toy(toy::Route),
}

fn resource(name: &str) -> Resource {
    Resource {
        name: name.into(),
        home: Key::new("boxes").unwrap().join(name).unwrap(),
    }
}

impl Catalog for Gate {
    fn fold(&self) -> Box<dyn Fold> {
        Toy.fold()
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        Toy.subject(key)
    }

    fn entry(&self, name: &str, document: &RawDocument) -> Result<Box<RawValue>> {
        Toy.entry(name, document)
    }

    fn named(&self, document: &RawDocument) -> Result<Named> {
        Toy.named(document)
    }
}

impl Protocol for Gate {
    const NAME: &'static str = "gate";
    const RESOURCE: &'static str = "box";
    const HIDES: bool = false;
    type Route = Route;
    type Error = Error;

    fn route(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Route> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match &parts[..] {
            ["-", "ping"] => Ok(Route::Ping),
            ["-", "token", name] => Ok(Route::Token((*name).to_owned())),
            ["-", "copy", from, to] => Ok(Route::Copy((*from).to_owned(), (*to).to_owned())),
            _ => Toy.route(method, path, query, headers).map(Route::Toy),
        }
    }

    fn label(_: &Route) -> &'static str {
        "gate"
    }

    fn access(&self, route: &Route) -> Access {
        match route {
            Route::Ping | Route::Token(_) => Access::Anyone,
            Route::Copy(_, to) => Access::To(Action::Write, resource(to)),
            Route::Toy(route) => Toy.access(route),
        }
    }

    async fn call(
        &self,
        route: Route,
        request: Request<Body>,
        context: &Context,
        granted: &Granted,
    ) -> Result<Response<Body>> {
        let identity = granted.identity();
        match route {
            Route::Ping if identity.user.is_none() && identity.access.is_none() => {
                Err(Error::new(ErrorKind::Unauthenticated, "who is there"))
            }
            Route::Ping => Ok(Response::new(Body::from(
                identity.user.as_deref().unwrap_or("nobody").to_owned(),
            ))),
            Route::Token(name) => {
                let entry = AccessEntry {
                    kind: Self::RESOURCE.to_owned(),
                    name,
                    actions: [Action::Write].into(),
                };
                let request = AccessRequest {
                    mount: &context.mount,
                    entries: &[entry],
                    lifetime: Duration::from_secs(300),
                    refresh: None,
                };
                let made = granted
                    .auth()
                    .create_access_token(identity, request)
                    .await?;
                Ok(Response::new(Body::from(made.token.reveal().to_owned())))
            }
            Route::Copy(from, _) => {
                let repo = granted.subject_repo(&resource(&from), Action::Read).await?;
                protocol::json(StatusCode::OK, &repo.is_some())
            }
            Route::Toy(route) => Toy.call(route, request, context, granted).await,
        }
    }

    fn render(&self, error: &Error, context: &Context) -> Response<Body> {
        let mut response = Toy.render(error, context);
        let asked = match &context.access {
            Some(Access::To(action, resource)) => {
                format!("{} {}", action.as_str(), resource.name)
            }
            Some(_) => "something".to_owned(),
            None => "nothing".to_owned(),
        };
        let challenge = format!("{:?} for {asked}", context.shown);
        let challenge = HeaderValue::try_from(challenge).unwrap();
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, challenge);
        response
    }

    fn cause(error: &Error) -> &Error {
        error
    }

    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String {
        Toy.usage(base, token)
    }
}

/// Two mounts of the gate; nobody may do what `anonymous` says, Ann everything but with the box
/// `secret`, and so may her token.
async fn world(anonymous: Anonymous) -> (Client, String) {
    let storage = Arc::new(Memory::default());
    let documents = Documents::new(storage.clone(), 1 << 20, Duration::ZERO);
    let tokens = Arc::new(BucketTokens::new(documents.clone()));
    let options = AuthOptions {
        anonymous,
        ..AuthOptions::default()
    };
    let auth = DefaultAuth::new(documents, tokens, options).unwrap();
    let scopes = ["a", "b", "c"].map(|name| format!("*:box:{name}:delete"));
    let password = Secret::new("correct horse");
    auth.add_user("ann", password, false, &scopes)
        .await
        .unwrap();
    let token = auth.create_token_for("ann", NewToken::default()).await;
    let service = Builder::new(storage, Arc::new(auth), Options::default())
        .mount(Mount::new(Gate))
        .mount(Mount::new(Gate).named("other"))
        .build()
        .unwrap();
    let token = token.unwrap().0.reveal().to_owned();
    (Client::new(service), token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_may_let_in_anyone_and_see_who_it_is() {
    let (nobody, token) = world(Anonymous::Read).await;
    let ann = nobody.token(&token);
    let ping = nobody.get("/gate/-/ping").await;
    assert_eq!(ping.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ping.header("www-authenticate"), "Nothing for something");
    assert_eq!(ann.get("/gate/-/ping").await.text(), "ann");
    let wrong = nobody.token("reg_wrong").get("/gate/-/ping").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.header("www-authenticate"), "Token for something");
    let wrong = nobody.header("authorization", "Basic YW5uOng=");
    let wrong = wrong.get("/gate/-/token/a").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.header("www-authenticate"), "Password for something");
    for (client, name) in [(&nobody, "nobody"), (&ann, "ann")] {
        let access = client.get("/gate/-/token/a").await.text();
        assert_eq!(client.token(&access).get("/gate/-/ping").await.text(), name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_what_was_asked_for_and_what_was_shown() {
    let (nobody, token) = world(Anonymous::None).await;
    let ann = nobody.token(&token);
    assert_eq!(ann.put("/gate/a/x", "1").await.status, StatusCode::CREATED);
    let access = ann.get("/gate/-/token/a").await.text();
    let access = nobody.token(&access);
    let anonymous = nobody.get("/gate/-/token/a").await.text();
    let anonymous = nobody.token(&anonymous);
    assert_eq!(access.get("/gate/a/x").await.text(), "1");
    assert_eq!(
        access.put("/gate/a/y", "1").await.status,
        StatusCode::CREATED
    );
    let (put, delete, get) = (Method::PUT, Method::DELETE, Method::GET);
    for (client, method, path, status, challenge) in [
        (&nobody, &put, "/gate/a/x", 401, "Nothing for write a"),
        (&nobody, &get, "/gate/a/x", 401, "Nothing for read a"),
        (&ann, &put, "/gate/secret/x", 403, "Token for write secret"),
        // Another access token would do.
        (
            &access,
            &delete,
            "/gate/a/x",
            401,
            "AccessToken for delete a",
        ),
        (&access, &put, "/gate/b/x", 401, "AccessToken for write b"),
        // No other would.
        (
            &access,
            &put,
            "/gate/secret/x",
            403,
            "AccessToken for write secret",
        ),
        // Who is known might.
        (&anonymous, &get, "/gate/a/x", 401, "AccessToken for read a"),
        // It is another mount's.
        (&access, &get, "/other/a/x", 401, "Token for read a"),
        (&nobody, &put, "/gate/", 405, "Nothing for nothing"),
    ] {
        let answer = client.send(method.clone(), path, "1").await;
        let told = (answer.status.as_u16(), answer.header("www-authenticate"));
        assert_eq!(told, (status, challenge), "{method} {path}");
    }
    assert_eq!(ann.get("/gate/a/x").await.text(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_on_the_side_is_asked_of_who_is_behind_the_token() {
    let (nobody, token) = world(Anonymous::None).await;
    let ann = nobody.token(&token);
    let access = ann.get("/gate/-/token/a").await.text();
    let access = nobody.token(&access);
    for client in [&ann, &access] {
        for (from, may) in [("a", "true"), ("b", "true"), ("secret", "false")] {
            let copy = client.get(&format!("/gate/-/copy/{from}/a")).await;
            assert_eq!(copy.text(), may, "{from}");
        }
    }
    // What it is done to is not on the side.
    let copy = access.get("/gate/-/copy/a/b").await;
    assert_eq!(copy.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_shows_what_the_access_token_is_good_for() {
    let (nobody, token) = world(Anonymous::Read).await;
    let ann = nobody.token(&token);
    for name in ["a", "b"] {
        ann.put(&format!("/gate/{name}/x"), "1").await;
    }
    assert_eq!(nobody.get("/gate/-/boxes").await.text(), r#"["a","b"]"#);
    for client in [&nobody, &ann] {
        // Nobody may not write: there the token is good for nothing.
        let access = client.get("/gate/-/token/a").await.text();
        let listed = client.token(&access).get("/gate/-/boxes").await;
        let seen = if std::ptr::eq(client, &ann) {
            r#"["a"]"#
        } else {
            "[]"
        };
        assert_eq!((listed.status, &*listed.text()), (StatusCode::OK, seen));
    }
}
