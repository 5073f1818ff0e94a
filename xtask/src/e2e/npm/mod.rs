//! npm: from login to install.

mod account;
mod changes;
mod install;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::client::{Client, installed, package, project, same};
use super::mixed::{self, Round};
use super::{OTHER, PASSWORD, Run, USER, World};
use crate::server::{self, Server};

/// The unscoped package.
pub(super) const PLAIN: &str = "npm-hello";
/// The scoped one.
pub(super) const SCOPED: &str = "@acme/npm-hello";

/// Verdaccio with the users of a run.
pub(super) fn peer(root: &Path, folder: &Path) -> Result<Server> {
    let server = server::verdaccio(root, folder)?;
    for name in [USER, OTHER] {
        server::couch_login(server.port, "", name, PASSWORD)?;
    }
    Ok(server)
}

/// An npm that has never run, and knows this registry alone.
pub(super) fn client(world: &World, home: &str) -> Result<Client> {
    let mount = format!("{}/", world.mount("npm"));
    let env = [
        ("npm_config_registry", mount.as_str()),
        ("npm_config_update_notifier", "false"),
        ("npm_config_fund", "false"),
        ("npm_config_fetch_retries", "0"),
        ("npm_config_logs_max", "0"),
    ];
    let mut client = Client::new(world, home, &["npm"], &env)?;
    for (name, file) in [
        ("userconfig", ".npmrc"),
        ("globalconfig", "global.npmrc"),
        ("cache", "cache"),
    ] {
        let path = client.home.join(file).to_string_lossy().into_owned();
        client.env.push((format!("npm_config_{name}"), path));
    }
    Ok(client)
}

/// An npm with a token that was not made by logging in.
pub(super) fn with_token(world: &World, home: &str, token: &str) -> Result<Client> {
    let client = client(world, home)?;
    let mount = world.mount("npm");
    let nerf = mount.strip_prefix("http:").context("plain http")?;
    fs::write(
        client.home.join(".npmrc"),
        format!("{nerf}/:_authToken={token}\n"),
    )?;
    Ok(client)
}

/// Publishes a package and installs it, again and again.
pub(super) fn round(world: &World) -> Result<Round<'_>> {
    let token = world.token("npm:package:*:write", &[])?;
    let publisher = with_token(world, "npm-mixed", &token)?;
    let name = "npm-mixed";
    Ok(Box::new(move |number| {
        let version = format!("1.0.{number}");
        let content = format!("round {number}");
        let source = package(world, name, &version, &content)?;
        publisher.ok(&source, &["publish"], &[])?;
        let project = project(world, &format!("npm-mixed-{number}"), &[(name, &version)])?;
        let reader = client(world, &format!("npm-mixed-{number}"))?;
        reader.ok(&project, &["install"], &["added 1 package"])?;
        installed(&project, name, &version, &content)?;
        mixed::clear(&[source, project, reader.home])
    }))
}

/// All that npm is asked to do.
pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let npm = client(world, "npm")?;
    login(run, world, &npm)?;
    publish(run, world, &npm)?;
    view(run, world, &npm)?;
    install::steps(run, world)?;
    changes::steps(run, world, &npm)?;
    account::steps(run, world, &npm)?;
    changes::unpublish(run, world, &npm)?;
    account::logout(run, world, &npm)
}

