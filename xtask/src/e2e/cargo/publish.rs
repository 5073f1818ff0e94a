//! Publishing, and what is refused.

use std::fs::File;
use std::io::{self, Read};

use anyhow::{Result, ensure};

use super::crates::{optional, single, workspace};
use super::{Place, REGISTRY};
use crate::e2e::client::Client;
use crate::e2e::{Run, World};
use crate::http::Connection;
use crate::random::Random;

/// How everything is published: none of it is in a repository.
pub(super) const PUBLISH: [&str; 4] = ["publish", "--allow-dirty", "--registry", REGISTRY];

/// A crate, one with optional dependencies, and a workspace.
pub(super) fn steps(run: &mut Run, world: &World, place: &Place, cargo: &Client) -> Result<()> {
    place.step(run, world, "publish a crate", || {
        let folder = single(world, place, "leaf", "1.0.0", "")?;
        let published = format!("Published {} v1.0.0", place.of("leaf"));
        cargo.ok(&folder, &PUBLISH, &[&published]).map(drop)
    })?;
    place.step(
        run,
        world,
        "publish one with an optional, renamed dependency",
        || {
            let folder = optional(world, place)?;
            let published = format!("Published {} v1.0.0", place.of("optional"));
            cargo.ok(&folder, &PUBLISH, &[&published]).map(drop)
        },
    )?;
    place.step(
        run,
        world,
        "publish a workspace of three that depend on each other",
        || {
            let folder = workspace(world, place)?;
            let arguments = [&PUBLISH[..], &["--workspace"]].concat();
            let published =
                ["base", "middle", "top"].map(|word| format!("Published {}", place.of(word)));
            let published = published.each_ref().map(String::as_str);
            cargo.ok(&folder, &arguments, &published).map(drop)
        },
    )?;
    // cargo alone speaks TLS here; what it makes of the index is the next steps' business.
    if place.authority.is_some() {
        return Ok(());
    }
    place.step(run, world, "the index says what cargo said", || {
        index(world, place)
    })
}

/// Looks at the line of the crate with an optional, renamed dependency.
fn index(world: &World, place: &Place) -> Result<()> {
    let token = world.token("cargo:crate:*:read", &[])?;
    let name = place.of("optional");
    let path = format!("/cargo/{}/{}/{name}", &name[..2], &name[2..4]);
    let headers = [("authorization", &*token)];
    let answer = Connection::new(place.server.port).get(&path, &headers)?;
    let line = answer.successful("the index")?.json()?;
    ensure!(line["v"] == 2 && line["rust_version"] == "1.70", "{line}");
    ensure!(line["features2"]["with-leaf"][0] == "dep:renamed", "{line}");
    ensure!(line["features"].get("plain").is_some(), "{line}");
    ensure!(line["deps"][0]["package"] == place.of("leaf"), "{line}");
    ensure!(line["pubtime"].as_str().map(str::len) == Some(20), "{line}");
    Ok(())
}

/// Who may not publish, and what nobody may.
pub(super) fn refusals(run: &mut Run, world: &World, place: &Place) -> Result<()> {
    rights(run, world, place)?;
    let token = world.token("cargo:crate:*:write", &[])?;
    let cargo = place.with_token(world, "refused", &token)?;
    place.step(
        run,
        world,
        "publish of a version that is there is refused",
        || {
            let folder = single(world, place, "leaf", "1.0.0", "")?;
            cargo.refused(&folder, &PUBLISH, &["already exists"])?;
            // By cargo itself, which looks at the index before; so too with other build metadata.
            let folder = single(world, place, "leaf", "1.0.0+again", "")?;
            cargo
                .refused(&folder, &PUBLISH, &["already exists"])
                .map(drop)
        },
    )?;
    place.step(
        run,
        world,
        "publish under a name that is too much alike is refused",
        || {
            let folder = single(world, place, "le_af", "1.0.0", "")?;
            cargo.ok(&folder, &PUBLISH, &["Published"])?;
            let named = format!("crate was previously named `{}`", place.of("le_af"));
            for word in ["le-af", "LE_AF"] {
                let folder = single(world, place, word, "1.0.1", "")?;
                let wanted = ["status 400 Bad Request", &named];
                cargo.refused(&folder, &PUBLISH, &wanted)?;
            }
            Ok(())
        },
    )?;
    place.step(run, world, "publish of bad metadata is refused", || {
        let keywords = "keywords = [\"not a keyword\"]\n";
        let folder = single(world, place, "keywords", "1.0.0", keywords)?;
        let wanted = [
            "status 400 Bad Request",
            "\"not a keyword\" is an invalid keyword",
        ];
        cargo.refused(&folder, &PUBLISH, &wanted).map(drop)
    })?;
    place.step(
        run,
        world,
        "publish of too large a crate is refused",
        || {
            let folder = single(world, place, "large", "1.0.0", "")?;
            let mut noise = Random::new("large").take(11 << 20);
            io::copy(&mut noise, &mut File::create(folder.join("noise"))?)?;
            let wanted = ["status 413 Payload Too Large", "may have 10485760 at most"];
            cargo.refused(&folder, &PUBLISH, &wanted).map(drop)
        },
    )
}

fn rights(run: &mut Run, world: &World, place: &Place) -> Result<()> {
    let folder = single(world, place, "rights", "1.0.0", "")?;
    place.step(run, world, "publish without a token is refused", || {
        let nobody = place.client(world, "nobody")?;
        nobody
            .refused(&folder, &PUBLISH, &["no token found"])
            .map(drop)
    })?;
    place.step(
        run,
        world,
        "publish with an unknown token is refused",
        || {
            let unknown = place.with_token(world, "unknown", "reg_unknown")?;
            unknown.refused(&folder, &PUBLISH, &["token"]).map(drop)
        },
    )?;
    for (home, scope, more) in [
        ("read-only", "cargo:crate:*:*", &["--read-only"][..]),
        ("for-reading", "cargo:crate:*:read", &[]),
    ] {
        let what = format!("publish with a token that is {home} is refused");
        place.step(run, world, &what, || {
            let token = world.token(scope, more)?;
            let cargo = place.with_token(world, home, &token)?;
            cargo
                .refused(&folder, &PUBLISH, &["status 403 Forbidden"])
                .map(drop)
        })?;
    }
    place.step(
        run,
        world,
        "publish with a token for just this works",
        || {
            let token = world.token(&format!("cargo:crate:{}:write", place.of("rights")), &[])?;
            let cargo = place.with_token(world, "just", &token)?;
            cargo.ok(&folder, &PUBLISH, &["Published"])?;
            let other = single(world, place, "other", "1.0.0", "")?;
            cargo.refused(&other, &PUBLISH, &["403"]).map(drop)
        },
    )
}
