//! What bad input gets over a real connection: an answer that clients can show, and nothing stored.

use http::Method;
use registry_testkit::zip;
use registry_tests::composer::{self, Composer};
use registry_tests::{Ecosystem, Request};

use crate::bad::Table;

async fn table() -> Table<Composer> {
    let settings = [("REGISTRY_COMPOSER_MAX_SIZE", "1M")];
    Table::start(Composer, &settings, |answer| {
        let json = answer.json();
        json["status"] == "error" && json["message"].is_string()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_off_leaves_nothing() {
    table().await.breaks_off(composer::publish).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_is_refused() {
    let mut table = table().await;
    let publish = composer::publish;
    // What nothing looks at, such as a file's date, may be altered; then it is served so.
    let is_served = |listing: &registry_tests::Listing, _: &_, body: &[u8]| {
        let digest = Composer.digest(body);
        listing.versions.values().any(|of| of.digest == digest)
    };
    table.altered(publish, &[400, 413], is_served).await;
}

type Zipped<'a> = &'a [(&'a str, &'a [u8])];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zips_that_would_do_harm_are_refused() {
    let table = table().await;
    let manifest: &[u8] = br#"{"name":"acme/bad","version":"1.1"}"#;
    let name = "composer.json";
    let long = vec![b' '; 2 << 20];
    let bomb = vec![0; 200 << 20];
    let zips: &[(&str, Zipped<'_>)] = &[
        ("no composer.json", &[("a.php", b"<?php")]),
        ("nothing", &[]),
        (
            "two folders",
            &[("a/composer.json", manifest), ("b/x", b"x")],
        ),
        ("a way out", &[(name, manifest), ("../x", b"x")]),
        ("an absolute path", &[(name, manifest), ("/x", b"x")]),
        ("a drive", &[(name, manifest), ("c:\\x", b"x")]),
        ("the same twice", &[(name, manifest), (name, manifest)]),
        ("a long composer.json", &[(name, &long)]),
        ("a bomb", &[(name, manifest), ("zeros", &bomb)]),
    ];
    for (what, files) in zips {
        let put = Request::new(Method::PUT, "/composer/packages/acme/bad");
        let answer = table.site().send(put.body(zip(files, true))).await;
        table.refused(what, &answer, &[400, 413]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_hold() {
    let table = table().await;
    let mut large = table.release("1.1", 2);
    large.bytes = composer::pack("acme/bad", "1.1", 2, 2 << 20);
    let answer = table.site().send(composer::publish(&large)).await;
    table.refused("a large zip", &answer, &[413]).await;
    let addresses = [
        ("/composer/p2/..%2f..%2fauth.json", 404),
        ("/composer/p2/acme/%2e%2e.json", 404),
        ("/composer/p2/acme/Bad.json", 404),
        ("/composer/p2/acme/bad.txt", 404),
        ("/composer/dists/acme/bad/index.jsonl", 404),
        ("/composer/dists/acme/bad/..%2findex.jsonl", 404),
        ("/composer/%ff/x.json", 400),
        ("/composer/api/security-advisories/", 400),
        ("/composer/downloads/", 405),
    ];
    table.not_got(&addresses).await;
}
