//! Requiring, updating, and installing what is locked.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::package::Package;
use super::{Curl, anybody, locked, project, says};
use crate::e2e::{Run, World};

/// How long a line may take to come into the server's log.
const LOGGED: Duration = Duration::from_secs(10);

pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    publish(world)?;
    require(run, world)?;
    lock(run, world)?;
    requests(run, world)
}

/// `leaf` 1.0, 1.1 and a beta of 2.0; `tree` 1.0, which needs it, and 2.0, which cannot be had.
fn publish(world: &World) -> Result<()> {
    let curl = Curl::publisher(world, "install")?;
    let needs = |constraint: &str| json!({ "php": ">=7.2", "acme/leaf": constraint });
    for (at, package) in [
        ("leaf", Package::new("leaf", "1.0.0")),
        ("leaf", Package::new("leaf", "1.1.0")),
        ("leaf", Package::new("leaf", "2.0.0-beta1")),
        (
            "tree",
            Package::new("tree", "1.0.0").with("require", needs("^1.0")),
        ),
        (
            "tree",
            Package::new("tree", "2.0.0").with("require", needs("^9.0")),
        ),
    ] {
        let zip = package.zip(world)?;
        curl.upload(world, &format!("packages/acme/{at}"), &zip)?
            .is(201)?;
    }
    Ok(())
}

fn require(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "composer: require from an empty cache", || {
        let folder = project(world, "require", &[])?;
        let composer = anybody(world, "require")?;
        let wanted = [
            "Using version ^1.1 for acme/leaf",
            "Installing acme/leaf (1.1.0)",
        ];
        composer.ok(&folder, &["require", "acme/leaf"], &wanted)?;
        let wanted = ["Installing acme/tree (1.0.0)"];
        composer.ok(&folder, &["require", "acme/tree:^1.0"], &wanted)?;
        says(&folder, "Acme\\Tree", "tree 1.0.0")?;
        says(&folder, "Acme\\Leaf", "leaf 1.1.0")?;
        let leaf = locked(&folder, "acme/leaf")?;
        let dists = format!("{}/dists/acme/leaf/", world.mount("composer"));
        let url = leaf["dist"]["url"].as_str().context("an address")?;
        ensure!(url.starts_with(&dists), "{leaf}");
        ensure!(
            leaf["dist"]["shasum"].as_str().map(str::len) == Some(40),
            "{leaf}"
        );
        Ok(())
    })?;
    run.step(
        world,
        "composer: update to the lowest, and with a beta",
        || {
            let folder = project(world, "update", &[("acme/leaf", "^1.0")])?;
            let composer = anybody(world, "update")?;
            composer.ok(&folder, &["update", "--prefer-lowest"], &[])?;
            says(&folder, "Acme\\Leaf", "leaf 1.0.0")?;
            composer.ok(
                &folder,
                &["update"],
                &["Upgrading acme/leaf (1.0.0 => 1.1.0)"],
            )?;
            composer.ok(
                &folder,
                &["require", "acme/leaf:^2.0@beta"],
                &["2.0.0-beta1"],
            )?;
            says(&folder, "Acme\\Leaf", "leaf 2.0.0-beta1")
        },
    )?;
    run.step(world, "composer: what cannot be had is told so", || {
        let folder = project(world, "absent", &[])?;
        let composer = anybody(world, "absent")?;
        let wanted = ["Could not find a matching version of package acme/absent"];
        composer.refused(&folder, &["require", "acme/absent"], &wanted)?;
        let wanted = ["acme/tree 2.0.0 requires acme/leaf ^9.0"];
        composer
            .refused(&folder, &["require", "acme/tree:^2.0"], &wanted)
            .map(drop)
    })
}

