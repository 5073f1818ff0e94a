//! The smallest protocol there can be: named boxes of named items. It shows what a protocol has to
//! write, and lets the core be tested without a real one.
//!
//! ```text
//! PUT    /{box}/{item}   stores the body; the same again is fine, other bytes are a conflict
//! GET    /{box}/{item}   the bytes
//! DELETE /{box}/{item}   removes it
//! GET    /{box}          its items and their sizes, as JSON
//! GET    /-/boxes        the boxes whoever asks may read, as JSON
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use http::{HeaderMap, Method, Request, Response, StatusCode};
use registry_core::{
    Body, Error, ErrorKind, Result,
    auth::{Access, Action, Granted},
    digest::Algorithm,
    protocol::{self, BaseUrl, Context, Protocol},
    storage::Key,
    store::{
        Catalog, Change, Document, Fold, Incoming, LogEntry, Named, RawDocument, Rendered, Repo,
        Resource, StoredBytes, Subject,
    },
};
use serde_json::value::RawValue;

/// The protocol. Of a box called `long-…` the log has much to say, of one called `endless-…` too much.
#[derive(Clone, Copy, Debug, Default)]
pub struct Toy;

/// Its routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// All boxes.
    Boxes,
    /// A box.
    Box(String),
    /// An item: got, put or deleted.
    Item(Method, String, String),
}

/// Where a box's document lies in its folder.
const DOCUMENT: &str = "box.jsonl";
/// The most bytes of an item.
pub const LIMIT: u64 = 64 << 20;

/// The names of the boxes and how far the log has told of them.
#[derive(Debug, Default)]
pub struct Boxes(pub BTreeMap<String, u64>);

impl Fold for Boxes {
    fn name(&self) -> &'static str {
        "boxes"
    }

    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()> {
        self.0.insert(entry.name.into_owned(), entry.revision);
        Ok(())
    }

    fn revision(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        let data = RawValue::from_string("null".to_owned()).map_err(Error::internal)?;
        for (name, revision) in &self.0 {
            to(LogEntry {
                name: name.into(),
                revision: *revision,
                data: &data,
            })?;
        }
        Ok(())
    }
}

fn resource(name: &str) -> Result<Resource> {
    let home = Key::new("boxes")?.join(Key::segment(name))?;
    Ok(Resource {
        name: name.into(),
        home,
    })
}

impl Catalog for Toy {
    fn fold(&self) -> Box<dyn Fold> {
        Box::new(Boxes::default())
    }

    fn subject(&self, key: &Key) -> Option<Subject> {
        let home = key.parent().filter(|_| key.name() == DOCUMENT)?;
        resource(home.name()).ok().map(Subject::only)
    }

    fn entry(&self, name: &str, _: &RawDocument) -> Result<Box<RawValue>> {
        let told = match name.split_once('-') {
            Some(("long", _)) => format!("\"{}\"", "x".repeat(1 << 20)),
            Some(("endless", _)) => format!("\"{}\"", "x".repeat(5 << 20)),
            _ => "null".to_owned(),
        };
        RawValue::from_string(told).map_err(Error::internal)
    }

    fn named(&self, document: &RawDocument) -> Result<Named> {
        let all = document.entries.values();
        let all = all.map(|json| serde_json::from_slice(json).map_err(Error::internal));
        Ok(Named::bytes(all.collect::<Result<_>>()?))
    }
}

impl Protocol for Toy {
    const NAME: &'static str = "toy";
    const RESOURCE: &'static str = "box";
    const HIDES: bool = false;
    type Route = Route;
    type Error = Error;

    fn route(&self, method: &Method, path: &str, _: Option<&str>, _: &HeaderMap) -> Result<Route> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (&parts[..], method) {
            (["-", "boxes"], &Method::GET) => Ok(Route::Boxes),
            ([name], &Method::GET) if !name.is_empty() => Ok(Route::Box((*name).to_owned())),
            ([_], _) => Err(Error::method_not_allowed("GET")),
            ([name, item], _) => Ok(Route::Item(
                method.clone(),
                (*name).to_owned(),
                (*item).to_owned(),
            )),
            _ => Err(Error::not_found("there is no such address")),
        }
    }

    fn label(route: &Route) -> &'static str {
        match route {
            Route::Boxes => "boxes",
            Route::Box(_) => "box",
            Route::Item(..) => "item",
        }
    }

    fn access(&self, route: &Route) -> Access {
        let (action, name) = match route {
            Route::Boxes => return Access::Listing,
            Route::Box(name) => (Action::Read, name),
            Route::Item(method, name, _) if method == Method::PUT => (Action::Write, name),
            Route::Item(method, name, _) if method == Method::DELETE => (Action::Delete, name),
            Route::Item(_, name, _) => (Action::Read, name),
        };
        resource(name).map_or(Access::Identity, |resource| Access::To(action, resource))
    }

    async fn call(
        &self,
        route: Route,
        request: Request<Body>,
        context: &Context,
        granted: &Granted,
    ) -> Result<Response<Body>> {
        match route {
            Route::Boxes => boxes(granted).await,
            Route::Box(_) => list(granted.repo()?, request.headers(), &context.base).await,
            Route::Item(method, _, item) => match method {
                Method::PUT => put(granted.repo()?, item, request.into_body()).await,
                Method::DELETE => remove(granted.repo()?, item).await,
                _ => get(granted.repo()?, &item, &method, request.headers()).await,
            },
        }
    }

    fn render(&self, error: &Error, _: &Context) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{error}\n")));
        *response.status_mut() = error.kind().status();
        response
    }

    fn cause(error: &Error) -> &Error {
        error
    }

    fn usage(&self, base: &BaseUrl, token: Option<&str>) -> String {
        let token = token.unwrap_or("TOKEN");
        format!("curl -H 'Authorization: Bearer {token}' {base}/-/boxes")
    }
}

