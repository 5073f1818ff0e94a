//! Composer, and curl, by which packages are uploaded: Composer itself has no command for that.

mod closed;
mod install;
mod judge;
mod look;
mod moving;
mod package;
mod upload;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::client::Client;
use super::mixed::{self, Round};
use super::{Run, World};
use crate::http::{Connection, Response};

/// What a client may do that uploads, and deletes.
const SCOPE: &str = "composer:package:*:delete";

/// Uploads a version by curl and installs it by Composer, again and again.
pub(super) fn round(world: &World) -> Result<Round<'_>> {
    let curl = Curl::publisher(world, "mixed")?;
    Ok(Box::new(move |number| {
        let version = format!("1.0.{number}");
        let zip = package::Package::new("blend", &version).zip(world)?;
        curl.upload(world, "packages/acme/blend", &zip)?.is(201)?;
        let name = format!("mixed-{number}");
        let folder = project(world, &name, &[("acme/blend", &version)])?;
        let composer = anybody(world, &name)?;
        composer.ok(&folder, &["update"], &[&version])?;
        says(&folder, "Acme\\Blend", &format!("blend {version}"))?;
        let source = zip.parent().context("a folder")?.to_owned();
        mixed::clear(&[source, folder, composer.home])
    }))
}

/// All that Composer and curl are asked to do.
pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    upload::steps(run, world)?;
    install::steps(run, world)?;
    look::steps(run, world)?;
    moving::steps(run, world)?;
    closed::steps(run, world)?;
    judge::steps(run, world)
}

/// Composer with an empty cache, which has these credentials.
fn composer(world: &World, home: &str, auth: &Value) -> Result<Client> {
    let auth = auth.to_string();
    let env = [
        ("COMPOSER_ALLOW_SUPERUSER", "1"),
        ("COMPOSER_NO_INTERACTION", "1"),
        // So that no message is broken.
        ("COLUMNS", "400"),
        ("COMPOSER_AUTH", auth.as_str()),
    ];
    Client::new(world, &format!("composer-{home}"), &["composer"], &env)
}

/// Composer without credentials.
fn anybody(world: &World, home: &str) -> Result<Client> {
    composer(world, home, &json!({}))
}

/// A new project that needs these packages, knows the registry at `url` and nothing else, and takes
/// versions of this stability.
fn project_at(
    world: &World,
    name: &str,
    url: &str,
    require: &[(&str, &str)],
    stability: &str,
) -> Result<PathBuf> {
    let folder = world.folder.join("projects").join(name);
    ensure!(!folder.exists(), "{} is used twice", folder.display());
    fs::create_dir_all(&folder)?;
    let require: serde_json::Map<_, _> = require
        .iter()
        .map(|(package, constraint)| ((*package).to_owned(), json!(constraint)))
        .collect();
    let manifest = json!({
        "repositories": [{ "type": "composer", "url": url }, { "packagist": false }],
        "require": require,
        "minimum-stability": stability,
        "prefer-stable": true,
        "config": { "secure-http": false },
    });
    fs::write(folder.join("composer.json"), format!("{manifest:#}\n"))?;
    Ok(folder)
}

fn project(world: &World, name: &str, require: &[(&str, &str)]) -> Result<PathBuf> {
    project_at(world, name, &world.mount("composer"), require, "stable")
}

/// What a project has locked of a package.
fn locked(project: &Path, package: &str) -> Result<Value> {
    let lock = fs::read_to_string(project.join("composer.lock"))?;
    let lock: Value = serde_json::from_str(&lock)?;
    let packages = lock["packages"].as_array().context("packages")?;
    let found = packages.iter().find(|of| of["name"] == package);
    found
        .cloned()
        .with_context(|| format!("{package} is not locked: {lock}"))
}

/// Loads a class by the project's autoloader, and compares what it says.
fn says(project: &Path, class: &str, wanted: &str) -> Result<()> {
    let script = format!("require 'vendor/autoload.php'; echo {class}::TEXT;");
    let mut command = crate::proc::command("php", project);
    let printed = crate::proc::output(command.args(["-r", &script]))?;
    ensure!(printed == wanted, "{class} says {printed}, not {wanted}");
    Ok(())
}

/// Asks our server for a path below the mount.
fn get(world: &World, path: &str) -> Result<Response> {
    let path = format!("{}/{path}", world.mount_path("composer"));
    Connection::new(world.server.port).get(&path, &[])
}

/// What curl was answered.
struct Curled {
    status: u16,
    body: String,
}

impl Curled {
    /// Fails unless it is this status.
    fn is(self, status: u16) -> Result<Self> {
        ensure!(
            self.status == status,
            "answered {}, not {status}: {}",
            self.status,
            self.body
        );
        Ok(self)
    }

    /// Fails unless it is this status, with an error that says all of `wanted`.
    fn refused(self, status: u16, wanted: &[&str]) -> Result<()> {
        let answer = self.is(status)?;
        let body: Value = serde_json::from_str(&answer.body)?;
        let message = body["message"].as_str().unwrap_or_default();
        ensure!(body["status"] == "error", "{}", answer.body);
        for word in wanted {
            ensure!(message.contains(word), "it should say {word}: {message}");
        }
        Ok(())
    }
}

/// curl, which has a token as it is wont to: as the password of any user.
struct Curl {
    client: Client,
    token: String,
    mount: String,
}

impl Curl {
    fn new(world: &World, home: &str, token: &str) -> Result<Self> {
        Ok(Self {
            client: Client::new(world, &format!("curl-{home}"), &["curl"], &[])?,
            token: token.to_owned(),
            mount: world.mount("composer"),
        })
    }

    /// One that may do everything.
    fn publisher(world: &World, home: &str) -> Result<Self> {
        Self::new(world, home, &world.token(SCOPE, &[])?)
    }

    /// Asks for a path below the mount.
    fn send(&self, world: &World, path: &str, arguments: &[&str]) -> Result<Curled> {
        let user = format!("token:{}", self.token);
        let all = [&["--user", user.as_str()], arguments].concat();
        self.bare(world, path, &all)
    }

    /// The same without credentials.
    fn bare(&self, world: &World, path: &str, arguments: &[&str]) -> Result<Curled> {
        let url = format!("{}/{path}", self.mount);
        let own = ["--silent", "--show-error", "--write-out", "\n%{http_code}"];
        let all = [&own, arguments, &[url.as_str()]].concat();
        let ran = self.client.ok(world.elsewhere(), &all, &[])?;
        let (body, status) = ran.stdout.rsplit_once('\n').context("a status")?;
        Ok(Curled {
            status: status.parse()?,
            body: body.to_owned(),
        })
    }

    /// Uploads a file as it is.
    fn upload(&self, world: &World, path: &str, file: &Path) -> Result<Curled> {
        let file = file.to_string_lossy();
        self.send(world, path, &["--upload-file", &file])
    }
}
