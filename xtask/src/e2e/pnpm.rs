//! pnpm.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::client::{Client, installed, package, project, same};
use super::{OTHER, PASSWORD, Run, USER, World};
use crate::tools;

const PLAIN: &str = "pnpm-hello";
const SCOPED: &str = "@acme/pnpm-hello";
const PUBLISH: &[&str] = &["publish", "--no-git-checks"];

/// A pnpm that has never run, and knows this registry alone.
fn client(world: &World, home: &str) -> Result<Client> {
    let program = tools::path(&world.root, tools::PNPM);
    let program = program.to_str().context("a path that is not UTF-8")?;
    let env = [
        ("PNPM_CONFIG_FETCH_RETRIES", "0"),
        ("PNPM_CONFIG_UPDATE_NOTIFIER", "false"),
        // What is published here is seconds old.
        ("PNPM_CONFIG_MINIMUM_RELEASE_AGE", "0"),
    ];
    let client = Client::new(world, home, &[program], &env)?;
    fs::write(
        client.home.join(".npmrc"),
        format!("registry={}/\n", world.mount("npm")),
    )?;
    Ok(client)
}

/// All that pnpm is asked to do.
pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let pnpm = client(world, "pnpm")?;
    login(run, world, &pnpm)?;
    publish(run, world, &pnpm)?;
    install(run, world)?;
    tags_and_deprecation(run, world, &pnpm)?;
    people(run, world, &pnpm)?;
    tokens(run, world, &pnpm)?;
    unpublish(run, world, &pnpm)
}

fn login(run: &mut Run, world: &World, pnpm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    run.step(world, "pnpm: login", || {
        let ran = if world.registry.is_some() {
            pnpm.web_login(world, &world.mount("npm"), folder, &["login"], &[])?
        } else {
            let answers = [
                ("Username:", USER),
                ("Password:", PASSWORD),
                ("Email", "a@b.invalid"),
            ];
            pnpm.dialogue(folder, &["login"], &answers)?
        };
        ensure!(
            ran.success() && ran.text().contains("Logged in"),
            "{}",
            ran.report()
        );
        pnpm.ok(folder, &["whoami"], &[USER]).map(drop)
    })?;
    run.step(world, "pnpm: ping", || {
        pnpm.ok(folder, &["ping"], &["PONG"]).map(drop)
    })
}

fn publish(run: &mut Run, world: &World, pnpm: &Client) -> Result<()> {
    for (name, version, label) in [
        (PLAIN, "1.0.0", "publish unscoped"),
        (PLAIN, "1.1.0", "publish a second version"),
        (SCOPED, "1.0.0", "publish scoped"),
        (SCOPED, "2.0.0", "publish a second scoped version"),
    ] {
        run.step(world, &format!("pnpm: {label}"), || {
            let folder = package(world, name, version, &format!("{name} {version}"))?;
            pnpm.ok(&folder, PUBLISH, &[&format!("{name}@{version}")])
                .map(drop)
        })?;
    }
    run.step(world, "pnpm: publish over a version is refused", || {
        let folder = package(world, PLAIN, "1.1.0", "other bytes")?;
        let wanted = "cannot publish over the previously published version";
        pnpm.refused(&folder, PUBLISH, &["403", wanted]).map(drop)
    })?;
    run.step(world, "pnpm: publish without a token is refused", || {
        let folder = package(world, "pnpm-refused", "1.0.0", "refused")?;
        client(world, "pnpm-nobody")?
            .refused(&folder, PUBLISH, &["401"])
            .map(drop)
    })?;
    for (name, versions, latest) in [
        (PLAIN, json!(["1.0.0", "1.1.0"]), "1.1.0"),
        (SCOPED, json!(["1.0.0", "2.0.0"]), "2.0.0"),
    ] {
        run.step(world, &format!("pnpm: view {name}"), || {
            let shown = pnpm.json(world.elsewhere(), &["view", name, "--json"])?;
            same("the name", &shown["name"], &json!(name))?;
            same("the versions", &shown["versions"], &versions)?;
            same("the tags", &shown["dist-tags"], &json!({"latest": latest}))
        })?;
    }
    run.step(world, "pnpm: view of an unknown package", || {
        pnpm.refused(world.elsewhere(), &["view", "pnpm-absent"], &["404"])
            .map(drop)
    })
}

