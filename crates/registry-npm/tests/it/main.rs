//! The npm protocol in process, over memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod fixture;
mod install;
mod packages;
mod publish;

use std::sync::Arc;

use registry_core::{
    auth::Action,
    protocol::{Builder, Clock, Mount, Options},
    storage::{Memory, Storage},
};
use registry_npm::{Npm, NpmConfig};
use registry_testkit::{Client, TestAuth};

/// Nobody's client of a registry over `storage`; nobody may read.
fn registry(storage: Arc<dyn Storage>, config: NpmConfig) -> Client {
    let clock = Clock::fixed("2026-01-02T03:04:05.678Z".parse().unwrap());
    let options = Options {
        clock,
        ..Options::default()
    };
    let service = Builder::new(storage, TestAuth::new(Some(Action::Read)), options)
        .mount(Mount::new(Npm::new(config)))
        .build()
        .unwrap();
    Client::new(service)
}

/// A client who may write, on a registry of its own.
fn writer() -> Client {
    registry(Arc::new(Memory::default()), NpmConfig::default()).token("writer")
}
