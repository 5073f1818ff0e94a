//! Names and passwords that came in a body.

use super::{Credentials, Granted, Identity, Secret};
use crate::error::{Error, ErrorKind, Result};

impl Granted {
    /// The user with this name and password, or token in its place.
    ///
    /// # Errors
    /// `Unauthenticated` when they do not belong together, `RateLimited` for too many that do not.
    pub async fn recognise(&self, user: &str, password: &Secret) -> Result<Identity> {
        let credentials = Credentials::basic(user, password.reveal());
        let (mount, from) = (self.mount(), self.actor().ip);
        let identity = self.auth().authenticate(&credentials, mount, from);
        let identity = identity.await?;
        if identity.user.as_deref() == Some(user) {
            return Ok(identity);
        }
        Err(Error::new(
            ErrorKind::Unauthenticated,
            "the user name or the password is wrong",
        ))
    }
}
