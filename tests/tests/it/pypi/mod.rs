//! What is PyPI's alone.

mod bad;
mod replicas;
