//! The real server, one process and several, over a directory and over S3.
//!
//! What every protocol must withstand is generic over [`Ecosystem`](registry_tests::Ecosystem) and
//! is run here for each; what is one protocol's alone lies in a folder of its name. See the crate's
//! documentation for the environment.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

mod bad;
mod cargo;
mod composer;
mod full_disk;
mod hot_package;
mod kill;
mod maven;
mod npm;
mod oci;
mod one_winner;
mod pypi;
mod replays;
mod rubygems;
mod snapshot;
