//! pip.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::super::client::Client;
use super::super::{Run, World};
use super::{
    Mark, client, closed, environment, index, manage, page, publish_family, says, uploaded,
    used_metadata, wheel,
};
use crate::tools;

pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    publish_family(world, "pip")?;
    install(run, world)?;
    more_installs(run, world)?;
    look(run, world)?;
    closed_index(run, world)?;
    yanked(run, world)?;
    deleted(run, world)
}

/// pip with an empty cache and nothing but an index, for an environment's Python.
fn pip_of(world: &World, home: &str, index: &str, python: &str) -> Result<Client> {
    let command = [tools::PIP, "--python", python];
    client(world, home, &command, &[("PIP_INDEX_URL", index)])
}

fn pip(world: &World, home: &str, python: &str) -> Result<Client> {
    pip_of(world, home, &index(world), python)
}

fn install(run: &mut Run, world: &World) -> Result<()> {
    run.step(
        world,
        "pip: install from an empty cache, by metadata alone",
        || {
            let (_, python) = environment(world, "pip-install")?;
            let mark = Mark::now(world)?;
            let wanted = ["Successfully installed"];
            pip(world, "pip-install", &python)?.ok(
                world.elsewhere(),
                &["install", "Pip.Lib"],
                &wanted,
            )?;
            says(world, &python, "pip_lib", "pip.Lib 1.0")?;
            says(world, &python, "pip_base", "pip-base 1.1")?;
            used_metadata(world, &mark, "pip/", "pip")
        },
    )?;
    // It reads the pages' JSON, and less of it.
    run.step(world, "pip: an old one installs", || {
        let (_, python) = environment(world, "pip-old")?;
        let command = [tools::OLD_PIP, "--python", &python];
        let old = client(
            world,
            "pip-old",
            &command,
            &[("PIP_INDEX_URL", &index(world))],
        )?;
        old.ok(
            world.elsewhere(),
            &["install", "Pip.Lib"],
            &["Successfully installed"],
        )?;
        says(world, &python, "pip_lib", "pip.Lib 1.0")
    })?;
    run.step(
        world,
        "pip: install from the index at the server's root",
        || {
            let (_, python) = environment(world, "pip-root")?;
            let root = format!("{}/simple", world.server.url());
            let pip = pip_of(world, "pip-root", &root, &python)?;
            pip.ok(world.elsewhere(), &["install", "pip_base"], &[])?;
            says(world, &python, "pip_base", "pip-base 1.1")
        },
    )
}

/// From hashes, and from a source distribution.
fn more_installs(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "pip: install with hashes", || {
        let (folder, python) = environment(world, "pip-hashes")?;
        let page = page(world, "pip-base")?;
        let files = page["files"].as_array().context("files")?;
        let file = files
            .iter()
            .find(|file| file["filename"] == wheel("pip", "base", "1.0"));
        let digest = file
            .and_then(|file| file["hashes"]["sha256"].as_str())
            .context("a digest")?;
        let requirements = folder.join("requirements.txt");
        let place = requirements.to_string_lossy().into_owned();
        let arguments = ["install", "--require-hashes", "-r", &place];
        fs::write(
            &requirements,
            format!("pip-base==1.0 --hash=sha256:{}\n", "0".repeat(64)),
        )?;
        let wrong = pip(world, "pip-wrong-hash", &python)?;
        wrong.refused(world.elsewhere(), &arguments, &["do not match the hashes"])?;
        fs::write(
            &requirements,
            format!("pip-base==1.0 --hash=sha256:{digest}\n"),
        )?;
        pip(world, "pip-hash", &python)?.ok(world.elsewhere(), &arguments, &[])?;
        says(world, &python, "pip_base", "pip-base 1.0")
    })?;
    run.step(world, "pip: install a source distribution", || {
        let (_, python) = environment(world, "pip-source")?;
        let source = [
            "install",
            "--no-binary",
            ":all:",
            "--no-build-isolation",
            "--no-deps",
        ];
        // What builds it is in the environment that pip itself runs in.
        let target = world.folder.join("environments/pip-source-target");
        let place = target.to_string_lossy();
        let arguments = [&source[..], &["--target", &place, "pip-base"]].concat();
        let own = client(
            world,
            "pip-source",
            &[tools::PIP],
            &[("PIP_INDEX_URL", &index(world))],
        )?;
        own.ok(world.elsewhere(), &arguments, &["Successfully built"])?;
        let mut command = std::process::Command::new(python);
        let script = "import pip_base; print(pip_base.CONTENT)";
        let printed = crate::proc::output(command.args(["-c", script]).env("PYTHONPATH", &target))?;
        ensure!(printed.trim() == "pip-base 1.1", "it says {printed}");
        Ok(())
    })
}

