//! What comes from Maven's own repository, by the Maven that the machine has.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{MAVEN_3_9, MAVEN_4, need, path};
use crate::maven_project::{self, Project};
use crate::proc;

/// The longest that one run may take; from cold, it fetches a hundred files.
const LIMIT: Duration = Duration::from_secs(900);
/// What fetches single artifacts.
const DEPENDENCY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/// Unpacks an archive, such as `group:artifact:version:zip:bin`, into `target`.
pub(super) fn unpack(temporary: &Path, artifact: &str, target: &Path) -> Result<()> {
    let out = temporary.join("out");
    let mut command = command("mvn", temporary, &temporary.join("m2"));
    command.arg(format!("{DEPENDENCY}:unpack")).args([
        format!("-Dartifact={artifact}"),
        format!("-DoutputDirectory={}", out.display()),
        format!("-DmarkersDirectory={}", temporary.join("markers").display()),
    ]);
    run(&mut command)?;
    let mut inner = fs::read_dir(&out)?;
    let inner = inner.next().context("the archive is empty")??;
    replace(&inner.path(), target)
}

/// Copies an artifact and all that it depends on into `target`.
pub(super) fn copy(
    temporary: &Path,
    (group, artifact, version): (&str, &str, &str),
    target: &Path,
) -> Result<()> {
    let project = temporary.join("project");
    maven_project::write_consumer(&project, &[(group, artifact, version)])?;
    run(command("mvn", &project, &temporary.join("m2")).arg("package"))?;
    replace(&project.join("target").join("dependency"), target)
}

/// Makes a repository of the plugins that our builds need, by running such builds with each Maven.
pub(super) fn plugins(root: &Path, temporary: &Path, target: &Path) -> Result<()> {
    let repository = temporary.join("repository");
    let group = "org.example.seed";
    let own = |below: &str| path(root, below).to_string_lossy().into_owned();
    for mvn in ["mvn".to_owned(), own(MAVEN_3_9), own(MAVEN_4)] {
        let folder = tempfile::tempdir_in(temporary)?;
        let (project, consumer) = (
            folder.path().join("project"),
            folder.path().join("consumer"),
        );
        let sources = Project {
            group,
            version: "1.0",
            content: "nothing",
        };
        sources.write(&project)?;
        let to = format!("seed::file://{}", folder.path().join("out").display());
        let to = format!("-DaltDeploymentRepository={to}");
        run(command(&mvn, &project, &repository).args(["deploy", &to]))?;
        maven_project::write_consumer(&consumer, &[(group, "app", "1.0")])?;
        run(command(&mvn, &consumer, &repository).arg("package"))?;
    }
    fs::remove_dir_all(repository.join("org/example"))?;
    replace(&repository, target)
}

/// A Maven that keeps what it fetches in `local`.
fn command(mvn: &str, folder: &Path, local: &Path) -> Command {
    let mut command = proc::command(mvn, folder);
    command
        .args(["--batch-mode", "--no-transfer-progress"])
        .arg(format!("-Dmaven.repo.local={}", local.display()));
    command
}

fn run(command: &mut Command) -> Result<()> {
    need("mvn")?;
    let ran = proc::capture(command, None, LIMIT)?;
    if !ran.success() {
        bail!("{}", ran.report());
    }
    Ok(())
}

fn replace(made: &Path, target: &Path) -> Result<()> {
    if target.exists() {
        fs::remove_dir_all(target)?;
    }
    Ok(fs::rename(made, target)?)
}