fn install(run: &mut Run, world: &World) -> Result<()> {
    let folder = project(world, "pnpm-install", &[(PLAIN, "^1.0.0"), (SCOPED, "2.x")])?;
    let both = |folder: &Path| {
        installed(folder, PLAIN, "1.1.0", &format!("{PLAIN} 1.1.0"))?;
        installed(folder, SCOPED, "2.0.0", &format!("{SCOPED} 2.0.0"))
    };
    run.step(
        world,
        "pnpm: install by range, anonymous, into an empty store",
        || {
            client(world, "pnpm-install")?.ok(&folder, &["install"], &[])?;
            both(&folder)?;
            let lock = fs::read_to_string(folder.join("pnpm-lock.yaml"))?;
            ensure!(
                lock.contains("integrity: sha512-"),
                "no integrity in the lockfile:\n{lock}"
            );
            Ok(())
        },
    )?;
    run.step(
        world,
        "pnpm: install from the lockfile, into an empty store",
        || {
            fs::remove_dir_all(folder.join("node_modules"))?;
            client(world, "pnpm-frozen")?.ok(&folder, &["install", "--frozen-lockfile"], &[])?;
            both(&folder)
        },
    )?;
    run.step(world, "pnpm: add, and audit", || {
        let other = project(world, "pnpm-add", &[])?;
        let pnpm = client(world, "pnpm-add")?;
        pnpm.ok(&other, &["add", &format!("{PLAIN}@1.0.0")], &[])?;
        installed(&other, PLAIN, "1.0.0", &format!("{PLAIN} 1.0.0"))?;
        pnpm.ok(&other, &["audit"], &["No known vulnerabilities"])?;
        pnpm.refused(&other, &["add", "pnpm-absent"], &["404"])
            .map(drop)
    })?;
    // The age of a release needs `time`, in the abbreviated document or in the full one.
    run.step(
        world,
        "pnpm: a minimum age holds a fresh release back",
        || {
            let other = project(world, "pnpm-age", &[])?;
            let mut pnpm = client(world, "pnpm-age")?;
            pnpm.env
                .retain(|(name, _)| name != "PNPM_CONFIG_MINIMUM_RELEASE_AGE");
            pnpm.env.push((
                "PNPM_CONFIG_MINIMUM_RELEASE_AGE".to_owned(),
                "60".to_owned(),
            ));
            pnpm.env.push((
                "PNPM_CONFIG_MINIMUM_RELEASE_AGE_STRICT".to_owned(),
                "true".to_owned(),
            ));
            pnpm.refused(&other, &["add", PLAIN], &["minimumReleaseAge"])
                .map(drop)
        },
    )
}

fn tags_and_deprecation(run: &mut Run, world: &World, pnpm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    run.step(world, "pnpm: dist-tag add, ls, rm", || {
        let spec = format!("{SCOPED}@1.0.0");
        pnpm.ok(
            folder,
            &["dist-tag", "add", &spec, "old"],
            &[&format!("+old: {spec}")],
        )?;
        pnpm.ok(
            folder,
            &["dist-tag", "ls", SCOPED],
            &["old: 1.0.0", "latest: 2.0.0"],
        )?;
        pnpm.ok(
            folder,
            &["dist-tag", "rm", SCOPED, "old"],
            &[&format!("-old: {spec}")],
        )?;
        let ran = pnpm.ok(folder, &["dist-tag", "ls", SCOPED], &["latest: 2.0.0"])?;
        ensure!(
            !ran.stdout.contains("old:"),
            "the tag is still there\n{}",
            ran.report()
        );
        Ok(())
    })?;
    let spec = format!("{PLAIN}@1.0.0");
    let install = |name: &str| {
        let folder = project(world, name, &[])?;
        client(world, name)?.ok(&folder, &["add", &spec], &[])
    };
    run.step(world, "pnpm: deprecate, and the warning on install", || {
        pnpm.ok(folder, &["deprecate", &spec, "use 1.1.0 instead"], &[])?;
        let ran = install("pnpm-deprecated")?;
        ensure!(
            ran.text().contains("deprecated"),
            "no warning\n{}",
            ran.report()
        );
        Ok(())
    })?;
    run.step(world, "pnpm: undeprecate, and no warning", || {
        pnpm.ok(folder, &["undeprecate", &spec], &[])?;
        let ran = install("pnpm-withdrawn")?;
        ensure!(
            !ran.text().contains("deprecated"),
            "still a warning\n{}",
            ran.report()
        );
        Ok(())
    })?;
    run.step(world, "pnpm: search", || {
        pnpm.ok(folder, &["search", PLAIN], &[PLAIN])?;
        let found = pnpm.json(folder, &["search", PLAIN, "--json"])?;
        let first = found.as_array().and_then(|found| found.first());
        let first = first.with_context(|| format!("nothing found: {found}"))?;
        same("the first one found", &first["name"], &json!(PLAIN))
    })
}