fn look(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "pip: index versions", || {
        let (_, python) = environment(world, "pip-versions")?;
        let wanted = ["pip-base (1.1)", "Available versions: 1.1, 1.0"];
        let pip = pip(world, "pip-versions", &python)?;
        pip.ok(
            world.elsewhere(),
            &["index", "versions", "pip-base"],
            &wanted,
        )
        .map(drop)
    })?;
    run.step(
        world,
        "pip: install as things stood at a time, uploaded-prior-to",
        || {
            let time = uploaded(world, "pip-base", "1.1")?;
            let (_, python) = environment(world, "pip-then")?;
            let arguments = ["install", "--uploaded-prior-to", &time, "pip-base"];
            pip(world, "pip-then", &python)?.ok(world.elsewhere(), &arguments, &[])?;
            says(world, &python, "pip_base", "pip-base 1.0")
        },
    )?;
    run.step(world, "pip: a package that is not there is told so", || {
        let (_, python) = environment(world, "pip-misses")?;
        let pip = pip(world, "pip-misses", &python)?;
        let wanted = ["No matching distribution found"];
        pip.refused(world.elsewhere(), &["install", "pip-absent"], &wanted)
            .map(drop)
    })
}

fn closed_index(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "pip: an index that wants a user", || {
        let (replica, plain, with) = closed(world)?;
        let (_, python) = environment(world, "pip-closed")?;
        let arguments = ["install", "--no-input", "pip-base"];
        let nobody = pip_of(world, "pip-nobody", &plain, &python)?;
        nobody.refused(
            world.elsewhere(),
            &arguments,
            &["No matching distribution found"],
        )?;
        pip_of(world, "pip-known", &with, &python)?.ok(world.elsewhere(), &arguments, &[])?;
        says(world, &python, "pip_base", "pip-base 1.1")?;
        replica.stop()
    })
}

fn yanked(run: &mut Run, world: &World) -> Result<()> {
    run.step(
        world,
        "pip: passes over a yanked release, and says why when told its version",
        || {
            manage(
                world,
                &["yank", "pip-base", "1.1", "--reason", "eats files"],
            )?;
            let (_, python) = environment(world, "pip-yanked")?;
            pip(world, "pip-yanked", &python)?.ok(
                world.elsewhere(),
                &["install", "pip-base"],
                &[],
            )?;
            says(world, &python, "pip_base", "pip-base 1.0")?;
            let told = ["eats files", "Successfully installed pip-base-1.1"];
            let insists = pip(world, "pip-insists", &python)?;
            insists.ok(world.elsewhere(), &["install", "pip-base==1.1"], &told)?;
            manage(world, &["unyank", "pip-base", "1.1"])
        },
    )
}

fn deleted(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "pip: a deleted release is gone at once", || {
        manage(world, &["delete", "pip-base", "1.1"])?;
        let (_, python) = environment(world, "pip-deleted")?;
        let pip = pip(world, "pip-deleted", &python)?;
        pip.ok(world.elsewhere(), &["install", "pip-base"], &[])?;
        says(world, &python, "pip_base", "pip-base 1.0")
    })
}
