//! What bad input gets over a real connection: an answer that clients can show, and nothing stored.

use std::path::PathBuf;

use http::Method;
use registry_testkit::zip;
use registry_tests::composer::{self, Composer};
use registry_tests::random::Random;
use registry_tests::raw::Raw;
use registry_tests::{Answer, Cell, Cluster, Ecosystem, Kind, Release, Request, Site, sized};

use crate::snapshot::{self, Files};

/// Where the package of these tests is put.
const PATH: &str = "/composer/packages/acme/bad";

struct Table {
    cluster: Cluster,
    files: Files,
}

impl Table {
    /// A server on a directory with one package, and what lies there.
    async fn start() -> Self {
        let cell = Cell {
            kind: Kind::Directory,
            replicas: 1,
        };
        let settings = [("REGISTRY_COMPOSER_MAX_SIZE", "1M")];
        let cluster =
            Cluster::start(cell, Composer::SCOPE, &settings).expect("there are directories");
        let good = Composer.release("acme/bad", "1.0", 1);
        let outcome = Composer.publish(&cluster.site(), &good).await;
        assert!(outcome.is_acknowledged(), "{outcome:?}");
        let mut table = Self {
            cluster,
            files: Files::default(),
        };
        table.files = snapshot::files(&table.storage());
        table
    }

    fn storage(&self) -> PathBuf {
        let directory = self.cluster.place.directory.clone();
        directory.expect("the storage is a directory")
    }

    fn site(&self) -> Site {
        self.cluster.site()
    }

    /// The refusal is one that clients show, and nothing is left of what was refused.
    async fn refused(&self, what: &str, answer: &Answer, statuses: &[u16]) {
        let status = answer.status.as_u16();
        assert!(
            statuses.contains(&status),
            "{what}: {answer}, and not {statuses:?}"
        );
        let json = answer.json();
        assert_eq!(json["status"], "error", "{what}: {answer}");
        assert!(json["message"].is_string(), "{what}: {answer}");
        // Any other, however alike, and Composer does not show the message.
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        self.nothing_stored(what).await;
    }

    async fn nothing_stored(&self, what: &str) {
        let settled = snapshot::settled(&self.storage(), &self.files).await;
        settled.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    }

    async fn put(&self, body: impl Into<bytes::Bytes>) -> Answer {
        self.site()
            .send(Request::new(Method::PUT, PATH).body(body))
            .await
    }

    /// The bytes of an upload, head and all.
    fn bytes(&self, release: &Release) -> Vec<u8> {
        let site = self.site();
        let token = site.token.as_deref().expect("it has one");
        let head = format!(
            "PUT {PATH} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\n\r\n",
            site.authority(),
            release.bytes.len(),
        );
        [head.as_bytes(), &release.bytes].concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_off_leaves_nothing() {
    let table = Table::start().await;
    let release = Composer.release("acme/bad", "1.1", 2);
    let mut random = Random::seeded("what breaks off");
    for turn in 0..sized(60, 12) {
        let whole = table.bytes(&release);
        let cut = random.below(whole.len() - 1) + 1;
        let mut raw = Raw::open(&table.site()).await;
        raw.write(&whole[..cut]).await;
        if turn % 2 == 0 {
            raw.abort();
        } else {
            raw.finish().await;
            if let Some(answer) = raw.answer().await {
                assert!(answer.status.is_client_error(), "cut at {cut}: {answer}");
            }
        }
        table.nothing_stored(&format!("cut at {cut}")).await;
    }
    let outcome = Composer.publish(&table.site(), &release).await;
    assert!(outcome.is_acknowledged(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_is_refused() {
    let mut table = Table::start().await;
    let mut random = Random::seeded("what was altered");
    for turn in 0..sized(2000, 200) {
        let release = Composer.release("acme/bad", &format!("2.{turn}"), turn as u64);
        let mut body = release.bytes.to_vec();
        let at = random.below(body.len());
        body[at] ^= 1 << random.below(8);
        let answer = table.put(body.clone()).await;
        if answer.status == 201 {
            // What nothing looks at, such as a file's date, may be altered; then it is served so.
            let listing = Composer.listing(&table.site(), "acme/bad").await.unwrap();
            let digest = Composer.digest(&body);
            let served = listing.versions.values().any(|of| of.digest == digest);
            assert!(served, "turn {turn}, byte {at}");
            table.files = snapshot::files(&table.storage());
            continue;
        }
        let what = format!("turn {turn}, byte {at}");
        table.refused(&what, &answer, &[400, 413]).await;
    }
}

type Zipped<'a> = &'a [(&'a str, &'a [u8])];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zips_that_would_do_harm_are_refused() {
    let table = Table::start().await;
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
        let answer = table.put(zip(files, true)).await;
        table.refused(what, &answer, &[400, 413]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_hold() {
    let table = Table::start().await;
    let site = table.site();
    let large = composer::pack("acme/bad", "1.1", 2, 2 << 20);
    let answer = table.put(large).await;
    table.refused("a large zip", &answer, &[413]).await;
    for (path, status) in [
        ("/composer/p2/..%2f..%2fauth.json", 404),
        ("/composer/p2/acme/%2e%2e.json", 404),
        ("/composer/p2/acme/Bad.json", 404),
        ("/composer/p2/acme/bad.txt", 404),
        ("/composer/dists/acme/bad/index.jsonl", 404),
        ("/composer/dists/acme/bad/..%2findex.jsonl", 404),
        ("/composer/%ff/x.json", 400),
        ("/composer/api/security-advisories/", 400),
        ("/composer/downloads/", 405),
    ] {
        let answer = site.get(path).await;
        table.refused(path, &answer, &[status]).await;
    }
}
