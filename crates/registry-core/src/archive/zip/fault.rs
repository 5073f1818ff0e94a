//! Why a zip is refused.

use std::{fmt::Display, io};

use crate::error::{Error, ErrorKind};

/// Why a zip is refused, without its name: `it is not a zip`.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It has something that it may not have.
    #[error("{0}")]
    Invalid(String),
    /// It cannot be unpacked.
    #[error("it is damaged")]
    Damaged(#[source] io::Error),
    /// It passes a bound.
    #[error("{0}")]
    TooLarge(String),
    /// Not the zip's own: what its reader failed with, or who looks at its entries says.
    #[error(transparent)]
    Other(#[from] Error),
}

impl Fault {
    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }

    pub(super) fn too_large(what: impl Into<String>) -> Self {
        Self::TooLarge(what.into())
    }

    /// The refusal of the zip, which is `called` so: `called: it is not a zip`. What is not the zip's
    /// own is as it was.
    pub fn told(self, called: impl Display) -> Error {
        let message = format!("{called}: {self}");
        match self {
            Self::Invalid(_) => Error::invalid(message),
            Self::Damaged(source) => Error::invalid(message).with_source(source),
            Self::TooLarge(_) => Error::new(ErrorKind::TooLarge, message),
            Self::Other(error) => error,
        }
    }
}

/// What a reader of a zip's bytes, or of an entry's, failed with.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(fault) => return fault,
            Err(error) => error,
        };
        match error.downcast::<Error>() {
            Ok(error) => Self::Other(error),
            Err(error) => Self::Damaged(error),
        }
    }
}
