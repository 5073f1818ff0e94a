//! Looks through a crate file, from its first byte to its last.

use std::io::Read;

use registry_core::{
    Result,
    archive::{self, Archive, EntryKind, below_top},
};

use crate::{CrateName, Version, publish::Manifest};

/// The bounds of a crate file.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What any archive may hold.
    pub archive: archive::Limits,
    /// Bytes of `Cargo.toml`.
    pub manifest: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: archive::Limits {
                unpacked: 512 << 20,
                ..archive::Limits::default()
            },
            manifest: 1 << 20,
        }
    }
}

/// cargo unpacks only the first member of a gzip stream.
const CRATE: Archive = Archive {
    called: "the crate file",
    many_members: false,
};

/// Reads the crate file of a version to its end and gives its `Cargo.toml`, as bytes: what is made of
/// it takes many times as much memory. Blocks as `reader` does.
///
/// # Errors
/// `Invalid` when cargo would not unpack it, or would unpack something else than others see, or when
/// it is damaged anywhere; `TooLarge` when it passes `limits`. An error that `reader` fails with
/// comes back as it is.
pub fn inspect(
    reader: impl Read,
    name: &CrateName,
    version: &Version,
    limits: &Limits,
) -> Result<Vec<u8>> {
    let top = format!("{name}-{version}");
    let mut manifest = None;
    CRATE.read(reader, &limits.archive, |entry| {
        let path = check_path(&top, &entry)?;
        let Some(path) = path.filter(|path| path.eq_ignore_ascii_case(b"Cargo.toml")) else {
            return Ok(());
        };
        if path != b"Cargo.toml" || entry.kind != EntryKind::File {
            return Err(CRATE.invalid("its Cargo.toml must be a file of exactly that name"));
        }
        if manifest.is_some() {
            return Err(CRATE.invalid("it holds more than one Cargo.toml"));
        }
        manifest = Some(CRATE.bounded(entry.content, limits.manifest, "its Cargo.toml")?);
        Ok(())
    })?;
    manifest.ok_or_else(|| CRATE.invalid(format!("it holds no {top}/Cargo.toml")))
}

/// Reads the `Cargo.toml` of a crate file.
///
/// # Errors
/// `Invalid` when it is none.
pub fn manifest(bytes: &[u8]) -> Result<Manifest> {
    Manifest::parse(bytes)
        .map_err(|error| CRATE.invalid(format!("its Cargo.toml cannot be read: {error}")))
}

/// What is left of an entry's path without the top folder; nothing of that folder itself.
fn check_path(top: &str, entry: &archive::Entry<'_>) -> Result<Option<Vec<u8>>> {
    let shown = || String::from_utf8_lossy(&entry.path).into_owned();
    let Ok(path) = str::from_utf8(&entry.path) else {
        return Err(CRATE.invalid(format!("the path {:?} in it is not UTF-8", shown())));
    };
    if !matches!(entry.kind, EntryKind::File | EntryKind::Folder) {
        let what = format!("its entry {:?} is neither a file nor a folder", shown());
        return Err(CRATE.invalid(what));
    }
    if path.contains('\\') {
        let what = format!("the path {:?} in it is another one on Windows", shown());
        return Err(CRATE.invalid(what));
    }
    let below = path.strip_prefix(top);
    let is_top = entry.kind == EntryKind::Folder;
    let inside = below.is_some_and(|rest| rest.starts_with('/') || (is_top && rest.is_empty()));
    if !inside {
        let what = format!("its entry {:?} does not lie in {top}/", shown());
        return Err(CRATE.invalid(what));
    }
    Ok(below_top(&entry.path))
}

#[cfg(test)]
mod tests;
