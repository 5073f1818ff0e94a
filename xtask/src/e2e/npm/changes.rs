//! npm: what changes about a package after its publish, and what may not.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::super::client::{Client, package, project, same};
use super::super::{OTHER, Run, USER, World};
use super::{PLAIN, SCOPED, client};

/// Tags, deprecation, owners.
pub(super) fn steps(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    tags(run, world, npm)?;
    deprecate(run, world, npm)?;
    owners(run, world, npm)?;
    conflicts(run, world, npm)
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
    })
}

fn owners(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
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

const CONFLICT: &str = "cannot publish over the previously published version";

fn conflicts(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    run.step(
        world,
        "npm: publish over a version is refused (by npm itself)",
        || {
            let folder = package(world, PLAIN, "1.1.0", "other bytes")?;
            npm.refused(&folder, &["publish"], &[CONFLICT]).map(drop)
        },
    )?;
    // npm does not look before it publishes a prerelease, so the server has to.
    let beta = ["publish", "--tag", "beta"];
    run.step(
        world,
        "npm: publish of the same bytes again succeeds",
        || {
            let content = format!("{PLAIN} 2.0.0-beta.1");
            let folder = package(world, PLAIN, "2.0.0-beta.1", &content)?;
            npm.ok(&folder, &beta, &[&format!("+ {PLAIN}@2.0.0-beta.1")])
                .map(drop)
        },
    )?;
    run.step(
        world,
        "npm: publish of other bytes is refused (by the server)",
        || {
            let folder = package(world, PLAIN, "2.0.0-beta.1", "other bytes")?;
            npm.refused(&folder, &beta, &["E403", CONFLICT]).map(drop)
        },
    )
}

/// The end of a package's life.
pub(super) fn unpublish(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    run.step(world, "npm: unpublish a version", || {
        let spec = format!("{PLAIN}@1.1.0");
        npm.ok(
            folder,
            &["unpublish", "--force", &spec],
            &[&format!("- {spec}")],
        )?;
        let shown = npm.json(folder, &["view", PLAIN, "--json", "--prefer-online"])?;
        same(
            "the versions",
            &shown["versions"],
            &json!(["1.0.0", "2.0.0-beta.1"]),
        )?;
        let tags = json!({"latest": "1.0.0", "beta": "2.0.0-beta.1"});
        same("the tags", &shown["dist-tags"], &tags)
    })?;
    run.step(
        world,
        "npm: a version that was unpublished cannot come back",
        || {
            let folder = package(world, PLAIN, "1.1.0", &format!("{PLAIN} 1.1.0"))?;
            npm.refused(&folder, &["publish", "--tag", "again"], &["E403"])
                .map(drop)
        },
    )?;
    for name in [PLAIN, SCOPED] {
        run.step(world, &format!("npm: unpublish all of {name}"), || {
            npm.ok(
                folder,
                &["unpublish", "--force", name],
                &[&format!("- {name}")],
            )?;
            npm.refused(folder, &["view", name, "--prefer-online"], &["E404"])?;
            let found = npm.json(folder, &["search", name, "--json"])?;
            let found = found.as_array().context("not a list")?;
            let gone = !found.iter().any(|entry| entry["name"] == name);
            ensure!(gone, "search still finds it: {found:?}");
            Ok(())
        })?;
    }
    Ok(())
}
