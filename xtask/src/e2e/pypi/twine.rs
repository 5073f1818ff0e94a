//! twine.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::client::same;
use super::super::{PASSWORD, READER, Run, USER, World};
use super::project::Project;
use super::{client, page, publisher, twine_as, upload, user};
use crate::http::Connection;
use crate::tools;

/// The project that is published.
const NAME: &str = "Twine.Hello";
const NORMAL: &str = "twine-hello";

pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let files = Project::new(NAME, "1.0").build(world)?;
    publish(run, world, &files)?;
    refusals(run, world, &files)?;
    configured(run, world)?;
    attested(run, world)
}

fn words(files: &[String]) -> Vec<&str> {
    files.iter().map(String::as_str).collect()
}

fn names(page: &Value) -> Vec<&str> {
    let files = page["files"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    files
        .iter()
        .filter_map(|file| file["filename"].as_str())
        .collect()
}

fn publish(run: &mut Run, world: &World, files: &[String]) -> Result<()> {
    run.step(
        world,
        "twine: upload a wheel and a source distribution by token",
        || {
            let twine = publisher(world, "twine-publish")?;
            twine.ok(
                world.elsewhere(),
                &words(files),
                &["Uploading twine_hello-1.0"],
            )?;
            let page = page(world, NORMAL)?;
            let expected = ["twine_hello-1.0-py3-none-any.whl", "twine_hello-1.0.tar.gz"];
            ensure!(names(&page) == expected, "{page}");
            Ok(())
        },
    )?;
    run.step(world, "twine: the same upload again succeeds", || {
        let before = page(world, NORMAL)?;
        let twine = publisher(world, "twine-again")?;
        twine.ok(
            world.elsewhere(),
            &words(files),
            &["Uploading twine_hello-1.0"],
        )?;
        same("the page", &page(world, NORMAL)?, &before)
    })?;
    run.step(
        world,
        "twine: upload by name and password, at every address",
        || {
            let mount = world.mount("pypi");
            let root = world.server.url();
            let addresses = [
                format!("{mount}/"),
                format!("{mount}/legacy"),
                format!("{root}/legacy/"),
                format!("{root}/legacy"),
            ];
            for (number, address) in addresses.iter().enumerate() {
                let mut project = Project::new("twine-addresses", &format!("1.{number}"));
                project.setuptools = number % 2 == 1;
                let twine = twine_as(world, &format!("twine-address-{number}"), user(), PASSWORD)?;
                let files = project.build(world)?;
                let to = ["--repository-url", address];
                twine.ok(world.elsewhere(), &[&to[..], &words(&files)].concat(), &[])?;
            }
            let versions = page(world, "twine-addresses")?["versions"].clone();
            same(
                "the versions",
                &versions,
                &json!(["1.0", "1.1", "1.2", "1.3"]),
            )
        },
    )
}

fn refusals(run: &mut Run, world: &World, files: &[String]) -> Result<()> {
    run.step(
        world,
        "twine: a changed file is refused, and twine says why",
        || {
            let before = page(world, NORMAL)?;
            let mut changed = Project::new(NAME, "1.0");
            changed.content = "changed".to_owned();
            let twine = publisher(world, "twine-changed")?;
            for file in &changed.build(world)? {
                let name = Path::new(file)
                    .file_name()
                    .context("a name")?
                    .to_string_lossy();
                let told = format!("File already exists ('{name}'");
                let ran = twine.refused(world.elsewhere(), &[file], &["400 Bad Request"])?;
                // It breaks lines as its terminal is wide.
                let text = ran.text().split_whitespace().collect::<Vec<_>>().join(" ");
                ensure!(
                    text.contains(&told),
                    "it should print: {told}\n{}",
                    ran.report()
                );
            }
            same("the page", &page(world, NORMAL)?, &before)
        },
    )?;
    for (user, password, label, told) in [
        (USER, "wrong", "with a wrong password", "401 Unauthorized"),
        (
            READER,
            PASSWORD,
            "without the right to write",
            "carol may not write the package",
        ),
    ] {
        run.step(
            world,
            &format!("twine: an upload {label} is refused"),
            || {
                let twine = twine_as(world, &format!("twine-{user}"), user, password)?;
                let ran = twine.refused(world.elsewhere(), &words(files), &[])?;
                let text = ran.text().split_whitespace().collect::<Vec<_>>().join(" ");
                ensure!(
                    text.contains(told),
                    "it should print: {told}\n{}",
                    ran.report()
                );
                Ok(())
            },
        )?;
    }
    Ok(())
}

/// As people keep their credentials.
fn configured(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "twine: upload with what stands in .pypirc", || {
        let command = [
            tools::TWINE,
            "upload",
            "--disable-progress-bar",
            "--non-interactive",
        ];
        let twine = client(world, "twine-configured", &command, &[])?;
        let token = world.token("pypi:package:twine-configured:write", &[])?;
        let configuration = format!(
            "[distutils]\nindex-servers = ours\n\n[ours]\nrepository = {}\n\
             username = __token__\npassword = {token}\n",
            upload(world)
        );
        fs::write(twine.home.join(".pypirc"), configuration)?;
        let files = Project::new("twine-configured", "1.0").build(world)?;
        let arguments = [&["--repository", "ours"][..], &words(&files)].concat();
        twine.ok(world.elsewhere(), &arguments, &[]).map(drop)
    })
}

/// An attestation as pypi-attestations writes it, but for what signs it.
fn attestation(file: &str, content: &[u8]) -> String {
    let digest: String = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": file, "digest": { "sha256": digest } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    });
    let attestation = json!({
        "version": 1,
        "verification_material": { "certificate": "", "transparency_entries": [] },
        "envelope": { "statement": STANDARD.encode(statement.to_string()), "signature": "" },
    });
    attestation.to_string()
}

fn attested(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "twine: an attestation is kept and given out", || {
        let files = Project::new("twine-attested", "1.0").build(world)?;
        let wheel = files.first().context("a wheel")?;
        let name = Path::new(wheel)
            .file_name()
            .context("a name")?
            .to_string_lossy();
        let sent = attestation(&name, &fs::read(wheel)?);
        let beside = format!("{wheel}.slsa.attestation");
        fs::write(&beside, &sent)?;
        let twine = publisher(world, "twine-attested")?;
        twine.ok(world.elsewhere(), &["--attestations", wheel, &beside], &[])?;
        let page = page(world, "twine-attested")?;
        let address = page["files"][0]["provenance"]
            .as_str()
            .context("provenance")?;
        let path = address
            .strip_prefix(&world.server.url())
            .context("its address")?;
        let answer = Connection::new(world.server.port).get(path, &[])?;
        let provenance = answer.successful(path)?.json()?;
        let kept = &provenance["attestation_bundles"][0]["attestations"][0];
        same("the attestation", kept, &serde_json::from_str(&sent)?)
    })?;
    run.step(
        world,
        "twine: an attestation of another file is refused",
        || {
            let files = Project::new("twine-attested", "2.0").build(world)?;
            let wheel = files.first().context("a wheel")?;
            let beside = format!("{wheel}.slsa.attestation");
            fs::write(
                &beside,
                attestation("twine_attested-2.0-py3-none-any.whl", b"other"),
            )?;
            let twine = publisher(world, "twine-attested-badly")?;
            let ran = twine.refused(world.elsewhere(), &["--attestations", wheel, &beside], &[])?;
            let text = ran.text().split_whitespace().collect::<Vec<_>>().join(" ");
            ensure!(text.contains("Invalid attestations"), "{}", ran.report());
            Ok(())
        },
    )
}
