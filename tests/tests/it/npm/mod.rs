//! What is npm's alone.

mod bad;
mod replicas;
