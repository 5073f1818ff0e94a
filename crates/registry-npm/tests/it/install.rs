//! What clients read.

use std::sync::Arc;

use http::{Method, StatusCode};
use registry_core::{
    Body,
    protocol::{Builder, Mount, Options},
    storage::Memory,
};
use registry_npm::Npm;
use registry_testkit::{Client, TestAuth};
use serde_json::json;

use crate::{fixture::Package, writer};

const ABBREVIATED: &str =
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

async fn with_versions(count: usize) -> Client {
    let client = writer();
    for n in 0..count {
        let more = json!({
            "dependencies": { "b": "^1.0.0" },
            "scripts": { "postinstall": "node x" },
            "keywords": ["k"],
            "os": ["linux"],
            "libc": ["glibc"],
        });
        let package = Package::with("a", &format!("1.0.{n}"), more, b"x");
        assert_eq!(
            client.put("/npm/a", package.body()).await.status,
            StatusCode::CREATED
        );
    }
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_forms() {
    let client = with_versions(12).await;
    let full = client
        .header("accept", "application/json")
        .get("/npm/a")
        .await;
    let short = client.header("accept", ABBREVIATED).get("/npm/a").await;
    assert_eq!(full.header("content-type"), "application/json");
    assert_eq!(
        short.header("content-type"),
        "application/vnd.npm.install-v1+json"
    );
    assert_ne!(full.header("etag"), short.header("etag"));
    assert!(short.header("vary").contains("accept"));
    let (full, short) = (full.json(), short.json());
    assert_eq!(full["time"].as_object().unwrap().len(), 14);
    assert_eq!(short["time"].as_object().unwrap().len(), 12);
    let version = &short["versions"]["1.0.11"];
    assert_eq!(version["dependencies"], json!({ "b": "^1.0.0" }));
    assert_eq!(version["libc"], json!(["glibc"]));
    assert_eq!(version["hasInstallScript"], true);
    assert_eq!(version["_npmUser"]["name"], "writer");
    assert!(version.get("scripts").is_none() && version.get("keywords").is_none());
    assert_eq!(full["versions"]["1.0.11"]["keywords"], json!(["k"]));
    assert_eq!(full["maintainers"][0]["name"], "writer");
    for accept in [
        "*/*",
        "application/json; q=1.0, application/vnd.npm.install-v1+json; q=0.5",
    ] {
        let answer = client.header("accept", accept).get("/npm/a").await;
        assert_eq!(
            answer.header("content-type"),
            "application/json",
            "{accept}"
        );
    }
    let write = client
        .header("accept", ABBREVIATED)
        .get("/npm/a?write=true")
        .await;
    assert!(write.json()["_rev"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_of_one_form_does_not_answer_for_the_other() {
    let client = with_versions(3).await;
    let short = client.header("accept", ABBREVIATED).get("/npm/a").await;
    let asked = client.header("if-none-match", short.header("etag"));
    let again = asked.header("accept", ABBREVIATED).get("/npm/a").await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!(asked.get("/npm/a").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn scoped_names_in_every_spelling() {
    let client = writer();
    let package = Package::new("@acme/x", "1.0.0");
    client.put("/npm/@acme%2fx", package.body()).await;
    for spelling in ["@acme/x", "@acme%2fx", "@acme%2Fx", "%40acme%2fx"] {
        assert_eq!(
            client.get(&format!("/npm/{spelling}")).await.status,
            StatusCode::OK
        );
        let tarball = client.get(&format!("/npm/{spelling}/-/x-1.0.0.tgz")).await;
        assert_eq!(tarball.body, package.tarball, "{spelling}");
    }
    assert_eq!(
        client.get("/npm/@acme%252fx").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_by_version_and_tag() {
    let client = with_versions(2).await;
    for selector in ["latest", "1.0.1"] {
        let manifest = client.get(&format!("/npm/a/{selector}")).await.json();
        assert_eq!(manifest["version"], "1.0.1");
    }
    let missing = client.get("/npm/a/9.9.9").await;
    assert_eq!(
        (missing.status, missing.json()),
        (
            StatusCode::NOT_FOUND,
            json!({ "error": "version not found: 9.9.9" })
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tarballs_by_range_and_head() {
    let client = with_versions(1).await;
    let whole = client.get("/npm/a/-/a-1.0.0.tgz").await;
    let part = client
        .header("range", "bytes=10-19")
        .get("/npm/a/-/a-1.0.0.tgz")
        .await;
    assert_eq!(
        (part.status, &part.body[..]),
        (StatusCode::PARTIAL_CONTENT, &whole.body[10..20])
    );
    let head = client
        .send(Method::HEAD, "/npm/a/-/a-1.0.0.tgz", Body::empty())
        .await;
    assert_eq!(head.header("content-length"), whole.body.len().to_string());
    assert_eq!(
        client.get("/npm/a/-/a-9.0.0.tgz").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        client.get("/npm/a/-/..%2f..%2fx").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn search_finds_by_relevance_and_pages() {
    let client = writer();
    for name in ["pad", "pad-left", "left-pad", "other", "@acme/pad"] {
        let package = Package::new(name, "1.0.0");
        client.put(&package.path(), package.body()).await;
    }
    let names = |query: &'static str| {
        let client = client.clone();
        async move {
            let found = client
                .get(&format!("/npm/-/v1/search?{query}"))
                .await
                .json();
            let hits = found["objects"].as_array().unwrap().clone();
            let name =
                |hit: &serde_json::Value| hit["package"]["name"].as_str().unwrap().to_owned();
            (
                found["total"].as_u64().unwrap(),
                hits.iter().map(name).collect::<Vec<_>>(),
            )
        }
    };
    assert_eq!(
        names("text=pad").await,
        (
            4,
            ["pad", "@acme/pad", "pad-left", "left-pad"]
                .map(String::from)
                .into()
        )
    );
    assert_eq!(
        names("text=pad&size=1&from=1").await,
        (4, vec!["@acme/pad".into()])
    );
    assert_eq!(names("text=nothing").await, (0, vec![]));
    let stranger = Builder::new(
        Arc::new(Memory::default()),
        TestAuth::new(None),
        Options::default(),
    )
    .mount(Mount::new(Npm::default()))
    .build()
    .unwrap();
    let stranger = Client::new(stranger);
    stranger
        .token("writer")
        .put("/npm/a", Package::new("a", "1.0.0").body())
        .await;
    assert_eq!(
        stranger.get("/npm/-/v1/search?text=a").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        stranger
            .token("stranger")
            .get("/npm/-/v1/search?text=a")
            .await
            .json()["total"],
        0
    );
    assert_eq!(
        stranger
            .token("reader")
            .get("/npm/-/v1/search?text=a")
            .await
            .json()["total"],
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_routes() {
    let client = with_versions(1).await;
    assert_eq!(client.get("/npm/-/ping").await.json(), json!({}));
    assert_eq!(
        client.get("/npm/-/whoami").await.json(),
        json!({ "username": "writer" })
    );
    assert_eq!(
        client.get("/npm/-/npm/v1/keys").await.json(),
        json!({ "keys": [] })
    );
    let audit = client
        .post(
            "/npm/-/npm/v1/security/advisories/bulk",
            "{\"a\":[\"1.0.0\"]}",
        )
        .await;
    assert_eq!(audit.json(), json!({}));
    let visible = client.get("/npm/-/package/a/visibility").await;
    assert_eq!(visible.json(), json!({ "public": true }));
    let owners = client.get("/npm/-/package/a/collaborators").await;
    assert_eq!(owners.json(), json!({ "writer": "read-write" }));
    let mine = client.get("/npm/-/user/writer/package").await;
    assert_eq!(mine.json(), json!({ "a": "write" }));
    for unknown in [
        "/npm/-/stage",
        "/npm/-/package/a/trust",
        "/npm/-/team/a/b/user",
        "/npm/-/org/a/user",
        "/npm/-/no",
    ] {
        let answer = client.get(unknown).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{unknown}");
        assert!(answer.json()["error"].is_string());
    }
    let wrong = client.delete("/npm/-/ping").await;
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
}

#[test]
fn the_example_serves() {
    let example = registry_testkit::Example::start("npm_in_axum");
    let published = example.send("PUT", "/npm/a", "", Package::new("a", "1.0.0").body());
    assert!(published.starts_with("HTTP/1.1 201"), "{published}");
    assert!(
        example
            .send("GET", "/npm/a", "", "")
            .contains("\"latest\":\"1.0.0\"")
    );
}
