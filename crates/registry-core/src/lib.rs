//! The traits and the machinery that every protocol of the registry shares.
//!
//! Modules point one way: `protocol` → `auth`, `store` → `storage` → `error`, `digest`, `body`,
//! `clock`. `archive` and `multipart`, what is sent, know nothing but `error`.

#[cfg(feature = "archive")]
pub mod archive;
pub mod auth;
pub mod body;
pub mod clock;
pub mod digest;
pub mod error;
pub mod multipart;
pub mod protocol;
pub mod storage;
pub mod store;
pub mod task;

pub use body::Body;
pub use error::{Error, ErrorKind, Result};
