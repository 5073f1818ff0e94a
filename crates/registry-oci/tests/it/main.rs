//! The OCI protocol in process, over memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod access;
mod bad;
mod captured;
mod faults;
mod fixture;
mod hooks;
mod lists;
mod maintenance;
mod manifests;
mod referrers;
mod tokens;

use std::sync::Arc;

use registry_core::{
    auth::Action,
    protocol::{Builder, Clock, Mount, Options},
    storage::{Memory, Storage},
};
use registry_oci::{Oci, OciConfig};
use registry_testkit::{Client, TestAuth};

/// Nobody's client of a registry over `storage`, where nobody may read.
fn registry(storage: Arc<dyn Storage>, config: OciConfig) -> Client {
    let clock = Clock::fixed("2026-01-02T03:04:05.678Z".parse().unwrap());
    let options = Options {
        clock,
        ..Options::default()
    };
    let service = Builder::new(storage, TestAuth::new(Some(Action::Read)), options)
        .mount(Mount::new(Oci::new(config)).at("/v2").at("/oci"))
        .build()
        .unwrap();
    Client::new(service)
}

/// A client who may write, on a registry of its own.
fn writer() -> Client {
    with(OciConfig::default())
}

/// The same on one that is set up so.
fn with(config: OciConfig) -> Client {
    registry(Arc::new(Memory::default()), config).token("writer")
}
