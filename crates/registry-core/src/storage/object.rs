//! To be written.
/// x
pub struct ObjectStorage;
