//! The binary itself: started, asked over sockets, and stopped.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod command_line;
mod config;
mod files;
mod http;
mod shutdown;
mod slow;
mod support;
mod tls;
