//! skopeo.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::super::client::{Client, same};
use super::super::{Run, World};
use super::layout::{self, Layout, PLATFORMS, TAG};
use super::{MANY, Site, Tool, Words, all_tags, common, many_tags, rights};
use crate::proc::Ran;

struct Skopeo;

impl Tool for Skopeo {
    const NAME: &'static str = "skopeo";
    const WRONG: Words = Words {
        client: "invalid username/password",
        ours: "",
    };

    fn client(world: &World, home: &str, _site: &Site) -> Result<Client> {
        let mut client = super::client(world, home, &["skopeo"])?;
        // Run by root it would keep a cache outside of its home, but for this.
        let user = ("_CONTAINERS_ROOTLESS_UID".to_owned(), "1".to_owned());
        client.env.push(user);
        Ok(client)
    }

    fn login(client: &Client, site: &Site, user: &str, password: &str) -> Result<Ran> {
        let verify = verify(site, "");
        let arguments = ["login", &verify, "-u", user, "--password-stdin", &site.host];
        client.fed(&client.home, &arguments, password)
    }

    fn logout(client: &Client, site: &Site) -> Result<Ran> {
        client.run(&client.home, &["logout", &site.host])
    }

    fn push(client: &Client, site: &Site, from: &Layout, to: &str) -> Result<Ran> {
        copy(
            client,
            &verify(site, "dest-"),
            &from.reference(),
            &docker(to),
        )
    }

    fn pull(client: &Client, site: &Site, from: &str, to: &Path) -> Result<Ran> {
        let to = format!("oci:{}:{TAG}", to.display());
        copy(client, &verify(site, "src-"), &docker(from), &to)
    }
}

/// A copy of all platforms that changes no byte; it would compress on the way else.
fn copy(client: &Client, verify: &str, from: &str, to: &str) -> Result<Ran> {
    let arguments = ["copy", "--all", "--preserve-digests", verify, from, to];
    client.run(&client.home, &arguments)
}

/// The option that says whether there is TLS, and whom to trust.
fn verify(site: &Site, side: &str) -> String {
    match &site.trust {
        Some(trust) => format!("--{side}cert-dir={}", trust.display()),
        None => format!("--{side}tls-verify=false"),
    }
}

fn docker(place: &str) -> String {
    format!("docker://{place}")
}

/// All that skopeo is asked to do.
pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let skopeo = common::login::<Skopeo>(run, world)?;
    common::round_trips::<Skopeo>(run, world, &skopeo)?;
    copies(run, world, &skopeo)?;
    formats(run, world, &skopeo)?;
    tags(run, world, &skopeo)?;
    common::over_tls::<Skopeo>(run, world)?;
    rights::steps::<Skopeo>(run, world, &skopeo)
}

fn copies(run: &mut Run, world: &World, skopeo: &Client) -> Result<()> {
    let site = Site::of(world);
    run.step(world, "skopeo: inspect each platform", || {
        let place = docker(&site.place("skopeo/app:1"));
        for architecture in PLATFORMS {
            let option = format!("--override-arch={architecture}");
            let arguments = [&option, "inspect", "--tls-verify=false", &place];
            let shown = skopeo.json(&skopeo.home, &arguments)?;
            same("the platform", &shown["Architecture"], &json!(architecture))?;
            let layers = shown["Layers"].as_array().context("no layers")?;
            ensure!(
                layers.len() == 2,
                "two layers, and these are shown: {shown}"
            );
        }
        Ok(())
    })?;
    run.step(world, "skopeo: a copy between repositories mounts", || {
        let (from, to) = (site.place("skopeo/app:1"), site.place("skopeo/deep/copy:1"));
        let arguments = [
            "--debug",
            "copy",
            "--all",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            &docker(&from),
            &docker(&to),
        ];
        let ran = skopeo.ok(&skopeo.home, &arguments, &[])?;
        let mounted = ran.stderr.matches("... mount OK").count();
        // Configurations are always uploaded.
        ensure!(
            mounted == 4,
            "{mounted} of 4 layers were mounted\n{}",
            ran.report()
        );
        same("the copy", &raw(skopeo, &to)?, &raw(skopeo, &from)?)
    })
}

/// A manifest as it is served.
fn raw(skopeo: &Client, place: &str) -> Result<Value> {
    let arguments = ["inspect", "--raw", "--tls-verify=false", &docker(place)];
    skopeo.json(&skopeo.home, &arguments)
}

fn formats(run: &mut Run, world: &World, skopeo: &Client) -> Result<()> {
    let site = Site::of(world);
    let copied = |format: &str, kind: &str| {
        let folder = common::folder(world, &format!("skopeo-{format}"))?;
        let made = layout::image(&folder, "skopeo-formats", "arm64")?;
        let place = site.place(&format!("skopeo/{format}:1"));
        let (to, option) = (docker(&place), format!("--format={format}"));
        let push = [
            "--override-arch=arm64",
            "copy",
            "--dest-tls-verify=false",
            &option,
            &made.reference(),
            &to,
        ];
        skopeo.ok(&skopeo.home, &push, &[])?;
        let raw = raw(skopeo, &place)?;
        same("the media type", &raw["mediaType"], &json!(kind))?;
        let back = common::folder(world, &format!("skopeo-{format}-back"))?;
        let kept = format!("dir:{}", back.display());
        let pull = ["copy", "--src-tls-verify=false", &to, &kept];
        skopeo.ok(&skopeo.home, &pull, &[])?;
        let config = made.config()?;
        let config = config.strip_prefix("sha256:").context("not by sha256")?;
        ensure!(back.join(config).is_file(), "no configuration {config}");
        Ok(())
    };
    run.step(world, "skopeo: Docker's media types", || {
        copied(
            "v2s2",
            "application/vnd.docker.distribution.manifest.v2+json",
        )
    })?;
    run.step(world, "skopeo: OCI's media types", || {
        copied("oci", layout::MANIFEST)
    })
}

fn tags(run: &mut Run, world: &World, skopeo: &Client) -> Result<()> {
    let site = Site::of(world);
    run.step(world, "skopeo: list-tags, over several pages", || {
        let wanted = many_tags(world)?;
        let place = docker(&site.place(MANY));
        let shown = skopeo.json(&skopeo.home, &["list-tags", "--tls-verify=false", &place])?;
        let found = shown["Tags"].as_array().context("no tags")?;
        all_tags(&wanted, found.iter().filter_map(Value::as_str))
    })?;
    run.step(world, "skopeo: delete", || {
        let place = docker(&site.place("skopeo/deep/copy:1"));
        skopeo.ok(&skopeo.home, &["delete", "--tls-verify=false", &place], &[])?;
        let inspect = ["inspect", "--tls-verify=false", &place];
        let words = ["manifest unknown"];
        skopeo.refused(&skopeo.home, &inspect, &words)?;
        // The repository that it was copied from keeps its own.
        raw(skopeo, &site.place("skopeo/app:1")).map(drop)
    })
}
