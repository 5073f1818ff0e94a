//! The RubyGems protocol in process, over memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod api;
mod bad;
mod changes;
mod compact;
mod fixture;
mod keys;
mod push;

use std::sync::Arc;

use registry_core::{
    auth::Action,
    protocol::{Builder, Clock, Mount, Options, RegistryService},
    storage::{Memory, Storage},
};
use registry_rubygems::{Rubygems, RubygemsConfig};
use registry_testkit::{Answer, Client, TestAuth};

use crate::fixture::Gem;

/// Where gems are pushed.
const PUSH: &str = "/rubygems/api/v1/gems";
const YANK: &str = "/rubygems/api/v1/gems/yank";
const UNYANK: &str = "/rubygems/api/v1/gems/unyank";

/// Nobody's client of a registry over `storage`.
fn registry(
    storage: Arc<dyn Storage>,
    config: RubygemsConfig,
    anonymous: Option<Action>,
) -> Client {
    Client::new(service(storage, config, anonymous))
}

fn service(
    storage: Arc<dyn Storage>,
    config: RubygemsConfig,
    anonymous: Option<Action>,
) -> RegistryService {
    let clock = Clock::fixed("2026-01-02T03:04:05.678Z".parse().unwrap());
    let options = Options {
        clock,
        ..Options::default()
    };
    Builder::new(storage, TestAuth::new(anonymous), options)
        .mount(Mount::new(Rubygems::new(config)))
        .build()
        .unwrap()
}

/// A client who may write, on a registry of its own that everybody may read.
fn writer() -> Client {
    let storage = Arc::new(Memory::default());
    registry(storage, RubygemsConfig::default(), Some(Action::Read)).token("writer")
}

async fn push(client: &Client, gem: &Gem) -> Answer {
    client.post(PUSH, gem.file()).await
}

/// Pushes what has to succeed.
async fn pushed(client: &Client, gem: &Gem) {
    let answer = push(client, gem).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The body of what has to be there.
async fn text(client: &Client, path: &str) -> String {
    let answer = client.get(&format!("/rubygems{path}")).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// Yanks, and has to succeed.
async fn yanked(client: &Client, form: &str) {
    let answer = client.send(http::Method::DELETE, YANK, form.to_owned());
    let answer = answer.await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
