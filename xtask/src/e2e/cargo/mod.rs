//! cargo: from login to build, on four servers over one state: with and without TLS, and with and
//! without leave to read for everybody.

mod crates;
mod manage;
mod publish;
mod resolve;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::client::Client;
use super::mixed::{self, Round};
use super::tls::{self, AUTHORITY, Certificates};
use super::{PASSWORD, Run, USER, World};
use crate::http::Connection;
use crate::server::Server;

/// What the registry is called in cargo's configuration.
const REGISTRY: &str = "e2e";

/// A server, and what is to be known of it.
struct Place {
    /// The first word of its steps, and of all crates that are published there.
    name: &'static str,
    server: Server,
    /// The address of the index.
    index: String,
    /// The certificate of who vouches for it, where it speaks TLS.
    authority: Option<String>,
    /// Whether reading needs a token.
    closed: bool,
}

impl Place {
    /// Starts a server over the state of the run.
    fn start(world: &World, name: &'static str, secure: bool, closed: bool) -> Result<Self> {
        let anonymous = if closed { "none" } else { "read" };
        let variables = [("REGISTRY_CARGO_ANONYMOUS", anonymous)];
        let made: Option<Certificates> = secure
            .then(|| tls::make(world.folder.join("tls").join(name)))
            .transpose()?;
        let server = match &made {
            Some(made) => tls::replica(world, made, &variables)?,
            None => world.replica(&variables)?,
        };
        let scheme = if secure { "https" } else { "http" };
        Ok(Self {
            name,
            index: format!("{scheme}://127.0.0.1:{}/cargo/", server.port),
            authority: made.map(|made| path(&made.trust.join(AUTHORITY))),
            server,
            closed,
        })
    }

    /// A crate that is published there.
    fn of(&self, word: &str) -> String {
        format!("{}-{word}", self.name)
    }

    /// Runs one step, with the end of this server's log if it fails.
    fn step(
        &self,
        run: &mut Run,
        world: &World,
        what: &str,
        step: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        run.step(world, &format!("cargo, {}: {what}", self.name), || {
            step()
                .with_context(|| format!("--- this server's log\n{}\n---", self.server.log_tail()))
        })
    }

    /// A cargo that has never run, knows this registry and no other, and has no token.
    fn client(&self, world: &World, home: &str) -> Result<Client> {
        let home = format!("cargo-{}-{home}", self.name);
        configured(world, &home, &self.index, self.authority.as_deref())
    }

    /// A cargo with a token.
    fn with_token(&self, world: &World, home: &str, token: &str) -> Result<Client> {
        let client = self.client(world, home)?;
        log_in(&client, world, token)?;
        Ok(client)
    }

    /// A cargo with an empty cache that may read.
    fn reader(&self, world: &World, home: &str) -> Result<Client> {
        if !self.closed {
            return self.client(world, home);
        }
        let token = world.token("cargo:crate:*:read", &[])?;
        self.with_token(world, home, &token)
    }
}

/// A cargo that has never run, knows the registry of an index and no other, and has no token.
fn configured(world: &World, home: &str, index: &str, authority: Option<&str>) -> Result<Client> {
    let mut client = Client::new(world, home, &["cargo"], &[])?;
    // rustup's cargo looks for its toolchains below the home of who runs it.
    let own = std::env::home_dir()
        .context("no home folder")?
        .join(".rustup");
    let own = std::env::var("RUSTUP_HOME").unwrap_or_else(|_| path(&own));
    client.env.push(("RUSTUP_HOME".to_owned(), own));
    if let Ok(toolchain) = std::env::var("RUSTUP_TOOLCHAIN") {
        client.env.push(("RUSTUP_TOOLCHAIN".to_owned(), toolchain));
    }
    let (folder, empty) = (client.home.join(".cargo"), client.home.join("empty"));
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(&empty)?;
    let mut config = format!(
        "[registries.{REGISTRY}]\nindex = \"sparse+{}\"\n\
             [registry]\nglobal-credential-providers = [\"cargo:token\"]\n\
             [source.crates-io]\nreplace-with = \"empty\"\n\
             [source.empty]\ndirectory = \"{}\"\n\
             [net]\nretry = 0\n",
        index,
        empty.display()
    );
    if let Some(authority) = authority {
        config += &format!("[http]\ncainfo = \"{authority}\"\n");
    }
    fs::write(folder.join("config.toml"), config)?;
    Ok(client)
}

