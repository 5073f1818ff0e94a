//! crane.

use std::path::Path;

use anyhow::{Result, ensure};

use super::super::client::Client;
use super::super::mixed::{self, Round};
use super::super::{PASSWORD, Run, USER, World};
use super::layout::{self, Layout, PLATFORMS};
use super::{MANY, Site, Tool, Words, all_tags, common, many_tags, program, rights, served, well};
use crate::proc::Ran;
use crate::tools;

struct Crane;

impl Tool for Crane {
    const NAME: &'static str = "crane";
    // It logs in without asking, and is told with the first push.
    const WRONG: Words = Words {
        client: "unauthorized",
        ours: "the user name, the password or the token is wrong",
    };

    fn client(world: &World, home: &str, site: &Site) -> Result<Client> {
        let mut client = super::client(world, home, &[&program(world, tools::CRANE)])?;
        if let Some(trust) = &site.trust {
            super::set(&mut client, "SSL_CERT_FILE", &trust.join("ca.crt"));
        }
        Ok(client)
    }

    fn login(client: &Client, site: &Site, user: &str, password: &str) -> Result<Ran> {
        let arguments = ["auth", "login", "-u", user, "--password-stdin", &site.host];
        client.fed(&client.home, &arguments, password)
    }

    fn logout(client: &Client, site: &Site) -> Result<Ran> {
        client.run(&client.home, &["auth", "logout", &site.host])
    }

    fn push(client: &Client, _site: &Site, from: &Layout, to: &str) -> Result<Ran> {
        let from = from.folder.to_string_lossy();
        client.run(&client.home, &["push", &from, to])
    }

    fn pull(client: &Client, _site: &Site, from: &str, to: &Path) -> Result<Ran> {
        let to = to.to_string_lossy();
        client.run(&client.home, &["pull", "--format=oci", from, &to])
    }
}

/// Pushes an index of two images and pulls it, again and again.
pub(in super::super) fn round(world: &World) -> Result<Round<'_>> {
    let site = Site::of(world);
    let pusher = Crane::client(world, "crane-mixed", &site)?;
    well(Crane::login(&pusher, &site, USER, PASSWORD)?)?;
    Ok(Box::new(move |number| {
        let (made, pulled) = (
            mixed::folder(world, "crane-made", number),
            mixed::folder(world, "crane-pulled", number),
        );
        let layout = layout::index(&made, &format!("mixed {number}"))?;
        let place = site.place(&format!("mixed/app:{number}"));
        well(Crane::push(&pusher, &site, &layout, &place)?)?;
        let reader = Crane::client(world, &format!("crane-mixed-{number}"), &site)?;
        well(Crane::pull(&reader, &site, &place, &pulled)?)?;
        layout::same(&layout, &pulled)?;
        mixed::clear(&[made, pulled, reader.home])
    }))
}

/// All that crane is asked to do.
pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let crane = common::login::<Crane>(run, world)?;
    common::round_trips::<Crane>(run, world, &crane)?;
    looks(run, world, &crane)?;
    copies(run, world, &crane)?;
    lists(run, world, &crane)?;
    deletes(run, world, &crane)?;
    common::over_tls::<Crane>(run, world)?;
    rights::steps::<Crane>(run, world, &crane)
}

/// What a command prints.
fn said(crane: &Client, arguments: &[&str]) -> Result<String> {
    Ok(crane
        .ok(&crane.home, arguments, &[])?
        .stdout
        .trim()
        .to_owned())
}

fn looks(run: &mut Run, world: &World, crane: &Client) -> Result<()> {
    let place = Site::of(world).place("crane/app:1");
    run.step(world, "crane: digest, manifest, config", || {
        let digest = said(crane, &["digest", &place])?;
        let manifest = crane.ok(&crane.home, &["manifest", &place], &[])?;
        let found = layout::sha256(manifest.stdout.as_bytes());
        ensure!(found == digest, "{digest} has the bytes of {found}");
        for architecture in PLATFORMS {
            let platform = format!("--platform=linux/{architecture}");
            let config = crane.json(&crane.home, &["config", &platform, &place])?;
            ensure!(
                config["architecture"] == architecture,
                "{platform}: {config}"
            );
        }
        Ok(())
    })?;
    run.step(world, "crane: validate", || {
        crane
            .ok(&crane.home, &["validate", "--remote", &place], &["PASS"])
            .map(drop)
    })?;
    run.step(world, "crane: what is not there", || {
        let site = Site::of(world);
        for (place, words) in [
            ("crane/app:none", ["404", "MANIFEST_UNKNOWN"]),
            ("crane/none:1", ["404", "UNKNOWN"]),
        ] {
            let place = site.place(place);
            let ran = crane.refused(&crane.home, &["manifest", &place], &[])?;
            let text = ran.text();
            let told = words.iter().any(|word| text.contains(word));
            ensure!(told, "it should say one of {words:?}\n{}", ran.report());
        }
        Ok(())
    })
}

