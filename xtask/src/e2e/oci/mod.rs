//! OCI: what the clients share.
//!
//! A client is a `Tool`: how it logs in, pushes and pulls. What all of them must be able to do is
//! written once, in `common` and `rights`; what only one of them does is in its own file.

mod common;
pub(super) mod crane;
mod layout;
pub(super) mod oras;
pub(super) mod podman;
mod rights;
pub(super) mod skopeo;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::client::Client;
use super::{OTHER, PASSWORD, READER, USER, World, tls};
use crate::http::{Connection, Response};
use crate::proc::Ran;
use crate::server::{self, Server};
use crate::tools;
use layout::Layout;

/// The users of a run, for a peer.
const USERS: [(&str, &str); 3] = [(USER, PASSWORD), (OTHER, PASSWORD), (READER, PASSWORD)];

/// docker-registry with the users of a run; each may do everything, and nobody else anything.
pub(super) fn peer(_: &Path, folder: &Path) -> Result<Server> {
    server::docker_registry(folder, &USERS, None)
}

/// A server, as clients name it.
struct Site {
    /// Host and port.
    host: String,
    /// A folder with the certificate of who vouches for it (`ca.crt`), where it speaks TLS.
    trust: Option<PathBuf>,
}

impl Site {
    /// The server of a run, which speaks plain HTTP.
    fn of(world: &World) -> Self {
        Self::plain(&world.server)
    }

    fn plain(server: &Server) -> Self {
        Self {
            host: format!("127.0.0.1:{}", server.port),
            trust: None,
        }
    }

    /// Something in a repository.
    fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }
}

/// Starts a server that speaks TLS alone; ours has the state of the run's.
fn serve_tls(world: &World, name: &str) -> Result<(Server, Site)> {
    let folder = world.folder.join("tls").join(name);
    let made = tls::make(folder.clone()).context("making certificates")?;
    let server = if world.registry.is_some() {
        tls::replica(world, &made, &[])?
    } else {
        server::docker_registry(
            &folder.join("peer"),
            &USERS,
            Some((&made.certificate, &made.key)),
        )?
    };
    let mut site = Site::plain(&server);
    site.trust = Some(made.trust);
    Ok((server, site))
}

/// What is printed where something is refused.
struct Words {
    /// The client's own word for it.
    client: &'static str,
    /// The sentence that we send and the client passes on; empty where it does not.
    ours: &'static str,
}

/// Said to somebody without credentials who wants what is not free to all.
const UNKNOWN: Words = Words {
    client: "unauthorized",
    ours: "this needs a user: log in, or send a token",
};
/// Said to a user who pushes without the right to.
const DENIED: Words = Words {
    client: "denied",
    ours: "may not write the repository",
};

/// How a client does what all of them can do.
trait Tool {
    /// What it is called, and its first word in repositories.
    const NAME: &'static str;
    /// What it says when the password is wrong.
    const WRONG: Words;

    /// One that has never run, and knows this site.
    fn client(world: &World, home: &str, site: &Site) -> Result<Client>;
    /// Logs in, the password being on its standard input.
    fn login(client: &Client, site: &Site, user: &str, password: &str) -> Result<Ran>;
    /// Forgets who it is.
    fn logout(client: &Client, site: &Site) -> Result<Ran>;
    /// Pushes what a layout holds; the result is a failure if it failed.
    fn push(client: &Client, site: &Site, from: &Layout, to: &str) -> Result<Ran>;
    /// Pulls something, all platforms of it, into a folder that does not exist yet.
    fn pull(client: &Client, site: &Site, from: &str, to: &Path) -> Result<Ran>;

    /// Checks that what was pulled is what was made.
    fn brought_back(_client: &Client, made: &Layout, to: &Path) -> Result<()> {
        layout::same(made, to)
    }
}

