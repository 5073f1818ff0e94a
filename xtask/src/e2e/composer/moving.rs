//! What moves: branches, and versions that are deleted. What is locked stays.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::package::Package;
use super::{Curl, anybody, get, locked, project, project_at, says};
use crate::e2e::{Run, World};

pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let curl = Curl::publisher(world, "moving")?;
    branches(run, world, &curl)?;
    deleted(run, world, &curl)
}

/// A branch of the package `branch`, which will be 1.x, as it is at some time.
fn branch(world: &World, curl: &Curl, text: &str, status: u16) -> Result<()> {
    let package = Package::new("branch", "dev-main").saying(text).with(
        "extra",
        json!({ "branch-alias": { "dev-main": "1.x-dev" } }),
    );
    curl.upload(world, "packages/acme/branch", &package.zip(world)?)?
        .is(status)
        .map(drop)
}

fn branches(run: &mut Run, world: &World, curl: &Curl) -> Result<()> {
    run.step(
        world,
        "composer: a branch, by its name and by its alias",
        || {
            branch(world, curl, "first", 201)?;
            for (version, text) in [("dev-feature/x", "feature"), ("2.x-dev", "two")] {
                let package = Package::new("branch", version).saying(text);
                curl.upload(world, "packages/acme/branch", &package.zip(world)?)?
                    .is(201)?;
            }
            let releases = get(world, "p2/acme/branch.json")?;
            ensure!(
                releases.status == 404 || releases.json()?["packages"]["acme/branch"] == json!([]),
                "a branch stands among the releases: {}",
                releases.text()
            );
            for (name, constraint, wanted, text) in [
                ("by-name", "dev-main", "dev-main", "first"),
                ("by-alias", "^1.0@dev", "dev-main", "first"),
                ("by-slash", "dev-feature/x", "dev-feature/x", "feature"),
                ("by-number", "2.x-dev", "2.x-dev", "two"),
            ] {
                let folder = project(
                    world,
                    &format!("branch-{name}"),
                    &[("acme/branch", constraint)],
                )?;
                let composer = anybody(world, &format!("branch-{name}"))?;
                composer.ok(&folder, &["update"], &[wanted])?;
                says(&folder, "Acme\\Branch", text)?;
            }
            Ok(())
        },
    )?;
    run.step(
        world,
        "composer: a branch moves, and what is locked stays",
        || {
            let url = world.mount("composer");
            let require = [("acme/branch", "dev-main")];
            let folder = project_at(world, "branch-moves", &url, &require, "dev")?;
            let composer = anybody(world, "branch-moves")?;
            composer.ok(&folder, &["update"], &[])?;
            let reference = |locked: &serde_json::Value| locked["dist"]["reference"].clone();
            let before = reference(&locked(&folder, "acme/branch")?);
            branch(world, curl, "second", 201)?;
            let other = anybody(world, "branch-locked")?;
            std::fs::remove_dir_all(folder.join("vendor"))?;
            other.ok(&folder, &["install"], &[])?;
            says(&folder, "Acme\\Branch", "first")?;
            composer.ok(&folder, &["update"], &["Upgrading acme/branch (dev-main"])?;
            says(&folder, "Acme\\Branch", "second")?;
            let after = reference(&locked(&folder, "acme/branch")?);
            ensure!(before != after, "both are {before}");
            Ok(())
        },
    )
}

fn deleted(run: &mut Run, world: &World, curl: &Curl) -> Result<()> {
    run.step(
        world,
        "composer: what is deleted is gone, but for who locked it",
        || {
            for version in ["1.0.0", "1.1.0"] {
                let zip = Package::new("goes", version).zip(world)?;
                curl.upload(world, "packages/acme/goes", &zip)?.is(201)?;
            }
            let folder = project(world, "deleted", &[("acme/goes", "^1.0")])?;
            let composer = anybody(world, "deletes")?;
            composer.ok(&folder, &["update", "--no-install"], &["1.1.0"])?;
            let token = world.token("composer:package:*:write", &[])?;
            let writer = Curl::new(world, "writer", &token)?;
            let delete = ["--request", "DELETE"];
            let at = "packages/acme/goes/v1.1";
            writer.send(world, at, &delete)?.refused(403, &[])?;
            curl.send(world, at, &delete)?.is(204)?;
            anybody(world, "deleted-locked")?.ok(&folder, &["install"], &["1.1.0"])?;
            says(&folder, "Acme\\Goes", "goes 1.1.0")?;
            composer.ok(
                &folder,
                &["update"],
                &["Downgrading acme/goes (1.1.0 => 1.0.0)"],
            )?;
            let other = Package::new("goes", "1.1.0").saying("other").zip(world)?;
            curl.upload(world, "packages/acme/goes", &other)?
                .refused(409, &[])?;
            curl.send(world, "packages/acme/goes", &delete)?.is(204)?;
            let fresh = project(world, "deleted-all", &[])?;
            let composer = anybody(world, "deleted-all")?;
            composer.refused(&fresh, &["require", "acme/goes"], &["acme/goes"])?;
            let list = get(world, "packages/list.json")?.json()?;
            let names = list["packageNames"].as_array().context("names")?;
            ensure!(!names.contains(&json!("acme/goes")), "{list}");
            Ok(())
        },
    )
}
