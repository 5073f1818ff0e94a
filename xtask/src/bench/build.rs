//! How long it takes to build one protocol and all of them, from nothing, and how large what comes out is.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use super::report::{Report, Target};
use super::{Bench, Protocol};
use crate::proc;
use crate::server;

/// What is measured of builds.
pub(super) const BENCHES: Protocol = Protocol {
    name: "build",
    tools: &[],
    benches: &[("one", one), ("all", all)],
};

/// The protocols, the smallest first: in a short run only that.
const NAMES: &[&str] = &[
    "cargo", "composer", "maven", "npm", "oci", "pypi", "rubygems",
];

/// The example of a protocol's crate: an application that hosts that protocol and nothing else.
fn one(bench: &Bench, report: &mut Report) -> Result<()> {
    let names = if bench.full { NAMES } else { &NAMES[..1] };
    names.iter().try_for_each(|name| {
        let (package, example) = (format!("registry-{name}"), format!("{name}_in_axum"));
        let what = ["-p", &*package, "--example", &*example];
        let binary = Path::new("examples").join(&example);
        build(bench, report, &format!("{name} in axum"), &what, &binary)
    })
}

/// The server.
fn all(bench: &Bench, report: &mut Report) -> Result<()> {
    let what = ["-p", "registry-server"];
    let binary = Path::new("registry");
    build(bench, report, "the server with all", &what, binary)
}

/// Builds something in release mode in an empty folder; what was downloaded before is not again.
fn build(
    bench: &Bench,
    report: &mut Report,
    name: &str,
    what: &[&str],
    binary: &Path,
) -> Result<()> {
    let target = bench.folder.join("build");
    let mut command = proc::command(server::cargo(), &bench.root);
    command.args(["build", "--quiet", "--release"]).args(what);
    command.env("CARGO_TARGET_DIR", &target);
    let start = Instant::now();
    proc::run(&mut command)?;
    let took = start.elapsed().as_secs_f64();
    let binary = target.join("release").join(binary);
    let size = fs::metadata(&binary).with_context(|| binary.display().to_string())?;
    let megabytes = size.len() as f64 / 1e6;
    fs::remove_dir_all(target)?;
    report.add(&format!("build {name}"), "s", took, None, &Target::None);
    report.add(
        &format!("binary of {name}"),
        "MB",
        megabytes,
        None,
        &Target::None,
    );
    Ok(())
}
