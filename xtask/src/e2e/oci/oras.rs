//! oras.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::super::client::{Client, same};
use super::super::{Run, World};
use super::layout::{self, Layout, TAG};
use super::{MANY, Site, Tool, Words, all_tags, common, many_tags, program, rights, served};
use crate::proc::Ran;
use crate::tools;

struct Oras;

impl Tool for Oras {
    const NAME: &'static str = "oras";
    const WRONG: Words = Words {
        client: "unauthorized",
        ours: "the user name, the password or the token is wrong",
    };

    fn client(world: &World, home: &str, _site: &Site) -> Result<Client> {
        super::client(world, home, &[&program(world, tools::ORAS)])
    }

    fn login(client: &Client, site: &Site, user: &str, password: &str) -> Result<Ran> {
        let how = how(site, "");
        let arguments = ["login", &how, "-u", user, "--password-stdin", &site.host];
        client.fed(&client.home, &arguments, password)
    }

    fn logout(client: &Client, site: &Site) -> Result<Ran> {
        client.run(&client.home, &["logout", &site.host])
    }

    fn push(client: &Client, site: &Site, from: &Layout, to: &str) -> Result<Ran> {
        let how = how(site, "to-");
        let from = from.plain_reference();
        client.run(&client.home, &["cp", "--from-oci-layout", &from, &how, to])
    }

    fn pull(client: &Client, site: &Site, from: &str, to: &Path) -> Result<Ran> {
        let how = how(site, "from-");
        let to = format!("{}:{TAG}", to.display());
        client.run(&client.home, &["cp", &how, from, "--to-oci-layout", &to])
    }
}

/// The option that says whether there is TLS, and whom to trust.
fn how(site: &Site, side: &str) -> String {
    match &site.trust {
        Some(trust) => format!("--{side}ca-file={}", trust.join("ca.crt").display()),
        None => format!("--{side}plain-http"),
    }
}

const PLAIN: &str = "--plain-http";
/// So that it does not fall back to a tag where the server has no such list.
const API: [&str; 2] = ["--distribution-spec", "v1.1-referrers-api"];

/// All that oras is asked to do.
pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let oras = common::login::<Oras>(run, world)?;
    common::round_trips::<Oras>(run, world, &oras)?;
    artifact(run, world, &oras)?;
    chart(run, world, &oras)?;
    copies(run, world, &oras)?;
    blobs(run, world, &oras)?;
    lists(run, world, &oras)?;
    common::over_tls::<Oras>(run, world)?;
    rights::steps::<Oras>(run, world, &oras)
}

/// A new folder with a file for each name, which contains what it is called.
fn files(oras: &Client, folder: &str, names: &[&str]) -> Result<PathBuf> {
    let folder = oras.home.join(folder);
    fs::create_dir(&folder)?;
    for name in names {
        fs::write(folder.join(name), format!("{name}\n"))?;
    }
    Ok(folder)
}

const SIGNATURE: &str = "application/vnd.example.signature";
const INVENTORY: &str = "application/vnd.example.inventory";