fn lock(run: &mut Run, world: &World) -> Result<()> {
    run.step(
        world,
        "composer: install what is locked, from an empty cache",
        || {
            let folder = project(world, "lock", &[("acme/tree", "^1.0")])?;
            let composer = anybody(world, "locks")?;
            composer.ok(
                &folder,
                &["update", "--no-install"],
                &["Locking acme/leaf (1.1.0)"],
            )?;
            ensure!(!folder.join("vendor").exists(), "it installed");
            let wanted = ["Downloading acme/leaf (1.1.0)", "Extracting archive"];
            anybody(world, "installs")?.ok(&folder, &["install"], &wanted)?;
            says(&folder, "Acme\\Leaf", "leaf 1.1.0")
        },
    )?;
    run.step(
        world,
        "composer: a zip that is not what was locked is refused",
        || {
            let folder = project(world, "tampered", &[("acme/leaf", "1.0.0")])?;
            anybody(world, "tamper-lock")?.ok(&folder, &["update", "--no-install"], &[])?;
            let leaf = locked(&folder, "acme/leaf")?;
            let digest = leaf["dist"]["shasum"].as_str().context("a digest")?;
            let lock = folder.join("composer.lock");
            let text = fs::read_to_string(&lock)?;
            let wrong = format!("\"shasum\": \"{}\"", "0".repeat(40));
            fs::write(
                &lock,
                text.replace(&format!("\"shasum\": \"{digest}\""), &wrong),
            )?;
            let wanted = ["The checksum verification of the file failed"];
            anybody(world, "tampered")?
                .refused(&folder, &["install"], &wanted)
                .map(drop)
        },
    )
}

/// What Composer asks the server for.
fn requests(run: &mut Run, world: &World) -> Result<()> {
    run.step(
        world,
        "composer: what did not change is not sent again",
        || {
            let folder = project(world, "unchanged", &[("acme/leaf", "^1.0")])?;
            let composer = anybody(world, "unchanged")?;
            // Within the second of the last change there is no telling.
            thread::sleep(Duration::from_millis(1100));
            composer.ok(&folder, &["update"], &[])?;
            let before = fs::read_to_string(world.server.log())?.len();
            composer.ok(&folder, &["update"], &["Nothing to modify in lock file"])?;
            for path in ["/composer/packages.json", "/composer/p2/acme/leaf.json"] {
                let line = logged(world, before, path)?;
                ensure!(line.contains("status=304"), "{line}");
            }
            Ok(())
        },
    )?;
    run.step(world, "composer: it tells what it installed", || {
        let folder = project(world, "notify", &[("acme/leaf", "^1.0")])?;
        let before = fs::read_to_string(world.server.log())?.len();
        anybody(world, "notify")?.ok(&folder, &["update"], &[])?;
        let line = logged(world, before, "/composer/downloads/")?;
        ensure!(line.contains("status=20"), "{line}");
        Ok(())
    })?;
    run.step(
        world,
        "composer: it does not ask for what is not here",
        || {
            let folder = project(world, "foreign", &[])?;
            let before = fs::read_to_string(world.server.log())?.len();
            let composer = anybody(world, "foreign")?;
            composer.refused(
                &folder,
                &["require", "foreign/package:^1.0"],
                &["foreign/package"],
            )?;
            logged(world, before, "/composer/packages.json")?;
            let log = fs::read_to_string(world.server.log())?;
            ensure!(!log[before..].contains("/p2/foreign"), "it asked for it");
            Ok(())
        },
    )
}

/// The last line of the server's log that is about a path, behind a place in it.
fn logged(world: &World, from: usize, path: &str) -> Result<String> {
    let about = format!("path=\"{path}\"");
    let start = Instant::now();
    loop {
        let log = fs::read_to_string(world.server.log())?;
        let mut lines = log[from..].lines();
        if let Some(line) = lines.rfind(|line| line.contains(&about)) {
            return Ok(line.to_owned());
        }
        if start.elapsed() > LOGGED {
            bail!("nobody asked for {path}:\n{}", &log[from..]);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
