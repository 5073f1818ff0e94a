//! Yarn 4.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::client::{self, Client, installed, same};
use super::{PASSWORD, Run, USER, World};
use crate::tools;

const PLAIN: &str = "yarn-hello";
const SCOPED: &str = "@acme/yarn-hello";

/// A Yarn that has never run, and knows this registry alone.
fn client(world: &World, home: &str) -> Result<Client> {
    let program = tools::path(&world.root, tools::YARN);
    let program = program.to_str().context("a path that is not UTF-8")?;
    let mount = world.mount("npm");
    let env = [
        ("YARN_NPM_REGISTRY_SERVER", mount.as_str()),
        ("YARN_UNSAFE_HTTP_WHITELIST", "127.0.0.1"),
        ("YARN_ENABLE_TELEMETRY", "0"),
        ("YARN_ENABLE_GLOBAL_CACHE", "true"),
        ("YARN_ENABLE_COLORS", "false"),
        ("YARN_ENABLE_HYPERLINKS", "false"),
        ("YARN_NODE_LINKER", "node-modules"),
        ("YARN_HTTP_RETRY", "0"),
        // What is published here is seconds old.
        ("YARN_NPM_MINIMAL_AGE_GATE", "0"),
    ];
    let mut client = Client::new(world, home, &["node", program], &env)?;
    let global = client.home.join("global").to_string_lossy().into_owned();
    client.env.push(("YARN_GLOBAL_FOLDER".to_owned(), global));
    Ok(client)
}

/// An empty lockfile makes a folder a project of its own.
fn project(world: &World, name: &str, depends: &[(&str, &str)]) -> Result<PathBuf> {
    let folder = client::project(world, name, depends)?;
    fs::write(folder.join("yarn.lock"), "")?;
    Ok(folder)
}

/// A package, ready to be published: Yarn wants it installed.
fn package(
    world: &World,
    yarn: &Client,
    name: &str,
    version: &str,
    content: &str,
) -> Result<PathBuf> {
    let folder = client::package(world, name, version, content)?;
    if !folder.join("yarn.lock").exists() {
        fs::write(folder.join("yarn.lock"), "")?;
        yarn.ok(&folder, &["install"], &[])?;
    }
    Ok(folder)
}

/// All that Yarn is asked to do.
pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let yarn = client(world, "yarn")?;
    let home = project(world, "yarn-home", &[])?;
    login(run, world, &yarn, &home)?;
    publish(run, world, &yarn)?;
    info(run, world, &yarn, &home)?;
    install(run, world)?;
    tags(run, world, &yarn, &home)?;
    logout(run, world, &yarn, &home)
}

fn login(run: &mut Run, world: &World, yarn: &Client, home: &Path) -> Result<()> {
    let whoami = |yarn: &Client| yarn.ok(home, &["npm", "whoami"], &[USER]).map(drop);
    run.step(world, "yarn: login by name and password", || {
        let answers = [("Username:", USER), ("Password:", PASSWORD)];
        let ran = yarn.dialogue(home, &["npm", "login"], &answers)?;
        ensure!(
            ran.success() && ran.text().contains("logged in"),
            "{}",
            ran.report()
        );
        whoami(yarn)
    })?;
    run.step(world, "yarn: login by web", || {
        let other = client(world, "yarn-web")?;
        let arguments = ["npm", "login", "--web-login"];
        let ran = other.web_login(
            world,
            &world.mount("npm"),
            home,
            &arguments,
            &[("your browser now?", "n")],
        )?;
        ensure!(
            ran.success() && ran.text().contains("logged in"),
            "{}",
            ran.report()
        );
        whoami(&other)
    })?;
    run.step(
        world,
        "yarn: login with a wrong password is refused",
        || {
            let other = client(world, "yarn-wrong")?;
            let answers = [("Username:", USER), ("Password:", "not-the-password")];
            let ran = other.dialogue(home, &["npm", "login"], &answers)?;
            ensure!(!ran.success(), "{}", ran.report());
            other
                .refused(home, &["npm", "whoami"], &["No authentication configured"])
                .map(drop)
        },
    )
}

fn publish(run: &mut Run, world: &World, yarn: &Client) -> Result<()> {
    for (name, version, label) in [
        (PLAIN, "1.0.0", "publish unscoped"),
        (PLAIN, "1.1.0", "publish a second version"),
        (SCOPED, "1.0.0", "publish scoped"),
        (SCOPED, "2.0.0", "publish a second scoped version"),
    ] {
        run.step(world, &format!("yarn: {label}"), || {
            let folder = package(world, yarn, name, version, &format!("{name} {version}"))?;
            let arguments = ["npm", "publish", "--access", "public"];
            yarn.ok(&folder, &arguments, &["Package archive published"])
                .map(drop)
        })?;
    }
    run.step(
        world,
        "yarn: publish over a version is refused, or tolerated",
        || {
            let folder = package(world, yarn, PLAIN, "1.1.0", "other bytes")?;
            let wanted = "cannot publish over the previously published version";
            yarn.refused(&folder, &["npm", "publish"], &[wanted])?;
            let tolerant = ["npm", "publish", "--tolerate-republish"];
            yarn.ok(&folder, &tolerant, &["already knows about version"])
                .map(drop)
        },
    )?;
    run.step(world, "yarn: publish without a token is refused", || {
        let nobody = client(world, "yarn-nobody")?;
        let folder = package(world, &nobody, "yarn-refused", "1.0.0", "refused")?;
        nobody
            .refused(
                &folder,
                &["npm", "publish"],
                &["No authentication configured"],
            )
            .map(drop)
    })
}

