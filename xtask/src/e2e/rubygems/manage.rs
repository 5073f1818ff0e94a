//! Yanking and owners.

use anyhow::{Result, ensure};

use super::super::client::Client;
use super::super::{OTHER, Run, USER, World};
use super::gem::published;
use super::gems::Source;
use super::{PROTOCOL, client, get, holds, info, with_token};
use crate::http::Connection;

/// Yank and unyank, owners.
pub(super) fn steps(run: &mut Run, world: &World, gem: &Client) -> Result<()> {
    yank(run, world, gem)?;
    owners(run, world, gem)
}

fn yank(run: &mut Run, world: &World, gem: &Client) -> Result<()> {
    let yank = |more: &[&str], wanted: &str| {
        let arguments = [&["yank"], more].concat();
        gem.ok(world.elsewhere(), &arguments, &[wanted]).map(drop)
    };
    run.step(world, "gem: yank", || {
        for version in ["1.0.0", "1.1.0"] {
            let source = Source::new("mistake", version);
            published(world, gem, &source, "Successfully registered")?;
        }
        yank(
            &["mistake", "--version", "1.1.0"],
            "Successfully deleted gem: mistake (1.1.0)",
        )?;
        let lines = info(world, "mistake")?;
        ensure!(
            lines.len() == 1 && lines[0].starts_with("1.0.0 |"),
            "{lines:?}"
        );
        let versions = get(world, "versions")?.text();
        holds(&versions, &["\nmistake 1.1.0 ", "\nmistake -1.1.0 "], &[])?;
        let reader = client(world, &world.server, "gem-yanked", "gem")?;
        let arguments = ["install", "mistake", "--no-document"];
        reader.ok(world.elsewhere(), &arguments, &["installed mistake-1.0.0"])?;
        let list = reader.ok(world.elsewhere(), &["list", "--remote", "--all"], &[])?;
        holds(&list.stdout, &["mistake (1.0.0)"], &["1.1.0"])?;
        yank(
            &["mistake", "--version", "1.1.0"],
            "mistake 1.1.0 has already been deleted",
        )?;
        yank(
            &["mistake", "--version", "9.0.0"],
            "The version 9.0.0 does not exist",
        )?;
        yank(
            &["absent", "--version", "1.0.0"],
            "This gem could not be found",
        )
    })?;
    run.step(world, "gem: a yanked version is not pushed again", || {
        let mut again = Source::new("mistake", "1.1.0");
        again.content += " again";
        let again = again.build(world)?;
        let arguments = ["push", &*again.to_string_lossy()];
        let wanted = "A yanked version already exists (mistake-1.1.0)";
        gem.refused(world.elsewhere(), &arguments, &[wanted])
            .map(drop)
    })?;
    run.step(world, "gem: yank for one platform", || {
        let one = ["native", "--version", "1.0.0", "--platform", "java"];
        yank(&one, "Successfully deleted gem: native (1.0.0-java)")?;
        let left: String = info(world, "native")?.join("\n");
        holds(&left, &["1.0.0 |", "1.0.0-x86_64-linux |"], &["java"])
    })?;
    run.step(
        world,
        "gem: unyank, for which clients have no command",
        || {
            let token = world.token("rubygems:gem:mistake:write", &[])?;
            let path = format!("/{PROTOCOL}/api/v1/gems/unyank");
            let headers = [
                ("authorization", &*token),
                ("content-type", "application/x-www-form-urlencoded"),
            ];
            let form = b"gem_name=mistake&version=1.1.0";
            let answer =
                Connection::new(world.server.port).request("PUT", &path, &headers, form)?;
            answer.successful("unyank")?;
            let reader = client(world, &world.server, "gem-unyanked", "gem")?;
            let arguments = ["install", "mistake", "--no-document"];
            reader
                .ok(world.elsewhere(), &arguments, &["installed mistake-1.1.0"])
                .map(drop)
        },
    )
}

fn owners(run: &mut Run, world: &World, gem: &Client) -> Result<()> {
    let owner = |more: &[&str], wanted: &[&str]| {
        let arguments = [&["owner", "leaf"], more].concat();
        gem.ok(world.elsewhere(), &arguments, wanted)
    };
    run.step(world, "gem: owners", || {
        owner(&[], &["Owners for gem: leaf", &format!("- {USER}")])?;
        owner(&["--add", OTHER], &[])?;
        owner(&[], &[&format!("- {OTHER}")])?;
        owner(&["--remove", OTHER], &[])?;
        let left = owner(&[], &[])?;
        holds(&left.stdout, &[USER], &[OTHER])?;
        let nobody = ["owner", "leaf", "--add", "nobody-known"];
        let ran = gem.run(world.elsewhere(), &nobody)?;
        holds(&ran.text(), &["nobody-known"], &["Owner added"])
    })?;
    run.step(world, "gem: a key that only reads changes nothing", || {
        let token = world.token("rubygems:gem:*:read", &[])?;
        let reader = with_token(world, "gem-owner", &token)?;
        reader.run(world.elsewhere(), &["owner", "leaf", "--add", OTHER])?;
        reader.run(world.elsewhere(), &["yank", "leaf", "--version", "1.0.0"])?;
        ensure!(info(world, "leaf")?.len() == 1, "it was yanked");
        let left = owner(&[], &[])?;
        holds(&left.stdout, &[USER], &[OTHER])
    })
}
