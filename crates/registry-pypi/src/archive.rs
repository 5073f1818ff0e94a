//! What is in a file: looked through from its first byte to its last as it streams.

use std::io::Read;

use registry_core::{
    Result,
    archive::{
        self,
        paths::{FILE, Paths},
    },
};

use crate::file_name::Packing;

pub mod entry_points;
pub mod record;
pub mod sdist;
#[cfg(test)]
mod tests;
pub mod wheel;

/// The bounds of a file.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes once unpacked.
    pub unpacked: u64,
    /// Files, folders and links, and what a wheel's list of files names.
    pub entries: u64,
    /// How many times its own size, beyond [`archive::RATIO_FREE`], it may unpack to.
    pub ratio: u64,
    /// Bytes of the metadata within, and of every other small file that is looked into.
    pub metadata: u64,
    /// Bytes of the list of a wheel's files, and of their names.
    pub record: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: 8 << 30,
            entries: 100_000,
            ratio: 50,
            metadata: 1 << 20,
            record: 16 << 20,
        }
    }
}

impl From<&Limits> for archive::Limits {
    fn from(limits: &Limits) -> Self {
        Self {
            unpacked: limits.unpacked,
            entries: limits.entries,
            ratio: limits.ratio,
        }
    }
}

/// What a zip is called when it is refused.
const ZIP: &str = "Invalid distribution file. ZIP archive not accepted";

/// What was found in a file.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The one folder at its top that counts: of a wheel its `….dist-info`, of a source distribution
    /// its only one.
    pub folder: String,
    /// The metadata in it, as it stands there.
    pub metadata: Vec<u8>,
    /// The paths of its files, from the folder on.
    pub paths: Paths,
}

impl Inspected {
    /// Whether there is a file at a place below the folder.
    pub fn holds(&self, place: &str) -> bool {
        self.paths.of(&format!("{}/{place}", self.folder)) & FILE != 0
    }
}

/// Reads a file to its end and says what is in it. Blocks as `reader` does.
///
/// # Errors
/// [`Invalid`](registry_core::ErrorKind::Invalid) when it is not what its name says or is damaged or
/// dangerous anywhere, [`TooLarge`](registry_core::ErrorKind::TooLarge) when it passes `limits`.
pub fn inspect(reader: &mut dyn Read, packing: Packing, limits: &Limits) -> Result<Inspected> {
    match packing {
        Packing::Wheel => wheel::inspect(reader, limits),
        Packing::TarGz => sdist::inspect_tar(reader, limits),
        Packing::Zip => sdist::inspect_zip(reader, limits),
    }
}
