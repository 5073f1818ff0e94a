//! Adding, building from an empty cache, and looking again.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::crates::application;
use super::{Place, REGISTRY};
use crate::e2e::client::Client;
use crate::e2e::{Run, World};

/// Add, build, look again; without a token where one is needed.
pub(super) fn steps(run: &mut Run, world: &World, place: &Place, cargo: &Client) -> Result<()> {
    let folder = application(world, place, "top", "application")?;
    let (top, optional) = (place.of("top"), place.of("optional"));
    place.step(run, world, "add, and build from an empty cache", || {
        let reader = place.reader(world, "builder")?;
        reader.ok(&folder, &["add", &top, "--registry", REGISTRY], &["Adding"])?;
        let ran = reader.ok(&folder, &["run"], &["Downloaded"])?;
        let said = "top(middle(base, optional(leaf 1.0.0)))\n";
        ensure!(ran.stdout == said, "{}", ran.report());
        let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
        let source = format!("source = \"sparse+{}\"", place.index);
        ensure!(lock.contains(&source), "{lock}");
        ensure!(lock.contains("version = \"1.0.0+build.1\""), "{lock}");
        Ok(())
    })?;
    place.step(
        run,
        world,
        "build what is locked from an empty cache",
        || {
            let reader = place.reader(world, "locked")?;
            fs::remove_dir_all(folder.join("target"))?;
            reader
                .ok(&folder, &["run", "--locked"], &["Downloaded"])
                .map(drop)
        },
    )?;
    place.step(
        run,
        world,
        "features that are not asked for bring nothing",
        || {
            let folder = application(world, place, "optional", "plain")?;
            let reader = place.reader(world, "plain")?;
            let add = [
                "add",
                &optional,
                "--registry",
                REGISTRY,
                "--features",
                "plain",
            ];
            reader.ok(&folder, &add, &["with-leaf"])?;
            let ran = reader.ok(&folder, &["run"], &[])?;
            ensure!(ran.stdout == "optional()\n", "{}", ran.report());
            Ok(())
        },
    )?;
    place.step(run, world, "what did not change is not sent again", || {
        let before = fs::read_to_string(place.server.log())?.len();
        cargo.ok(&folder, &["update"], &[])?;
        cargo.ok(&folder, &["update"], &[])?;
        let log = fs::read_to_string(place.server.log())?;
        let index = |line: &&str| line.contains("route=\"index\"") && line.contains(&top);
        let last = log[before..]
            .lines()
            .rfind(index)
            .context("it was not asked for")?;
        ensure!(last.contains("status=304"), "{last}");
        Ok(())
    })?;
    place.step(run, world, "info", || {
        let wanted = [
            "rust-version: 1.70",
            "with-leaf = [dep:renamed]",
            "license: MIT",
        ];
        let arguments = ["info", &optional, "--registry", REGISTRY];
        cargo.ok(world.elsewhere(), &arguments, &wanted).map(drop)
    })?;
    protocol(run, world, place)?;
    if place.closed {
        place.step(run, world, "without a token nothing is read", || {
            let nobody = place.client(world, "nobody-reads")?;
            let wanted = ["no token found", "cargo login"];
            nobody.refused(&folder, &["fetch"], &wanted).map(drop)
        })?;
    }
    Ok(())
}

/// The version of HTTP that cargo comes to speak.
fn protocol(run: &mut Run, world: &World, place: &Place) -> Result<()> {
    let spoken = match place.authority {
        Some(_) => "HTTP/2",
        None => "HTTP/1.1",
    };
    place.step(run, world, &format!("fetch by {spoken}"), || {
        let folder = world.folder.join("crates").join(place.of("application"));
        let mut reader = place.reader(world, "protocol")?;
        for (name, value) in [("CARGO_HTTP_DEBUG", "true"), ("CARGO_LOG", "network=debug")] {
            reader.env.push((name.to_owned(), value.to_owned()));
        }
        let ran = reader.ok(&folder, &["fetch"], &["Downloaded"])?;
        let answers = |version: &str| ran.stderr.matches(&format!("< {version} 200")).count();
        // config.json, five crates' index files, and the crates.
        ensure!(
            answers(spoken) >= 11,
            "{} answers by {spoken}",
            answers(spoken)
        );
        let other = if spoken == "HTTP/2" {
            "HTTP/1.1"
        } else {
            "HTTP/2"
        };
        ensure!(answers(other) == 0, "{} answers by {other}", answers(other));
        Ok(())
    })
}