fn artifact(run: &mut Run, world: &World, oras: &Client) -> Result<()> {
    let place = Site::of(world).place("oras/artifact:1");
    let folder = files(oras, "artifact", &["words.txt", "signature", "inventory"])?;
    run.step(world, "oras: push and pull an artifact", || {
        let push = [
            "push",
            PLAIN,
            "--artifact-type",
            "application/vnd.example.words",
        ];
        let push = [&push[..], &[&place, "words.txt:text/plain"]].concat();
        oras.ok(&folder, &push, &["Pushed"])?;
        let back = files(oras, "artifact-back", &[])?;
        oras.ok(&back, &["pull", PLAIN, &place], &["Pulled"])?;
        let found = fs::read_to_string(back.join("words.txt"))?;
        ensure!(found == "words.txt\n", "this came back: {found}");
        Ok(())
    })?;
    run.step(world, "oras: attach, and discover what is attached", || {
        for (kind, file) in [(SIGNATURE, "signature"), (INVENTORY, "inventory")] {
            let attach = ["attach", PLAIN, API[0], API[1], "--artifact-type", kind];
            let note = ["--annotation", "org.example.note=attached"];
            let file = format!("{file}:text/plain");
            let arguments = [&attach[..], &note, &[&place, &file]].concat();
            oras.ok(&folder, &arguments, &["Attached"])?;
        }
        let all = discovered(oras, &place, &[])?;
        ensure!(
            all == [INVENTORY, SIGNATURE],
            "these were discovered: {all:?}"
        );
        let some = discovered(oras, &place, &["--artifact-type", SIGNATURE])?;
        ensure!(some == [SIGNATURE], "these were discovered: {some:?}");
        let none = discovered(oras, &place, &["--artifact-type", "application/none"])?;
        ensure!(none.is_empty(), "these were discovered: {none:?}");
        // What is attached has no tag.
        let repository = place.trim_end_matches(":1");
        let tags = oras.ok(&oras.home, &["repo", "tags", PLAIN, repository], &[])?;
        ensure!(tags.stdout.trim() == "1", "{}", tags.report());
        Ok(())
    })?;
    run.step(world, "oras: a copy with what is attached", || {
        let to = Site::of(world).place("oras/artifact-copy:1");
        let copy = ["cp", "-r", "--from-plain-http", "--to-plain-http"];
        let spec = [
            "--from-distribution-spec",
            API[1],
            "--to-distribution-spec",
            API[1],
        ];
        oras.ok(
            &oras.home,
            &[&copy[..], &spec, &[&place, &to]].concat(),
            &["Copied"],
        )?;
        let all = discovered(oras, &to, &[])?;
        ensure!(all == [INVENTORY, SIGNATURE], "these were copied: {all:?}");
        Ok(())
    })
}

/// The types of what is attached to something, in order.
fn discovered(oras: &Client, place: &str, more: &[&str]) -> Result<Vec<String>> {
    let discover = ["discover", PLAIN, API[0], API[1], "--format", "json"];
    let shown = oras.json(&oras.home, &[&discover[..], more, &[place]].concat())?;
    let referrers = shown["referrers"].as_array();
    let referrers = referrers.with_context(|| format!("no referrers: {shown}"))?;
    let mut types = Vec::new();
    for referrer in referrers {
        let note = &referrer["annotations"]["org.example.note"];
        same("the annotation", note, &json!("attached"))?;
        let kind = referrer["artifactType"].as_str().context("no type")?;
        types.push(kind.to_owned());
    }
    types.sort();
    Ok(types)
}

const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const HELM_CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// What `helm push` makes, made by oras.
fn chart(run: &mut Run, world: &World, oras: &Client) -> Result<()> {
    let place = Site::of(world).place("charts/hello:0.1.0");
    let folder = files(oras, "chart", &[])?;
    run.step(world, "oras: a Helm chart, there and back", || {
        let about = "apiVersion: v2\nname: hello\nversion: 0.1.0\n";
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let mut header = tar::Header::new_gnu();
        header.set_size(about.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, "hello/Chart.yaml", about.as_bytes())?;
        let packed = archive.into_inner()?.finish()?;
        fs::write(folder.join("hello-0.1.0.tgz"), &packed)?;
        let config = json!({"name": "hello", "version": "0.1.0", "apiVersion": "v2"}).to_string();
        fs::write(folder.join("config.json"), &config)?;
        let push = ["push", PLAIN, "--config"];
        let config = format!("config.json:{HELM_CONFIG}");
        let file = format!("hello-0.1.0.tgz:{HELM_CHART}");
        oras.ok(
            &folder,
            &[&push[..], &[&config, &place, &file]].concat(),
            &["Pushed"],
        )?;
        let manifest = manifest(oras, &place)?;
        same(
            "the configuration",
            &manifest["config"]["mediaType"],
            &json!(HELM_CONFIG),
        )?;
        let layer = &manifest["layers"][0];
        same("the chart", &layer["mediaType"], &json!(HELM_CHART))?;
        same(
            "its digest",
            &layer["digest"],
            &json!(layout::sha256(&packed)),
        )?;
        let back = files(oras, "chart-back", &[])?;
        oras.ok(&back, &["pull", PLAIN, &place], &[])?;
        let found = fs::read(back.join("hello-0.1.0.tgz"))?;
        ensure!(found == packed, "other bytes came back");
        Ok(())
    })
}

