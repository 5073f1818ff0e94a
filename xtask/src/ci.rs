//! Everything the CI runs, in one command, in order; it stops at the first step that fails.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::proc;
use crate::{bench, conformance, e2e, server, tidy, tools};

/// What the workspace's crates leave off by default, and the checks should see.
const FEATURES: &str = "registry-core/object-store,registry-core/conformance";
const FACADE: &str = "registry";

type Step = (&'static str, fn(&Ci) -> Result<Outcome>);

const STEPS: &[Step] = &[
    ("format", format),
    ("clippy", clippy),
    ("each feature alone", features),
    ("tools", install),
    ("release build", release),
    ("tests", tests),
    ("docs", docs),
    ("tidy", |ci| tidy::run(ci.root).map(|()| Outcome::Passed)),
    ("fuzz targets build", fuzz),
    ("e2e", clients),
    ("conformance", conform),
];

/// What only a full run does.
const FULL: &[Step] = &[("bench", measure)];

struct Ci<'a> {
    root: &'a Path,
    full: bool,
}

enum Outcome {
    Passed,
    /// With the reason.
    Skipped(String),
}

/// Runs the steps.
pub(crate) fn run(root: &Path, full: bool) -> Result<()> {
    let ci = Ci { root, full };
    let more = if full { FULL } else { &[] };
    let steps: Vec<_> = STEPS.iter().chain(more).collect();
    let (mut passed, mut lines) = (0, Vec::new());
    let start = Instant::now();
    for (name, step) in &steps {
        println!("\n=== {name}");
        let began = Instant::now();
        let outcome = step(&ci);
        let took = format!("{:>6.0} s  {name}", began.elapsed().as_secs_f64());
        let line = match &outcome {
            Ok(Outcome::Passed) => {
                passed += 1;
                format!("ok      {took}")
            }
            Ok(Outcome::Skipped(reason)) => format!("SKIPPED {took}: {reason}"),
            Err(_) => format!("FAILED  {took}"),
        };
        println!("{line}");
        lines.push(line);
        if let Err(error) = outcome {
            summary(&lines, start.elapsed());
            println!("{passed} passed, 1 failed");
            return Err(error.context(format!("step `{name}`")));
        }
    }
    summary(&lines, start.elapsed());
    println!("{passed} passed, 0 failed");
    Ok(())
}

fn summary(lines: &[String], took: Duration) {
    println!("\n{}", lines.join("\n"));
    println!("        {:>6.0} s  in all", took.as_secs_f64());
}

impl Ci<'_> {
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = proc::command(server::cargo(), self.root);
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        println!("$ cargo {}", arguments.join(" "));
        proc::run(&mut self.cargo(arguments)).map(|()| Outcome::Passed)
    }
}

fn format(ci: &Ci) -> Result<Outcome> {
    ci.run(&["fmt", "--all", "--check"])
}

fn clippy(ci: &Ci) -> Result<Outcome> {
    let what = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        FEATURES,
    ];
    ci.run(&[&what[..], &["--", "-D", "warnings"]].concat())
}

/// The facade with no feature, and with each one alone.
fn features(ci: &Ci) -> Result<Outcome> {
    let metadata = server::metadata(ci.root)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let facade = packages.iter().find(|package| package["name"] == FACADE);
    let facade = facade.with_context(|| format!("no crate {FACADE}"))?;
    let features = facade["features"].as_object().context("no features")?;
    let check = [
        "check",
        "--quiet",
        "--package",
        FACADE,
        "--no-default-features",
    ];
    ci.run(&check)?;
    for feature in features.keys() {
        ci.run(&[&check[..], &["--features", feature]].concat())?;
    }
    Ok(Outcome::Passed)
}

fn install(ci: &Ci) -> Result<Outcome> {
    tools::ensure(ci.root, tools::SHORT)?;
    if ci.full {
        tools::ensure(ci.root, tools::FULL)?;
        bench::install(ci.root)?;
    }
    Ok(Outcome::Passed)
}

fn release(ci: &Ci) -> Result<Outcome> {
    server::build(ci.root)?;
    Ok(Outcome::Passed)
}

/// The tests find the server and the stores' emulators by the environment.
fn tests(ci: &Ci) -> Result<Outcome> {
    let mut command = ci.cargo(&["test", "--workspace", "--features", FEATURES]);
    command
        .env("REGISTRY_BIN", server::build(ci.root)?)
        .env("MINIO_BIN", tools::path(ci.root, tools::MINIO))
        .env("CI_REQUIRE_S3", "1");
    if ci.full {
        command
            .env("REGISTRY_TEST_FULL", "1")
            .env("AZURITE_BIN", tools::path(ci.root, tools::AZURITE))
            .env("FAKE_GCS_BIN", tools::path(ci.root, tools::FAKE_GCS));
    }
    println!("$ {}", proc::command_line(&command));
    proc::run(&mut command).map(|()| Outcome::Passed)
}

fn docs(ci: &Ci) -> Result<Outcome> {
    let mut command = ci.cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
    command
        .args(["--features", FEATURES])
        .env("RUSTDOCFLAGS", "-D warnings");
    println!("$ {}", proc::command_line(&command));
    proc::run(&mut command).map(|()| Outcome::Passed)
}

/// On stable the targets cannot run, but they can be checked to build.
fn fuzz(ci: &Ci) -> Result<Outcome> {
    if !ci.root.join("fuzz").join("Cargo.toml").is_file() {
        return Ok(Outcome::Skipped("there is no fuzz/Cargo.toml".to_owned()));
    }
    if proc::which("c++").is_none() {
        return Ok(Outcome::Skipped(
            "the fuzzer's runtime needs a C++ compiler".to_owned(),
        ));
    }
    ci.run(&["check", "--manifest-path", "fuzz/Cargo.toml"])
}

fn clients(ci: &Ci) -> Result<Outcome> {
    let args = e2e::Args::of_ci(ci.full, server::build(ci.root)?);
    e2e::run(ci.root, &args).map(|()| Outcome::Passed)
}

fn conform(ci: &Ci) -> Result<Outcome> {
    let args = conformance::Args::of_ci(ci.full, server::build(ci.root)?);
    conformance::run(ci.root, &args).map(|()| Outcome::Passed)
}

fn measure(ci: &Ci) -> Result<Outcome> {
    bench::run(ci.root, &bench::Args::full()).map(|()| Outcome::Passed)
}
