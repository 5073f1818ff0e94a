//! Poetry.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::super::client::{Client, same};
use super::super::{Run, World};
use super::project::Project;
use super::{Mark, client, index, page, publish_family, says, upload, used_metadata};
use crate::tools;

pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    publish(run, world)?;
    publish_family(world, "poetry")?;
    install(run, world)
}

/// Poetry with an empty cache, which knows no index but those of its projects.
fn poetry(world: &World, home: &str) -> Result<Client> {
    let token = world.token(super::SCOPE, &[])?;
    let upload = upload(world);
    let env = [
        ("POETRY_VIRTUALENVS_IN_PROJECT", "true"),
        ("POETRY_REPOSITORIES_OURS_URL", upload.as_str()),
        ("POETRY_HTTP_BASIC_OURS_USERNAME", "__token__"),
        ("POETRY_HTTP_BASIC_OURS_PASSWORD", &token),
        ("POETRY_NO_INTERACTION", "1"),
    ];
    client(world, home, &[tools::POETRY, "--no-ansi"], &env)
}

fn publish(run: &mut Run, world: &World) -> Result<()> {
    let dist = |project: Project| -> Result<PathBuf> {
        let files = project.build(world)?;
        let file = files.first().context("a wheel")?;
        let dist = Path::new(file).parent().context("a folder")?;
        Ok(dist.parent().context("a project")?.to_owned())
    };
    let folder = dist(Project::new("Poetry.Hello", "1.0"))?;
    let arguments = ["publish", "--repository", "ours"];
    run.step(
        world,
        "poetry: publish a wheel and a source distribution",
        || {
            poetry(world, "poetry-publish")?.ok(
                &folder,
                &arguments,
                &["Publishing Poetry.Hello (1.0)"],
            )?;
            let files = page(world, "poetry-hello")?["files"]
                .as_array()
                .map_or(0, Vec::len);
            ensure!(files == 2, "{files} files are listed");
            Ok(())
        },
    )?;
    run.step(world, "poetry: the same publish again succeeds", || {
        let before = page(world, "poetry-hello")?;
        poetry(world, "poetry-again")?.ok(&folder, &arguments, &[])?;
        same("the page", &page(world, "poetry-hello")?, &before)
    })?;
    run.step(
        world,
        "poetry: a changed file is refused, and Poetry says why",
        || {
            let mut changed = Project::new("Poetry.Hello", "1.0");
            changed.content = "changed".to_owned();
            let folder = dist(changed)?;
            let wanted = ["400", "File already exists"];
            poetry(world, "poetry-changed")?
                .refused(&folder, &arguments, &wanted)
                .map(drop)
        },
    )
}

fn install(run: &mut Run, world: &World) -> Result<()> {
    let folder = world.folder.join("projects").join("poetry-installs");
    fs::create_dir_all(&folder)?;
    let manifest = format!(
        "[project]\nname = \"poetry-installs\"\nversion = \"0\"\nrequires-python = \">=3.8\"\n\
         dependencies = []\n\n[tool.poetry]\npackage-mode = false\n\n\
         [[tool.poetry.source]]\nname = \"ours\"\nurl = \"{}\"\npriority = \"primary\"\n",
        index(world)
    );
    fs::write(folder.join("pyproject.toml"), manifest)?;
    let python = folder
        .join(".venv/bin/python")
        .to_string_lossy()
        .into_owned();
    run.step(
        world,
        "poetry: add from an empty cache, by metadata alone",
        || {
            let mark = Mark::now(world)?;
            poetry(world, "poetry-add")?.ok(
                &folder,
                &["add", "poetry-lib>=1"],
                &["Installing poetry-lib (1.0)"],
            )?;
            says(world, &python, "poetry_lib", "poetry.Lib 1.0")?;
            says(world, &python, "poetry_base", "poetry-base 1.1")?;
            used_metadata(world, &mark, "poetry/", "poetry")
        },
    )?;
    run.step(
        world,
        "poetry: install from the lock file, into an empty cache",
        || {
            fs::remove_dir_all(folder.join(".venv"))?;
            let lock = fs::read_to_string(folder.join("poetry.lock"))?;
            ensure!(
                lock.contains("sha256:"),
                "no hashes in the lock file\n{lock}"
            );
            poetry(world, "poetry-install")?.ok(
                &folder,
                &["install"],
                &["Installing poetry-base (1.1)"],
            )?;
            says(world, &python, "poetry_lib", "poetry.Lib 1.0")
        },
    )?;
    run.step(
        world,
        "poetry: a package that is not there is told so",
        || {
            let wanted = ["Could not find a matching version"];
            poetry(world, "poetry-misses")?
                .refused(&folder, &["add", "poetry-absent"], &wanted)
                .map(drop)
        },
    )
}
