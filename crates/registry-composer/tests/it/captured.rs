//! What real clients send, captured: curl a form with a zip of `git archive`, and Composer 2.5 what it
//! needs to install the package, update, audit and search.
//!
//! A capture is requests: a line with method and path, headers, the body behind `>`, and the status
//! behind `=`. `{last-modified}` is what the address was last said to be.

use std::collections::HashMap;

use http::Method;
use registry_core::Body;

use super::{Registry, message, sha1};

const FORM: &[u8] = include_bytes!("captured/curl.form");
const REQUESTS: &str = include_str!("captured/composer.txt");
/// Headers that the capture has, since a client's headers have names that are known beforehand.
const HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "content-type",
    "if-modified-since",
    "user-agent",
];

/// What curl calls the form.
fn kind() -> String {
    let end = FORM.iter().position(|byte| *byte == b'\r').unwrap();
    let boundary = std::str::from_utf8(&FORM[2..end]).unwrap();
    format!("multipart/form-data; boundary={boundary}")
}

#[tokio::test]
async fn a_form_of_curl_and_the_requests_of_composer() {
    let registry = Registry::new();
    let curl = registry.writer.header("content-type", &kind());
    let path = "/composer/packages/upload/acme/cap/1.0.0";
    let answer = curl.put(path, FORM.to_vec()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(curl.put(path, FORM.to_vec()).await.status, 200);
    let other = curl.put("/composer/packages/upload/acme/cap/1.0.1", FORM.to_vec());
    let other = other.await;
    assert_eq!(other.status, 400);
    assert!(message(&other).contains("1.0.1"));
    let version = registry.versions("acme/cap").await.remove(0);
    assert_eq!(version["source"]["url"], "https://git.example/a.git");
    registry.later();

    let mut modified: HashMap<&str, String> = HashMap::new();
    for request in REQUESTS.split("\n\n") {
        let mut lines = request.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let mut client = registry.nobody.clone();
        let (mut body, mut wanted) = ("", "");
        for line in lines {
            if let Some(text) = line.strip_prefix("> ") {
                body = text;
            } else if let Some(status) = line.strip_prefix("= ") {
                wanted = status;
            } else {
                let (name, value) = line.split_once(": ").unwrap();
                let name = HEADERS.iter().find(|known| **known == name).unwrap();
                let last = modified.get(path).map(String::as_str);
                let value = value.replace("{last-modified}", last.unwrap_or_default());
                client = client.header(name, &value);
            }
        }
        let method: Method = method.parse().unwrap();
        let answer = client.send(method, path, Body::from(body)).await;
        assert_eq!(answer.status.as_str(), wanted, "{path}: {}", answer.text());
        if wanted == "304" {
            assert!(answer.body.is_empty());
        }
        if path.ends_with(".zip") {
            let name = path.rsplit('/').next().unwrap();
            assert_eq!(format!("{}.zip", sha1(&answer.body)), name);
        }
        modified.insert(path, answer.header("last-modified").to_owned());
    }
}
