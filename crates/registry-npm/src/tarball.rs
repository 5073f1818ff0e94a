//! Looks through a package's tarball, from its first byte to its last.

use std::{
    cell::Cell,
    io::{self, BufReader, Read},
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;
use registry_core::{Error, ErrorKind, Result};
use serde::Deserialize;

use crate::Version;

/// The bounds of a tarball.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes once unpacked, headers and padding included.
    pub unpacked: u64,
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of `package.json`.
    pub manifest: u64,
    /// How many times its own size, beyond [`RATIO_FREE`], a tarball may unpack to.
    pub ratio: u64,
}

/// What a tarball may unpack to whatever its own size.
pub const RATIO_FREE: u64 = 64 << 20;

/// The most that a path or an extended header may take.
const MAX_HEADER: u64 = 64 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: 2 << 30,
            entries: 100_000,
            manifest: 1 << 20,
            ratio: 200,
        }
    }
}

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
/// [`ErrorKind::Invalid`] when it is not a package's tarball or is damaged anywhere,
/// [`ErrorKind::TooLarge`] when it passes `limits`. An [`Error`] that `reader` fails with comes
/// back as it is.
pub fn inspect(reader: impl Read, limits: &Limits) -> Result<Inspected> {
    let packed = Rc::new(Cell::new(0));
    let counted = Counted {
        reader,
        count: packed.clone(),
    };
    let unpacked = Bounded {
        reader: MultiGzDecoder::new(BufReader::with_capacity(64 << 10, counted)),
        packed,
        count: 0,
        limits,
    };
    let mut archive = tar::Archive::new(unpacked);
    let mut walk = Walk::new(limits);
    for entry in archive.entries().map_err(broken)?.raw(true) {
        walk.entry(entry.map_err(broken)?)?;
    }
    // The gzip trailer stands after the end of the archive, and holds the checksum.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    walk.finish()
}

/// What has been seen of an archive so far.
struct Walk<'a> {
    limits: &'a Limits,
    entries: u64,
    file_count: u64,
    unpacked_size: u64,
    manifest: Option<Manifest>,
    has_shrinkwrap: bool,
    /// The path of the next entry, from the long-name or extended header before it.
    next_path: Option<Vec<u8>>,
}

/// The part of `package.json` that counts here.
#[derive(Deserialize)]
struct Manifest {
    name: String,
    version: String,
    #[serde(default)]
    scripts: serde_json::Value,
}

impl<'a> Walk<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            entries: 0,
            file_count: 0,
            unpacked_size: 0,
            manifest: None,
            has_shrinkwrap: false,
            next_path: None,
        }
    }

    fn entry<R: Read>(&mut self, mut entry: tar::Entry<'_, R>) -> Result<()> {
        let kind = entry.header().entry_type();
        self.entries += 1;
        if self.entries > self.limits.entries {
            let most = self.limits.entries;
            return Err(too_large(format!("it holds more than {most} files")));
        }
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            let header = read_bounded(&mut entry, MAX_HEADER)?;
            if kind.is_gnu_longname() {
                let end = memchr::memchr(0, &header).unwrap_or(header.len());
                self.next_path = Some(header[..end].to_vec());
            } else if let Some(path) = extended_path(&header)? {
                self.next_path = Some(path);
            }
            return Ok(());
        }
        if kind.is_pax_global_extensions() {
            // Of what it says of all files, npm passes over their path, but not over their size.
            extended_path(&read_bounded(&mut entry, MAX_HEADER)?)?;
            return Ok(());
        }
        if kind.is_gnu_longlink() {
            return Ok(());
        }
        let path = self.next_path.take();
        let path = path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let inner = below_top(&path)?;
        if !kind.is_file() && !kind.is_contiguous() {
            return Ok(());
        }
        self.file_count += 1;
        self.unpacked_size += entry.size();
        match inner.as_deref() {
            Some(b"package.json") if self.manifest.is_some() => {
                Err(invalid("it holds more than one package.json"))
            }
            Some(b"package.json") => {
                let bytes = read_bounded(&mut entry, self.limits.manifest)?;
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
            return Err(invalid("it holds no package.json in a top folder"));
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
        .map_err(|error| invalid(format!("its package.json cannot be read: {error}")))
}

/// What is left of a path without its top folder, as npm strips it, and without the empty segments
/// and dots that unpacking drops.
fn below_top(path: &[u8]) -> Result<Option<Vec<u8>>> {
    let separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    let climbs = path.split(separator).any(|segment| segment == b"..");
    if climbs || path.first().is_some_and(separator) || path.contains(&0) {
        return Err(invalid(format!(
            "its entry {:?} would be unpacked outside of it",
            String::from_utf8_lossy(path)
        )));
    }
    let slash = memchr::memchr(b'/', path);
    Ok(slash.map(|at| {
        let segments = path[at + 1..].split(|byte| *byte == b'/');
        let kept = segments.filter(|segment| !matches!(segment, [] | [b'.']));
        kept.collect::<Vec<_>>().join(&b'/')
    }))
}

/// The path in an extended header: lines of `length key=value`.
fn extended_path(header: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut path = None;
    for record in tar::PaxExtensions::new(header) {
        let record = record.map_err(broken)?;
        match record.key_bytes() {
            b"path" => path = Some(record.value_bytes().to_vec()),
            // Readers differ in which size they believe, so a tarball could hide files.
            b"size" => return Err(invalid("it has a file with two sizes; pack it with npm")),
            _ => {}
        }
    }
    Ok(path)
}

fn read_bounded(reader: &mut impl Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut bounded = reader.take(limit + 1);
    bounded.read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(format!(
            "its package.json, or a path in it, is longer than {limit} bytes"
        )));
    }
    Ok(bytes)
}

/// Counts what is read.
struct Counted<R> {
    reader: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// Fails where more comes out than may.
struct Bounded<'a, R> {
    reader: R,
    packed: Rc<Cell<u64>>,
    count: u64,
    limits: &'a Limits,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count += read as u64;
        let ratio = RATIO_FREE.saturating_add(self.packed.get().saturating_mul(self.limits.ratio));
        let limit = self.limits.unpacked.min(ratio);
        if self.count > limit {
            let message = format!("it unpacks to more than {limit} bytes");
            return Err(io::Error::other(too_large(message)));
        }
        Ok(read)
    }
}

/// An error of the readers below: ours, or that the archive is damaged.
fn broken(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => invalid("it is damaged, or not a gzipped tar").with_source(error),
    }
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("the tarball was refused: {what}"))
}

fn too_large(what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!("the tarball was refused: {what}"),
    )
}

#[cfg(test)]
mod tests;
