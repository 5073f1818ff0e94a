//! What a `PUT` brings: its body read as it streams, and checked.

mod base64;
pub mod scan;

pub use scan::{Event, PublishScanner};
