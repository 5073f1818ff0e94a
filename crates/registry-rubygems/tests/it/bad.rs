//! What is refused: by the status and the words that `gem` shows, and nothing of it is stored.

use std::sync::Arc;

use futures_util::StreamExt;
use registry_core::{
    Body,
    auth::Action,
    storage::{Memory, Storage},
};
use registry_rubygems::RubygemsConfig;
use registry_testkit::Client;

use crate::{
    PUSH,
    fixture::{Gem, gzip, noise, tar},
    registry,
};

/// A registry whose limits are small, and its storage.
fn small() -> (Client, Arc<Memory>) {
    let storage = Arc::new(Memory::default());
    let mut config = RubygemsConfig {
        max_gem: 100_000,
        ..RubygemsConfig::default()
    };
    config.gem.metadata = 20_000;
    config.gem.data.unpacked = 200_000;
    config.gem.data.entries = 10;
    let client = registry(storage.clone(), config, Some(Action::Read));
    (client.token("writer"), storage)
}

/// Waits until nothing is stored; what is refused is deleted in the background.
async fn nothing_is_left(storage: &Memory) {
    while storage.list(None, None).next().await.is_some() {
        tokio::task::yield_now().await;
    }
}

async fn refused(body: impl Into<Body>, status: u16, words: &str) {
    let (client, storage) = small();
    let answer = client.post(PUSH, body).await;
    let text = answer.text();
    assert_eq!(answer.status.as_u16(), status, "{words}: {text}");
    assert!(text.contains(words), "{words}: {text}");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let beginning = match status {
        403 => "There was a problem saving your gem: ",
        422 => {
            "This registry cannot process this gem.\nPlease try rebuilding it and installing it \
             locally to make sure it's valid.\nError:\n"
        }
        _ => "",
    };
    assert!(text.starts_with(beginning), "{words}: {text}");
    nothing_is_left(&storage).await;
}

#[tokio::test]
async fn files_that_are_no_gems() {
    let good = Gem::new("foo", "1.0").file();
    for cut in [0, 100, 600, 1500] {
        refused(good[..cut].to_vec(), 422, "").await;
    }
    refused("not a gem at all", 422, "").await;
    refused(vec![b'x'; 5000], 422, "").await;
    refused(gzip(b"x"), 422, "").await;
    let other = tar(&[("other", b"x")]);
    refused(other, 422, "").await;
    let metadata = gzip(Gem::new("foo", "1.0").yaml().as_bytes());
    refused(tar(&[("metadata.gz", &metadata)]), 422, "data.tar.gz").await;
    let data = gzip(&tar(&[("lib/it.rb", b"x")]));
    let twice = [
        ("metadata.gz", &*metadata),
        ("data.tar.gz", &data),
        ("metadata.gz", &metadata),
    ];
    refused(tar(&twice), 422, "duplicate").await;
    let more = [
        ("metadata.gz", &*metadata),
        ("data.tar.gz", &data),
        ("extra", b"x"),
    ];
    refused(tar(&more), 422, "extra").await;
    let checksums = gzip(format!("---\nSHA256:\n  data.tar.gz: {}\n", "a".repeat(64)).as_bytes());
    let wrong = [
        ("metadata.gz", &*metadata),
        ("data.tar.gz", &data),
        ("checksums.yaml.gz", &checksums),
    ];
    refused(tar(&wrong), 422, "data.tar.gz").await;
    for path in ["/etc/x", "../x"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(1);
        header.set_mode(0o644);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        let mut bad = tar::Builder::new(Vec::new());
        bad.append(&header, &b"x"[..]).unwrap();
        let data = gzip(&bad.into_inner().unwrap());
        let bad = [("metadata.gz", &*metadata), ("data.tar.gz", &data)];
        refused(tar(&bad), 422, "").await;
    }
}

#[tokio::test]
async fn specifications_that_say_what_they_may_not() {
    let gem = || Gem::new("foo", "1.0");
    for (bad, status, words) in [
        (Gem::new("-foo", "1.0"), 403, "Name '-foo'"),
        (Gem::new("foo.gem", "1.0"), 403, "common file extension"),
        (
            Gem::new("\"123\"", "1.0"),
            403,
            "must include at least one letter",
        ),
        (Gem::new("\"../foo\"", "1.0"), 403, "Name '../foo'"),
        (Gem::new(&"n".repeat(256), "1.0"), 403, "too long"),
        (
            Gem::new("foo", "1.0-a"),
            403,
            "Number '1.0-a' cannot contain a dash",
        ),
        (Gem::new("foo", "a.b"), 403, "'a.b'"),
        (Gem::new("foo", "\"1.0\\n\""), 403, "'1.0"),
        (gem().on("\"x y\""), 403, "Platform 'x y'"),
        (
            gem().with("summary: What it is.", "summary:"),
            422,
            "summary",
        ),
        (gem().with("authors:\n- Ann", "authors: []"), 422, "authors"),
        (
            gem().with(
                "licenses:\n- MIT",
                &format!("licenses:\n- {}", "M".repeat(65)),
            ),
            422,
            "64 characters",
        ),
        (
            gem().with("homepage: https:", "homepage: javascript:"),
            422,
            "HTTP URI",
        ),
        (
            gem().with(
                "metadata: {}",
                &format!("metadata:\n  {}: x", "k".repeat(129)),
            ),
            422,
            "metadata key is too large",
        ),
        (
            gem().with(
                "metadata: {}",
                &format!("metadata:\n  k: {}", "v".repeat(1025)),
            ),
            422,
            "value is too large",
        ),
        (
            gem().with("metadata: {}", "metadata:\n  homepage_uri: x"),
            422,
            "invalid link",
        ),
        (
            gem().with("metadata: {}", "metadata: !ruby/object:Gem::Installer {}"),
            422,
            "",
        ),
        (
            gem().with("email: ann@example.com", "email: &a ann"),
            422,
            "",
        ),
        (gem().with("email: ann@example.com", "email: *a"), 422, ""),
        (gem().with("signing_key:", "signing_key: [\n"), 422, ""),
        (
            gem().with(
                "description: What",
                &format!("description: {} What", "x".repeat(20_000)),
            ),
            413,
            "20000 bytes",
        ),
    ] {
        refused(bad.file(), status, words).await;
    }
    refused(
        tar(&[(
            "metadata.gz",
            &gzip(b"--- !ruby/object:Gem::Version\nversion: '1'\n"),
        )]),
        422,
        "Gem::Specification",
    )
    .await;
}

#[tokio::test]
async fn bounds() {
    let noise = noise(300_000);
    refused(Gem::new("foo", "1.0").holding(&noise).file(), 413, "").await;
    let zeros = "0".repeat(300_000);
    refused(Gem::new("foo", "1.0").holding(&zeros).file(), 413, "").await;
}

#[tokio::test]
async fn methods_and_addresses() {
    let (client, _) = small();
    let answer = client.get(PUSH).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (405, "POST")
    );
    let answer = client.get("/rubygems/nothing").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}
