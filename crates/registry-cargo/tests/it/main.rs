//! The Cargo protocol in process, over memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod bad;
mod changes;
mod fixture;
mod login;
mod publish;

use std::sync::Arc;

use http::Method;
use registry_cargo::{Cargo, CargoConfig};
use registry_core::{
    auth::Action,
    protocol::{Builder, Clock, Mount, Options},
    storage::{Memory, Storage},
};
use registry_testkit::{Answer, Client, TestAuth};

use crate::fixture::Crate;

/// Where crates are put.
const NEW: &str = "/cargo/api/v1/crates/new";

/// Nobody's client of a registry over `storage`.
fn registry(storage: Arc<dyn Storage>, config: CargoConfig, anonymous: Option<Action>) -> Client {
    let clock = Clock::fixed("2026-01-02T03:04:05.678Z".parse().unwrap());
    let options = Options {
        clock,
        ..Options::default()
    };
    let service = Builder::new(storage, TestAuth::new(anonymous), options)
        .mount(Mount::new(Cargo::new(config)))
        .build()
        .unwrap();
    Client::new(service)
}

/// A client who may write, on a registry of its own that everybody may read.
fn writer() -> Client {
    let storage = Arc::new(Memory::default());
    registry(storage, CargoConfig::default(), Some(Action::Read)).token("writer")
}

async fn publish(client: &Client, new: &Crate) -> Answer {
    client.put(NEW, new.body()).await
}

/// Publishes what has to succeed.
async fn published(client: &Client, new: &Crate) {
    let answer = publish(client, new).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What cargo prints of a refusal.
fn detail(answer: &Answer) -> String {
    let detail = &answer.json()["errors"][0]["detail"];
    detail.as_str().expect("an error has a detail").to_owned()
}

/// The lines of an index file.
async fn index(client: &Client, path: &str) -> Vec<serde_json::Value> {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The status of a request without a body.
async fn status(client: &Client, method: Method, path: &str) -> u16 {
    let answer = client
        .send(method, path, registry_core::Body::empty())
        .await;
    answer.status.as_u16()
}
