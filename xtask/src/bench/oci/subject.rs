//! What is measured: our server or docker-registry, over a folder of its own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Bench, USER};
use super::content::Content;
use crate::http::{Connection, Response};
use crate::server::{self, Server};

/// A running server.
pub(super) struct Subject {
    pub(super) server: Server,
    folder: PathBuf,
    /// A password of the bench's user, where the server asks for one.
    password: Option<String>,
}

impl Subject {
    /// Our server over an empty folder. Who pushes and pulls gets a token as clients do.
    pub(super) fn ours(bench: &Bench, name: &str) -> Result<Self> {
        if bench.peer {
            return Self::peer(bench, &format!("{name}-in-our-place"));
        }
        let (_, server, token) = bench.ours(name, "oci:repository:*:*")?;
        Ok(Self {
            server,
            folder: bench.folder.join(name),
            password: Some(token),
        })
    }

    /// docker-registry over an empty folder, which asks nobody who they are.
    pub(super) fn peer(bench: &Bench, name: &str) -> Result<Self> {
        let folder = bench.folder.join(name);
        Ok(Self {
            server: server::docker_registry(&folder, &[], None)?,
            folder,
            password: None,
        })
    }

    /// Ends it, and frees the space that it took.
    pub(super) fn remove(self) -> Result<()> {
        drop(self.server);
        Ok(fs::remove_dir_all(self.folder)?)
    }

    /// A connection of somebody who may pull from a repository and push to it.
    pub(super) fn client(&self, repository: &str) -> Result<Client> {
        let mut connection = Connection::new(self.server.port);
        let authorization = match &self.password {
            Some(password) => Some(token(&mut connection, repository, password)?),
            None => None,
        };
        Ok(Client {
            connection,
            authorization,
            repository: repository.to_owned(),
            origin: self.server.url(),
        })
    }
}

/// An access token for a repository, from where the server says.
fn token(connection: &mut Connection, repository: &str, password: &str) -> Result<String> {
    let answer = connection.get("/v2/", &[])?;
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let Some(challenge) = challenge.strip_prefix("Bearer ") else {
        bail!("GET /v2/ is answered {} {challenge}", answer.status);
    };
    let part = |name: &str| {
        let begin = format!("{name}=\"");
        let after = challenge.split(&begin).nth(1);
        let value = after.and_then(|after| after.split('"').next());
        value.with_context(|| format!("no {name} in {challenge}"))
    };
    let (realm, service) = (part("realm")?, part("service")?);
    let path = realm.splitn(4, '/').nth(3).context("a realm of no path")?;
    let path = format!("/{path}?service={service}&scope=repository:{repository}:pull,push");
    let basic = STANDARD.encode(format!("{USER}:{password}"));
    let headers = [("authorization", &*format!("Basic {basic}"))];
    let answer = connection.get(&path, &headers)?.successful("a token")?;
    let answer = answer.json()?;
    let token = answer["token"].as_str().context("no token")?;
    Ok(format!("Bearer {token}"))
}

/// Somebody who pushes and pulls, over one connection that stays open.
pub(super) struct Client {
    connection: Connection,
    authorization: Option<String>,
    repository: String,
    origin: String,
}

impl Client {
    /// The headers that say who it is.
    pub(super) fn headers(&self) -> Vec<(&str, &str)> {
        let authorization = self.authorization.as_deref();
        authorization
            .map(|value| ("authorization", value))
            .into_iter()
            .collect()
    }

    /// A path in the repository.
    pub(super) fn path(&self, below: &str) -> String {
        format!("/v2/{}/{below}", self.repository)
    }

    /// Begins an upload; where it goes on.
    fn begin(&mut self) -> Result<String> {
        let path = self.path("blobs/uploads/");
        let answer = self.request("POST", &path, None, &[])?;
        self.location(&answer.successful("the start of an upload")?)
    }

    fn location(&self, answer: &Response) -> Result<String> {
        let location = answer.header("location").context("no location")?;
        let path = location.strip_prefix(self.origin.as_str());
        Ok(path.unwrap_or(location).to_owned())
    }

    fn end(&mut self, location: &str, digest: &str, body: &[u8]) -> Result<()> {
        let sign = if location.contains('?') { '&' } else { '?' };
        let path = format!("{location}{sign}digest={digest}");
        let kind = Some("application/octet-stream");
        let answer = self.request("PUT", &path, kind, body)?;
        answer.successful("the end of an upload").map(drop)
    }

    fn request(
        &mut self,
        method: &str,
        path: &str,
        kind: Option<&str>,
        body: &[u8],
    ) -> Result<Response> {
        let authorization = self.authorization.clone();
        let authorization = authorization
            .iter()
            .map(|value| ("authorization", &**value));
        let kind = kind.map(|kind| ("content-type", kind));
        let headers: Vec<_> = authorization.chain(kind).collect();
        self.connection.request(method, path, &headers, body)
    }

    /// Pushes a large blob by POST, PATCH and PUT.
    pub(super) fn push(&mut self, content: &mut Content, digest: &str) -> Result<()> {
        let location = self.begin()?;
        let authorization = self.authorization.clone();
        let mut headers = vec![("content-type", "application/octet-stream")];
        headers.extend(
            authorization
                .iter()
                .map(|value| ("authorization", &**value)),
        );
        let size = content.size;
        let mut send = |to: &mut dyn Write| content.each(|block| to.write_all(block));
        let answer = self
            .connection
            .send_with("PATCH", &location, &headers, size, &mut send)?;
        let location = self.location(&answer.successful("the body of an upload")?)?;
        self.end(&location, digest, &[])
    }

    /// Pushes a small blob, by POST and PUT.
    pub(super) fn push_small(&mut self, digest: &str, bytes: &[u8]) -> Result<()> {
        let location = self.begin()?;
        self.end(&location, digest, bytes)
    }

    /// Pushes a manifest.
    pub(super) fn tag(&mut self, tag: &str, kind: &str, manifest: &[u8]) -> Result<()> {
        let path = self.path(&format!("manifests/{tag}"));
        let answer = self.request("PUT", &path, Some(kind), manifest)?;
        answer.successful("a manifest").map(drop)
    }

    /// Pulls a blob.
    pub(super) fn pull(&mut self, digest: &str, sink: &mut dyn Write) -> Result<()> {
        let path = self.path(&format!("blobs/{digest}"));
        let authorization = self.authorization.clone();
        let headers: Vec<_> = authorization
            .iter()
            .map(|value| ("authorization", &**value))
            .collect();
        let answer = self.connection.download(&path, &headers, sink)?;
        ensure!(answer.status == 200, "{path} is answered {}", answer.status);
        Ok(())
    }
}
