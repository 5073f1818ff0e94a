//! What is Composer's alone.

mod bad;
mod replicas;