/// Publishes a crate and fetches it into an empty cache, again and again.
pub(super) fn round(world: &World) -> Result<Round<'_>> {
    let index = format!("{}/", world.mount("cargo"));
    let publisher = configured(world, "cargo-mixed", &index, None)?;
    log_in(&publisher, world, &world.token("cargo:crate:*:write", &[])?)?;
    Ok(Box::new(move |number| {
        let (source, project) = (
            mixed::folder(world, "crate", number),
            mixed::folder(world, "application", number),
        );
        let version = format!("1.0.{number}");
        crates::write(&source, "mixed", &version, "", &format!("// {number}\n"))?;
        let arguments = [&publish::PUBLISH[..], &["--no-verify"]].concat();
        publisher.ok(&source, &arguments, &[])?;
        let depends = format!(
            "[dependencies]\nmixed = {{ version = \"={version}\", registry = \"{REGISTRY}\" }}\n"
        );
        crates::write(&project, "application", "0.0.0", &depends, "")?;
        let reader = configured(world, &format!("cargo-mixed-{number}"), &index, None)?;
        reader.ok(&project, &["fetch"], &[&format!("mixed v{version}")])?;
        mixed::clear(&[source, project, reader.home])
    }))
}

/// All that cargo is asked to do.
pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    for (name, secure, closed) in [
        ("plain", false, false),
        ("plain-closed", false, true),
        ("tls", true, false),
        ("tls-closed", true, true),
    ] {
        let place = Place::start(world, name, secure, closed)?;
        let cargo = login(run, world, &place)?;
        publish::steps(run, world, &place, &cargo)?;
        resolve::steps(run, world, &place, &cargo)?;
        manage::steps(run, world, &place, &cargo)?;
        publish::refusals(run, world, &place)?;
        place.server.stop()?;
    }
    Ok(())
}

/// Logs in, where that can be done without TLS with a token from the page that cargo names.
fn login(run: &mut Run, world: &World, place: &Place) -> Result<Client> {
    let cargo = place.client(world, "publisher")?;
    place.step(run, world, "login", || {
        let token = match place.authority {
            None => token_of_page(place)?,
            Some(_) => world.token("cargo:crate:*:write", &[])?,
        };
        let arguments = ["login", "--registry", REGISTRY];
        let page = format!("{}me", place.index);
        let ran = cargo.dialogue(world.elsewhere(), &arguments, &[(&page, &token)])?;
        ensure!(
            ran.success() && ran.text().contains("saved"),
            "{}",
            ran.report()
        );
        Ok(())
    })?;
    Ok(cargo)
}

fn log_in(cargo: &Client, world: &World, token: &str) -> Result<()> {
    let arguments = ["login", "--registry", REGISTRY];
    let ran = cargo.fed(world.elsewhere(), &arguments, &format!("{token}\n"))?;
    ensure!(ran.success(), "{}", ran.report());
    Ok(())
}

/// The token that the page of `cargo login` gives to who fills its form.
fn token_of_page(place: &Place) -> Result<String> {
    let mut connection = Connection::new(place.server.port);
    let page = connection.get("/cargo/me", &[])?.successful("the page")?;
    for field in ["<form", "username", "password"] {
        ensure!(page.text().contains(field), "no {field}: {}", page.text());
    }
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let form = format!("username={USER}&password={PASSWORD}");
    let answer = connection.request("POST", "/cargo/me", &headers, form.as_bytes())?;
    let html = answer.successful("the form")?.text();
    let from = html
        .find("reg_")
        .with_context(|| format!("no token: {html}"))?;
    let token = html[from..].split('<').next().unwrap_or_default();
    Ok(token.to_owned())
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
