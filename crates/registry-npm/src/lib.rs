//! The npm registry protocol.

pub mod document;
pub mod error;
pub mod name;
pub mod publish;
pub mod route;
pub mod search;
pub mod tarball;
pub mod version;
pub mod wire;

pub use error::Error;
pub use name::{PackageName, Tag};
pub use route::Route;
pub use version::Version;
