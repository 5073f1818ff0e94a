//! The traits and the machinery that every protocol of the registry shares.

pub mod body;
pub mod digest;
pub mod error;
pub mod storage;

pub use body::Body;
pub use error::{Error, ErrorKind, Result};
