//! Who may do what, as each client tells it.

use std::fs;

use anyhow::Result;

use super::super::client::Client;
use super::super::{PASSWORD, READER, Run, World};
use super::common::folder;
use super::layout::{self, Layout};
use super::{DENIED, Site, Tool, UNKNOWN, Words, refused, well};
use crate::proc::Ran;

/// Nobody, a reader, a token, a server that nobody may read without credentials, and goodbye.
pub(super) fn steps<T: Tool>(run: &mut Run, world: &World, client: &Client) -> Result<()> {
    let made = layout::image(
        &folder(world, &format!("{}-free", T::NAME))?,
        "free",
        "amd64",
    )?;
    let scene = Scene {
        world,
        site: Site::of(world),
        made,
    };
    nobody::<T>(run, &scene, client)?;
    reader::<T>(run, &scene)?;
    tokens::<T>(run, &scene)?;
    private::<T>(run, &scene, client)?;
    let name = T::NAME;
    run.step(world, &format!("{name}: logout"), || {
        well(T::logout(client, &scene.site)?)?;
        scene.refuses::<T>(client, &UNKNOWN)
    })
}

/// What is pushed and pulled, and where.
struct Scene<'a> {
    world: &'a World,
    site: Site,
    made: Layout,
}

impl Scene<'_> {
    /// Pushes it as this tag of the owner's repository. A client may leave out what is there.
    fn push<T: Tool>(&self, client: &Client, owner: &str, tag: &str) -> Result<Ran> {
        let place = self.site.place(&format!("{owner}/free:{tag}"));
        T::push(client, &self.site, &self.made, &place)
    }

    /// Whether a push to a repository that there is, and to one that there is not, are refused.
    fn refuses<T: Tool>(&self, client: &Client, words: &Words) -> Result<()> {
        refused(
            self.world,
            &self.push::<T>(client, T::NAME, "refused")?,
            words,
        )?;
        let other = format!("{}-new", T::NAME);
        refused(
            self.world,
            &self.push::<T>(client, &other, "refused")?,
            words,
        )
    }

    fn pulls<T: Tool>(&self, client: &Client, site: &Site, home: &str) -> Result<()> {
        let back = folder(self.world, home)?;
        let place = site.place(&format!("{}/free:1", T::NAME));
        well(T::pull(client, site, &place, &back)?)?;
        T::brought_back(client, &self.made, &back)
    }

    fn client<T: Tool>(&self, home: &str) -> Result<Client> {
        T::client(self.world, &format!("{}-{home}", T::NAME), &self.site)
    }
}

fn nobody<T: Tool>(run: &mut Run, scene: &Scene<'_>, client: &Client) -> Result<()> {
    let (name, world) = (T::NAME, scene.world);
    run.step(world, &format!("{name}: anybody may pull"), || {
        well(scene.push::<T>(client, name, "1")?)?;
        let nobody = scene.client::<T>("nobody")?;
        scene.pulls::<T>(&nobody, &scene.site, &format!("{name}-nobody"))
    })?;
    let label = format!("{name}: a push without credentials is refused");
    run.step(world, &label, || {
        let nobody = scene.client::<T>("unknown")?;
        scene.refuses::<T>(&nobody, &UNKNOWN)
    })
}

fn reader<T: Tool>(run: &mut Run, scene: &Scene<'_>) -> Result<()> {
    let (name, world) = (T::NAME, scene.world);
    let label = format!("{name}: who may only read pulls, and is refused a push");
    run.step(world, &label, || {
        let reader = scene.client::<T>("reader")?;
        well(T::login(&reader, &scene.site, READER, PASSWORD)?)?;
        scene.pulls::<T>(&reader, &scene.site, &format!("{name}-reader"))?;
        scene.refuses::<T>(&reader, &DENIED)
    })
}

fn tokens<T: Tool>(run: &mut Run, scene: &Scene<'_>) -> Result<()> {
    let (name, world) = (T::NAME, scene.world);
    let label = format!("{name}: a token is a password, as far as its scope goes");
    run.step(world, &label, || {
        let token = world.token(&format!("oci:repository:{name}/*:write"), &[])?;
        let client = scene.client::<T>("token")?;
        well(T::login(&client, &scene.site, "whoever", &token)?)?;
        well(scene.push::<T>(&client, name, "by-token")?)?;
        refused(world, &scene.push::<T>(&client, "elsewhere", "1")?, &DENIED)
    })?;
    run.step(world, &format!("{name}: a read-only token"), || {
        let token = world.token("oci:repository:*:*", &["--read-only"])?;
        let client = scene.client::<T>("read-only")?;
        well(T::login(&client, &scene.site, "whoever", &token)?)?;
        scene.pulls::<T>(&client, &scene.site, &format!("{name}-read-only"))?;
        scene.refuses::<T>(&client, &DENIED)
    })
}

/// A server over the same state where even reading wants credentials.
fn private<T: Tool>(run: &mut Run, scene: &Scene<'_>, client: &Client) -> Result<()> {
    let (name, world) = (T::NAME, scene.world);
    let label = format!("{name}: where reading wants credentials too");
    run.step(world, &label, || {
        let server = world.replica(&[("REGISTRY_ANONYMOUS", "none")])?;
        let site = Site::plain(&server);
        let nobody = scene.client::<T>("private-nobody")?;
        let back = folder(world, &format!("{name}-private-nobody"))?;
        for what in ["free:1", "there-is-none:1"] {
            let place = site.place(&format!("{name}/{what}"));
            refused(world, &T::pull(&nobody, &site, &place, &back)?, &UNKNOWN)?;
            if back.exists() {
                fs::remove_dir_all(&back)?;
            }
        }
        well(T::login(client, &site, READER, PASSWORD)?)?;
        scene.pulls::<T>(client, &site, &format!("{name}-private-reader"))?;
        well(T::logout(client, &site)?)?;
        server.stop()
    })
}