/// A client whose files all lie in its home.
fn client(world: &World, home: &str, program: &[&str]) -> Result<Client> {
    let mut client = Client::new(world, home, program, &[])?;
    for (name, folder) in [
        ("XDG_RUNTIME_DIR", "runtime"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
        ("DOCKER_CONFIG", "docker"),
        ("TMPDIR", "temporary"),
    ] {
        let folder = client.home.join(folder);
        fs::create_dir(&folder)?;
        set(&mut client, name, &folder);
    }
    let credentials = client.home.join("credentials.json");
    fs::write(&credentials, "{}")?;
    set(&mut client, "REGISTRY_AUTH_FILE", &credentials);
    Ok(client)
}

fn set(client: &mut Client, name: &str, value: &Path) {
    let value = value.to_string_lossy().into_owned();
    client.env.push((name.to_owned(), value));
}

/// Makes sure that it was refused, in these words.
fn refused(world: &World, ran: &Ran, words: &Words) -> Result<()> {
    let ended = ran.status.is_some();
    ensure!(
        ended && !ran.success(),
        "it should be refused\n{}",
        ran.report()
    );
    let text = ran.text().to_lowercase();
    let ours = if world.registry.is_some() {
        words.ours
    } else {
        ""
    };
    for word in [words.client, ours] {
        ensure!(
            text.contains(word),
            "it should say: {word}\n{}",
            ran.report()
        );
    }
    Ok(())
}

/// A program of the tools folder.
fn program(world: &World, below: &str) -> String {
    tools::path(&world.root, below)
        .to_string_lossy()
        .into_owned()
}

/// Makes sure that it ended well.
fn well(ran: Ran) -> Result<Ran> {
    ensure!(ran.success(), "it should succeed\n{}", ran.report());
    Ok(ran)
}

/// How we ask ourselves, beside the clients.
fn authorization() -> String {
    format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")))
}

/// What a reference answers with.
fn fetch(world: &World, repository: &str, reference: &str) -> Result<Response> {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let authorization = authorization();
    let accept = format!("{}, {}", layout::INDEX, layout::MANIFEST);
    let headers = [
        ("authorization", authorization.as_str()),
        ("accept", &accept),
    ];
    let answer = Connection::new(world.server.port).get(&path, &headers)?;
    answer.successful(&path)
}

/// Checks that a reference answers with bytes of this digest, and says so.
fn served(world: &World, repository: &str, reference: &str, digest: &str) -> Result<()> {
    let answer = fetch(world, repository, reference)?;
    let found = layout::sha256(&answer.body);
    let what = || format!("{repository}, {reference}");
    ensure!(
        found == digest,
        "{} should be {digest}, and is {found}",
        what()
    );
    let said = answer.header("docker-content-digest");
    ensure!(
        said == Some(digest),
        "{} is {digest}, and is called {said:?}",
        what()
    );
    Ok(())
}

/// A repository with more tags than the clients ask for at once, and those tags in order.
const MANY: &str = "many/tags";

/// Makes that repository, if it is not there; returns the tags.
fn many_tags(world: &World) -> Result<Vec<String>> {
    let tags: Vec<_> = (0..1100).map(|number| format!("tag-{number:04}")).collect();
    let mut connection = Connection::new(world.server.port);
    let authorization = authorization();
    let with = |kind| {
        [
            ("authorization", authorization.as_str()),
            ("content-type", kind),
        ]
    };
    let last = format!("/v2/{MANY}/manifests/{}", tags[tags.len() - 1]);
    let accept = [with("")[0], ("accept", layout::MANIFEST)];
    if connection.get(&last, &accept)?.success() {
        return Ok(tags);
    }
    let config = b"{}";
    let uploads = format!("/v2/{MANY}/blobs/uploads/");
    let answer = connection.request("POST", &uploads, &with("text/plain"), b"")?;
    let answer = answer.successful("the start of an upload")?;
    let location = answer.header("location").context("no location")?;
    let origin = world.server.url();
    let location = location.strip_prefix(origin.as_str()).unwrap_or(location);
    let sign = if location.contains('?') { '&' } else { '?' };
    let digest = layout::sha256(config);
    let end = format!("{location}{sign}digest={digest}");
    let kind = with("application/octet-stream");
    let answer = connection.request("PUT", &end, &kind, config)?;
    answer.successful("the end of an upload")?;
    let config = json!({
        "mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": config.len(),
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": layout::MANIFEST,
        "artifactType": "application/vnd.example.nothing", "config": config, "layers": [],
    });
    let (manifest, kind) = (manifest.to_string(), with(layout::MANIFEST));
    for tag in &tags {
        let path = format!("/v2/{MANY}/manifests/{tag}");
        let answer = connection.request("PUT", &path, &kind, manifest.as_bytes())?;
        answer.successful(&path)?;
    }
    Ok(tags)
}

/// Checks that a client listed those tags, in their order.
fn all_tags<'a>(wanted: &[String], found: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut found: Vec<_> = found.collect();
    if found == wanted {
        return Ok(());
    }
    found.sort_unstable();
    let sorted = found == wanted;
    let count = found.len();
    bail!(
        "{count} tags of {}, complete but not in order: {sorted}",
        wanted.len()
    )
}
