//! npm: search, and who may do what: access, tokens, refusals, logout.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::super::client::{Client, package, same};
use super::super::{PASSWORD, Run, USER, World};
use super::{PLAIN, SCOPED, client, with_token};

/// Search, access, tokens, refusals.
pub(super) fn steps(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    find(run, world, npm)?;
    access(run, world, npm)?;
    tokens(run, world, npm)?;
    refusals(run, world, npm)
}

fn find(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    for (text, wanted) in [
        (PLAIN, PLAIN),
        (SCOPED, SCOPED),
        ("keyword-of-the-run", PLAIN),
    ] {
        run.step(world, &format!("npm: search {text}"), || {
            let found = npm.json(folder, &["search", text, "--json"])?;
            let entries = found.as_array().context("not a list")?;
            let entry = entries.iter().find(|entry| entry["name"] == wanted);
            let entry = entry.with_context(|| format!("{wanted} is not found: {found}"))?;
            let latest = if wanted == PLAIN { "1.1.0" } else { "2.0.0" };
            same("the version found", &entry["version"], &json!(latest))
        })?;
    }
    run.step(world, "npm: search for what is not there", || {
        npm.ok(folder, &["search", "no-such-thing"], &["No matches found"])
            .map(drop)
    })?;
    run.step(world, "npm: star, stars, unstar", || {
        npm.ok(folder, &["star", PLAIN], &[PLAIN])?;
        npm.ok(folder, &["stars"], &[PLAIN])?;
        npm.ok(folder, &["unstar", PLAIN], &[PLAIN])?;
        let ran = npm.ok(folder, &["stars"], &[])?;
        ensure!(
            !ran.stdout.contains(PLAIN),
            "still starred\n{}",
            ran.report()
        );
        Ok(())
    })
}

fn access(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    run.step(world, "npm: access get and set status", || {
        let status = |status: &str| format!("{SCOPED}: {status}");
        npm.ok(
            folder,
            &["access", "set", "status=private", SCOPED],
            &[&status("private")],
        )?;
        npm.ok(
            folder,
            &["access", "get", "status", SCOPED],
            &[&status("private")],
        )?;
        npm.ok(
            folder,
            &["access", "set", "status=public", SCOPED],
            &[&status("public")],
        )?;
        npm.ok(
            folder,
            &["access", "get", "status", SCOPED],
            &[&status("public")],
        )
        .map(drop)
    })?;
    run.step(world, "npm: access list", || {
        let collaborators = ["access", "list", "collaborators", SCOPED];
        npm.ok(folder, &collaborators, &[&format!("{USER}: read-write")])?;
        let packages = ["access", "list", "packages", USER];
        npm.ok(folder, &packages, &[&format!("{SCOPED}: read-write")])
            .map(drop)
    })?;
    run.step(world, "npm: profile get", || {
        let profile = npm.json(folder, &["profile", "get", "--json"])?;
        same("the profile's name", &profile["name"], &json!(USER))
    })
}

fn tokens(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let folder = world.elsewhere();
    run.step(world, "npm: token create, list, use, revoke", || {
        let password = format!("--password={PASSWORD}");
        let made = npm.json(
            folder,
            &["token", "create", "--name=ci", &password, "--json"],
        )?;
        let token = made["token"]
            .as_str()
            .with_context(|| format!("no token in {made}"))?;
        let other = with_token(world, "npm-token", token)?;
        other.ok(folder, &["whoami"], &[USER])?;
        let listed = npm.json(folder, &["token", "list", "--json"])?;
        let listed = listed.as_array().context("not a list")?;
        let mine = listed.iter().find(|entry| entry["name"] == "ci");
        let mine = mine.with_context(|| format!("the token is not listed: {listed:?}"))?;
        let shown = mine["token"].as_str().unwrap_or_default();
        ensure!(
            token.starts_with(shown) && token != shown,
            "listed as {shown}"
        );
        let key = mine["key"].as_str().context("a token without a key")?;
        npm.ok(folder, &["token", "revoke", key], &["Removed 1 token"])?;
        other.refused(folder, &["whoami"], &["E401"]).map(drop)
    })?;
    run.step(
        world,
        "npm: token create with a wrong password is refused",
        || {
            let arguments = [
                "token",
                "create",
                "--name=ci",
                "--password=not-the-password",
            ];
            npm.refused(folder, &arguments, &["E401"]).map(drop)
        },
    )
}

fn refusals(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    let publish = |npm: &Client, wanted: &[&str]| {
        let folder = package(world, "npm-refused", "1.0.0", "refused")?;
        npm.refused(&folder, &["publish"], wanted).map(drop)
    };
    run.step(world, "npm: publish without a token is refused", || {
        publish(&client(world, "npm-nobody")?, &["ENEEDAUTH"])
    })?;
    run.step(
        world,
        "npm: publish with an unknown token is refused",
        || publish(&with_token(world, "npm-unknown", "reg_unknown")?, &["E401"]),
    )?;
    run.step(
        world,
        "npm: publish with a read-only token is refused",
        || {
            let token = world.token("npm:package:*:*", &["--read-only"])?;
            let npm = with_token(world, "npm-read-only", &token)?;
            npm.ok(world.elsewhere(), &["view", PLAIN, "version"], &["1.1.0"])?;
            publish(&npm, &["E403"])
        },
    )?;
    run.step(
        world,
        "npm: publish with a token for another scope is refused",
        || {
            let token = world.token("npm:package:@other/*:*", &[])?;
            publish(&with_token(world, "npm-scope", &token)?, &["E403"])
        },
    )?;
    run.step(
        world,
        "npm: publish with a token for just this works",
        || {
            let token = world.token("npm:package:@acme/npm-ci:write", &["--expires", "1h"])?;
            let npm = with_token(world, "npm-just", &token)?;
            let folder = package(world, "@acme/npm-ci", "1.0.0", "ci")?;
            npm.ok(&folder, &["publish"], &["+ @acme/npm-ci@1.0.0"])?;
            let unpublish = ["unpublish", "--force", "@acme/npm-ci"];
            npm.refused(world.elsewhere(), &unpublish, &["E403"])
                .map(drop)
        },
    )?;
    run.step(
        world,
        "npm: publish of a private package is refused (by npm itself)",
        || {
            let folder = package(world, "npm-private", "1.0.0", "private")?;
            let manifest = folder.join("package.json");
            let mut json: Value = serde_json::from_slice(&fs::read(&manifest)?)?;
            json["private"] = json!(true);
            fs::write(&manifest, json.to_string())?;
            npm.refused(&folder, &["publish"], &["EPRIVATE"]).map(drop)
        },
    )
}

/// After this there is no token left.
pub(super) fn logout(run: &mut Run, world: &World, npm: &Client) -> Result<()> {
    run.step(world, "npm: logout, and the token is worth nothing", || {
        let kept = fs::read_to_string(npm.home.join(".npmrc"))?;
        let token = kept
            .lines()
            .find_map(|line| line.split_once(":_authToken="));
        let (_, token) = token.with_context(|| format!("no token in {kept}"))?;
        npm.ok(world.elsewhere(), &["logout"], &[])?;
        let folder = package(world, "npm-refused", "1.0.0", "refused")?;
        npm.refused(&folder, &["publish"], &["ENEEDAUTH"])?;
        let again = with_token(world, "npm-logged-out", token.trim_matches('"'))?;
        again.refused(&folder, &["publish"], &["E401"]).map(drop)
    })
}
