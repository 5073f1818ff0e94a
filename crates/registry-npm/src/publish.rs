//! What is written: a publish, read as it streams and checked, and every other change.

mod base64;
pub mod check;
mod people;
pub mod provenance;
mod put;
pub mod scan;
mod tags;

use registry_core::{Error, ErrorKind, Result, auth::Writer};

use crate::{document::Head, users::NOBODY};
pub use check::{Publication, Stored};
pub use provenance::Bundle;
pub use scan::{Event, PublishScanner};

/// Refuses who is no maintainer, where that is asked.
fn check_writer(writer: &Writer, head: &Head) -> Result<()> {
    let maintainers = head.maintainers.iter().map(|person| &*person.name);
    if writer.may_change(maintainers) {
        return Ok(());
    }
    let user = writer.user().unwrap_or(NOBODY);
    let message = format!("{user} is not a maintainer of this package; ask one to add you");
    Err(Error::new(ErrorKind::Denied, message))
}
