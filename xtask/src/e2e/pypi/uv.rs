//! uv.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::super::client::{Client, same};
use super::super::{PASSWORD, READER, Run, USER, World};
use super::project::Project;
use super::{
    Mark, client, closed, environment, index, manage, page, publish_family, says, upload, uploaded,
    used_metadata,
};
use crate::tools;

const NAME: &str = "Uv.Hello";
const NORMAL: &str = "uv-hello";

pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    publish(run, world)?;
    publish_family(world, "uv")?;
    install(run, world)?;
    lock(run, world)?;
    closed_index(run, world)?;
    yanked(run, world)
}

/// uv with an empty cache and nothing but our index.
fn uv(world: &World, home: &str) -> Result<Client> {
    let index = index(world);
    client(world, home, &[tools::UV], &[("UV_DEFAULT_INDEX", &index)])
}

/// uv that publishes to us by token.
fn publisher(world: &World, home: &str) -> Result<Client> {
    let token = world.token(super::SCOPE, &[])?;
    let upload = upload(world);
    let env = [
        ("UV_PUBLISH_URL", upload.as_str()),
        ("UV_PUBLISH_TOKEN", &token),
    ];
    client(world, home, &[tools::UV], &env)
}

fn publish_all(files: &[String]) -> Vec<&str> {
    let files = files.iter().map(String::as_str);
    ["publish"].into_iter().chain(files).collect()
}

fn publish(run: &mut Run, world: &World) -> Result<()> {
    let files = Project::new(NAME, "1.0").build(world)?;
    let arguments = publish_all(&files);
    run.step(
        world,
        "uv: publish a wheel and a source distribution",
        || {
            let wanted = ["Publishing 2 files", "Uploading uv_hello-1.0"];
            publisher(world, "uv-publish")?.ok(world.elsewhere(), &arguments, &wanted)?;
            let files = page(world, NORMAL)?["files"].as_array().map_or(0, Vec::len);
            ensure!(files == 2, "{files} files are listed");
            Ok(())
        },
    )?;
    run.step(world, "uv: the same publish again succeeds", || {
        let before = page(world, NORMAL)?;
        publisher(world, "uv-again")?.ok(world.elsewhere(), &arguments, &["Uploading"])?;
        same("the page", &page(world, NORMAL)?, &before)
    })?;
    run.step(world, "uv: publish looks first where it is told to", || {
        let index = index(world);
        let looks = [&arguments[..], &["--check-url", &index]].concat();
        let wanted = ["already exists, skipping"];
        publisher(world, "uv-check")?
            .ok(world.elsewhere(), &looks, &wanted)
            .map(drop)
    })?;
    refusals(run, world, &files)
}

fn refusals(run: &mut Run, world: &World, files: &[String]) -> Result<()> {
    let arguments = publish_all(files);
    run.step(
        world,
        "uv: a changed file is refused, and uv says why",
        || {
            let before = page(world, NORMAL)?;
            let mut changed = Project::new(NAME, "1.0");
            changed.content = "changed".to_owned();
            let uv = publisher(world, "uv-changed")?;
            for file in &changed.build(world)? {
                let name = Path::new(file)
                    .file_name()
                    .context("a name")?
                    .to_string_lossy();
                let told = format!("File already exists ('{name}'");
                uv.refused(world.elsewhere(), &["publish", file], &["400", &told])?;
            }
            same("the page", &page(world, NORMAL)?, &before)
        },
    )?;
    for (user, password, label, told) in [
        (USER, "wrong", "with a wrong password", "401"),
        (
            READER,
            PASSWORD,
            "without the right to write",
            "carol may not write the package",
        ),
    ] {
        run.step(world, &format!("uv: a publish {label} is refused"), || {
            let upload = upload(world);
            let env = [
                ("UV_PUBLISH_URL", upload.as_str()),
                ("UV_PUBLISH_USERNAME", user),
                ("UV_PUBLISH_PASSWORD", password),
            ];
            let uv = client(world, &format!("uv-{user}"), &[tools::UV], &env)?;
            uv.refused(world.elsewhere(), &arguments, &[told]).map(drop)
        })?;
    }
    Ok(())
}

fn install(run: &mut Run, world: &World) -> Result<()> {
    run.step(
        world,
        "uv: pip install from an empty cache, by metadata alone",
        || {
            let (_, python) = environment(world, "uv-install")?;
            let mark = Mark::now(world)?;
            let arguments = ["pip", "install", "--python", &python, "Uv_Lib"];
            uv(world, "uv-install")?.ok(world.elsewhere(), &arguments, &["uv-lib==1.0"])?;
            says(world, &python, "uv_lib", "uv.Lib 1.0")?;
            says(world, &python, "uv_base", "uv-base 1.1")?;
            used_metadata(world, &mark, "uv/", "uv")
        },
    )?;
    run.step(world, "uv: pip install of a source distribution", || {
        let (_, python) = environment(world, "uv-source")?;
        // What builds it is what uv's Python has.
        let tools = tools::path(&world.root, "python-clients");
        let library = site_packages(&tools)?;
        let source = ["--no-binary", "uv-base", "--no-build-isolation"];
        let arguments = [
            &["pip", "install", "--python", &python, "uv-base"][..],
            &source,
        ]
        .concat();
        let mut uv = uv(world, "uv-source")?;
        uv.env.push(("PYTHONPATH".to_owned(), library));
        uv.ok(world.elsewhere(), &arguments, &["uv-base==1.1"])?;
        says(world, &python, "uv_base", "uv-base 1.1")
    })
}