fn info(run: &mut Run, world: &World, yarn: &Client, home: &Path) -> Result<()> {
    for (name, versions, latest) in [
        (PLAIN, json!(["1.0.0", "1.1.0"]), "1.1.0"),
        (SCOPED, json!(["1.0.0", "2.0.0"]), "2.0.0"),
    ] {
        run.step(world, &format!("yarn: info {name}"), || {
            let shown = yarn.json(home, &["npm", "info", name, "--json"])?;
            same("the name", &shown["name"], &json!(name))?;
            same("the versions", &shown["versions"], &versions)?;
            same("the tags", &shown["dist-tags"], &json!({"latest": latest}))?;
            let old = yarn.json(home, &["npm", "info", &format!("{name}@^1.0.0"), "--json"])?;
            let old_version = if latest == "1.1.0" { "1.1.0" } else { "1.0.0" };
            same(
                "the version of the range",
                &old["version"],
                &json!(old_version),
            )
        })?;
    }
    run.step(world, "yarn: info of an unknown package", || {
        yarn.refused(home, &["npm", "info", "yarn-absent"], &["404"])
            .map(drop)
    })
}

fn install(run: &mut Run, world: &World) -> Result<()> {
    let folder = project(world, "yarn-install", &[(PLAIN, "^1.0.0"), (SCOPED, "2.x")])?;
    let both = |folder: &Path| {
        installed(folder, PLAIN, "1.1.0", &format!("{PLAIN} 1.1.0"))?;
        installed(folder, SCOPED, "2.0.0", &format!("{SCOPED} 2.0.0"))
    };
    run.step(
        world,
        "yarn: install by range, anonymous, into an empty cache",
        || {
            client(world, "yarn-install")?.ok(&folder, &["install"], &[])?;
            both(&folder)?;
            let lock = fs::read_to_string(folder.join("yarn.lock"))?;
            ensure!(
                lock.contains("checksum: "),
                "no checksum in the lockfile:\n{lock}"
            );
            Ok(())
        },
    )?;
    run.step(
        world,
        "yarn: install --immutable from the lockfile, into an empty cache",
        || {
            fs::remove_dir_all(folder.join("node_modules"))?;
            let mut yarn = client(world, "yarn-immutable")?;
            yarn.env.push((
                "YARN_ENABLE_IMMUTABLE_INSTALLS".to_owned(),
                "true".to_owned(),
            ));
            yarn.ok(&folder, &["install", "--immutable", "--check-cache"], &[])?;
            both(&folder)
        },
    )?;
    run.step(world, "yarn: add, by range and by tag, and audit", || {
        let other = project(world, "yarn-add", &[])?;
        let yarn = client(world, "yarn-add")?;
        yarn.ok(
            &other,
            &[
                "add",
                &format!("{SCOPED}@^1.0.0"),
                &format!("{PLAIN}@latest"),
            ],
            &[],
        )?;
        installed(&other, SCOPED, "1.0.0", &format!("{SCOPED} 1.0.0"))?;
        installed(&other, PLAIN, "1.1.0", &format!("{PLAIN} 1.1.0"))?;
        yarn.ok(&other, &["npm", "audit"], &["No audit suggestions"])?;
        yarn.refused(&other, &["add", "yarn-absent"], &["404"])
            .map(drop)
    })
}

fn tags(run: &mut Run, world: &World, yarn: &Client, home: &Path) -> Result<()> {
    run.step(world, "yarn: tag add, list, remove", || {
        for name in [PLAIN, SCOPED] {
            yarn.ok(
                home,
                &["npm", "tag", "add", &format!("{name}@1.0.0"), "old"],
                &[],
            )?;
            let listed = yarn.ok(home, &["npm", "tag", "list", "--json", name], &[])?;
            same(
                "the tag",
                &listed_tags(&listed.stdout)?["old"],
                &json!("1.0.0"),
            )?;
            yarn.ok(home, &["npm", "tag", "remove", name, "old"], &[])?;
            let listed = yarn.ok(home, &["npm", "tag", "list", "--json", name], &[])?;
            same(
                "the removed tag",
                &listed_tags(&listed.stdout)?["old"],
                &Value::Null,
            )?;
        }
        Ok(())
    })
}

/// Yarn prints a line for each tag: `{"descriptor":"NAME@TAG","locator":"NAME@VERSION"}`.
fn listed_tags(printed: &str) -> Result<Value> {
    let mut tags = json!({});
    for line in printed.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| printed.to_owned())?;
        let after_at = |key: &str| line[key].as_str().and_then(|text| text.rsplit('@').next());
        let tag = after_at("descriptor").with_context(|| printed.to_owned())?;
        tags[tag] = json!(after_at("locator"));
    }
    Ok(tags)
}

fn logout(run: &mut Run, world: &World, yarn: &Client, home: &Path) -> Result<()> {
    run.step(world, "yarn: logout", || {
        yarn.ok(home, &["npm", "logout"], &[])?;
        let folder = package(world, yarn, "yarn-refused", "1.0.1", "refused")?;
        yarn.refused(
            &folder,
            &["npm", "publish"],
            &["No authentication configured"],
        )
        .map(drop)
    })
}
