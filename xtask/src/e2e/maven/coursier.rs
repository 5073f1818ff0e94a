//! Coursier, by which sbt and others resolve; it does not publish.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::super::client::Client;
use super::super::{PASSWORD, READER, Run, World};
use super::{group_path, project, same_files};
use crate::http::Connection;
use crate::tools;

const GROUP: &str = "org.acme.coursier";

/// Coursier, which fetches into a cache of its own.
fn client(world: &World, home: &str) -> Result<Client> {
    let jars = tools::path(&world.root, tools::COURSIER);
    let jars = format!("{}/*", jars.display());
    let home = format!("coursier-{home}");
    let words = ["java", "-cp", &jars, "coursier.cli.Coursier", "fetch"];
    let mut coursier = Client::new(world, &home, &words, &[])?;
    super::at_home(&mut coursier);
    let cache = coursier.home.join("cache").to_string_lossy().into_owned();
    coursier.env.push(("COURSIER_CACHE".to_owned(), cache));
    Ok(coursier)
}

/// Puts a version as sbt does: files and checksums, and no metadata at all.
fn put(world: &World, folder: &Path, version: &str, depends: &str) -> Result<PathBuf> {
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>{GROUP}</groupId>\
         <artifactId>lib_2.13</artifactId><version>{version}</version>\
         <dependencies>{depends}</dependencies></project>"
    );
    let jar = folder.join(format!("lib_2.13-{version}.jar"));
    fs::write(&jar, format!("the bytes of {version}"))?;
    let mut connection = Connection::new(world.server.port);
    let token = world.token("maven:artifact:org.acme.coursier:*:write", &[])?;
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let at = format!("{}/lib_2.13/{version}", group_path(world, GROUP));
    for (extension, bytes) in [("pom", pom.into_bytes()), ("jar", fs::read(&jar)?)] {
        let path = format!("{at}/lib_2.13-{version}.{extension}");
        let answer = connection.request("PUT", &path, &headers, &bytes)?;
        answer.successful(&path)?;
        let sum = super::hex(&<sha1::Sha1 as sha1::Digest>::digest(&bytes));
        let of_file = format!("{path}.sha1");
        let answer = connection.request("PUT", &of_file, &headers, sum.as_bytes())?;
        answer.successful(&of_file)?;
    }
    Ok(jar)
}

/// Fetches, and compares the one file that it gives.
fn fetch(client: &Client, world: &World, arguments: &[&str], wanted: &Path) -> Result<()> {
    let ran = client.ok(world.elsewhere(), arguments, &[])?;
    let mut files = ran.stdout.lines().filter(|line| line.ends_with(".jar"));
    let found = files.next().with_context(|| ran.report())?;
    ensure!(files.next().is_none(), "{}", ran.report());
    same_files(Path::new(found), wanted)
}

pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let folder = project(world, "coursier", "sources")?;
    let mut jars = Vec::new();
    run.step(world, "coursier: what sbt leaves, without metadata", || {
        for version in ["1.0", "1.10", "1.9", "2.0-SNAPSHOT"] {
            jars.push(put(world, &folder, version, "")?);
        }
        super::has_versions(
            world,
            GROUP,
            "lib_2.13",
            &["1.0", "1.9", "1.10", "2.0-SNAPSHOT"],
        )
    })?;
    let url = world.mount("maven");
    for (what, version, at) in [
        ("a release", "1.0", 0),
        ("a range", "[1.0,1.99]", 1),
        ("the latest release", "latest.release", 1),
        ("a snapshot", "2.0-SNAPSHOT", 3),
    ] {
        run.step(world, &format!("coursier: resolve {what}"), || {
            let coursier = client(world, &what.replace(' ', "-"))?;
            let module = format!("{GROUP}:lib_2.13:{version}");
            let arguments = ["--no-default", "-r", &url, &module];
            fetch(&coursier, world, &arguments, &jars[at])
        })?;
    }
    run.step(
        world,
        "coursier: resolve where reading needs a password",
        || {
            let closed = world.replica(&[("REGISTRY_ANONYMOUS", "none")])?;
            let place = format!("127.0.0.1:{}/maven", closed.port);
            let module = format!("{GROUP}:lib_2.13:1.0");
            let nobody = client(world, "nobody")?;
            let url = format!("http://{place}");
            let arguments = ["--no-default", "-r", &url, &module];
            nobody.refused(world.elsewhere(), &arguments, &[])?;
            let url = format!("http://{READER}:{PASSWORD}@{place}");
            let arguments = ["--no-default", "-r", &url, &module];
            fetch(&client(world, "reader")?, world, &arguments, &jars[0])?;
            closed.stop()
        },
    )
}