fn site_packages(environment: &Path) -> Result<String> {
    for entry in fs::read_dir(environment.join("lib"))? {
        let folder = entry?.path().join("site-packages");
        if folder.is_dir() {
            return Ok(folder.to_string_lossy().into_owned());
        }
    }
    anyhow::bail!("{} has no packages", environment.display())
}

/// A project that depends on something from our index.
fn project(world: &World, name: &str, depends: &str) -> Result<PathBuf> {
    let folder = world.folder.join("projects").join(name);
    fs::create_dir_all(&folder)?;
    let manifest = format!(
        "[project]\nname = \"{name}\"\nversion = \"0\"\nrequires-python = \">=3.8\"\n\
         dependencies = [\"{depends}\"]\n"
    );
    fs::write(folder.join("pyproject.toml"), manifest)?;
    Ok(folder)
}

fn locked(folder: &Path, package: &str, version: &str) -> Result<()> {
    let lock = fs::read_to_string(folder.join("uv.lock"))?;
    let wanted = format!("name = \"{package}\"\nversion = \"{version}\"");
    ensure!(
        lock.contains(&wanted),
        "it should lock {package} {version}\n{lock}"
    );
    ensure!(lock.contains("upload-time = "), "no upload times\n{lock}");
    Ok(())
}

fn lock(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "uv: lock and sync from empty caches", || {
        let folder = project(world, "uv-locks", "uv-lib")?;
        uv(world, "uv-lock")?.ok(&folder, &["lock"], &["Resolved 3 packages"])?;
        locked(&folder, "uv-lib", "1.0")?;
        uv(world, "uv-sync")?.ok(&folder, &["sync", "--locked"], &["uv-lib==1.0"])?;
        let python = folder.join(".venv/bin/python");
        says(world, &python.to_string_lossy(), "uv_lib", "uv.Lib 1.0")
    })?;
    run.step(
        world,
        "uv: lock as things stood at a time, exclude-newer",
        || {
            let time = uploaded(world, "uv-base", "1.1")?;
            let folder = project(world, "uv-then", "uv-base")?;
            let arguments = ["lock", "--exclude-newer", &time];
            uv(world, "uv-then")?.ok(&folder, &arguments, &[])?;
            locked(&folder, "uv-base", "1.0")?;
            let folder = project(world, "uv-now", "uv-base")?;
            uv(world, "uv-now")?.ok(&folder, &["lock"], &[])?;
            locked(&folder, "uv-base", "1.1")
        },
    )?;
    run.step(world, "uv: a package that is not there is told so", || {
        let folder = project(world, "uv-misses", "uv-absent")?;
        uv(world, "uv-misses")?
            .refused(&folder, &["lock"], &["not found"])
            .map(drop)
    })
}

fn closed_index(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "uv: an index that wants a user", || {
        let (replica, plain, with) = closed(world)?;
        let (_, python) = environment(world, "uv-closed")?;
        let arguments = ["pip", "install", "--python", &python, "uv-base"];
        let nobody = client(
            world,
            "uv-nobody",
            &[tools::UV],
            &[("UV_DEFAULT_INDEX", &plain)],
        )?;
        nobody.refused(world.elsewhere(), &arguments, &["401"])?;
        let known = client(
            world,
            "uv-known",
            &[tools::UV],
            &[("UV_DEFAULT_INDEX", &with)],
        )?;
        known.ok(world.elsewhere(), &arguments, &["uv-base==1.1"])?;
        replica.stop()
    })
}

fn yanked(run: &mut Run, world: &World) -> Result<()> {
    run.step(
        world,
        "uv: passes over a yanked release, and says why when told its version",
        || {
            manage(world, &["yank", "uv-base", "1.1", "--reason", "eats files"])?;
            let (_, python) = environment(world, "uv-yanked")?;
            let install = ["pip", "install", "--python", &python];
            uv(world, "uv-yanked")?.ok(
                world.elsewhere(),
                &[&install[..], &["uv-base"]].concat(),
                &["uv-base==1.0"],
            )?;
            let told = ["uv-base==1.1", "eats files"];
            uv(world, "uv-insists")?.ok(
                world.elsewhere(),
                &[&install[..], &["uv-base==1.1"]].concat(),
                &told,
            )?;
            manage(world, &["unyank", "uv-base", "1.1"])?;
            let files = page(world, "uv-base")?["files"].clone();
            let files = files.as_array().context("files")?;
            let yanked: Vec<_> = files.iter().map(|file| file["yanked"].clone()).collect();
            same(
                "what is yanked",
                &json!(yanked),
                &json!([false, false, false, false]),
            )
        },
    )
}
