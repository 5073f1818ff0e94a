//! Bundler: installing, updating by what is new of the index, and coming back from a damaged copy.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::super::client::Client;
use super::super::{Run, USER, World};
use super::gem::published;
use super::gems::Source;
use super::{PROTOCOL, client, holds, with_token};
use crate::server::Server;

/// What Bundler is asked to do.
pub(crate) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let write = world.token("rubygems:gem:*:write", &[])?;
    let gem = with_token(world, "bundler-publisher", &write)?;
    let bundler = client(world, &world.server, "bundler", "bundle")?;
    let folder = project(world, &world.server, "application", &["b-top", "b-native"])?;
    install(run, world, &gem, &bundler, &folder)?;
    update(run, world, &gem, &bundler, &folder)?;
    recover(run, world, &gem, &bundler, &folder)?;
    closed(run, world)
}

/// A project that depends on gems, whatever their version.
fn project(world: &World, server: &Server, name: &str, gems: &[&str]) -> Result<PathBuf> {
    let folder = world.folder.join("applications").join(name);
    fs::create_dir_all(&folder)?;
    let mut gemfile = format!("source \"{}/{PROTOCOL}/\"\n", server.url());
    for gem in gems {
        gemfile += &format!("gem {gem:?}\n");
    }
    fs::write(folder.join("Gemfile"), gemfile)?;
    Ok(folder)
}

/// What a gem of the project says of itself.
fn says(bundler: &Client, folder: &Path, name: &str) -> Result<String> {
    let code = format!("require {name:?}; puts {}", Source::constant(name));
    let ran = bundler.ok(folder, &["exec", "ruby", "-e", &code], &[])?;
    Ok(ran.stdout.trim().to_owned())
}

fn install(
    run: &mut Run,
    world: &World,
    gem: &Client,
    bundler: &Client,
    folder: &Path,
) -> Result<()> {
    for source in [
        Source::new("b-leaf", "1.0.0"),
        Source::new("b-top", "1.0.0").with("add_dependency 'b-leaf', '~> 1.0'"),
        Source::new("b-native", "1.0.0"),
        Source::new("b-native", "1.0.0").on("x86_64-linux"),
    ] {
        published(world, gem, &source, "Successfully registered")?;
    }
    run.step(world, "bundler: install", || {
        let ran = bundler.ok(folder, &["install", "--verbose"], &["Bundle complete"])?;
        let never = ["specs.4.8", "api/v1/dependencies", "Retrying"];
        holds(&ran.text(), &["/info/b-leaf"], &never)?;
        for (name, content) in [
            ("b-top", "b-top 1.0.0"),
            ("b-leaf", "b-leaf 1.0.0"),
            ("b-native", "b-native 1.0.0 x86_64-linux"),
        ] {
            let said = says(bundler, folder, name)?;
            ensure!(said == content, "{name} says {said}");
        }
        Ok(())
    })?;
    run.step(
        world,
        "bundler: install from the lock file, for another platform too",
        || {
            bundler.ok(folder, &["lock", "--add-platform", "ruby"], &[])?;
            let lock = fs::read_to_string(folder.join("Gemfile.lock"))?;
            holds(
                &lock,
                &[
                    "b-native (1.0.0)",
                    "b-native (1.0.0-x86_64-linux)",
                    "b-leaf (~> 1.0)",
                ],
                &[],
            )?;
            let again = client(world, &world.server, "bundler-frozen", "bundle")?;
            again.ok(
                folder,
                &["config", "set", "--global", "frozen", "true"],
                &[],
            )?;
            again
                .ok(folder, &["install"], &["Bundle complete"])
                .map(drop)
        },
    )
}