fn login(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    let whoami = |client: &Client| client.ok(folder, &["whoami"], &[USER]).map(drop);
    run.step(world, "npm: login by web", || {
        let arguments = ["login", "--auth-type=web", "--browser=false"];
        let ran = npm.web_login(world, &world.mount("npm"), folder, &arguments, &[])?;
        ensure!(
            ran.success() && ran.text().contains("Logged in on"),
            "{}",
            ran.report()
        );
        whoami(npm)
    })?;
    let answers = [("Username:", USER), ("Password:", PASSWORD)];
    run.step(world, "npm: login by name and password", || {
        let other = client(world, "npm-couch")?;
        let ran = other.dialogue(folder, &["login", "--auth-type=legacy"], &answers)?;
        ensure!(
            ran.success() && ran.text().contains("Logged in on"),
            "{}",
            ran.report()
        );
        whoami(&other)?;
        // What follows goes on with this login where the registry has no pages.
        if world.registry.is_none() {
            fs::copy(other.home.join(".npmrc"), npm.home.join(".npmrc"))?;
        }
        Ok(())
    })?;
    run.step(world, "npm: adduser of an existing user is a login", || {
        let other = client(world, "npm-adduser")?;
        let answers = [answers[0], answers[1], ("Email", "alice@example.invalid")];
        let ran = other.dialogue(folder, &["adduser", "--auth-type=legacy"], &answers)?;
        ensure!(ran.success(), "{}", ran.report());
        whoami(&other)
    })?;
    run.step(world, "npm: login with a wrong password is refused", || {
        let other = client(world, "npm-wrong")?;
        let answers = [answers[0], ("Password:", "not-the-password")];
        let ran = other.dialogue(folder, &["login", "--auth-type=legacy"], &answers)?;
        ensure!(
            !ran.success() && ran.text().contains("E401"),
            "{}",
            ran.report()
        );
        other.refused(folder, &["whoami"], &["ENEEDAUTH"]).map(drop)
    })?;
    run.step(world, "npm: ping", || {
        npm.ok(folder, &["ping"], &["PONG"]).map(drop)
    })
}

fn publish(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    for (name, version, more, label) in [
        (PLAIN, "1.0.0", &[][..], "publish unscoped"),
        (PLAIN, "1.1.0", &[], "publish a second version"),
        (
            PLAIN,
            "2.0.0-beta.1",
            &["--tag", "beta"],
            "publish a prerelease under a tag",
        ),
        (SCOPED, "1.0.0", &[], "publish scoped"),
        (
            SCOPED,
            "2.0.0",
            &["--access", "public"],
            "publish a second scoped version",
        ),
    ] {
        run.step(world, &format!("npm: {label}"), || {
            let folder = package(world, name, version, &format!("{name} {version}"))?;
            let arguments = [&["publish"], more].concat();
            npm.ok(&folder, &arguments, &[&format!("+ {name}@{version}")])
                .map(drop)
        })?;
    }
    Ok(())
}

fn view(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    for (name, versions, tags) in [
        (
            PLAIN,
            json!(["1.0.0", "1.1.0", "2.0.0-beta.1"]),
            json!({"latest": "1.1.0", "beta": "2.0.0-beta.1"}),
        ),
        (
            SCOPED,
            json!(["1.0.0", "2.0.0"]),
            json!({"latest": "2.0.0"}),
        ),
    ] {
        run.step(world, &format!("npm: view {name}"), || {
            let shown = npm.json(world.elsewhere(), &["view", name, "--json"])?;
            same("the name", &shown["name"], &json!(name))?;
            same("the versions", &shown["versions"], &versions)?;
            same("the tags", &shown["dist-tags"], &tags)?;
            for key in ["created", "modified", "1.0.0"] {
                ensure!(
                    shown["time"][key].is_string(),
                    "time has no {key}: {}",
                    shown["time"]
                );
            }
            let tarball = shown["dist"]["tarball"].as_str().unwrap_or_default();
            let mount = format!("{}/", world.mount("npm"));
            ensure!(
                tarball.starts_with(&mount),
                "dist.tarball is {tarball}, not below {mount}"
            );
            Ok(())
        })?;
    }
    run.step(world, "npm: view one version, a tag, and a field", || {
        let spec = format!("{PLAIN}@beta");
        npm.ok(
            world.elsewhere(),
            &["view", &spec, "version"],
            &["2.0.0-beta.1"],
        )?;
        npm.ok(
            world.elsewhere(),
            &["view", PLAIN, "description"],
            &["The package npm-hello"],
        )?;
        npm.ok(world.elsewhere(), &["view", PLAIN, "maintainers"], &[USER])
            .map(drop)
    })?;
    run.step(world, "npm: view of an unknown package is E404", || {
        npm.refused(world.elsewhere(), &["view", "npm-absent"], &["E404"])
            .map(drop)
    })
}
