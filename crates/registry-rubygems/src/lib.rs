//! The RubyGems registry protocol: the compact index, gems, the Marshal indexes, and the web API of
//! `gem`.

pub mod compact;
pub mod gem;
pub mod marshal;
pub mod name;
pub mod platform;
pub mod requirement;
pub mod spec;
pub mod version;
pub mod yaml;

pub use name::GemName;
pub use platform::Platform;
pub use requirement::Requirement;
pub use spec::Spec;
pub use version::Version;