async fn boxes(granted: &Granted) -> Result<Response<Body>> {
    let all = granted
        .view(|boxes: &Boxes| boxes.0.keys().cloned().collect::<Vec<_>>())
        .await?;
    let mut seen = BTreeSet::new();
    for name in all {
        if granted.may(&name, Action::Read).await? {
            seen.insert(name);
        }
    }
    protocol::json(StatusCode::OK, &seen)
}

async fn list(repo: &Repo, headers: &HeaderMap, base: &BaseUrl) -> Result<Response<Body>> {
    let address = base.join(&format!("/{}", repo.name()));
    let render = move |document: &Document<()>| {
        let mut body: BTreeMap<String, u64> = BTreeMap::new();
        for (item, json) in &document.entries {
            let stored: StoredBytes = serde_json::from_slice(json).map_err(Error::internal)?;
            body.insert(format!("{address}/{item}"), stored.size);
        }
        let body = serde_json::to_vec(&body).map_err(Error::internal)?;
        Rendered::new(body, "application/json", document.modified)
    };
    let form = repo
        .rendered(DOCUMENT, "list", base.as_str(), render)
        .await?;
    let form = form.ok_or_else(|| Error::not_found("there is no such box"))?;
    Ok(protocol::rendered(&form, headers))
}

async fn find(repo: &Repo, item: &str) -> Result<StoredBytes> {
    let document = repo.document::<()>(DOCUMENT).await?;
    let json = document
        .as_ref()
        .and_then(|document| document.entries.get(item));
    let json = json.ok_or_else(|| Error::not_found("there is no such item"))?;
    serde_json::from_slice(json).map_err(Error::internal)
}

async fn get(
    repo: &Repo,
    item: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response<Body>> {
    let stored = find(repo, item).await?;
    protocol::serve(repo, &stored, "application/octet-stream", method, headers).await
}

async fn put(repo: &Repo, item: String, mut body: Body) -> Result<Response<Body>> {
    let incoming = Incoming {
        stem: &item,
        extension: ".bin",
        content_type: "application/octet-stream",
        size: body.length(),
        limit: LIMIT,
        digests: &[Algorithm::Sha256],
    };
    let mut writer = repo.stage(&incoming).await?;
    while let Some(bytes) = body.next().await {
        writer.write(bytes?).await?;
    }
    let staged = writer.finish().await?;
    let stored = staged.stored(Algorithm::Sha256);
    let json = serde_json::to_vec(&stored).map_err(Error::internal)?;
    let change = move |document: &mut Document<()>| -> Result<_> {
        if let Some(known) = document.entries.get(&*item) {
            let known: StoredBytes = serde_json::from_slice(known).map_err(Error::internal)?;
            if known.digest == stored.digest {
                return Ok(Change::keep(StatusCode::OK));
            }
            return Err(Error::new(
                ErrorKind::Conflict,
                "the item exists with other bytes",
            ));
        }
        document
            .entries
            .insert(Arc::from(&*item), json.clone().into());
        Ok(Change::write(StatusCode::CREATED))
    };
    let status = repo.change(DOCUMENT, vec![staged], change).await?;
    Ok(protocol::empty(status))
}

async fn remove(repo: &Repo, item: String) -> Result<Response<Body>> {
    let change = move |document: &mut Document<()>| -> Result<_> {
        let json = document.entries.remove(&*item);
        let json = json.ok_or_else(|| Error::not_found("there is no such item"))?;
        let stored = serde_json::from_slice(&json).map_err(Error::internal)?;
        Ok(Change::write(()).removing(vec![stored]))
    };
    repo.change(DOCUMENT, Vec::new(), change).await?;
    Ok(protocol::empty(StatusCode::NO_CONTENT))
}
