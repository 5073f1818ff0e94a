//! The stores of the clouds, each by a server of its kind: do they keep the promises that the core
//! relies on, and does the real registry work over them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

mod conformance;
mod connect;
mod publish;
mod too_many;
