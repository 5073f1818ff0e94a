//! Who may not: 401 with a challenge for nobody, 403 for somebody.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use registry_tests::npm::{self, text};
use registry_tests::{Request, Site, eventually};
use serde_json::json;

use super::{Table, good};

const PACKAGE: &str = "guarded";
const V1: &str = "1.0.0";

/// Everything that changes a package; the last two only with the right to delete.
async fn changes(table: &Table) -> Vec<(&'static str, Request)> {
    let path = npm::path(PACKAGE);
    let document = table
        .site
        .get(format!("{path}?write=true"))
        .await
        .good()
        .json();
    let rev = text(&document["_rev"]).to_owned();
    let mut deprecation = document.clone();
    deprecation["versions"][V1]["deprecated"] = json!("no more");
    let mut fewer = document.clone();
    fewer["versions"].as_object_mut().unwrap().remove(V1);
    let tags = format!("/npm/-/package/{PACKAGE}/dist-tags");
    let owners = json!({"_id": PACKAGE, "_rev": rev, "maintainers": [{"name": "x", "email": "x@example.invalid"}]});
    let access = format!("/npm/-/package/{PACKAGE}/access");
    let restricted = json!({"access": "restricted"});
    vec![
        ("a publish", Request::put(&path, &good(PACKAGE, "2.0.0"))),
        ("a replay", Request::put(&path, &good(PACKAGE, V1))),
        ("a tag", Request::put(format!("{tags}/next"), &json!(V1))),
        ("a tag's removal", Request::delete(format!("{tags}/beta"))),
        ("a deprecation", Request::put(&path, &deprecation)),
        (
            "owners",
            Request::put(format!("{path}/-rev/{rev}"), &owners),
        ),
        (
            "access",
            Request::new(Method::POST, access).json(&restricted),
        ),
        (
            "unpublishing a version",
            Request::put(format!("{path}/-rev/{rev}"), &fewer),
        ),
        (
            "unpublishing a package",
            Request::delete(format!("{path}/-rev/{rev}")),
        ),
    ]
}

/// How many of [`changes`] take no more than the right to write.
const WRITES: usize = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials() {
    let table = Table::start(&[("REGISTRY_AUTH_MAX_AGE", "1s")]);
    table.publish(PACKAGE, V1).await;
    table.publish(PACKAGE, "1.1.0").await;
    let tag = Request::put(
        format!("/npm/-/package/{PACKAGE}/dist-tags/beta"),
        &json!(V1),
    );
    table.site.send(tag).await.good();
    table.look();

    let all = "npm:package:*:*";
    let token =
        |scope: &str, more: &[&str]| table.site.with(&table.cluster.token("tester", scope, more));
    let expired = token(all, &["--expires", "1s"]);
    eventually("a token expires", async || {
        let answer = expired.get("/npm/-/whoami").await;
        (answer.status == 401).then_some(())
    })
    .await;
    let cut = table.site.token.as_deref().unwrap();
    let nobody: &[(&str, Site)] = &[
        ("no token", table.site.anonymous()),
        ("an expired token", expired),
        (
            "an unknown token",
            table.site.with("reg_000000000000000000000000000000"),
        ),
        ("a token cut off", table.site.with(&cut[..cut.len() - 1])),
        ("no token of ours", table.site.with("npm_x")),
    ];
    let changes = changes(&table).await;
    for (who, site) in nobody {
        for (what, request) in &changes {
            table
                .refused(&format!("{who}, {what}"), site, request.clone(), &[401])
                .await;
        }
        for path in [
            "/npm/-/whoami",
            "/npm/-/npm/v1/tokens",
            "/npm/-/npm/v1/user",
        ] {
            table
                .refused(&format!("{who}, {path}"), site, Request::get(path), &[401])
                .await;
        }
    }
    for header in ["Bearer", "Bearer ", "Basic !!!", "Basic", "Digest x", ""] {
        let (what, request) = &changes[0];
        let request = request.clone().header("authorization", header);
        table
            .refused(&format!("{header:?}, {what}"), &table.site, request, &[401])
            .await;
    }
    for pair in ["tester:wrong", "nobody:wrong", "tester:", ":", "tester"] {
        let header = format!("Basic {}", STANDARD.encode(pair));
        let request = changes[0].1.clone().header("authorization", header);
        // Guessing may be slowed.
        table
            .refused(&format!("Basic {pair}"), &table.site, request, &[401, 429])
            .await;
    }

    let somebody: &[(&str, Site)] = &[
        ("a read-only token", token(all, &["--read-only"])),
        ("a token to read", token("npm:package:*:read", &[])),
        ("a token for others", token("npm:package:other-*:*", &[])),
        (
            "a token for a scope",
            token("npm:package:@guarded/*:*", &[]),
        ),
        (
            "a token for another mount",
            token("npm-staging:package:*:*", &[]),
        ),
        ("a token for another type", token("npm:repository:*:*", &[])),
    ];
    for (who, site) in somebody {
        for (what, request) in &changes {
            table
                .refused(&format!("{who}, {what}"), site, request.clone(), &[403])
                .await;
        }
    }
    let writer = token("npm:package:*:write", &[]);
    for (what, request) in &changes[WRITES..] {
        table
            .refused(
                &format!("a token to write, {what}"),
                &writer,
                request.clone(),
                &[403],
            )
            .await;
    }
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_for_users_only() {
    let table = Table::start(&[("REGISTRY_ANONYMOUS", "none")]);
    table.publish(PACKAGE, V1).await;
    let other = table
        .cluster
        .token("tester", "npm:package:other-*:read", &[]);
    let other = table.site.with(&other);
    let file = npm::file_name(PACKAGE, V1);
    for path in [
        npm::path(PACKAGE),
        format!("/npm/{PACKAGE}/latest"),
        format!("/npm/{PACKAGE}/-/{file}"),
        format!("/npm/-/package/{PACKAGE}/dist-tags"),
        "/npm/nowhere".to_owned(),
    ] {
        let anonymous = table.site.anonymous();
        table
            .refused(
                &format!("nobody, {path}"),
                &anonymous,
                Request::get(&path),
                &[401],
            )
            .await;
        table
            .refused(
                &format!("another, {path}"),
                &other,
                Request::get(&path),
                &[403, 404],
            )
            .await;
    }
    // A search shows what may be read, and nothing else.
    let found = other.get(format!("/npm/-/v1/search?text={PACKAGE}")).await;
    if found.json().to_string().contains(PACKAGE) {
        table.fault("a search shows what may not be read", found);
    }
    table.finish();
}
