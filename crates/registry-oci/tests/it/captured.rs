//! What real clients send, captured, request by request: crane, oras, podman and skopeo log in, push,
//! pull, list and delete. Of the answers the status has to be the same, and bytes that are asked
//! for by their digest have to have it.
//!
//! A capture is requests with a number, their headers as far as they matter, a body as `text` or
//! `base64`, and `=` with the status. `{token N}` is the token that request N got, `{location N}`
//! the upload that it was sent to.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, StatusCode};
use registry_core::{
    auth::{Anonymous, AuthOptions, BucketTokens, DefaultAuth, Secret},
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::Documents,
};
use registry_oci::Oci;
use registry_testkit::{Answer, Client};

use crate::fixture::digest;

/// Headers that the captures have, since a client's headers have names that are known beforehand.
const HEADERS: &[&str] = &[
    "accept",
    "authorization",
    "content-length",
    "content-range",
    "content-type",
    "docker-distribution-api-version",
    "range",
];

struct Captured<'a> {
    number: &'a str,
    method: Method,
    path: &'a str,
    headers: Vec<(&'static str, &'a str)>,
    body: Bytes,
    status: u16,
}

impl<'a> Captured<'a> {
    fn parse(text: &'a str) -> Self {
        let mut lines = text.lines();
        let mut first = lines.next().unwrap().splitn(3, ' ');
        let mut captured = Self {
            number: first.next().unwrap(),
            method: first.next().unwrap().parse().unwrap(),
            path: first.next().unwrap(),
            headers: Vec::new(),
            body: Bytes::new(),
            status: 0,
        };
        for line in lines {
            if let Some(status) = line.strip_prefix("= ") {
                captured.status = status.parse().unwrap();
            } else if let Some(body) = line.strip_prefix("text ") {
                captured.body = body.to_owned().into();
            } else if let Some(body) = line.strip_prefix("base64 ") {
                captured.body = STANDARD.decode(body).unwrap().into();
            } else {
                let (name, value) = line.split_once(": ").unwrap();
                let name = HEADERS.iter().find(|known| **known == name);
                captured.headers.push((name.expect(line), value));
            }
        }
        captured
    }
}

/// What earlier answers gave to later requests.
#[derive(Default)]
struct Given(HashMap<String, String>);

impl Given {
    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.0 {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        assert!(!text.contains('{'), "{text}");
        text
    }

    fn take(&mut self, number: &str, answer: &Answer) {
        let location = answer.header("location").to_owned();
        self.0.insert(format!("location {number}"), location);
        if answer.text().contains("\"access_token\"") {
            let token = answer.json()["access_token"].as_str().unwrap().to_owned();
            self.0.insert(format!("token {number}"), token);
        }
    }
}

async fn replay(captured: &str) {
    let storage = Arc::new(Memory::default());
    let documents = Documents::new(storage.clone(), 1 << 20, Duration::ZERO);
    let tokens = Arc::new(BucketTokens::new(documents.clone()));
    let options = AuthOptions {
        anonymous: Anonymous::None,
        ..AuthOptions::default()
    };
    let auth = DefaultAuth::new(documents, tokens, options).unwrap();
    auth.add_user("ann", Secret::new("correct horse"), false, &[])
        .await
        .unwrap();
    let service = Builder::new(storage, Arc::new(auth), Options::default())
        .mount(Mount::new(Oci::default()).at("/v2").at("/oci"))
        .build()
        .unwrap();
    let nobody = Client::new(service);
    let mut given = Given::default();
    for request in captured.split("\n\n").map(Captured::parse) {
        let mut client = nobody.clone();
        for (name, value) in &request.headers {
            client = client.header(name, &given.fill(value));
        }
        let path = given.fill(request.path);
        let answer = client
            .send(request.method.clone(), &path, request.body)
            .await;
        let (number, method, body) = (request.number, &request.method, answer.text());
        assert_eq!(
            answer.status, request.status,
            "{number} {method} {path}: {body}"
        );
        if (method, answer.status) == (&Method::GET, StatusCode::OK)
            && let Some((_, asked)) = path.split_once("/sha256:")
            && !path.contains("/referrers/")
        {
            assert_eq!(digest(&answer.body), format!("sha256:{asked}"), "{number}");
        }
        given.take(number, &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crane() {
    replay(include_str!("captured/crane.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oras() {
    replay(include_str!("captured/oras.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn podman() {
    replay(include_str!("captured/podman.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo() {
    replay(include_str!("captured/skopeo.txt")).await;
}
