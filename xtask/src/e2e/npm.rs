//! npm: from login to install.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::client::{Client, installed, package, project, same};
use super::{OTHER, PASSWORD, Run, USER, World, npm_more};

/// The unscoped package.
pub(super) const PLAIN: &str = "npm-hello";
/// The scoped one.
pub(super) const SCOPED: &str = "@acme/npm-hello";

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

/// All that npm is asked to do.
pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let npm = client(world, "npm")?;
    login(run, world, &npm)?;
    publish(run, world, &npm)?;
    view(run, world, &npm)?;
    install(run, world)?;
    tags(run, world, &npm)?;
    deprecate(run, world, &npm)?;
    npm_more::steps(run, world, &npm)
}

fn login(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    let whoami = |client: &Client| client.ok(folder, &["whoami"], &[USER]).map(drop);
    run.step(world, "npm: login by web", || {
        let arguments = ["login", "--auth-type=web", "--browser=false"];
        let ran = npm.web_login(world, &world.mount("npm"), folder, &arguments)?;
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

fn install(run: &mut Run, world: &World) -> Result<()> {
    let depends = [(PLAIN, "^1.0.0"), (SCOPED, "2.x")];
    let folder = project(world, "npm-install", &depends)?;
    let both = |folder: &Path| {
        installed(folder, PLAIN, "1.1.0", &format!("{PLAIN} 1.1.0"))?;
        installed(folder, SCOPED, "2.0.0", &format!("{SCOPED} 2.0.0"))
    };
    run.step(
        world,
        "npm: install by range, anonymous, into an empty cache",
        || {
            client(world, "npm-install")?.ok(&folder, &["install"], &["added 2 packages"])?;
            both(&folder)?;
            let lock: Value = serde_json::from_slice(&fs::read(folder.join("package-lock.json"))?)?;
            let locked = &lock["packages"][format!("node_modules/{SCOPED}")];
            let integrity = locked["integrity"].as_str().unwrap_or_default();
            ensure!(
                integrity.starts_with("sha512-"),
                "no integrity in the lockfile: {locked}"
            );
            same("the locked version", &locked["version"], &json!("2.0.0"))
        },
    )?;
    run.step(
        world,
        "npm: ci from the lockfile, into an empty cache",
        || {
            fs::remove_dir_all(folder.join("node_modules"))?;
            client(world, "npm-ci")?.ok(&folder, &["ci"], &["added 2 packages"])?;
            both(&folder)
        },
    )?;
    run.step(
        world,
        "npm: ci refuses bytes that are not those of the lockfile",
        || {
            let lock = fs::read_to_string(folder.join("package-lock.json"))?;
            let broken = lock.replace("\"integrity\": \"sha512-", "\"integrity\": \"sha512-AAAA");
            let other = project(world, "npm-integrity", &depends)?;
            let broken = broken.replace("\"npm-install\"", "\"npm-integrity\"");
            fs::write(other.join("package-lock.json"), broken)?;
            client(world, "npm-integrity")?
                .refused(&other, &["ci"], &["EINTEGRITY"])
                .map(drop)
        },
    )?;
    run.step(world, "npm: install by tag", || {
        let other = project(world, "npm-tag", &[])?;
        client(world, "npm-tag")?.ok(&other, &["install", &format!("{PLAIN}@beta")], &[])?;
        installed(
            &other,
            PLAIN,
            "2.0.0-beta.1",
            &format!("{PLAIN} 2.0.0-beta.1"),
        )
    })?;
    run.step(
        world,
        "npm: install of an unknown package or version",
        || {
            let (other, npm) = (
                project(world, "npm-absent", &[])?,
                client(world, "npm-absent")?,
            );
            npm.refused(&other, &["install", "npm-absent"], &["E404"])?;
            npm.refused(&other, &["install", &format!("{PLAIN}@9.x")], &["ETARGET"])
                .map(drop)
        },
    )?;
    run.step(world, "npm: outdated", || {
        fs::write(
            folder.join("package.json"),
            manifest_with(&folder, PLAIN, "1.0.0")?,
        )?;
        let npm = client(world, "npm-outdated")?;
        npm.ok(&folder, &["install"], &[])?;
        installed(&folder, PLAIN, "1.0.0", &format!("{PLAIN} 1.0.0"))?;
        npm.refused(&folder, &["outdated"], &[PLAIN, "1.1.0"])
            .map(drop)
    })?;
    run.step(world, "npm: audit", || {
        let report = client(world, "npm-audit")?.json(&folder, &["audit", "--json"])?;
        same(
            "the findings",
            &report["metadata"]["vulnerabilities"]["total"],
            &json!(0),
        )
    })
}

fn manifest_with(folder: &Path, name: &str, range: &str) -> Result<String> {
    let mut manifest: Value = serde_json::from_slice(&fs::read(folder.join("package.json"))?)?;
    manifest["dependencies"][name] = json!(range);
    Ok(manifest.to_string())
}

fn tags(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    for (name, version) in [(PLAIN, "1.0.0"), (SCOPED, "1.0.0")] {
        run.step(
            world,
            &format!("npm: dist-tag add, ls, rm of {name}"),
            || {
                let spec = format!("{name}@{version}");
                npm.ok(
                    folder,
                    &["dist-tag", "add", &spec, "old"],
                    &[&format!("+old: {spec}")],
                )?;
                let listed = format!("old: {version}");
                npm.ok(folder, &["dist-tag", "ls", name], &[&listed, "latest: "])?;
                npm.ok(
                    folder,
                    &["view", &format!("{name}@old"), "version"],
                    &[version],
                )?;
                npm.ok(
                    folder,
                    &["dist-tag", "rm", name, "old"],
                    &[&format!("-old: {spec}")],
                )?;
                let ran = npm.ok(folder, &["dist-tag", "ls", name], &["latest: "])?;
                ensure!(
                    !ran.stdout.contains("old: "),
                    "the tag is still there\n{}",
                    ran.report()
                );
                Ok(())
            },
        )?;
    }
    run.step(
        world,
        "npm: dist-tag of an unknown version is refused",
        || {
            npm.refused(
                folder,
                &["dist-tag", "add", &format!("{PLAIN}@9.9.9"), "old"],
                &[],
            )
            .map(drop)
        },
    )
}

fn deprecate(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let spec = format!("{PLAIN}@1.0.0");
    let install = |name: &str| {
        let folder = project(world, name, &[])?;
        client(world, name)?.ok(&folder, &["install", &spec], &[])
    };
    run.step(world, "npm: deprecate, and the warning on install", || {
        npm.ok(
            world.elsewhere(),
            &["deprecate", &spec, "use 1.1.0 instead"],
            &[],
        )?;
        let ran = install("npm-deprecated")?;
        let warning = format!("npm warn deprecated {spec}: use 1.1.0 instead");
        ensure!(
            ran.text().contains(&warning),
            "no warning\n{}",
            ran.report()
        );
        npm.ok(world.elsewhere(), &["view", PLAIN, "version"], &["1.1.0"])
            .map(drop)
    })?;
    run.step(world, "npm: undeprecate, and no warning", || {
        npm.ok(world.elsewhere(), &["undeprecate", &spec], &[])?;
        let ran = install("npm-withdrawn")?;
        ensure!(
            !ran.text().contains("deprecated"),
            "still a warning\n{}",
            ran.report()
        );
        Ok(())
    })?;
    // The owner commands read this user's record.
    run.step(world, "npm: owner add, ls, rm", || {
        npm.ok(world.elsewhere(), &["owner", "ls", PLAIN], &[USER])?;
        npm.ok(
            world.elsewhere(),
            &["owner", "add", OTHER, PLAIN],
            &[&format!("+ {OTHER} ({PLAIN})")],
        )?;
        npm.ok(world.elsewhere(), &["owner", "ls", PLAIN], &[USER, OTHER])?;
        npm.ok(
            world.elsewhere(),
            &["owner", "rm", OTHER, PLAIN],
            &[&format!("- {OTHER} ({PLAIN})")],
        )?;
        let ran = npm.ok(world.elsewhere(), &["owner", "ls", PLAIN], &[USER])?;
        ensure!(
            !ran.stdout.contains(OTHER),
            "still an owner\n{}",
            ran.report()
        );
        Ok(())
    })
}
