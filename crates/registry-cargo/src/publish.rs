//! What is written: a publish, read as it streams and checked, and every other change.

mod check;
mod dependency;
mod features;
mod manifest;
mod owners;
mod put;
pub mod scan;
mod yank;

use registry_core::{Error, ErrorKind, Result, auth::Writer};

use crate::document::Head;
pub use check::{Limits, Publication, parse};
pub use manifest::Manifest;
pub use scan::{Event, PublishScanner};

/// Refuses who is no owner, where that is asked.
fn check_owner(writer: &Writer, head: &Head) -> Result<()> {
    if writer.may_change(head.owners.iter().map(String::as_str)) {
        return Ok(());
    }
    let message = "this crate exists but you don't seem to be an owner; ask one to add you";
    Err(Error::new(ErrorKind::Denied, message))
}