fn manifest(oras: &Client, place: &str) -> Result<Value> {
    oras.json(&oras.home, &["manifest", "fetch", PLAIN, place])
}

fn copies(run: &mut Run, world: &World, oras: &Client) -> Result<()> {
    let site = Site::of(world);
    let (from, to) = (site.place("oras/app:1"), site.place("oras/deep/copy:1"));
    run.step(world, "oras: a copy between repositories mounts", || {
        let copy = [
            "cp",
            "--from-plain-http",
            "--to-plain-http",
            "--no-tty",
            &from,
            &to,
        ];
        let ran = oras.ok(&oras.home, &copy, &["Copied"])?;
        let mounted = ran.stdout.matches("Mounted ").count();
        ensure!(
            mounted == 6,
            "{mounted} of 6 blobs were mounted\n{}",
            ran.report()
        );
        served(world, "oras/deep/copy", "1", &resolved(oras, &from)?)
    })?;
    run.step(world, "oras: several tags at once, and later", || {
        let digest = resolved(oras, &from)?;
        oras.ok(
            &oras.home,
            &["tag", PLAIN, &from, "stable", "newest"],
            &["Tagged"],
        )?;
        for tag in ["stable", "newest"] {
            served(world, "oras/app", tag, &digest)?;
        }
        Ok(())
    })
}

fn resolved(oras: &Client, place: &str) -> Result<String> {
    let ran = oras.ok(&oras.home, &["resolve", PLAIN, place], &[])?;
    Ok(ran.stdout.trim().to_owned())
}

fn blobs(run: &mut Run, world: &World, oras: &Client) -> Result<()> {
    let site = Site::of(world);
    run.step(world, "oras: blob push, fetch and delete", || {
        let folder = files(oras, "blob", &["content"])?;
        let digest = layout::sha256(b"content\n");
        let place = site.place(&format!("oras/blobs@{digest}"));
        oras.ok(
            &folder,
            &["blob", "push", PLAIN, &place, "content"],
            &["Pushed"],
        )?;
        let fetch = ["blob", "fetch", PLAIN, "--output", "-", &place];
        let ran = oras.ok(&folder, &fetch, &[])?;
        ensure!(ran.stdout == "content\n", "{}", ran.report());
        oras.ok(
            &folder,
            &["blob", "delete", PLAIN, "--force", &place],
            &["Deleted"],
        )?;
        oras.refused(&folder, &fetch, &["not found"]).map(drop)
    })
}

fn lists(run: &mut Run, world: &World, oras: &Client) -> Result<()> {
    let site = Site::of(world);
    run.step(world, "oras: repo tags, over several pages", || {
        let wanted = many_tags(world)?;
        let list = ["repo", "tags", PLAIN, &site.place(MANY)];
        let ran = oras.ok(&oras.home, &list, &[])?;
        all_tags(&wanted, ran.stdout.lines())?;
        let after = [&list[..], &["--last", "tag-1097"]].concat();
        let ran = oras.ok(&oras.home, &after, &[])?;
        ensure!(ran.stdout == "tag-1098\ntag-1099\n", "{}", ran.report());
        Ok(())
    })?;
    run.step(world, "oras: repo ls", || {
        let below = site.place("oras/deep");
        let ran = oras.ok(&oras.home, &["repo", "ls", PLAIN, &below], &[])?;
        ensure!(ran.stdout.trim() == "copy", "{}", ran.report());
        oras.ok(
            &oras.home,
            &["repo", "ls", PLAIN, &site.host],
            &["oras/app", "charts/hello"],
        )
        .map(drop)
    })?;
    run.step(world, "oras: manifest delete", || {
        let place = site.place("oras/deep/copy:1");
        let delete = ["manifest", "delete", PLAIN, "--force", &place];
        oras.ok(&oras.home, &delete, &["Deleted"])?;
        oras.refused(
            &oras.home,
            &["manifest", "fetch", PLAIN, &place],
            &["not found"],
        )
        .map(drop)
    })
}
