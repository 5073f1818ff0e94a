//! The Maven repository layout: a tree of files that many build tools share.

pub mod checksum;
pub mod metadata;
pub mod module;
pub mod name;
pub mod pom;
pub mod version;
mod xml;

pub use name::{ArtifactId, GroupId};
pub use version::VersionName;
