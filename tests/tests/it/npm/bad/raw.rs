//! Requests that no client would send: cut off, too long, too slow, or no HTTP.

use std::time::Duration;

use registry_tests::npm;
use registry_tests::random::Random;
use registry_tests::raw::Raw;
use registry_tests::{Answer, Request};

use super::{Table, good};

/// Small bounds, so that a test does not wait for large ones.
const HURRIED: &[(&str, &str)] = &[
    ("REGISTRY_LIMITS_HEADER_TIMEOUT", "2s"),
    ("REGISTRY_LIMITS_BODY_TIMEOUT", "5s"),
    ("REGISTRY_LIMITS_BODY_GRACE", "2s"),
    ("REGISTRY_LIMITS_BODY_MIN_RATE", "1K"),
    ("REGISTRY_LIMITS_IDLE_TIMEOUT", "5s"),
    ("REGISTRY_NPM_MAX_SIZE", "1M"),
    ("REGISTRY_LIMITS_MAX_BODY", "4M"),
];

/// The head of a publish whose body is of this length, or chunked.
fn head(table: &Table, name: &str, length: Option<u64>) -> String {
    let token = table.site.token.as_deref().unwrap();
    let length = match length {
        Some(length) => format!("content-length: {length}"),
        None => "transfer-encoding: chunked".to_owned(),
    };
    format!(
        "PUT {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n{length}\r\n\r\n",
        npm::path(name),
        table.site.authority()
    )
}

/// A connection on which a publish was begun, with a part of its body.
async fn begun(table: &Table, name: &str, length: Option<u64>, part: &[u8]) -> Raw {
    let mut raw = Raw::open(&table.site).await;
    raw.write(head(table, name, length).as_bytes()).await;
    raw.write(part).await;
    raw
}

/// No answer is one, too, if a connection breaks off.
fn judge(table: &Table, what: &str, answer: Option<Answer>, statuses: &[u16]) {
    if let Some(answer) = answer {
        table.judge(what, &answer, statuses);
    }
}

