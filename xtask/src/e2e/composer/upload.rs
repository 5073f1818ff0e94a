//! Uploads, in each of the shapes that there are, and what is refused.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::package::{Package, sha1};
use super::{Curl, get};
use crate::e2e::{OTHER, PASSWORD, READER, Run, World};

pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let curl = Curl::publisher(world, "publisher")?;
    shapes(run, world, &curl)?;
    forms(run, world, &curl)?;
    again(run, world, &curl)?;
    refusals(run, world, &curl)?;
    rights(run, world)
}

/// What the registry says of a version of a package, as it stands first in the file of its releases.
fn newest(world: &World, package: &str) -> Result<Value> {
    let answer = get(world, &format!("p2/{package}.json"))?.successful("the metadata")?;
    let document = answer.json()?;
    Ok(document["packages"][package][0].clone())
}

fn path(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}

fn shapes(run: &mut Run, world: &World, curl: &Curl) -> Result<()> {
    run.step(world, "curl: PUT of a zip to its package", || {
        let zip = Package::new("shape-a", "v1.0").archive(world, "archive-a")?;
        let answer = curl.upload(world, "packages/acme/shape-a", &zip)?.is(201)?;
        let answer: Value = serde_json::from_str(&answer.body)?;
        ensure!(answer["status"] == "success", "{answer}");
        let said = newest(world, "acme/shape-a")?;
        let digest = sha1(&zip)?;
        ensure!(said["version"] == "v1.0", "{said}");
        ensure!(said["version_normalized"] == "1.0.0.0", "{said}");
        ensure!(said["dist"]["shasum"] == *digest, "{said}");
        ensure!(said["dist"]["type"] == "zip", "{said}");
        let time = said["published-time"].as_str().context("published-time")?;
        ensure!(time.len() == 25 && time.ends_with("+00:00"), "{said}");
        let url = said["dist"]["url"].as_str().context("an address")?;
        ensure!(url.starts_with(&format!("{}/dists/", curl.mount)), "{said}");
        Ok(())
    })?;
    run.step(world, "curl: PUT with the version in the query", || {
        let zip = Package::new("shape-b", "").zip(world)?;
        let at = "packages/acme/shape-b?version=2.0.0-beta.1";
        curl.upload(world, at, &zip)?.is(201)?;
        let said = newest(world, "acme/shape-b")?;
        ensure!(said["version_normalized"] == "2.0.0.0-beta1", "{said}");
        Ok(())
    })?;
    run.step(
        world,
        "curl: PUT to where the zip itself says what it is",
        || {
            let zip = Package::new("shape-c", "").zip(world)?;
            curl.upload(world, "api/packages?version=1.1", &zip)?
                .is(201)?;
            let zip = Package::new("shape-c", "1.2").zip(world)?;
            let file = format!("@{}", path(&zip));
            let post = ["--request", "POST", "--data-binary", &file];
            curl.send(world, "api/packages", &post)?.is(201)?;
            ensure!(newest(world, "acme/shape-c")?["version"] == "1.2");
            Ok(())
        },
    )?;
    run.step(
        world,
        "curl: PUT as a repository manager's plugin does",
        || {
            let zip = Package::new("shape-d", "").zip(world)?;
            let at = "packages/upload/acme/shape-d/1.3.0";
            curl.upload(world, at, &zip)?.is(201)?;
            ensure!(newest(world, "acme/shape-d")?["version"] == "1.3.0");
            let zip = Package::new("shape-e", "").zip(world)?;
            let at = "acme/shape-e/shape-e-1.4.0.zip?properties=composer.version=1.4.0";
            curl.upload(world, at, &zip)?.is(201)?;
            ensure!(newest(world, "acme/shape-e")?["version"] == "1.4.0");
            Ok(())
        },
    )
}

fn forms(run: &mut Run, world: &World, curl: &Curl) -> Result<()> {
    run.step(world, "curl: a form with the source of the package", || {
        let zip = Package::new("form", "").zip(world)?;
        let file = format!("package=@{}", path(&zip));
        let form = [
            "--request", "PUT",
            "--form", "src-type=git",
            "--form", "src-url=https://git.example/acme/form.git",
            "--form", "src-ref=0123456789abcdef",
            "--form", &file,
        ];
        curl.send(world, "packages/upload/acme/form/1.0.0", &form)?.is(201)?;
        let said = newest(world, "acme/form")?;
        let source = json!({
            "type": "git", "url": "https://git.example/acme/form.git", "reference": "0123456789abcdef",
        });
        ensure!(said["source"] == source, "{said}");
        ensure!(said["dist"]["shasum"] == *sha1(&zip)?, "{said}");
        Ok(())
    })?;
    run.step(
        world,
        "curl: what only the registry says is not taken from a zip",
        || {
            let package = Package::new("liar", "1.0")
                .with(
                    "dist",
                    json!({ "type": "zip", "url": "https://elsewhere.example/a.zip" }),
                )
                .with("published-time", json!("2001-01-01T00:00:00+00:00"))
                .with("version_normalized", json!("9.9.9.9"))
                .with("notification-url", json!("https://elsewhere.example/"))
                .with("transport-options", json!({ "ssl": {} }))
                .with("x-own", json!({ "kept": [1, null] }));
            curl.upload(world, "packages/acme/liar", &package.zip(world)?)?
                .is(201)?;
            let said = newest(world, "acme/liar")?;
            ensure!(!said.to_string().contains("elsewhere"), "{said}");
            ensure!(!said.to_string().contains("2001-01-01"), "{said}");
            ensure!(said["version_normalized"] == "1.0.0.0", "{said}");
            ensure!(said.get("transport-options").is_none(), "{said}");
            ensure!(said["x-own"] == json!({ "kept": [1, null] }), "{said}");
            Ok(())
        },
    )
}