fn copies(run: &mut Run, world: &World, crane: &Client) -> Result<()> {
    let site = Site::of(world);
    let (from, to) = (site.place("crane/app:1"), site.place("crane/deep/copy:1"));
    run.step(world, "crane: a copy between repositories mounts", || {
        let ran = crane.ok(&crane.home, &["copy", "-v", &from, &to], &[])?;
        let mounted = ran.stderr.matches("mounted blob: ").count();
        ensure!(
            mounted == 6,
            "{mounted} of 6 blobs were mounted\n{}",
            ran.report()
        );
        let digest = said(crane, &["digest", &from])?;
        served(world, "crane/deep/copy", "1", &digest)
    })?;
    run.step(world, "crane: tag", || {
        said(crane, &["tag", &from, "stable"])?;
        let digest = said(crane, &["digest", &from])?;
        served(world, "crane/app", "stable", &digest)
    })?;
    run.step(world, "crane: append a layer, and export it", || {
        let content = "what was appended\n";
        let file = crane.home.join("appended");
        std::fs::write(&file, content)?;
        let archive = crane.home.join("layer.tar");
        let mut layer = tar::Builder::new(std::fs::File::create(&archive)?);
        layer.append_path_with_name(&file, "appended")?;
        layer.finish()?;
        let place = site.place("crane/appended:1");
        let layer = archive.to_string_lossy();
        let base = site.place("crane/large:1");
        said(crane, &["append", "-b", &base, "-f", &layer, "-t", &place])?;
        let back = crane.home.join("exported.tar");
        said(crane, &["export", &place, &back.to_string_lossy()])?;
        let mut archive = tar::Archive::new(std::fs::File::open(&back)?);
        let mut names = Vec::new();
        for entry in archive.entries()? {
            names.push(entry?.path()?.to_string_lossy().into_owned());
        }
        std::fs::remove_file(back)?;
        ensure!(
            names.iter().any(|name| name == "appended") && names.len() == 2,
            "these files came back: {names:?}"
        );
        Ok(())
    })
}

fn lists(run: &mut Run, world: &World, crane: &Client) -> Result<()> {
    let site = Site::of(world);
    run.step(world, "crane: ls, over several pages", || {
        let wanted = many_tags(world)?;
        let ran = crane.ok(&crane.home, &["ls", "-v", &site.place(MANY)], &[])?;
        let asked = |line: &&str| line.contains("--> GET") && line.contains("/tags/list");
        let pages = ran.stderr.lines().filter(asked).count();
        ensure!(pages >= 2, "no second page was asked for\n{}", ran.stderr);
        all_tags(&wanted, ran.stdout.lines())
    })?;
    run.step(world, "crane: catalog", || {
        let found = said(crane, &["catalog", &site.host])?;
        let found: Vec<_> = found.lines().collect();
        let wanted = ["crane/app", "crane/deep/copy", "crane/large", MANY];
        let all = wanted.iter().all(|name| found.contains(name));
        ensure!(
            all && found.is_sorted(),
            "{wanted:?} should be in {found:?}"
        );
        Ok(())
    })?;
    run.step(
        world,
        "crane: the catalog shows what a token may read",
        || {
            let token = world.token("oci:repository:crane/deep/*:read", &[])?;
            let other = Crane::client(world, "crane-catalog", &site)?;
            super::well(Crane::login(&other, &site, "whoever", &token)?)?;
            let server = world.replica(&[("REGISTRY_ANONYMOUS", "none")])?;
            let private = Site::plain(&server);
            super::well(Crane::login(&other, &private, "whoever", &token)?)?;
            let found = said(&other, &["catalog", &private.host])?;
            ensure!(found == "crane/deep/copy", "the catalog is {found}");
            server.stop()
        },
    )
}

fn deletes(run: &mut Run, world: &World, crane: &Client) -> Result<()> {
    let site = Site::of(world);
    run.step(world, "crane: delete by tag, and by digest", || {
        let (one, two) = (
            site.place("crane/deep/copy:1"),
            site.place("crane/deep/copy:2"),
        );
        let digest = said(crane, &["digest", &one])?;
        said(crane, &["tag", &one, "2"])?;
        said(crane, &["delete", &one])?;
        crane.refused(&crane.home, &["manifest", &one], &["MANIFEST_UNKNOWN"])?;
        served(world, "crane/deep/copy", "2", &digest)?;
        said(
            crane,
            &["delete", &site.place(&format!("crane/deep/copy@{digest}"))],
        )?;
        crane.refused(&crane.home, &["manifest", &two], &["MANIFEST_UNKNOWN"])?;
        // The repository that it was copied from keeps its own.
        served(world, "crane/app", "1", &digest)
    })
}
