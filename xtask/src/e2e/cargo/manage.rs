//! Yanking, searching, owners.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::crates::{application, single};
use super::publish::PUBLISH;
use super::{Place, REGISTRY};
use crate::e2e::client::Client;
use crate::e2e::{OTHER, Run, USER, World};

/// Yank, search, owners.
pub(super) fn steps(run: &mut Run, world: &World, place: &Place, cargo: &Client) -> Result<()> {
    yank(run, world, place, cargo)?;
    search(run, world, place, cargo)?;
    owners(run, world, place, cargo)
}

/// The version of the leaf that a new project comes to use.
fn resolved(world: &World, place: &Place, name: &str) -> Result<String> {
    let folder = application(world, place, "leaf", name)?;
    let reader = place.reader(world, name)?;
    let leaf = place.of("leaf");
    reader.ok(
        &folder,
        &["add", &format!("{leaf}@1"), "--registry", REGISTRY],
        &[],
    )?;
    let ran = reader.ok(&folder, &["run"], &[])?;
    let version = ran.stdout.trim().strip_prefix("leaf ");
    let version = version.with_context(|| ran.report())?;
    Ok(version.to_owned())
}

fn yank(run: &mut Run, world: &World, place: &Place, cargo: &Client) -> Result<()> {
    let (leaf, registry) = (place.of("leaf"), ["--registry", REGISTRY]);
    let spec = format!("{leaf}@1.1.0");
    let yank = |more: &[&str]| {
        let arguments = [&["yank", &spec], &registry[..], more].concat();
        cargo.ok(world.elsewhere(), &arguments, &["Yank"]).map(drop)
    };
    let found = |what: &str, name: &str, wanted: &str| {
        let found = resolved(world, place, name)?;
        ensure!(
            found == wanted,
            "{what}, {found} is picked and not {wanted}"
        );
        Ok(())
    };
    place.step(run, world, "a new version is picked at once", || {
        let folder = single(world, place, "leaf", "1.1.0", "")?;
        cargo.ok(&folder, &PUBLISH, &["Published"])?;
        found("after the publish", "unyanked", "1.1.0")
    })?;
    place.step(
        run,
        world,
        "yank: nobody new picks it, who has it keeps it",
        || {
            // Yanking twice is no failure.
            yank(&[])?;
            yank(&[])?;
            found("after the yank", "yanked", "1.0.0")?;
            let folder = world.folder.join("crates").join(place.of("unyanked"));
            fs::remove_dir_all(folder.join("target"))?;
            let reader = place.reader(world, "kept")?;
            let ran = reader.ok(&folder, &["run", "--locked"], &["Downloaded"])?;
            ensure!(ran.stdout == "leaf 1.1.0\n", "{}", ran.report());
            let shown = cargo.ok(
                world.elsewhere(),
                &["search", &leaf, "--registry", REGISTRY],
                &[],
            )?;
            ensure!(shown.stdout.contains("= \"1.0.0\""), "{}", shown.report());
            Ok(())
        },
    )?;
    place.step(run, world, "yank, undone", || {
        yank(&["--undo"])?;
        found("after the yank was undone", "again", "1.1.0")
    })?;
    place.step(run, world, "yank of what is not there is refused", || {
        let spec = format!("{leaf}@9.0.0");
        let arguments = [&["yank", &spec], &registry[..]].concat();
        let wanted = format!("crate `{leaf}` does not have a version `9.0.0`");
        cargo.refused(world.elsewhere(), &arguments, &["404", &wanted])?;
        let token = world.token("cargo:crate:*:read", &[])?;
        let reader = place.with_token(world, "yank-denied", &token)?;
        let spec = format!("{leaf}@1.0.0");
        let arguments = [&["yank", &spec], &registry[..]].concat();
        reader
            .refused(world.elsewhere(), &arguments, &["status 403 Forbidden"])
            .map(drop)
    })
}

fn search(run: &mut Run, world: &World, place: &Place, cargo: &Client) -> Result<()> {
    place.step(run, world, "search", || {
        let search = |text: &str, more: &[&str]| {
            let arguments = [&["search", text, "--registry", REGISTRY], more].concat();
            cargo.ok(world.elsewhere(), &arguments, &[])
        };
        let leaf = place.of("leaf");
        let ran = search(&leaf.to_uppercase(), &[])?;
        let first = format!("{leaf} = \"1.1.0\"");
        ensure!(ran.stdout.starts_with(&first), "{}", ran.report());
        ensure!(
            ran.stdout.contains(&format!("# The crate {leaf}")),
            "{}",
            ran.report()
        );
        let ran = search(&place.of(""), &["--limit", "2"])?;
        let hits = ran
            .stdout
            .lines()
            .filter(|line| line.contains(" = "))
            .count();
        ensure!(
            hits == 2 && ran.stdout.contains("crates more"),
            "{}",
            ran.report()
        );
        let ran = search("no-such-crate", &[])?;
        ensure!(ran.stdout.is_empty(), "{}", ran.report());
        Ok(())
    })
}

fn owners(run: &mut Run, world: &World, place: &Place, cargo: &Client) -> Result<()> {
    let (leaf, folder) = (place.of("leaf"), world.elsewhere());
    let common = ["owner", &leaf, "--registry", REGISTRY];
    let owner = |more: &[&'static str]| [&common[..], more].concat();
    let listed = |wanted: &[&str]| {
        let ran = cargo.ok(folder, &owner(&["--list"]), &[])?;
        let found: Vec<_> = ran.stdout.lines().collect();
        ensure!(found == wanted, "{}", ran.report());
        Ok(())
    };
    place.step(run, world, "owners: list, add, remove", || {
        listed(&[USER])?;
        let added = format!("{OTHER} added to the owners of crate {leaf}");
        cargo.ok(folder, &owner(&["--add", OTHER]), &[&added])?;
        listed(&[USER, OTHER])?;
        cargo.ok(folder, &owner(&["--remove", OTHER]), &["removing"])?;
        listed(&[USER])
    })?;
    place.step(
        run,
        world,
        "owners: who is not there, and the last one",
        || {
            let unknown = "could not find user with login `nobody`";
            cargo.refused(folder, &owner(&["--add", "nobody"]), &[unknown])?;
            let last = "cannot remove all individual owners of a crate";
            cargo
                .refused(folder, &owner(&["--remove", USER]), &[last])
                .map(drop)
        },
    )
}
