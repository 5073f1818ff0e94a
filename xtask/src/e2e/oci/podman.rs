//! podman.
//!
//! It keeps what it pulls unpacked and packs it again for each push, so an image is known by its
//! configuration, which names the digest of each layer's content.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::client::Client;
use super::super::{Run, World};
use super::layout::{self, Layout, PLATFORMS, TAG};
use super::{MANY, Site, Tool, Words, all_tags, common, many_tags, rights, well};
use crate::proc::Ran;

struct Podman;

impl Tool for Podman {
    const NAME: &'static str = "podman";
    const WRONG: Words = Words {
        client: "invalid username/password",
        ours: "",
    };

    fn client(world: &World, home: &str, _site: &Site) -> Result<Client> {
        let mut client = super::client(world, home, &["podman", "--storage-driver=vfs"])?;
        // The path of this one may not be longer than 50 characters.
        let run = home.strip_prefix("podman-").unwrap_or(home);
        let run = world.folder.join("run").join(run);
        for (option, folder) in [
            ("root", client.home.join("store")),
            ("tmpdir", client.home.join("state")),
            ("runroot", run),
        ] {
            let option = format!("--{option}={}", folder.display());
            client.program.push(option);
        }
        Ok(client)
    }

    fn login(client: &Client, site: &Site, user: &str, password: &str) -> Result<Ran> {
        let verify = verify(site);
        let arguments = ["login", &verify, "-u", user, "--password-stdin", &site.host];
        client.fed(&client.home, &arguments, password)
    }

    fn logout(client: &Client, site: &Site) -> Result<Ran> {
        client.run(&client.home, &["logout", &site.host])
    }

    fn push(client: &Client, site: &Site, from: &Layout, to: &str) -> Result<Ran> {
        // It makes a name of the path, and a name has no capitals.
        let (above, name) = (from.folder.parent(), from.folder.file_name());
        let (above, name) = above.zip(name).context("a layout lies in a folder")?;
        let reference = format!("oci:{}:{TAG}", name.display());
        let loaded = client.run(above, &["pull", "--quiet", &reference])?;
        let loaded = well(loaded).context("loading a layout")?;
        let image = loaded.stdout.trim();
        client.run(&client.home, &["push", &verify(site), image, to])
    }

    fn pull(client: &Client, site: &Site, from: &str, _to: &Path) -> Result<Ran> {
        let emptied = client.run(&client.home, &["rmi", "--all", "--force"])?;
        well(emptied).context("emptying the store")?;
        client.run(&client.home, &["pull", &verify(site), from])
    }

    fn brought_back(client: &Client, made: &Layout, _to: &Path) -> Result<()> {
        let list = ["images", "--quiet", "--no-trunc"];
        let found = client.ok(&client.home, &list, &[])?;
        let (found, wanted) = (found.stdout.trim().to_owned(), made.config()?);
        ensure!(
            found == wanted,
            "{wanted} should be there, and {found:?} is"
        );
        Ok(())
    }
}

fn verify(site: &Site) -> String {
    match &site.trust {
        Some(trust) => format!("--cert-dir={}", trust.display()),
        None => "--tls-verify=false".to_owned(),
    }
}

/// All that podman is asked to do.
pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let podman = common::login::<Podman>(run, world)?;
    index(run, world, &podman)?;
    large(run, world, &podman)?;
    lists(run, world, &podman)?;
    common::over_tls::<Podman>(run, world)?;
    rights::steps::<Podman>(run, world, &podman)
}

fn index(run: &mut Run, world: &World, podman: &Client) -> Result<()> {
    let site = Site::of(world);
    run.step(world, "podman: an index, there and back", || {
        let mut images = Vec::new();
        podman.ok(&podman.home, &["manifest", "create", "both"], &[])?;
        for architecture in PLATFORMS {
            let folder = common::folder(world, &format!("podman-{architecture}"))?;
            let image = layout::image(&folder, "podman", architecture)?;
            let add = ["manifest", "add", "both", &image.reference()];
            podman.ok(&podman.home, &add, &[])?;
            images.push(image);
        }
        let place = site.place("podman/app:1");
        let push = [
            "manifest",
            "push",
            "--all",
            "--format=oci",
            "--tls-verify=false",
        ];
        let to = format!("docker://{place}");
        podman.ok(&podman.home, &[&push[..], &["both", &to]].concat(), &[])?;
        podman.ok(&podman.home, &["manifest", "rm", "both"], &[])?;
        let served = served_digests(world)?;
        let made: Vec<_> = images.iter().map(|image| image.digest.clone()).collect();
        ensure!(
            served == made,
            "{made:?} should be there, and {served:?} are"
        );
        for (image, architecture) in images.iter().zip(PLATFORMS) {
            let emptied = podman.run(&podman.home, &["rmi", "--all", "--force"])?;
            well(emptied)?;
            let option = format!("--arch={architecture}");
            let pull = ["pull", "--tls-verify=false", &option, &place];
            podman.ok(&podman.home, &pull, &[])?;
            Podman::brought_back(podman, image, &image.folder)?;
        }
        Ok(())
    })
}

/// The digests that the pushed index names.
fn served_digests(world: &World) -> Result<Vec<String>> {
    let index: Value = super::fetch(world, "podman/app", "1")?.json()?;
    let manifests = index["manifests"].as_array().context("not an index")?;
    let digests = manifests.iter().map(|manifest| {
        let digest = manifest["digest"].as_str().context("no digest")?;
        Ok(digest.to_owned())
    });
    digests.collect()
}

fn large(run: &mut Run, world: &World, podman: &Client) -> Result<()> {
    let (site, size) = (Site::of(world), common::large_size(world));
    let label = format!("podman: a layer of {} MiB, there and back", size >> 20);
    run.step(world, &label, || {
        let folder = common::folder(world, "podman-large")?;
        let made = layout::large(&folder, "podman", size)?;
        let place = site.place("podman/large:1");
        well(Podman::push(podman, &site, &made, &place)?)?;
        well(Podman::pull(podman, &site, &place, &folder)?)?;
        Podman::brought_back(podman, &made, &folder)?;
        let emptied = podman.run(&podman.home, &["rmi", "--all", "--force"])?;
        well(emptied)?;
        Ok(fs::remove_dir_all(folder)?)
    })
}

fn lists(run: &mut Run, world: &World, podman: &Client) -> Result<()> {
    let site = Site::of(world);
    run.step(world, "podman: tags, over several pages", || {
        let wanted = many_tags(world)?;
        let search = [
            "search",
            "--tls-verify=false",
            "--list-tags",
            "--limit=2000",
        ];
        let place = site.place(MANY);
        let search = [&search[..], &["--format=json", &place]].concat();
        let shown = podman.json(&podman.home, &search)?;
        let found = shown[0]["Tags"].as_array().context("no tags")?;
        all_tags(&wanted, found.iter().filter_map(Value::as_str))
    })?;
    run.step(world, "podman: search", || {
        let search = ["search", "--tls-verify=false", &site.place("podman")];
        podman
            .ok(&podman.home, &search, &["podman/app", "podman/large"])
            .map(drop)
    })?;
    run.step(world, "podman: what is not there", || {
        let place = site.place("podman/app:none");
        let pull = ["pull", "--tls-verify=false", &place];
        podman
            .refused(&podman.home, &pull, &["manifest unknown"])
            .map(drop)
    })
}
