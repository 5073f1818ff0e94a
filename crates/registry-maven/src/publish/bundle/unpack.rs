//! What is in the zip of a bundle, as it streams.

use std::io::{self, Read};

use bytes::Bytes;
use registry_core::{
    Error, ErrorKind, Result,
    archive::{
        Limits,
        zip::{self, Allowed, Entry, Fault},
    },
    digest::Algorithm,
    store::Teller,
};

use crate::{
    MavenConfig,
    checksum::{self, MAX_CHECKSUM},
    name::{FilePath, Place},
    publish::put,
};

/// The most files of a bundle.
const MAX_FILES: u64 = 20_000;
/// How much a bundle may unpack to, by its size.
const RATIO: u64 = 100;
/// How much of a path a refusal tells, in characters.
const MAX_SHOWN: usize = 300;
/// The size of a piece of a file, in bytes.
const PIECE: usize = 64 << 10;

/// What was found in a zip.
pub(super) enum Found {
    /// A file begins, of this size in bytes, if it is known.
    File(Box<FilePath>, Option<u64>),
    /// The next bytes of the file.
    Data(Bytes),
    /// The file is whole; with the packaging that it tells, if it is a POM.
    End(Option<String>),
    /// A checksum of a file.
    Checksum(Box<FilePath>, Algorithm, String),
}

/// What a bundle may unpack to.
pub(super) fn limits(config: &MavenConfig) -> Limits {
    Limits {
        unpacked: config.max_bundle.saturating_mul(RATIO).min(64 << 30),
        entries: MAX_FILES,
        ratio: RATIO,
    }
}

/// Reads a zip whose paths are those of the tree.
pub(super) fn unpack(
    reader: &mut dyn Read,
    limits: &Limits,
    max_pom: u64,
    teller: &Teller<Found>,
) -> Result<()> {
    let visit = |entry: Entry<'_>| {
        let path = entry.path.to_owned();
        let visited = visit(entry, max_pom, teller);
        visited.map_err(|error| Fault::Other(within(&path, error)))
    };
    // As who writes a zip without going back does.
    let allowed = Allowed {
        descriptors: true,
        ..Allowed::default()
    };
    let read = zip::read_allowing(allowed, reader, limits, visit);
    read.map(drop)
        .map_err(|fault| fault.told("the bundle is refused"))
}

/// The refusal of one file of many, with its path.
fn within(path: &str, error: Error) -> Error {
    match error.kind() {
        kind @ (ErrorKind::Invalid | ErrorKind::InvalidName | ErrorKind::TooLarge) => {
            let path: String = path.chars().take(MAX_SHOWN).collect();
            Error::new(kind, format!("{path}: {error}"))
        }
        _ => error,
    }
}

fn visit(entry: Entry<'_>, max_pom: u64, teller: &Teller<Found>) -> Result<()> {
    if entry.path.ends_with('/') {
        return Ok(());
    }
    let segments: Vec<&str> = entry.path.split('/').collect();
    match Place::parse(&segments, false)? {
        Place::File(path) if path.checksum.is_some() => checksum(entry, path, teller),
        Place::File(path) => file(entry, path, max_pom, teller),
        // What metadata says is made of the files.
        Place::Metadata { .. } | Place::Folder(_) => Ok(()),
    }
}

fn checksum(entry: Entry<'_>, path: FilePath, teller: &Teller<Found>) -> Result<()> {
    let mut text = Vec::new();
    let mut bounded = entry.content.take(MAX_CHECKSUM);
    bounded.read_to_end(&mut text).map_err(broken)?;
    if let Some(algorithm) = path.checksum {
        let digest = checksum::parse(&text, algorithm)?;
        let hex = digest.hex().to_owned();
        teller.tell(Found::Checksum(Box::new(path), algorithm, hex))?;
    }
    Ok(())
}

fn file(entry: Entry<'_>, path: FilePath, max_pom: u64, teller: &Teller<Found>) -> Result<()> {
    let announced = Some(entry.size).filter(|size| *size > 0);
    if let Some(size) = announced.filter(|_| put::is_described(&path)) {
        put::check_size(&path, size, max_pom)?;
    }
    teller.tell(Found::File(Box::new(path.clone()), announced))?;
    let mut content = Tee {
        inner: entry.content,
        teller,
        size: 0,
    };
    let packaging = if put::is_described(&path) {
        put::describe(&mut content, &path)?
    } else {
        None
    };
    io::copy(&mut content, &mut io::sink()).map_err(broken)?;
    put::check_some(&path, content.size)?;
    teller.tell(Found::End(packaging))
}

/// Hands on what is read.
struct Tee<'a> {
    inner: &'a mut dyn Read,
    teller: &'a Teller<Found>,
    /// How much was read, in bytes.
    size: u64,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(PIECE);
        let read = self.inner.read(&mut buffer[..most]);
        let count = read.map_err(|error| io::Error::other(broken(error)))?;
        self.size += count as u64;
        if count > 0 {
            let data = Bytes::copy_from_slice(&buffer[..count]);
            self.teller
                .tell(Found::Data(data))
                .map_err(io::Error::other)?;
        }
        Ok(count)
    }
}

fn broken(error: io::Error) -> Error {
    Fault::from(error).told("the bundle is refused")
}