fn again(run: &mut Run, world: &World, curl: &Curl) -> Result<()> {
    run.step(
        world,
        "curl: the same again is success, another is not",
        || {
            let zip = Package::new("again", "1.0.0").zip(world)?;
            curl.upload(world, "packages/acme/again", &zip)?.is(201)?;
            curl.upload(world, "packages/acme/again", &zip)?.is(200)?;
            let other = Package::new("again", "1.0.0").saying("other").zip(world)?;
            let said = ["1.0.0"];
            curl.upload(world, "packages/acme/again", &other)?
                .refused(409, &said)?;
            // Another spelling of the same version.
            let other = Package::new("again", "v1.0").zip(world)?;
            curl.upload(world, "packages/acme/again", &other)?
                .refused(409, &said)
        },
    )
}

fn refusals(run: &mut Run, world: &World, curl: &Curl) -> Result<()> {
    for (what, package, at, said) in [
        (
            "no version",
            Package::new("bad", ""),
            "packages/acme/bad",
            "version",
        ),
        (
            "two versions",
            Package::new("bad", "1.0"),
            "packages/acme/bad?version=1.1",
            "1.1",
        ),
        (
            "no version that Composer takes",
            Package::new("bad", "1.0.0.0.0"),
            "packages/acme/bad",
            "Invalid version string",
        ),
        (
            "another name than the address",
            Package::new("bad", "1.0"),
            "packages/acme/other",
            "acme/bad",
        ),
        (
            "itself",
            Package::new("bad", "1.0").with("require", json!({ "acme/bad": "*" })),
            "packages/acme/bad",
            "on itself",
        ),
        (
            "no constraint",
            Package::new("bad", "1.0").with("require", json!({ "acme/a": "" })),
            "packages/acme/bad",
            "constraint",
        ),
        (
            "a way out",
            Package::new("bad", "1.0").with("bin", json!(["../x"])),
            "packages/acme/bad",
            "bin.0",
        ),
        (
            "a number for a licence",
            Package::new("bad", "1.0").with("license", json!(1)),
            "packages/acme/bad",
            "license",
        ),
        (
            "capitals",
            Package::new("bad", "1.0").with("name", json!("Acme/BadOne")),
            "api/packages",
            "We suggest using acme/bad-one",
        ),
        (
            "a device",
            Package::new("bad", "1.0").with("name", json!("acme/nul")),
            "api/packages",
            "reserved",
        ),
        (
            "an extension",
            Package::new("bad", "1.0").with("name", json!("ext-bad")),
            "api/packages",
            "ext-bad",
        ),
    ] {
        run.step(
            world,
            &format!("curl: a package with {what} is refused"),
            || {
                let zip = package.zip(world)?;
                curl.upload(world, at, &zip)?.refused(400, &[said])?;
                let answer = get(world, "p2/acme/bad.json")?;
                ensure!(answer.status == 404, "{}", answer.status);
                Ok(())
            },
        )?;
    }
    run.step(world, "curl: what is no zip is refused", || {
        let folder = Package::new("bad", "1.0").write(world)?;
        let file = folder.join("composer.json");
        curl.upload(world, "packages/acme/bad", &file)?
            .refused(400, &[])?;
        let zip = Package::new("bad", "1.0").zip(world)?;
        let whole = fs::read(&zip)?;
        fs::write(&zip, &whole[..whole.len() - 30])?;
        curl.upload(world, "packages/acme/bad", &zip)?
            .refused(400, &[])
    })
}

fn rights(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "curl: only who may write uploads", || {
        let zip = Package::new("rights", "1.0").zip(world)?;
        let file = path(&zip);
        let at = "packages/acme/rights";
        let token = world.token("composer:package:acme/rights:write", &[])?;
        let curl = Curl::new(world, "rights", &token)?;
        let put = ["--upload-file", file.as_str()];
        curl.bare(world, at, &put)?.refused(401, &[])?;
        let send = |more: &[&str]| curl.bare(world, at, &[&put[..], more].concat());
        send(&["--user", "token:reg_unknown"])?.refused(401, &[])?;
        send(&["--user", &format!("{READER}:{PASSWORD}")])?.refused(403, &[])?;
        let read_only = world.token("composer:package:*:*", &["--read-only"])?;
        send(&["--oauth2-bearer", &read_only])?.refused(403, &[])?;
        let other = Package::new("other", "1.0").zip(world)?;
        curl.upload(world, "api/packages", &other)?
            .refused(403, &[])?;
        // In each of the ways to say who one is.
        send(&["--oauth2-bearer", &token])?.is(201)?;
        for more in [
            ["--user".to_owned(), format!("{OTHER}:{PASSWORD}")],
            ["--user".to_owned(), format!("{token}:")],
            ["--header".to_owned(), format!("PRIVATE-TOKEN: {token}")],
        ] {
            send(&[&more[0], &more[1]])?.is(200)?;
        }
        Ok(())
    })
}