/// After a push, the client fetches the new end of the index alone.
fn update(
    run: &mut Run,
    world: &World,
    gem: &Client,
    bundler: &Client,
    folder: &Path,
) -> Result<()> {
    run.step(world, "bundler: update after a push, by ranges", || {
        let source = Source::new("b-leaf", "1.1.0");
        published(world, gem, &source, "Successfully registered")?;
        let ran = bundler.ok(
            folder,
            &["update", "--verbose"],
            &["b-leaf 1.1.0 (was 1.0.0)"],
        )?;
        for file in ["versions", "info/b-leaf"] {
            holds(&ran.text(), &[&partial(world, file)], &[])?;
        }
        let said = says(bundler, folder, "b-leaf")?;
        ensure!(said == "b-leaf 1.1.0", "{said}");
        // And when nothing is new, nothing is fetched.
        let ran = bundler.ok(folder, &["update", "--verbose"], &["Bundle updated"])?;
        holds(&ran.text(), &["HTTP 304"], &["HTTP 206", "HTTP 200"])
    })?;
    run.step(
        world,
        "bundler: a yanked version is not picked by who has not got it",
        || {
            let yank = ["yank", "b-leaf", "--version", "1.1.0"];
            gem.ok(world.elsewhere(), &yank, &["Successfully deleted"])?;
            let folder = project(world, &world.server, "yanked", &["b-top"])?;
            let bundler = client(world, &world.server, "bundler-yanked", "bundle")?;
            bundler.ok(&folder, &["lock"], &[])?;
            let lock = fs::read_to_string(folder.join("Gemfile.lock"))?;
            holds(&lock, &["b-leaf (1.0.0)"], &["1.1.0"])
        },
    )
}

/// What is printed of a part that was fetched.
fn partial(world: &World, file: &str) -> String {
    format!("HTTP 206 Partial Content {}/{file}", world.mount(PROTOCOL))
}

/// What becomes of a file.
type Damage = fn(&mut Vec<u8>);

/// A copy of the index that is not what the server has is replaced.
fn recover(
    run: &mut Run,
    world: &World,
    gem: &Client,
    bundler: &Client,
    folder: &Path,
) -> Result<()> {
    let copy = |file: &str| -> Result<PathBuf> {
        let cache = bundler.home.join(".bundle/cache/compact_index");
        let entry = fs::read_dir(&cache)?
            .next()
            .context("no copy of the index")??;
        Ok(entry.path().join(file))
    };
    let damages: [(&str, Damage); 3] = [
        ("changed", |bytes| bytes[60] ^= 1),
        ("too long", |bytes| bytes.extend_from_slice(&[b'x'; 5000])),
        ("cut off", |bytes| bytes.truncate(bytes.len() / 2)),
    ];
    for (index, (what, damage)) in damages.into_iter().enumerate() {
        let name = format!("bundler: a copy of the index that is {what} is replaced");
        run.step(world, &name, || {
            let path = copy("versions")?;
            let mut bytes = fs::read(&path)?;
            damage(&mut bytes);
            fs::write(&path, bytes)?;
            let version = format!("1.2.{index}");
            let source = Source::new("b-leaf", &version);
            published(world, gem, &source, "Successfully registered")?;
            let wanted = format!("b-leaf {version} (was ");
            bundler.ok(folder, &["update", "--verbose"], &[&wanted])?;
            let served = super::get(world, "versions")?.body;
            ensure!(fs::read(&path)? == served, "the copy is another");
            Ok(())
        })?;
    }
    Ok(())
}

/// Where reading needs a token.
fn closed(run: &mut Run, world: &World) -> Result<()> {
    let closed = world.replica(&[("REGISTRY_RUBYGEMS_ANONYMOUS", "none")])?;
    let folder = project(world, &closed, "closed", &["b-top"])?;
    run.step(
        world,
        "bundler: where reading needs a token, that is asked for",
        || {
            let bundler = client(world, &closed, "bundler-closed", "bundle")?;
            let host = format!("{}/{PROTOCOL}/", closed.url());
            bundler.refused(&folder, &["install"], &["Authentication is required for"])?;
            bundler.ok(
                &folder,
                &["config", "set", "--global", &host, "alice:wrong"],
                &[],
            )?;
            bundler.refused(&folder, &["install"], &["Bad username or password for"])?;
            let token = world.token("rubygems:gem:*:read", &[])?;
            let login = format!("{USER}:{token}");
            bundler.ok(&folder, &["config", "set", "--global", &host, &login], &[])?;
            bundler.ok(&folder, &["install"], &["Bundle complete"])?;
            let said = says(&bundler, &folder, "b-top")?;
            ensure!(said == "b-top 1.0.0", "{said}");
            Ok(())
        },
    )?;
    closed.stop()
}
