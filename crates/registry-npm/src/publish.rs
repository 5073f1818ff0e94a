//! What is written: a publish, read as it streams and checked, and every other change.

mod base64;
pub mod check;
mod people;
pub mod provenance;
mod put;
pub mod scan;
mod tags;

use registry_core::{Error, ErrorKind, Result};

use crate::document::Head;
pub use check::{Publication, Stored};
pub use provenance::Bundle;
pub use scan::{Event, PublishScanner};

/// Who changes a package.
struct Writer {
    user: String,
    /// Whether they need not be a maintainer.
    unbound: bool,
}

impl Writer {
    /// Refuses who is no maintainer, where that is asked.
    fn check(&self, head: &Head) -> Result<()> {
        let maintains = || {
            head.maintainers
                .iter()
                .any(|person| person.name == self.user)
        };
        if self.unbound || head.maintainers.is_empty() || maintains() {
            return Ok(());
        }
        let user = &self.user;
        let message = format!("{user} is not a maintainer of this package; ask one to add you");
        Err(Error::new(ErrorKind::Denied, message))
    }
}
