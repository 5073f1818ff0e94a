//! What every client must be able to do: log in, and bring back what it pushed.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::super::client::Client;
use super::super::{PASSWORD, Run, USER, World};
use super::layout::{self, Layout};
use super::{Site, Tool, refused, serve_tls, served, well};

/// A new folder for what a client pulls or pushes.
pub(super) fn folder(world: &World, name: &str) -> Result<PathBuf> {
    let folder = world.folder.join("layouts").join(name);
    ensure!(!folder.exists(), "{} is used twice", folder.display());
    fs::create_dir_all(folder.parent().unwrap_or(&folder))?;
    Ok(folder)
}

/// A client that is logged in as the run's user.
pub(super) fn login<T: Tool>(run: &mut Run, world: &World) -> Result<Client> {
    let site = Site::of(world);
    let name = T::NAME;
    let client = T::client(world, name, &site)?;
    run.step(world, &format!("{name}: login"), || {
        well(T::login(&client, &site, USER, PASSWORD)?).map(drop)
    })?;
    run.step(world, &format!("{name}: a wrong password is told"), || {
        let other = T::client(world, &format!("{name}-wrong"), &site)?;
        let mut ran = T::login(&other, &site, USER, "not-the-password")?;
        // Not each client tries what it is told.
        if ran.success() {
            let image = layout::image(&folder(world, &format!("{name}-wrong"))?, name, "amd64")?;
            ran = T::push(
                &other,
                &site,
                &image,
                &site.place(&format!("{name}/wrong:1")),
            )?;
        }
        refused(world, &ran, &T::WRONG)
    })?;
    Ok(client)
}

/// The size of a large layer.
pub(super) fn large_size(world: &World) -> u64 {
    if world.full { 1 << 30 } else { 64 << 20 }
}

/// An index of two platforms, and an image with a large layer, there and back; the index stays as
/// `app:1`.
pub(super) fn round_trips<T: Tool>(run: &mut Run, world: &World, client: &Client) -> Result<()> {
    let name = T::NAME;
    run.step(world, &format!("{name}: an index, there and back"), || {
        let made = layout::index(&folder(world, &format!("{name}-index"))?, name)?;
        there_and_back::<T>(world, client, &made, "app")
    })?;
    let size = large_size(world);
    let label = format!("{name}: a layer of {} MiB, there and back", size >> 20);
    run.step(world, &label, || {
        let made = layout::large(&folder(world, &format!("{name}-large"))?, name, size)?;
        there_and_back::<T>(world, client, &made, "large")?;
        Ok(fs::remove_dir_all(made.folder)?)
    })
}

fn there_and_back<T: Tool>(
    world: &World,
    client: &Client,
    made: &Layout,
    what: &str,
) -> Result<()> {
    let site = Site::of(world);
    let repository = format!("{}/{what}", T::NAME);
    let place = site.place(&format!("{repository}:1"));
    well(T::push(client, &site, made, &place)?)?;
    served(world, &repository, "1", &made.digest)?;
    served(world, &repository, &made.digest, &made.digest)?;
    let back = folder(world, &format!("{}-{what}-back", T::NAME))?;
    well(T::pull(client, &site, &place, &back)?)?;
    T::brought_back(client, made, &back)?;
    fs::remove_dir_all(&back)?;
    let place = site.place(&format!("{repository}@{}", made.digest));
    well(T::pull(client, &site, &place, &back)?)?;
    T::brought_back(client, made, &back)?;
    Ok(fs::remove_dir_all(back)?)
}

/// The same over TLS, with a certificate that only this client is told to trust.
pub(super) fn over_tls<T: Tool>(run: &mut Run, world: &World) -> Result<()> {
    let name = T::NAME;
    run.step(world, &format!("{name}: over TLS"), || {
        let (server, site) = serve_tls(world, name)?;
        let client = T::client(world, &format!("{name}-tls"), &site)?;
        well(T::login(&client, &site, USER, PASSWORD)?)?;
        let made = layout::image(&folder(world, &format!("{name}-tls"))?, "tls", "amd64")?;
        let place = site.place(&format!("{name}/tls:1"));
        well(T::push(&client, &site, &made, &place)?)?;
        let back = folder(world, &format!("{name}-tls-back"))?;
        well(T::pull(&client, &site, &place, &back)?)?;
        drop(server);
        T::brought_back(&client, &made, &back)
    })
}
