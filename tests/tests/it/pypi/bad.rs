//! What bad input gets over a real connection: an answer that clients can show, and nothing stored.

use std::path::PathBuf;

use registry_tests::pypi::{self, Pypi};
use registry_tests::random::Random;
use registry_tests::raw::Raw;
use registry_tests::{Answer, Cell, Cluster, Ecosystem, Kind, Release, Request, Site, sized};

use crate::snapshot::{self, Files};

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
        let settings = [
            ("REGISTRY_PYPI_MAX_SIZE", "1M"),
            ("REGISTRY_PYPI_MAX_METADATA", "64K"),
        ];
        let cluster = Cluster::start(cell, Pypi::SCOPE, &settings).expect("there are directories");
        let good = Pypi.release("bad", "1.0", 1);
        let outcome = Pypi.publish(&cluster.site(), &good).await;
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
        let code = json["code"].as_str().unwrap_or_default();
        assert!(code.starts_with(&format!("{status} ")), "{what}: {answer}");
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        self.nothing_stored(what).await;
    }

    async fn nothing_stored(&self, what: &str) {
        let settled = snapshot::settled(&self.storage(), &self.files).await;
        settled.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    }

    /// The bytes of an upload, head and all, whose body has this length or is chunked.
    fn bytes(&self, release: &Release, length: Option<usize>) -> Vec<u8> {
        let (kind, body) = pypi::form(release);
        let site = self.site();
        let token = site.token.as_deref().expect("it has one");
        let length = match length {
            Some(length) => format!("content-length: {length}"),
            None => "transfer-encoding: chunked".to_owned(),
        };
        let head = format!(
            "POST /legacy/ HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: {kind}\r\n{length}\r\n\r\n",
            site.authority()
        );
        [head.as_bytes(), &body].concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_off_leaves_nothing() {
    let table = Table::start().await;
    let release = Pypi.release("bad", "1.1", 2);
    let (_, body) = pypi::form(&release);
    let mut random = Random::seeded("what breaks off");
    for turn in 0..sized(60, 12) {
        let whole = table.bytes(&release, Some(body.len()));
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
    // Chunks that are none.
    let mut raw = Raw::open(&table.site()).await;
    raw.write(&table.bytes(&release, None)).await;
    raw.finish().await;
    if let Some(answer) = raw.answer().await {
        assert!(answer.status.is_client_error(), "{answer}");
    }
    table.nothing_stored("chunks").await;
    let outcome = Pypi.publish(&table.site(), &release).await;
    assert!(outcome.is_acknowledged(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_is_refused() {
    let mut table = Table::start().await;
    let mut random = Random::seeded("what was altered");
    for turn in 0..sized(2000, 200) {
        let release = Pypi.release("bad", &format!("2.{turn}"), turn as u64);
        let (kind, mut body) = pypi::form(&release);
        let at = random.below(body.len());
        body[at] ^= 1 << random.below(8);
        let request = Request::new(http::Method::POST, "/pypi/").header("content-type", kind);
        let answer = table.site().send(request.body(body)).await;
        if answer.status == 200 {
            // What nothing looks at may be altered; then all else is as it was sent.
            let listing = Pypi.listing(&table.site(), "bad").await.unwrap();
            assert!(listing.has(&Pypi, &release), "turn {turn}, byte {at}");
            table.files = snapshot::files(&table.storage());
            continue;
        }
        let what = format!("turn {turn}, byte {at}");
        table.refused(&what, &answer, &[400, 410]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_hold() {
    let table = Table::start().await;
    let site = table.site();
    let large = Release {
        bytes: pypi::wheel("bad", "1.1", 2, 2 << 20),
        ..Pypi.release("bad", "1.1", 2)
    };
    let answer = site.send(pypi::publish(&large)).await;
    table.refused("a large file", &answer, &[413]).await;
    let (kind, mut body) = pypi::form(&Pypi.release("bad", "1.1", 2));
    let field = format!(
        "--{}\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\n{}\r\n",
        pypi::BOUNDARY,
        "x".repeat(200 << 10)
    );
    body.splice(0..0, field.into_bytes());
    let request = Request::new(http::Method::POST, "/pypi/").header("content-type", kind);
    let answer = site.send(request.body(body)).await;
    table.refused("a long description", &answer, &[413]).await;
    for (path, status) in [
        ("/pypi/simple/..%2f..%2fauth/", 404),
        ("/pypi/packages/bad/..%2findex.jsonl", 404),
        ("/pypi/packages/bad/index.jsonl", 404),
        ("/pypi/packages/..%2f/x", 404),
        ("/pypi/%ff/json", 400),
        ("/pypi/api/yank/bad/1.0/..%2fx", 405),
    ] {
        let answer = site.get(path).await;
        table.refused(path, &answer, &[status]).await;
    }
}
