//! The PyPI protocol in process, over memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod captured;
mod fixture;
mod json;
mod manage;
mod refused;
mod simple;
mod upload;

use std::sync::Arc;

use registry_core::{
    auth::Action,
    protocol::{Builder, Clock, Mount, Options},
    storage::{Memory, Storage},
};
use registry_pypi::{Pypi, PypiConfig};
use registry_testkit::{Client, TestAuth};

/// Nobody's client of a registry over `storage`; nobody may read.
fn registry(storage: Arc<dyn Storage>, config: PypiConfig) -> Client {
    let clock = Clock::fixed("2026-01-02T03:04:05.678Z".parse().unwrap());
    let options = Options {
        clock,
        ..Options::default()
    };
    let mount = Mount::new(Pypi::new(config))
        .at("/pypi")
        .also_at("/simple", "/simple")
        .also_at("/legacy", "/legacy");
    let service = Builder::new(storage, TestAuth::new(Some(Action::Read)), options)
        .mount(mount)
        .build()
        .unwrap();
    Client::new(service)
}

/// A client who may write, on a registry of its own.
fn writer() -> Client {
    registry(Arc::new(Memory::default()), PypiConfig::default()).token("writer")
}
