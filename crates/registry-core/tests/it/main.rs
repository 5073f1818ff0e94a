//! The core, seen through the smallest protocol there can be.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod access;
mod documents;
mod hooks;
mod http;
mod log;

use std::sync::Arc;

use registry_core::{
    auth::Action,
    protocol::{Builder, Mount, Options, RegistryService},
    storage::{Memory, Storage},
};
use registry_testkit::{Client, Faulty, TestAuth, toy::Toy};

/// A registry of one toy mount over `storage`.
fn service(storage: Arc<dyn Storage>) -> RegistryService {
    Builder::new(
        storage,
        TestAuth::new(Some(Action::Read)),
        Options::default(),
    )
    .mount(Mount::new(Toy))
    .build()
    .unwrap()
}

/// A writer on a registry over `storage`.
fn writer(storage: Arc<dyn Storage>) -> Client {
    Client::new(service(storage)).token("writer")
}

/// Two stores over the same bytes, one near and one far.
fn faulty() -> [Faulty; 2] {
    let store = || Faulty::new(Arc::new(Memory::default()));
    [store(), store().remote()]
}
