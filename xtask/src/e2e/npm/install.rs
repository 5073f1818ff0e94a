//! npm: installing, from a range and from a lockfile.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::client::{installed, project, same};
use super::super::{Run, World};
use super::{PLAIN, SCOPED, client};

/// Everybody may install, so no step here has a token.
pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    install(run, world)?;
    more_installs(run, world)?;
    outdated(run, world)
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
    )
}

fn more_installs(run: &mut Run, world: &World) -> Result<()> {
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
    )
}

fn outdated(run: &mut Run, world: &World) -> Result<()> {
    let folder = project(world, "npm-outdated", &[(PLAIN, "1.0.0")])?;
    run.step(world, "npm: outdated", || {
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
