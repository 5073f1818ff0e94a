//! The binary itself: started, asked over sockets, and stopped.

mod command_line;
mod config;
mod http;
mod shutdown;
mod slow;
mod support;
mod tls;
