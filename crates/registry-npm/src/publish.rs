//! What a `PUT` brings: its body read as it streams, and checked.

mod base64;
pub mod check;
pub mod provenance;
pub mod scan;

pub use check::{Publication, Stored};
pub use scan::{Event, PublishScanner};
