//! Maven's tree of files: each client deploys to it, and resolves what it finds there.
//!
//! Each client has a group of its own, so that it can run alone.

pub(super) mod coursier;
pub(super) mod gradle;
pub(super) mod lein;
pub(super) mod mvn;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::World;
use super::client::Client;
use crate::http::{Connection, Response};

/// The path of a group's folder on the server.
fn group_path(world: &World, group: &str) -> String {
    let below = group.replace('.', "/");
    format!("{}/{below}", world.mount_path("maven"))
}

/// Fetches a file below a group's folder.
fn get(world: &World, group: &str, below: &str) -> Result<Response> {
    let path = format!("{}/{below}", group_path(world, group));
    Connection::new(world.server.port).get(&path, &[])
}

/// The contents of a document's elements of this name, wherever they are.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(&open).skip(1);
    let inner = parts.filter_map(|part| Some(part.split_once(&close)?.0.trim().to_owned()));
    inner.collect()
}

/// Checks that an artifact's metadata has these versions, in this order.
fn has_versions(world: &World, group: &str, artifact: &str, wanted: &[&str]) -> Result<()> {
    let path = format!("{artifact}/maven-metadata.xml");
    let xml = get(world, group, &path)?.successful(&path)?.text();
    let found = elements(&xml, "version");
    ensure!(
        found == wanted,
        "{artifact} should have the versions {wanted:?}:\n{xml}"
    );
    checksums(world, group, &path)
}

/// Checks that a file's four checksums are there, and are those of its bytes.
fn checksums(world: &World, group: &str, path: &str) -> Result<()> {
    let answer = get(world, group, path)?.successful(path)?;
    let bytes = &answer.body;
    for (name, digest) in [
        ("md5", hex(&Md5::digest(bytes))),
        ("sha1", hex(&Sha1::digest(bytes))),
        ("sha256", hex(&Sha256::digest(bytes))),
        ("sha512", hex(&Sha512::digest(bytes))),
    ] {
        let of_file = format!("{path}.{name}");
        let said = get(world, group, &of_file)?.successful(&of_file)?.text();
        ensure!(said == digest, "{of_file} is {said}, not {digest}");
        let header = format!("x-checksum-{name}");
        let said = answer.header(&header).unwrap_or_default();
        ensure!(said == digest, "{path} has {header}: {said}, not {digest}");
    }
    Ok(())
}

/// Checks that a server has just these bytes of a file.
fn has_file(world: &World, group: &str, path: &str, file: &Path) -> Result<()> {
    let wanted = fs::read(file).with_context(|| file.display().to_string())?;
    let answer = get(world, group, path)?.successful(path)?;
    ensure!(
        answer.body == wanted,
        "{path} is not what {} holds",
        file.display()
    );
    checksums(world, group, path)
}

/// Checks that just one file of a folder begins with `start`, and holds what `wanted` does.
fn fetched(folder: &Path, start: &str, wanted: &Path) -> Result<()> {
    let files = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let files: Vec<PathBuf> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    let of_start = |file: &&PathBuf| {
        let name = file.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(start)
    };
    let found: Vec<_> = files.iter().filter(of_start).collect();
    let [file] = &*found else {
        anyhow::bail!("one {start}… should be among {files:?}");
    };
    same_files(file, wanted)
}

fn same_files(found: &Path, wanted: &Path) -> Result<()> {
    let read = |file: &Path| fs::read(file).with_context(|| file.display().to_string());
    ensure!(
        read(found)? == read(wanted)?,
        "{} is not {}",
        found.display(),
        wanted.display()
    );
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new folder for a project.
fn project(world: &World, client: &str, name: &str) -> Result<PathBuf> {
    let folder = world.folder.join("projects").join(client).join(name);
    ensure!(!folder.exists(), "{} is used twice", folder.display());
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Java takes the home of a user from the system's list of users, whatever `HOME` says.
fn at_home(client: &mut Client) {
    let option = format!("-Duser.home={}", client.home.display());
    client.env.push(("JAVA_TOOL_OPTIONS".to_owned(), option));
}