async fn nothing_there(table: &Table, what: &str, name: &str) {
    table.nothing_stored(what).await;
    let answer = table.site.get(npm::path(name)).await;
    if answer.status != 404 {
        table.fault(what, format!("then there is {answer}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off() {
    let table = Table::start(&[]);
    // Large enough that it is being stored when it breaks off.
    let document = |name: &str| {
        let bytes = npm::pack(name, "1.0.0", 0, 500_000);
        npm::document(name, "1.0.0", &[], &bytes)
            .to_string()
            .into_bytes()
    };
    let mut random = Random::seeded("cut off");
    for turn in 0..12 {
        let name = table.name();
        let document = document(&name);
        let at = random.below(document.len());
        let length = document.len() as u64;

        let what = format!("cut off after {at} of {length} bytes");
        let mut raw = begun(&table, &name, Some(length), &document[..at]).await;
        raw.finish().await;
        judge(&table, &what, raw.answer().await, &[400, 408]);
        nothing_there(&table, &what, &name).await;

        let what = format!("aborted after {at} of {length} bytes");
        let raw = begun(&table, &name, Some(length), &document[..at]).await;
        // Sometimes the server has read it, sometimes not.
        tokio::time::sleep(Duration::from_millis(5 * turn)).await;
        raw.abort();
        nothing_there(&table, &what, &name).await;

        let what = format!("chunks that end after {at} bytes");
        let chunk = format!("{:x}\r\n", length);
        let part = [chunk.as_bytes(), &document[..at]].concat();
        let mut raw = begun(&table, &name, None, &part).await;
        raw.finish().await;
        judge(&table, &what, raw.answer().await, &[400, 408]);
        nothing_there(&table, &what, &name).await;
    }
    let name = table.name();
    let document = document(&name);

    let what = "a shorter length than the body";
    let mut raw = begun(
        &table,
        &name,
        Some(document.len() as u64 - 1_000),
        &document,
    )
    .await;
    judge(&table, what, raw.answer().await, &[400]);
    nothing_there(&table, what, &name).await;

    let what = "a longer length than the body";
    let mut raw = begun(
        &table,
        &name,
        Some(document.len() as u64 + 1_000),
        &document,
    )
    .await;
    raw.finish().await;
    judge(&table, what, raw.answer().await, &[400, 408]);
    nothing_there(&table, what, &name).await;

    let what = "a chunk whose size is no number";
    let mut raw = begun(&table, &name, None, b"zz\r\n").await;
    judge(&table, what, raw.answer().await, &[400]);
    nothing_there(&table, what, &name).await;
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large() {
    let table = Table::start(HURRIED);
    let name = table.name();
    let put = |document: &serde_json::Value| Request::put(npm::path(&name), document);

    let bytes = npm::pack(&name, "1.0.0", 0, 2 << 20);
    let document = npm::document(&name, "1.0.0", &[], &bytes);
    table
        .refused("a tarball too large", &table.site, put(&document), &[413])
        .await;

    // Refused by its announcement, before its end: the answer is there for who reads it, though
    // the connection takes no more.
    let mut document = good(&name, "1.0.0");
    document["readme"] = "x".repeat(6 << 20).into();
    let document = document.to_string();
    for (what, length, part) in [
        ("a document too large", document.len() as u64, &*document),
        ("a terabyte announced", 1 << 40, "{"),
    ] {
        let mut raw = begun(&table, &name, Some(length), part.as_bytes()).await;
        match raw.answer().await {
            Some(answer) => table.judge(what, &answer, &[413]),
            None => table.fault(what, "no answer"),
        }
        nothing_there(&table, what, &name).await;
    }

    let what = "chunks without an end";
    let mut raw = begun(&table, &name, None, b"1\r\n{\r\n").await;
    let chunk = [b"10000\r\n", &[b' '; 0x1_0000][..], b"\r\n"].concat();
    for _ in 0..1_000 {
        if !raw.write(&chunk).await || raw.stirs(Duration::ZERO).await {
            break;
        }
    }
    judge(&table, what, raw.answer().await, &[413]);
    nothing_there(&table, what, &name).await;
    table.finish();
}

/// Writes a byte a second, or none when there are none, until the server has had enough.
async fn drip(raw: &mut Raw, bytes: &[u8]) {
    for second in 0..300 {
        if raw.stirs(Duration::from_secs(1)).await {
            return;
        }
        let byte = bytes.get(second).into_iter();
        if !raw.write(&byte.copied().collect::<Vec<_>>()).await {
            return;
        }
    }
    panic!("the server waits for as long as it takes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_slow() {
    let table = Table::start(HURRIED);
    let name = table.name();
    let document = good(&name, "1.0.0").to_string();

    let what = "a body a byte a second";
    let length = document.len() as u64;
    let mut raw = begun(&table, &name, Some(length), b"").await;
    drip(&mut raw, document.as_bytes()).await;
    judge(&table, what, raw.answer().await, &[400, 408]);
    nothing_there(&table, what, &name).await;

    let what = "a body that stops";
    let mut raw = begun(&table, &name, Some(length), &document.as_bytes()[..300]).await;
    judge(&table, what, raw.answer().await, &[400, 408]);
    nothing_there(&table, what, &name).await;

    // There is no protocol yet that could say why.
    let mut raw = Raw::open(&table.site).await;
    drip(&mut raw, head(&table, &name, Some(length)).as_bytes()).await;
    let mut raw = Raw::open(&table.site).await;
    drip(&mut raw, b"").await;
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_http() {
    let table = Table::start(&[]);
    let long = "a".repeat(1 << 20);
    for (what, text) in [
        ("noise", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        ("no path", "GET\r\n\r\n".to_owned()),
        ("no such version", "GET /npm/x HTTP/9.9\r\n\r\n".to_owned()),
        ("no host", "GET /npm/x HTTP/1.1\r\n\r\n".to_owned()),
        (
            "two lengths",
            "PUT /npm/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"
                .to_owned(),
        ),
        (
            "no length",
            "PUT /npm/x HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n".to_owned(),
        ),
        (
            "a long header",
            format!("GET /npm/x HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n"),
        ),
        (
            "a long path",
            format!("GET /npm/{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        ),
        (
            "many headers",
            format!(
                "GET /npm/x HTTP/1.1\r\nhost: x\r\n{}\r\n",
                "x-many: 1\r\n".repeat(5_000)
            ),
        ),
        (
            "a host with a quote",
            "GET /npm/-/ping HTTP/1.1\r\nhost: a\"b\r\n\r\n".to_owned(),
        ),
    ] {
        let mut raw = Raw::open(&table.site).await;
        raw.write(text.as_bytes()).await;
        raw.finish().await;
        if let Some(answer) = raw.answer().await
            && answer.status.is_server_error()
            && answer.status != 505
        {
            table.fault(what, answer);
        }
        table.nothing_stored(what).await;
        // And it is still there.
        table.site.get("/npm/-/ping").await.good();
    }
    table.finish();
}
