//! Looks through a package's tarball, from its first byte to its last.

use std::io::Read;

use registry_core::{
    Result,
    archive::{self, Archive, EntryKind, below_top},
};
use serde::Deserialize;

use crate::Version;

/// The bounds of a tarball.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What any archive may hold.
    pub archive: archive::Limits,
    /// Bytes of `package.json`.
    pub manifest: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: archive::Limits::default(),
            manifest: 1 << 20,
        }
    }
}

/// npm reads all members of a gzip stream.
const TARBALL: Archive = Archive {
    called: "the tarball",
    many_members: true,
};

/// What is in a tarball.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The name in its `package.json`, as it stands there.
    pub name: String,
    /// The version in its `package.json`, cleaned.
    pub version: Version,
    /// Whether something runs when it is installed.
    pub has_install_script: bool,
    /// Whether it brings an `npm-shrinkwrap.json`.
    pub has_shrinkwrap: bool,
    /// How many files it holds.
    pub file_count: u64,
    /// The sum of their sizes.
    pub unpacked_size: u64,
}

/// Reads a gzipped tar to its end and says what is in it. Blocks as `reader` does.
///
/// # Errors
/// `Invalid` when it is not a package's tarball or is damaged anywhere, `TooLarge` when it passes
/// `limits`. An error that `reader` fails with comes back as it is.
pub fn inspect(reader: impl Read, limits: &Limits) -> Result<Inspected> {
    let mut found = Found::default();
    TARBALL.read(reader, &limits.archive, |entry| found.take(entry, limits))?;
    found.finish()
}

/// What has been found in a tarball so far.
#[derive(Default)]
struct Found {
    file_count: u64,
    unpacked_size: u64,
    manifest: Option<Manifest>,
    has_shrinkwrap: bool,
}

/// The part of `package.json` that counts here.
#[derive(Deserialize)]
struct Manifest {
    name: String,
    version: String,
    #[serde(default)]
    scripts: serde_json::Value,
}

impl Found {
    fn take(&mut self, entry: archive::Entry<'_>, limits: &Limits) -> Result<()> {
        if entry.kind != EntryKind::File {
            return Ok(());
        }
        self.file_count += 1;
        self.unpacked_size += entry.size;
        match below_top(&entry.path).as_deref() {
            Some(b"package.json") if self.manifest.is_some() => {
                Err(TARBALL.invalid("it holds more than one package.json"))
            }
            Some(b"package.json") => {
                let bytes = TARBALL.bounded(entry.content, limits.manifest, "its package.json")?;
                self.manifest = Some(parse_manifest(&bytes)?);
                Ok(())
            }
            Some(b"npm-shrinkwrap.json") => {
                self.has_shrinkwrap = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<Inspected> {
        let Some(manifest) = self.manifest else {
            return Err(TARBALL.invalid("it holds no package.json in a top folder"));
        };
        let scripts = ["preinstall", "install", "postinstall"];
        Ok(Inspected {
            version: Version::clean(&manifest.version)?,
            has_install_script: scripts
                .iter()
                .any(|script| manifest.scripts[script].is_string()),
            name: manifest.name,
            has_shrinkwrap: self.has_shrinkwrap,
            file_count: self.file_count,
            unpacked_size: self.unpacked_size,
        })
    }
}

fn parse_manifest(bytes: &[u8]) -> Result<Manifest> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes)
        .map_err(|error| TARBALL.invalid(format!("its package.json cannot be read: {error}")))
}

#[cfg(test)]
mod tests;
