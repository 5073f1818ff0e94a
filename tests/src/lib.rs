//! The harness of the tests that run the real server: processes, storage places, a client, and an
//! adapter for each protocol.
//!
//! The tests themselves are in `tests/it`. They know the server by its command line and by HTTP
//! only. `REGISTRY_BIN` names the binary, else it is the one beside the test executable.
//! `MINIO_BIN` names a MinIO server for everything over S3; without it those tests say that they
//! are left out, or fail if `CI_REQUIRE_S3=1`. `REGISTRY_TEST_FULL=1` runs the large numbers, and
//! `REGISTRY_TEST_SEED` repeats a run that was random.
//!
//! `tests/stores` runs the core's conformance suite, and one publish, against the stores of the
//! clouds: MinIO as above, Azurite where `AZURITE_BIN` names it (its program for blobs), and
//! fake-gcs-server where `FAKE_GCS_BIN` does.
//!
//! A further protocol is one more [`Ecosystem`], and a line in `tests/it/main.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "all of this runs in tests, where a panic is the report"
)]

pub mod azurite;
pub mod cargo;
pub mod client;
pub mod cluster;
pub mod composer;
pub mod ecosystem;
pub mod fake_gcs;
mod kept;
pub mod maven;
pub mod minio;
pub mod npm;
pub mod oci;
pub mod place;
pub mod pypi;
pub mod random;
pub mod raw;
pub mod rubygems;
pub mod s3_proxy;
pub mod server;
pub mod tarball;
pub mod together;

pub use client::{Answer, Lost, Request, Site};
pub use cluster::{Cluster, Settings};
pub use ecosystem::{Artifact, Ecosystem, Listing, Outcome, Release, Search};
pub use place::{Cell, Kind};
pub use together::{eventually, together};

/// `long` in a full run, `short` otherwise.
pub fn sized<T>(long: T, short: T) -> T {
    if std::env::var_os("REGISTRY_TEST_FULL").is_some_and(|value| value == "1") {
        long
    } else {
        short
    }
}

/// Says something that the test runner does not capture.
pub fn announce(line: &str) {
    use std::io::Write;
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    writeln!(std::io::stderr(), "{test}: {line}").expect("standard error is open");
}
