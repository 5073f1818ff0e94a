//! What is written: an upload, read as it streams and checked, and every other change.

pub mod attestation;
pub mod check;
pub mod form;
mod manage;
mod upload;
