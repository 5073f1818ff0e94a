//! A package registry in a library: pick the protocols, bring your own storage, auth and hooks.
//!
//! The machinery that all protocols share is re-exported whole; each protocol is a module of its
//! own behind a feature of its name. Nothing is mounted until [`protocol::Builder::mount`] says so.

#[cfg(feature = "cargo")]
pub use registry_cargo as cargo;
#[cfg(feature = "composer")]
pub use registry_composer as composer;
pub use registry_core::*;
#[cfg(feature = "maven")]
pub use registry_maven as maven;
#[cfg(feature = "npm")]
pub use registry_npm as npm;
#[cfg(feature = "oci")]
pub use registry_oci as oci;
#[cfg(feature = "pypi")]
pub use registry_pypi as pypi;
#[cfg(feature = "rubygems")]
pub use registry_rubygems as rubygems;
