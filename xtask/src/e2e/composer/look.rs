//! Looking around: search, lists, advisories, and what is abandoned.

use anyhow::{Result, ensure};
use serde_json::json;

use super::package::Package;
use super::{Curl, anybody, get, project};
use crate::e2e::{Run, World};

pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let curl = Curl::publisher(world, "look")?;
    for package in [
        Package::new("look-one", "1.0.0"),
        Package::new("look-one", "1.1.0"),
        Package::new("look-two", "1.0.0").with("type", json!("acme-plugin")),
        Package::new("look-real", "1.0.0").with("provide", json!({ "acme/look-virtual": "1.0" })),
    ] {
        let zip = package.zip(world)?;
        curl.upload(world, "api/packages", &zip)?.is(201)?;
    }
    search(run, world)?;
    audit(run, world, &curl)?;
    abandoned(run, world, &curl)
}

fn search(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "composer: search", || {
        let folder = project(world, "search", &[])?;
        let composer = anybody(world, "search")?;
        let wanted = ["acme/look-one", "The package look-one", "acme/look-two"];
        composer.ok(&folder, &["search", "look"], &wanted)?;
        let plugins = ["search", "--type", "acme-plugin", "look"];
        let ran = composer.ok(&folder, &plugins, &["acme/look-two"])?;
        ensure!(!ran.stdout.contains("look-one"), "{}", ran.report());
        // Names and vendors alone are looked up in the list.
        let vendors = composer.ok(&folder, &["search", "--only-vendor", "acm"], &["acme"])?;
        ensure!(!vendors.stdout.contains("look"), "{}", vendors.report());
        composer
            .ok(
                &folder,
                &["search", "--only-name", "look-t"],
                &["acme/look-two"],
            )
            .map(drop)
    })?;
    run.step(world, "composer: show -a", || {
        let folder = project(world, "show", &[])?;
        let composer = anybody(world, "show")?;
        let wanted = [
            "The package look-one",
            "versions : 1.1.0, 1.0.0",
            "MIT License",
            "keyword-of-the-run",
            "/dists/acme/look-one/",
        ];
        composer.ok(&folder, &["show", "-a", "acme/look-one"], &wanted)?;
        let ran = composer.ok(&folder, &["show", "-a", "acme/look-*"], &["acme/look-two"])?;
        ensure!(!ran.stdout.contains("acme/leaf"), "{}", ran.report());
        Ok(())
    })?;
    run.step(world, "composer: who provides a package", || {
        let answer = get(world, "providers/acme/look-virtual.json")?;
        let answer = answer.successful("the providers")?.json()?;
        ensure!(
            answer["providers"][0]["name"] == "acme/look-real",
            "{answer}"
        );
        let folder = project(world, "provides", &[])?;
        let composer = anybody(world, "provides")?;
        let wanted = ["acme/look-virtual", "acme/look-real"];
        composer
            .refused(&folder, &["require", "acme/look-virtual"], &wanted)
            .map(drop)
    })
}

fn audit(run: &mut Run, world: &World, curl: &Curl) -> Result<()> {
    run.step(
        world,
        "composer: audit, without and with an advisory",
        || {
            let folder = project(world, "audit", &[("acme/look-one", "1.0.0")])?;
            let composer = anybody(world, "audit")?;
            composer.ok(&folder, &["update"], &[])?;
            let none = "No security vulnerability advisories found";
            composer.ok(&folder, &["audit"], &[none])?;
            let at = "api/security-advisories/acme/look-one/ACME-2026-1";
            let put = |body: &serde_json::Value| {
                let body = body.to_string();
                let json = ["--header", "content-type: application/json"];
                let put = ["--request", "PUT", "--data-binary", &body];
                curl.send(world, at, &[&json[..], &put].concat())
            };
            put(&json!({ "title": "x", "affectedVersions": "no" }))?
                .refused(400, &["constraint"])?;
            put(&json!({
                "title": "Everybody gets in", "affectedVersions": "<1.1",
                "link": "https://acme.example/1", "cve": "CVE-2026-12345", "severity": "high",
            }))?
            .is(204)?;
            let wanted = [
                "acme/look-one",
                "Everybody gets in",
                "CVE-2026-12345",
                "https://acme.example/1",
                "<1.1",
            ];
            composer.refused(&folder, &["audit"], &wanted)?;
            // One that was given no advisory to cache before, and one that is told by the update.
            anybody(world, "audit-anew")?.refused(&folder, &["audit", "--locked"], &wanted)?;
            composer.ok(
                &folder,
                &["update"],
                &["Found 1 security vulnerability advisory"],
            )?;
            composer.ok(&folder, &["require", "acme/look-one:1.1.0"], &[none])?;
            curl.send(world, at, &["--request", "DELETE"])?.is(204)?;
            let folder = project(world, "audit-after", &[("acme/look-one", "1.0.0")])?;
            composer.ok(&folder, &["update"], &[none]).map(drop)
        },
    )
}

fn abandoned(run: &mut Run, world: &World, curl: &Curl) -> Result<()> {
    run.step(
        world,
        "composer: an abandoned package, and what to use instead",
        || {
            let body = json!({ "replacement": "acme/look-one" }).to_string();
            let put = ["--request", "PUT", "--data-binary", &body];
            let at = "packages/acme/look-two/abandoned";
            curl.send(world, at, &put)?.is(204)?;
            let folder = project(world, "abandoned", &[("acme/look-two", "^1.0")])?;
            let wanted = ["acme/look-two is abandoned", "Use acme/look-one instead"];
            anybody(world, "abandoned")?.ok(&folder, &["update"], &wanted)?;
            curl.send(world, at, &["--request", "DELETE"])?.is(204)?;
            let composer = anybody(world, "taken-up")?;
            let ran = composer.ok(&folder, &["update"], &[])?;
            ensure!(!ran.text().contains("abandoned"), "{}", ran.report());
            Ok(())
        },
    )
}
