//! What the other commands need and a machine may lack, installed once into `.tools`, pinned.
//!
//! A tool is installed into a temporary folder and moved into place, and its stamp is written
//! last, so an interrupted run leaves nothing that a later one would trust.

mod maven;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::proc;

/// What a short run of everything needs.
pub(crate) const SHORT: &[&str] = &[
    "node-clients",
    "minio",
    "conformance",
    "skopeo",
    "podman",
    "crane",
    "oras",
    "composer",
    "unzip",
    "python-clients",
    "old-pip",
    "ruby",
    "bundler",
    "maven-3.9",
    "maven-4",
    "maven-plugins",
    "coursier",
    "gradle",
    "leiningen",
];
/// What the long run of the tests needs beside that.
pub(crate) const FULL: &[&str] = &["azurite", "fake-gcs-server"];

enum How {
    /// Packages and overrides, by npm, into `.tools/<name>`.
    Npm {
        packages: &'static [(&'static str, &'static str)],
        overrides: &'static [(&'static str, &'static str)],
    },
    /// A module, by `go install`, into `.tools/bin`.
    Go {
        module: &'static str,
        version: &'static str,
    },
    /// Packages, by pip, into a virtual environment in `.tools/<name>`.
    Pip {
        packages: &'static [(&'static str, &'static str)],
    },
    /// A program of the system, by apt.
    Apt { package: &'static str },
    /// An archive, by Maven, unpacked into `.tools/<name>`.
    MavenArchive { artifact: &'static str },
    /// A group, an artifact, a version, and all that it depends on, by Maven, in `.tools/<name>`.
    MavenJars {
        artifact: (&'static str, &'static str, &'static str),
    },
    /// What our builds with Maven need, as a repository in `.tools/<name>`.
    MavenPlugins,
}

struct Tool {
    name: &'static str,
    how: How,
    /// Below `.tools`, or on the path for what apt installs.
    programs: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "node-clients",
        how: How::Npm {
            packages: &[("pnpm", "12.21.0"), ("@yarnpkg/cli-dist", "4.18.1")],
            overrides: &[],
        },
        programs: &[PNPM, YARN],
    },
    Tool {
        name: "verdaccio",
        // Newer versions want a newer Node, and the override a newer one than it asks for.
        how: How::Npm {
            packages: &[("verdaccio", "6.8.0")],
            overrides: &[("node-fetch", "2.7.0")],
        },
        programs: &[VERDACCIO],
    },
    Tool {
        name: "azurite",
        how: How::Npm {
            packages: &[("azurite", "3.37.0")],
            overrides: &[],
        },
        programs: &[AZURITE],
    },
    Tool {
        name: "minio",
        how: How::Go {
            module: "github.com/minio/minio",
            version: "v0.0.0-20260212201848-7aac2a2c5b7c",
        },
        programs: &[MINIO],
    },
    Tool {
        name: "fake-gcs-server",
        how: How::Go {
            module: "github.com/fsouza/fake-gcs-server",
            version: "v1.56.1",
        },
        programs: &[FAKE_GCS],
    },
    Tool {
        name: "conformance",
        // The module has no tags.
        how: How::Go {
            module: "github.com/opencontainers/distribution-spec/conformance",
            version: "v0.0.0-20260831232431-97274622c111",
        },
        programs: &[CONFORMANCE],
    },
    Tool {
        name: "crane",
        how: How::Go {
            module: "github.com/google/go-containerregistry/cmd/crane",
            version: "v0.22.1",
        },
        programs: &[CRANE],
    },
    Tool {
        name: "oras",
        how: How::Go {
            module: "oras.land/oras/cmd/oras",
            version: "v1.3.6",
        },
        programs: &[ORAS],
    },
    Tool {
        name: "python-clients",
        how: How::Pip {
            packages: &[
                ("pip", "26.3"),
                ("twine", "7.0.0"),
                ("uv", "0.13.9"),
                ("poetry", "2.5.1"),
                ("build", "1.6.1"),
                ("hatchling", "1.33.0"),
                ("setuptools", "84.2.1"),
            ],
        },
        programs: &[PYTHON, PIP, TWINE, UV, POETRY],
    },
    Tool {
        name: "old-pip",
        // The one that a stable distribution has.
        how: How::Pip {
            packages: &[("pip", "23.0.1")],
        },
        programs: &[OLD_PIP],
    },
    Tool {
        name: "pypiserver",
        how: How::Pip {
            packages: &[("pypiserver", "2.4.2")],
        },
        programs: &[PYPISERVER],
    },
    Tool {
        name: "skopeo",
        how: How::Apt { package: "skopeo" },
        programs: &["skopeo"],
    },
    Tool {
        name: "podman",
        how: How::Apt { package: "podman" },
        programs: &["podman"],
    },
    Tool {
        name: "ruby",
        how: How::Apt { package: "ruby" },
        programs: &["ruby", "gem"],
    },
    Tool {
        name: "bundler",
        how: How::Apt { package: "bundler" },
        programs: &["bundle"],
    },
    Tool {
        name: "composer",
        // It brings PHP.
        how: How::Apt {
            package: "composer",
        },
        programs: &["composer", "php"],
    },
    Tool {
        name: "unzip",
        how: How::Apt { package: "unzip" },
        programs: &["unzip"],
    },
    Tool {
        name: "docker-registry",
        how: How::Apt {
            package: "docker-registry",
        },
        programs: &["docker-registry"],
    },
    Tool {
        name: "htpasswd",
        how: How::Apt {
            package: "apache2-utils",
        },
        programs: &["htpasswd"],
    },
    Tool {
        name: "maven-3.9",
        how: How::MavenArchive {
            artifact: "org.apache.maven:apache-maven:3.9.11:zip:bin",
        },
        programs: &[MAVEN_3_9],
    },
    Tool {
        name: "maven-4",
        how: How::MavenArchive {
            artifact: "org.apache.maven:apache-maven:4.0.0-rc-4:zip:bin",
        },
        programs: &[MAVEN_4],
    },
    Tool {
        // After the ones that it is made by.
        name: "maven-plugins",
        how: How::MavenPlugins,
        programs: &[MAVEN_PLUGINS],
    },
    Tool {
        name: "coursier",
        how: How::MavenJars {
            artifact: ("io.get-coursier", "coursier-cli_2.13", "2.1.24"),
        },
        programs: &[COURSIER],
    },
    Tool {
        name: "gradle",
        how: How::Apt { package: "gradle" },
        programs: &["gradle"],
    },
    Tool {
        name: "leiningen",
        how: How::Apt {
            package: "leiningen",
        },
        programs: &["lein"],
    },
    Tool {
        name: "nginx",
        how: How::Apt { package: "nginx" },
        programs: &["nginx"],
    },
    Tool {
        name: "wrk",
        how: How::Apt { package: "wrk" },
        programs: &["wrk"],
    },
];

/// pnpm's program, below the tools folder; so are the following.
pub(crate) const PNPM: &str = "node-clients/node_modules/pnpm/pnpm";
/// Yarn's script, for node.
pub(crate) const YARN: &str = "node-clients/node_modules/@yarnpkg/cli-dist/bin/yarn.js";
/// Verdaccio's script, for node.
pub(crate) const VERDACCIO: &str = "verdaccio/node_modules/verdaccio/bin/verdaccio";
/// Azurite's script for its blob service, for node.
pub(crate) const AZURITE: &str = "azurite/node_modules/.bin/azurite-blob";
/// An S3 server.
pub(crate) const MINIO: &str = "bin/minio";
/// A GCS emulator.
pub(crate) const FAKE_GCS: &str = "bin/fake-gcs-server";

/// The OCI specification's conformance suite.
pub(crate) const CONFORMANCE: &str = "bin/conformance";
/// An OCI client.
pub(crate) const CRANE: &str = "bin/crane";
/// An OCI client for artifacts.
pub(crate) const ORAS: &str = "bin/oras";

/// A Python that has the clients of Python's packages, and what builds them.
pub(crate) const PYTHON: &str = "python-clients/bin/python";
/// pip's program.
pub(crate) const PIP: &str = "python-clients/bin/pip";
/// The program of a pip of some years ago.
pub(crate) const OLD_PIP: &str = "old-pip/bin/pip";
/// twine's program.
pub(crate) const TWINE: &str = "python-clients/bin/twine";
/// uv's program.
pub(crate) const UV: &str = "python-clients/bin/uv";
/// Poetry's program.
pub(crate) const POETRY: &str = "python-clients/bin/poetry";
/// A small index of Python packages.
pub(crate) const PYPISERVER: &str = "pypiserver/bin/pypi-server";

/// Maven 3.9.
pub(crate) const MAVEN_3_9: &str = "maven-3.9/bin/mvn";
/// Maven 4.
pub(crate) const MAVEN_4: &str = "maven-4/bin/mvn";
/// A repository with the plugins of our builds.
pub(crate) const MAVEN_PLUGINS: &str = "maven-plugins";
/// A folder with the jars of coursier.
pub(crate) const COURSIER: &str = "coursier";

/// A path below the tools folder.
pub(crate) fn path(root: &Path, below: &str) -> PathBuf {
    root.join(".tools").join(below)
}

/// Installs those of the named tools that are missing.
pub(crate) fn ensure(root: &Path, names: &[impl AsRef<str>]) -> Result<()> {
    let folder = root.join(".tools");
    fs::create_dir_all(folder.join("stamps"))?;
    fs::create_dir_all(folder.join("bin"))?;
    // Two runs at once wait for each other, so a leftover temporary folder is nobody's.
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("locking the tools folder")?;
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    for name in names {
        let name = name.as_ref();
        let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
            let known: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
            bail!("no tool is called {name}; there are {}", known.join(", "));
        };
        install(&folder, tool).with_context(|| {
            format!("{name} could not be installed; the steps that use it cannot run without")
        })?;
    }
    Ok(())
}

const TEMPORARY: &str = "temporary-";

fn install(folder: &Path, tool: &Tool) -> Result<()> {
    let stamp = folder.join("stamps").join(tool.name);
    let pin = pin(&tool.how);
    if present(folder, tool)
        && (is_system(tool) || fs::read_to_string(&stamp).ok() == Some(pin.clone()))
    {
        return Ok(());
    }
    println!("installing {} ({pin})", tool.name);
    let start = Instant::now();
    let temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempdir_in(folder)?;
    match &tool.how {
        How::Npm {
            packages,
            overrides,
        } => {
            by_npm(temporary.path(), packages, overrides)?;
            let target = folder.join(tool.name);
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            fs::rename(temporary.keep(), target)?;
        }
        How::Go { module, version } => {
            by_go(temporary.path(), module, version)?;
            fs::rename(
                temporary.path().join(tool.name),
                folder.join("bin").join(tool.name),
            )?;
        }
        How::Pip { packages } => {
            // It cannot be moved: its programs name the folder that it was made in. Without a stamp
            // it is made anew.
            let target = folder.join(tool.name);
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            if stamp.exists() {
                fs::remove_file(&stamp)?;
            }
            by_pip(&target, packages)?;
        }
        How::Apt { package } => by_apt(package)?,
        How::MavenArchive { artifact } => {
            maven::unpack(temporary.path(), artifact, &folder.join(tool.name))?;
        }
        How::MavenJars { artifact } => {
            maven::copy(temporary.path(), *artifact, &folder.join(tool.name))?;
        }
        How::MavenPlugins => {
            let root = folder.parent().context("the tools folder is in one")?;
            maven::plugins(root, temporary.path(), &folder.join(tool.name))?;
        }
    }
    if !present(folder, tool) {
        bail!(
            "it was installed, but one of {:?} is not there",
            tool.programs
        );
    }
    fs::write(&stamp, pin)?;
    println!(
        "installed {} in {:.0} s",
        tool.name,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn is_system(tool: &Tool) -> bool {
    matches!(tool.how, How::Apt { .. })
}

fn present(folder: &Path, tool: &Tool) -> bool {
    tool.programs.iter().all(|program| {
        if is_system(tool) {
            proc::which(program).is_some()
        } else {
            folder.join(program).exists()
        }
    })
}

/// What the stamp says: if it changes, the tool is installed again.
fn pin(how: &How) -> String {
    let list = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, version)| format!("{name}@{version}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match how {
        How::Npm {
            packages,
            overrides: [],
        } => list(packages),
        How::Npm {
            packages,
            overrides,
        } => format!("{} with {}", list(packages), list(overrides)),
        How::Go { module, version } => format!("{module}@{version}"),
        How::Pip { packages } => list(packages),
        How::Apt { package } => format!("the system's {package}"),
        How::MavenArchive { artifact } => (*artifact).to_owned(),
        How::MavenJars {
            artifact: (group, artifact, version),
        } => format!("{group}:{artifact}:{version}"),
        How::MavenPlugins => "what our builds use".to_owned(),
    }
}

fn by_npm(folder: &Path, packages: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<()> {
    need("npm")?;
    let map = |pairs: &[(&str, &str)]| -> Map<String, Value> {
        pairs
            .iter()
            .map(|(name, version)| ((*name).to_owned(), json!(version)))
            .collect()
    };
    let manifest = json!({
        "private": true,
        "dependencies": map(packages),
        "overrides": map(overrides),
    });
    fs::write(folder.join("package.json"), manifest.to_string())?;
    let arguments = [
        "install",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--loglevel=error",
    ];
    proc::output(proc::command("npm", folder).args(arguments))?;
    Ok(())
}

fn by_go(folder: &Path, module: &str, version: &str) -> Result<()> {
    need("go")?;
    let mut command = Command::new("go");
    command
        .args(["install", &format!("{module}@{version}")])
        .env("GOBIN", folder);
    // Large modules take minutes.
    let ran = proc::capture(&mut command, None, Duration::from_secs(1800))?;
    if !ran.success() {
        bail!("{}", ran.report());
    }
    Ok(())
}

fn by_pip(folder: &Path, packages: &[(&str, &str)]) -> Result<()> {
    let python = need("python3")?;
    let mut venv = Command::new(python);
    proc::output(venv.args(["-m", "venv"]).arg(folder))?;
    let pinned = packages
        .iter()
        .map(|(name, version)| format!("{name}=={version}"));
    let mut install = Command::new(folder.join("bin").join("python"));
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(pinned);
    proc::output(&mut install)?;
    Ok(())
}

fn by_apt(package: &str) -> Result<()> {
    need("apt-get")?;
    let root = proc::output(Command::new("id").arg("-u"))?.trim() == "0";
    if !root {
        need("sudo")?;
    }
    let apt = |arguments: &[&str]| {
        let mut command = if root {
            Command::new("env")
        } else {
            Command::new("sudo")
        };
        if !root {
            command.args(["-n", "env"]);
        }
        command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"])
            .args(arguments);
        proc::output(&mut command)
    };
    apt(&["update"])?;
    apt(&["install", "-y", "--no-install-recommends", package])?;
    Ok(())
}

/// Fails with a sentence that says what to install.
pub(crate) fn need(program: &str) -> Result<PathBuf> {
    proc::which(program).with_context(|| format!("`{program}` is needed, and is not on the path"))
}
