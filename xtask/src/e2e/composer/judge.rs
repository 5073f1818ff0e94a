//! Composer's own parser and the registry judge versions and constraints alike.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Curl;
use super::package::Package;
use crate::e2e::{Run, World};
use crate::http::Connection;
use crate::proc;
use crate::random::Random;

/// What versions and constraints are made of.
const PARTS: &[&str] = &[
    "1", "0", "2", "10", "007", "2010", "20100102", "99999", "100000", ".", ".", ".", "-", "_",
    "+", "v", "x", "X", "*", "dev", "DEV", "-dev", ".x-dev", "dev-", "beta", "b", "RC", "alpha",
    "a", "patch", "pl", "p", "stable", "Stable", "@dev", "@stable", "main", "1.0", "2.3.4",
    "1.2.3.4",
];
/// What only constraints are made of.
const OPERATORS: &[&str] = &[
    " ", " ", "  ", " as ", ",", "|", " || ", "^", "~", "~>", ">", ">=", "<", "<=", "!=", "<>",
    "=", " - ", "#abc",
];

/// Reads a list of texts, and tells of each its normal form, if it is a version, and whether it is a
/// constraint.
const SCRIPT: &str = r#"
    require '/usr/share/php/Composer/Semver/autoload.php';
    $parser = new Composer\Semver\VersionParser();
    $judge = function ($text) use ($parser) {
        try { $version = $parser->normalize($text); } catch (Exception $no) { $version = null; }
        try { $parser->parseConstraints($text); $is = true; } catch (Exception $no) { $is = false; }
        return [$version, $is];
    };
    echo json_encode(array_map($judge, json_decode(stream_get_contents(STDIN))));
"#;

pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let curl = Curl::publisher(world, "judge")?;
    let count = if world.full { 2000 } else { 250 };
    run.step(
        world,
        "composer: its parser judges versions as the registry does",
        || {
            let zip = std::fs::read(Package::new("judge", "").zip(world)?)?;
            let mut random = Random::new("versions");
            let mut verdict = (0, 0);
            for (text, judged) in judged(&mut random, count, &[PARTS])? {
                let name = format!("packages/acme/judge?version={}", encoded(&text));
                let answer = send(world, &curl, &name, &zip)?;
                match judged[0].as_str() {
                    None => ensure!(answer.0 == 400, "{text:?} was taken: {}", answer.1),
                    Some(normal) => {
                        ensure!(matches!(answer.0, 200 | 201), "{text:?}: {}", answer.1);
                        ensure!(lists(world, normal)?, "{text:?} is not listed as {normal}");
                    }
                }
                let slot = if judged[0].is_null() {
                    &mut verdict.1
                } else {
                    &mut verdict.0
                };
                *slot += 1;
            }
            ensure!(
                verdict.0 > 20 && verdict.1 > 20,
                "too much alike: {verdict:?}"
            );
            Ok(())
        },
    )?;
    run.step(
        world,
        "composer: its parser judges constraints as the registry does",
        || {
            let mut random = Random::new("constraints");
            let mut verdict = (0, 0);
            for (text, judged) in judged(&mut random, count, &[PARTS, OPERATORS])? {
                let body = json!({ "title": "x", "affectedVersions": text }).to_string();
                let at = "api/security-advisories/acme/judge/judged";
                let answer = send(world, &curl, at, body.as_bytes())?;
                let taken = answer.0 == 204;
                ensure!(
                    judged[1] == taken,
                    "{text:?}: {}, and Composer says {}",
                    answer.1,
                    judged[1]
                );
                let slot = if taken {
                    &mut verdict.0
                } else {
                    &mut verdict.1
                };
                *slot += 1;
            }
            ensure!(
                verdict.0 > 20 && verdict.1 > 20,
                "too much alike: {verdict:?}"
            );
            Ok(())
        },
    )
}

/// Texts of some of these parts, and what Composer's parser makes of them.
fn judged(random: &mut Random, count: usize, kinds: &[&[&str]]) -> Result<Vec<(String, Value)>> {
    let mut next = |most: usize| {
        let mut bytes = [0; 4];
        std::io::Read::read_exact(random, &mut bytes)?;
        anyhow::Ok(u32::from_le_bytes(bytes) as usize % most)
    };
    let mut texts = std::collections::BTreeSet::new();
    while texts.len() < count {
        let mut text = String::new();
        for _ in 0..=next(5)? {
            let parts = kinds[next(kinds.len())?];
            text += parts[next(parts.len())?];
        }
        // What is empty is no version that somebody names.
        if !text.trim().is_empty() {
            texts.insert(text.trim().to_owned());
        }
    }
    let texts: Vec<_> = texts.into_iter().collect();
    let mut php = std::process::Command::new("php");
    let input = json!(texts).to_string();
    let limit = std::time::Duration::from_secs(60);
    let ran = proc::capture(php.args(["-r", SCRIPT]), Some(&input), limit)?;
    ensure!(ran.success(), "{}", ran.report());
    let verdicts: Vec<Value> = serde_json::from_str(&ran.stdout).context("verdicts")?;
    Ok(texts.into_iter().zip(verdicts).collect())
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Sends a file by a connection of our own, since curl would take its time for so many.
fn send(world: &World, curl: &Curl, path: &str, body: &[u8]) -> Result<(u16, String)> {
    let authorization = format!("Bearer {}", curl.token);
    let headers = [("authorization", authorization.as_str())];
    let path = format!("{}/{path}", world.mount_path("composer"));
    let answer = Connection::new(world.server.port).request("PUT", &path, &headers, body)?;
    Ok((answer.status, answer.text()))
}

/// Whether a version is listed under its normal form.
fn lists(world: &World, normal: &str) -> Result<bool> {
    let wanted = format!("\"version_normalized\":{}", json!(normal));
    let files = ["p2/acme/judge.json", "p2/acme/judge~dev.json"];
    for file in files {
        if super::get(world, file)?.text().contains(&wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}