fn people(run: &mut Run, world: &World, pnpm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    run.step(world, "pnpm: owner ls, add, rm", || {
        pnpm.ok(folder, &["owner", "ls", PLAIN], &[USER])?;
        pnpm.ok(folder, &["owner", "add", PLAIN, OTHER], &[])?;
        pnpm.ok(folder, &["owner", "ls", PLAIN], &[USER, OTHER])?;
        pnpm.ok(folder, &["owner", "rm", PLAIN, OTHER], &[])?;
        let ran = pnpm.ok(folder, &["owner", "ls", PLAIN], &[USER])?;
        ensure!(
            !ran.stdout.contains(OTHER),
            "still an owner\n{}",
            ran.report()
        );
        Ok(())
    })?;
    run.step(world, "pnpm: star, stars, unstar", || {
        pnpm.ok(folder, &["star", PLAIN], &[])?;
        pnpm.ok(folder, &["stars"], &[PLAIN])?;
        pnpm.ok(folder, &["unstar", PLAIN], &[])?;
        let ran = pnpm.run(folder, &["stars"])?;
        ensure!(
            !ran.stdout.contains(PLAIN),
            "still starred\n{}",
            ran.report()
        );
        Ok(())
    })?;
    run.step(world, "pnpm: access get and set status", || {
        pnpm.ok(folder, &["access", "set", "status=public", SCOPED], &[])?;
        pnpm.ok(folder, &["access", "get", "status", SCOPED], &["public"])
            .map(drop)
    })?;
    run.step(world, "pnpm: profile get", || {
        pnpm.ok(folder, &["profile", "get"], &[USER]).map(drop)
    })
}

fn tokens(run: &mut Run, world: &World, pnpm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    run.step(world, "pnpm: token create, list, revoke", || {
        let answers = [("assword", PASSWORD)];
        let made = pnpm.dialogue(folder, &["token", "create"], &answers)?;
        ensure!(made.success(), "{}", made.report());
        let listed = pnpm.json(folder, &["token", "list", "--json"])?;
        let listed = listed.as_array().context("not a list")?;
        let keys = |tokens: &[Value]| -> Vec<String> {
            tokens
                .iter()
                .filter_map(|token| token["key"].as_str())
                .map(str::to_owned)
                .collect()
        };
        let key = newest(listed).context("no token is listed")?;
        pnpm.ok(folder, &["token", "revoke", &key], &[])?;
        let left = pnpm.json(folder, &["token", "list", "--json"])?;
        let left = keys(left.as_array().context("not a list")?);
        ensure!(!left.contains(&key), "{key} is still listed: {left:?}");
        Ok(())
    })
}

/// The key of the token that was made last.
fn newest(tokens: &[Value]) -> Option<String> {
    let newest = tokens
        .iter()
        .max_by_key(|token| token["created"].as_str().map(str::to_owned))?;
    newest["key"].as_str().map(str::to_owned)
}

fn unpublish(run: &mut Run, world: &World, pnpm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    run.step(world, "pnpm: unpublish a version", || {
        pnpm.ok(
            folder,
            &["unpublish", "--force", &format!("{PLAIN}@1.1.0")],
            &[],
        )?;
        let shown = pnpm.json(folder, &["view", PLAIN, "--json"])?;
        same("the tags", &shown["dist-tags"], &json!({"latest": "1.0.0"}))
    })?;
    run.step(world, "pnpm: unpublish a package", || {
        pnpm.ok(folder, &["unpublish", "--force", SCOPED], &[])?;
        pnpm.refused(folder, &["view", SCOPED], &["404"]).map(drop)
    })?;
    run.step(world, "pnpm: logout", || {
        pnpm.ok(folder, &["logout"], &[])?;
        pnpm.refused(folder, &["whoami"], &[])?;
        let refused = package(world, "pnpm-refused", "1.0.0", "refused")?;
        pnpm.refused(&refused, PUBLISH, &["401"]).map(drop)
    })
}
