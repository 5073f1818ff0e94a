//! The Maven repository layout in process, over memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod broken_off;
mod bundle;
mod captures;
mod files;
mod lost;
mod metadata;
mod prune;
mod scopes;
mod search;

use std::sync::Arc;

use registry_core::{
    auth::Action,
    digest::{Algorithm, MultiHasher},
    protocol::{Builder, Clock, Mount, Options},
    storage::{Memory, Storage},
};
use registry_maven::{Maven, MavenConfig};
use registry_testkit::{Answer, Client, TestAuth};

/// Nobody's client of a registry over `storage`, and its clock.
fn registry(
    storage: Arc<dyn Storage>,
    config: MavenConfig,
    anonymous: Option<Action>,
) -> (Client, Clock) {
    let clock = Clock::fixed("2026-01-02T03:04:05.678Z".parse().unwrap());
    let options = Options {
        clock: clock.clone(),
        ..Options::default()
    };
    (with_options(storage, config, anonymous, options), clock)
}

fn with_options(
    storage: Arc<dyn Storage>,
    config: MavenConfig,
    anonymous: Option<Action>,
    options: Options,
) -> Client {
    let service = Builder::new(storage, TestAuth::new(anonymous), options)
        .mount(Mount::new(Maven::new(config)))
        .build()
        .unwrap();
    Client::new(service)
}

/// A client who may write, on a registry of its own that everybody may read.
fn writer() -> Client {
    writer_of(MavenConfig::default())
}

fn writer_of(config: MavenConfig) -> Client {
    let storage = Arc::new(Memory::default());
    registry(storage, config, Some(Action::Read))
        .0
        .token("writer")
}

fn pom(group: &str, artifact: &str, version: &str) -> String {
    format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>{group}</groupId>\
         <artifactId>{artifact}</artifactId><version>{version}</version></project>"
    )
}

/// Puts what has to be taken.
async fn put(client: &Client, path: &str, body: impl Into<Vec<u8>>) -> u16 {
    let answer = client.put(&format!("/maven/{path}"), body.into()).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.text());
    answer.status.as_u16()
}

/// Puts a POM and a jar.
async fn deploy(client: &Client, version: &str) {
    let at = format!("org/acme/lib/{version}/lib-{version}");
    put(client, &format!("{at}.jar"), format!("jar {version}")).await;
    put(
        client,
        &format!("{at}.pom"),
        pom("org.acme", "lib", version),
    )
    .await;
}

async fn get(client: &Client, path: &str) -> Answer {
    client.get(&format!("/maven/{path}")).await
}

/// What is there.
async fn text(client: &Client, path: &str) -> String {
    let answer = get(client, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

async fn status(client: &Client, path: &str) -> u16 {
    get(client, path).await.status.as_u16()
}

/// The status and the sentence of a refusal.
fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status.as_u16());
    format!(
        "{} {}",
        problem["status"],
        problem["detail"].as_str().unwrap()
    )
}

fn sum(algorithm: Algorithm, bytes: &[u8]) -> String {
    let mut hasher = MultiHasher::new(&[algorithm]);
    hasher.update(bytes);
    hasher.finish().hex(algorithm)
}

const SUMS: [Algorithm; 4] = [
    Algorithm::Md5,
    Algorithm::Sha1,
    Algorithm::Sha256,
    Algorithm::Sha512,
];
