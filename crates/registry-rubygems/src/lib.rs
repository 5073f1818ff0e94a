//! The RubyGems registry protocol: the compact index, gems, the Marshal indexes, and the web API of
//! `gem`.

pub mod name;
pub mod platform;
pub mod requirement;
pub mod version;
pub mod yaml;

pub use name::GemName;
pub use platform::Platform;
pub use requirement::Requirement;
pub use version::Version;
