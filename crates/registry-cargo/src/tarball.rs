//! Looks through a crate file, from its first byte to its last.

use std::io::Read;

use registry_core::{
    Error, Result,
    archive::{
        self, Archive, EntryKind, below_top,
        paths::{FILE, FOLDER, Paths},
    },
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
    let mut paths = Paths::new(limits.archive.entries);
    CRATE.read(reader, &limits.archive, |entry| {
        let path = check_path(&top, &entry)?.unwrap_or_default();
        if !path.eq_ignore_ascii_case("Cargo.toml") {
            return admit(&mut paths, &path, entry.kind);
        }
        if path != "Cargo.toml" || entry.kind != EntryKind::File {
            return Err(CRATE.invalid("its Cargo.toml must be a file of exactly that name"));
        }
        if manifest.is_some() {
            return Err(CRATE.invalid("it holds more than one Cargo.toml"));
        }
        manifest = Some(CRATE.bounded(entry.content, limits.manifest, "its Cargo.toml")?);
        admit(&mut paths, &path, entry.kind)
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
fn check_path(top: &str, entry: &archive::Entry<'_>) -> Result<Option<String>> {
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
    // It was UTF-8 before its top was taken off.
    let below = below_top(&entry.path).map(String::from_utf8).transpose();
    below.map_err(Error::internal)
}

/// Refuses what cargo could not unpack, or readers would see differently: a path that is there twice,
/// what lies below a file, and the file by which cargo knows that it unpacked all.
fn admit(paths: &mut Paths, path: &str, kind: EntryKind) -> Result<()> {
    if path.is_empty() {
        return Ok(());
    }
    let first = path.split('/').next().unwrap_or_default();
    if first.eq_ignore_ascii_case(".cargo-ok") {
        return Err(CRATE.invalid("it holds .cargo-ok, which cargo writes itself"));
    }
    let mark = if kind == EntryKind::Folder {
        FOLDER
    } else {
        FILE
    };
    let (Some(above), Some(before)) = (paths.mark_folders(path), paths.mark(path, mark)) else {
        return Err(CRATE.too_large("it holds too many files and folders"));
    };
    if above & FILE != 0 {
        return Err(CRATE.invalid(format!("its entry {path:?} lies below a file")));
    }
    if before & FILE != 0 || (mark == FILE && before & FOLDER != 0) {
        return Err(CRATE.invalid(format!("it holds {path:?} twice")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
