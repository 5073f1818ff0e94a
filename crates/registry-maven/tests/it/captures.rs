//! What clients really send when they publish, request by request, and what is there afterwards.
//!
//! Each line of a capture is a request: method, path, headers, and a body with a character for each
//! byte.

use http::Method;
use serde_json::Value;

use crate::{get, text, writer};

/// The contents of a document's elements of this name.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(&open).skip(1);
    let inner = parts.filter_map(|part| Some(part.split_once(&close)?.0.trim().to_owned()));
    inner.collect()
}

/// Whether what is put there is the registry's own to make.
fn is_derived(path: &str) -> bool {
    path.contains("/maven-metadata.xml")
}

fn body(request: &Value) -> Vec<u8> {
    let text = request["body"].as_str().unwrap_or_default();
    let bytes = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap());
    bytes.collect()
}

/// Sends a capture; each request must be answered as the client needs it. Twice, since clients try
/// again.
async fn replay(capture: &str, versions: &[(&str, &[&str])]) {
    let writer = writer();
    for _ in 0..2 {
        for line in capture.lines() {
            let request: Value = serde_json::from_str(line).unwrap();
            let path = request["path"].as_str().unwrap();
            let mut client = writer.clone();
            for (name, value) in request["headers"].as_object().unwrap() {
                let name = [
                    "user-agent",
                    "expect",
                    "content-type",
                    "accept",
                    "cache-control",
                    "pragma",
                ]
                .into_iter()
                .find(|known| known == name);
                client = client.header(name.unwrap(), value.as_str().unwrap());
            }
            let method: Method = request["method"].as_str().unwrap().parse().unwrap();
            let url = format!("/maven/{path}");
            let answer = client.send(method.clone(), &url, body(&request)).await;
            let status = answer.status.as_u16();
            let fine: &[u16] = match method {
                Method::PUT => &[200, 201],
                // Nothing is there before the first deploy, or what was made by it.
                _ => &[200, 404],
            };
            assert!(fine.contains(&status), "{method} {path}: {}", answer.text());
        }
    }
    for line in capture.lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        let path = request["path"].as_str().unwrap();
        if request["method"] == "PUT" && !is_derived(path) {
            let answer = get(&writer, path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.body, body(&request), "{path}");
        }
    }
    for (artifact, wanted) in versions {
        let xml = text(&writer, &format!("org/acme/{artifact}/maven-metadata.xml")).await;
        assert_eq!(elements(&xml, "version"), *wanted, "{xml}");
    }
}

#[tokio::test]
async fn releases() {
    let one: &[&str] = &["1.0"];
    let three = [("parent", one), ("lib", one), ("app", one)];
    for capture in [
        include_str!("captures/mvn-3.8-release.jsonl"),
        include_str!("captures/mvn-3.9-release.jsonl"),
        include_str!("captures/mvn-4-release.jsonl"),
    ] {
        replay(capture, &three).await;
    }
    let lein = include_str!("captures/lein-2.10-release.jsonl");
    replay(lein, &[("llib", one)]).await;
    let gradle = include_str!("captures/gradle-4.4-release.jsonl");
    replay(gradle, &[("glib", one)]).await;
}

#[tokio::test]
async fn snapshots() {
    let one: &[&str] = &["2.0-SNAPSHOT"];
    let two = [("parent", one), ("lib", one)];
    for capture in [
        include_str!("captures/mvn-3.8-snapshots.jsonl"),
        include_str!("captures/mvn-3.9-snapshots.jsonl"),
        include_str!("captures/mvn-4-snapshots.jsonl"),
    ] {
        replay(capture, &two).await;
    }
}
