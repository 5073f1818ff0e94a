//! The Composer repository protocol.

pub mod constraint;
pub mod name;
pub mod version;
