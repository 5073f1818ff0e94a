//! The Composer repository in process, over memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod captured;
mod changes;
mod lists;
mod refused;
mod upload;

use std::{sync::Arc, time::Duration};

use http::Method;
use registry_composer::{Composer, ComposerConfig};
use registry_core::{
    Body,
    auth::Action,
    protocol::{BaseUrl, Builder, Clock, Mount, Options, Protocol as _},
    storage::{Memory, Storage},
    store::StorageHook,
};
use registry_testkit::{Answer, Client, TestAuth, zip};
use serde_json::{Value, json};

/// A registry of its own, and what time it is there.
struct Registry {
    nobody: Client,
    writer: Client,
    clock: Clock,
}

impl Registry {
    fn of(storage: Arc<dyn Storage>, config: ComposerConfig, anonymous: Option<Action>) -> Self {
        Self::hooked(storage, config, anonymous, Vec::new())
    }

    /// One with hooks.
    fn hooked(
        storage: Arc<dyn Storage>,
        config: ComposerConfig,
        anonymous: Option<Action>,
        hooks: Vec<Arc<dyn StorageHook>>,
    ) -> Self {
        let clock = Clock::fixed("2026-01-02T03:04:05.678Z".parse().unwrap());
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        let mut builder = Builder::new(storage, TestAuth::new(anonymous), options);
        for hook in hooks {
            builder = builder.hook(hook);
        }
        let mount = Mount::new(Composer::new(config));
        let service = builder.mount(mount).build().unwrap();
        let nobody = Client::new(service);
        Self {
            writer: nobody.token("writer"),
            nobody,
            clock,
        }
    }

    /// One that everybody may read.
    fn new() -> Self {
        let storage = Arc::new(Memory::default());
        Self::of(storage, ComposerConfig::default(), Some(Action::Read))
    }

    /// Puts a zip of a package as the writer.
    async fn put(&self, path: &str, zip: Vec<u8>) -> Answer {
        self.writer.put(&format!("/composer{path}"), zip).await
    }

    /// Puts what has to be new.
    async fn published(&self, path: &str, zip: Vec<u8>) -> Value {
        let answer = self.put(path, zip).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        answer.json()
    }

    async fn get(&self, path: &str) -> Answer {
        self.nobody.get(&format!("/composer{path}")).await
    }

    /// What has to be there.
    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.headers["content-type"], "application/json", "{path}");
        answer.json()
    }

    /// The versions in a list, each with all that it says.
    async fn versions(&self, file: &str) -> Vec<Value> {
        let list = self.json(&format!("/p2/{file}.json")).await;
        assert_eq!(list["minified"], "composer/2.0");
        let name = file.trim_end_matches("~dev");
        let mut running = serde_json::Map::new();
        let all = list["packages"][name].as_array().unwrap();
        let all = all.iter().map(|version| {
            for (key, value) in version.as_object().unwrap() {
                if value == "__unset" {
                    running.remove(key);
                } else {
                    running.insert(key.clone(), value.clone());
                }
            }
            Value::Object(running.clone())
        });
        all.collect()
    }

    /// How the versions in a list are spelled.
    async fn spelled(&self, file: &str) -> Vec<String> {
        let all = self.versions(file).await;
        let spelled = all
            .iter()
            .map(|of| of["version"].as_str().unwrap().to_owned());
        spelled.collect()
    }

    async fn delete(&self, path: &str) -> Answer {
        let path = format!("/composer{path}");
        self.writer.send(Method::DELETE, &path, Body::empty()).await
    }

    fn later(&self) {
        self.clock.advance(Duration::from_secs(60));
    }
}

/// What is told of a refusal.
fn message(answer: &Answer) -> String {
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.json();
    assert_eq!(body["status"], "error");
    body["message"].as_str().unwrap().to_owned()
}

/// A zip of a `composer.json` and a file that holds `content`.
fn zip_of(composer: &Value, content: &str) -> Vec<u8> {
    let composer = composer.to_string();
    zip(
        &[
            ("composer.json", composer.as_bytes()),
            ("src/Lib.php", content.as_bytes()),
        ],
        true,
    )
}

/// A zip of a version of `acme/lib`.
fn lib(version: &str, content: &str) -> Vec<u8> {
    let composer = json!({
        "name": "acme/lib", "version": version, "description": "A library", "license": "MIT",
        "require": { "php": ">=8.1" },
    });
    zip_of(&composer, content)
}

fn sha1(bytes: &[u8]) -> String {
    use registry_core::digest::{Algorithm, Digest};
    Digest::of(Algorithm::Sha1, bytes).hex().to_owned()
}
