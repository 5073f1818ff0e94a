//! The Composer repository protocol.

pub mod advisory;
pub mod composer_json;
pub mod constraint;
pub mod minify;
pub mod name;
pub mod version;
