//! Looks through a gem, from its first byte to its last, as it streams.
//!
//! A gem is a plain tar of a few files, each packed by itself. Nothing of it is run, and nothing of
//! it is whole in memory.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read},
    ops::Range,
};

use flate2::bufread::GzDecoder;
use registry_core::{
    Error, Result,
    archive::{self, Archive, EntryKind},
    digest::Digests,
};

use crate::{Spec, name::shown, spec::Gemspec};

mod checksums;
mod entries;
#[cfg(test)]
mod tests;

use checksums::Checksums;
use entries::{Content, Entries, broken};

/// What the gem itself is called when it is refused, and what its files are.
const GEM: Archive = Archive {
    called: "the gem",
    many_members: false,
};
const DATA: Archive = Archive {
    called: "the data.tar.gz of the gem",
    many_members: false,
};

const METADATA: &str = "metadata";
const METADATA_GZ: &str = "metadata.gz";
const DATA_TAR_GZ: &str = "data.tar.gz";
const CHECKSUMS: &str = "checksums.yaml.gz";
/// What is added to the name of a file to name its signature.
const SIGNATURE: &str = ".sig";
/// What a gzipped file begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The most bytes of a signature.
const MAX_SIGNATURE: u64 = 64 << 10;

/// The bounds of a gem.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of its specification once unpacked, and of its checksums.
    pub metadata: u64,
    /// What its files may unpack to.
    pub data: archive::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            metadata: 10 << 20,
            data: archive::Limits::default(),
        }
    }
}

/// Reads a gem to its end and says what it is. Blocks as `reader` does.
///
/// # Errors
/// [`Invalid`](registry_core::ErrorKind::Invalid) when it is no gem, or damaged or dangerous anywhere;
/// what [`Gemspec::read`] says of its specification; [`TooLarge`](registry_core::ErrorKind::TooLarge)
/// when it passes `limits`. An [`Error`] that `reader` fails with comes back as it is.
pub fn inspect(reader: &mut dyn Read, limits: &Limits) -> Result<Spec> {
    look_through(reader, Found::default(), limits)
}

/// The same of a gem whose metadata was read before, by [`spec`]: that is passed over here.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_begun(reader: &mut dyn Read, begun: Gemspec, limits: &Limits) -> Result<Spec> {
    let found = Found {
        gemspec: Some(begun),
        ..Found::default()
    };
    look_through(reader, found, limits)
}

fn look_through(reader: &mut dyn Read, mut found: Found, limits: &Limits) -> Result<Spec> {
    let mut entries = Entries::new(reader);
    while let Some((name, mut content)) = entries.next()? {
        admit(&name, |other| found.files.contains_key(other))?;
        found.read(&name, &mut content, limits)?;
        let digests = content.finish()?;
        found.files.insert(name, digests);
    }
    found.finish()
}

/// Where the metadata lies in a gem that begins with `head`; `None` if it takes more than `head` to
/// hold all of it. Clients write it first; before 2.0, they wrote it behind the files.
///
/// # Errors
/// [`Invalid`](registry_core::ErrorKind::Invalid) when it is no gem, or ends without metadata.
pub fn metadata(head: &[u8]) -> Result<Option<Range<usize>>> {
    let mut begin = 0_usize;
    let mut seen: Vec<String> = Vec::new();
    loop {
        let rest = head.get(begin..).unwrap_or_default();
        let Some((header, rest)) = rest.split_first_chunk::<{ entries::BLOCK }>() else {
            return Ok(None);
        };
        if *header == [0; entries::BLOCK] {
            return Err(missing(METADATA_GZ));
        }
        let (name, size) = entries::parse(header)?;
        admit(&name, |other| seen.iter().any(|name| name == other))?;
        begin += entries::BLOCK;
        let Ok(size) = usize::try_from(size) else {
            return Ok(None);
        };
        if matches!(&*name, METADATA | METADATA_GZ) {
            return Ok((size <= rest.len()).then(|| begin..begin + size));
        }
        seen.push(name);
        begin = size
            .checked_next_multiple_of(entries::BLOCK)
            .and_then(|size| begin.checked_add(size))
            .unwrap_or(usize::MAX);
    }
}

/// Whether a gem that begins with `head` has its metadata there.
pub fn begins_with_metadata(head: &[u8]) -> bool {
    head.starts_with(METADATA.as_bytes())
}

/// What the metadata of a gem says, packed or not.
///
/// # Errors
/// As [`inspect`].
pub fn spec(mut metadata: &[u8], limits: &Limits) -> Result<Gemspec> {
    if metadata.starts_with(GZIP) {
        return unpack(&mut metadata, limits.metadata, METADATA_GZ, Gemspec::read);
    }
    Gemspec::read(&mut Bounded::new(&mut metadata, limits.metadata, METADATA))
}

/// What has been seen of a gem so far.
#[derive(Default)]
struct Found {
    /// Its files that are no signatures, and those.
    files: BTreeMap<String, Digests>,
    gemspec: Option<Gemspec>,
    checksums: Option<Checksums>,
}

impl Found {
    fn read(&mut self, name: &str, content: &mut Content<'_>, limits: &Limits) -> Result<()> {
        match name {
            METADATA | METADATA_GZ if self.gemspec.is_some() => {
                let mut begin = Vec::new();
                let first = content.by_ref().take(GZIP.len() as u64);
                { first }.read_to_end(&mut begin).map_err(broken)?;
                // By its name clients know whether it is packed.
                if (begin == GZIP) != (name == METADATA_GZ) {
                    return Err(GEM.invalid(format!("{name} is damaged")));
                }
                io::copy(content, &mut io::sink()).map_err(broken)?;
            }
            METADATA => {
                let mut bounded = Bounded::new(content, limits.metadata, name);
                self.gemspec = Some(Gemspec::read(&mut bounded)?);
            }
            METADATA_GZ => {
                self.gemspec = Some(unpack(content, limits.metadata, name, Gemspec::read)?);
            }
            CHECKSUMS => {
                self.checksums = Some(unpack(content, limits.metadata, name, Checksums::read)?);
            }
            DATA_TAR_GZ => DATA.read(content, &limits.data, |entry| check_file(&entry))?,
            _ => {
                let mut bounded = Bounded::new(content, MAX_SIGNATURE, name);
                io::copy(&mut bounded, &mut io::sink()).map_err(broken)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Spec> {
        let Gemspec { spec, signed } = self.gemspec.ok_or_else(|| missing(METADATA_GZ))?;
        if !self.files.contains_key(DATA_TAR_GZ) {
            return Err(missing(DATA_TAR_GZ));
        }
        let is_signature = |name: &String| name.ends_with(SIGNATURE);
        let (signatures, files): (Vec<_>, Vec<_>) =
            self.files.keys().partition(|n| is_signature(n));
        if !signed && !signatures.is_empty() {
            return Err(GEM.invalid("missing signing certificate"));
        }
        if signed {
            let signature = |file: &&String| self.files.contains_key(&format!("{file}{SIGNATURE}"));
            if let Some(file) = files.iter().find(|file| !signature(file)) {
                let what = format!(
                    "missing signature for {file}: its specification has a cert_chain; set \
                     signing_key too, or leave cert_chain out"
                );
                return Err(GEM.invalid(what));
            }
        }
        if let Some(checksums) = &self.checksums {
            checksums.check(&self.files)?;
        }
        Ok(spec)
    }
}

/// Refuses what is no file of a gem, or there already.
fn admit(name: &str, is_there: impl Fn(&str) -> bool) -> Result<()> {
    let signed = name.strip_suffix(SIGNATURE).unwrap_or(name);
    if !matches!(signed, METADATA | METADATA_GZ | DATA_TAR_GZ | CHECKSUMS) {
        let what = format!("unexpected gem file entry: {:?}", shown(name));
        return Err(GEM.invalid(what));
    }
    let other = match name {
        METADATA => METADATA_GZ,
        METADATA_GZ => METADATA,
        name => name,
    };
    if is_there(name) || is_there(other) {
        return Err(GEM.invalid(format!("duplicate {name} file found")));
    }
    Ok(())
}

fn missing(name: &str) -> Error {
    GEM.invalid(format!("missing {name} file"))
}

/// Refuses what would not be unpacked, or not where it says.
fn check_file(entry: &archive::Entry<'_>) -> Result<()> {
    let path = String::from_utf8_lossy(&entry.path);
    match entry.kind {
        EntryKind::File | EntryKind::Folder | EntryKind::Global => Ok(()),
        EntryKind::Link if !entry.hard => {
            let target = entry.target.as_deref().unwrap_or_default();
            if stays_inside(&path, &String::from_utf8_lossy(target)) {
                return Ok(());
            }
            Err(DATA.invalid(format!("its link {path:?} leads outside of it")))
        }
        EntryKind::Link | EntryKind::Other => Err(DATA.invalid(format!(
            "its entry {path:?} is neither a file, a folder nor a link"
        ))),
    }
}

/// Whether a link at `path` leads to something below the folder that all lies in.
fn stays_inside(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let folder = path.trim_end_matches('/').rsplit_once('/');
    let folder = folder.map_or("", |(folder, _)| folder);
    let mut inside = Vec::new();
    for segment in folder.split('/').chain(target.split('/')) {
        match segment {
            "" | "." => {}
            ".." if inside.pop().is_none() => return false,
            ".." => {}
            segment => inside.push(segment),
        }
    }
    !inside.is_empty()
}

/// Unpacks a file within bounds, and shows it to `read`, which has to read it to its end.
fn unpack<T>(
    content: &mut dyn Read,
    limit: u64,
    name: &str,
    read: impl FnOnce(&mut dyn Read) -> Result<T>,
) -> Result<T> {
    let mut decoder = GzDecoder::new(BufReader::new(content));
    let mut bounded = Bounded::new(&mut decoder, limit, name);
    let value = read(&mut bounded)?;
    let more = bounded.read(&mut [0]).map_err(broken)? > 0;
    if more || !decoder.get_mut().fill_buf().map_err(broken)?.is_empty() {
        let what = format!("{name} goes on after its end, where those who unpack it do not look");
        return Err(GEM.invalid(what));
    }
    Ok(value)
}

/// Fails where more comes than may.
struct Bounded<'a> {
    reader: &'a mut dyn Read,
    left: u64,
    limit: u64,
    name: &'a str,
}

impl<'a> Bounded<'a> {
    fn new(reader: &'a mut dyn Read, limit: u64, name: &'a str) -> Self {
        Self {
            reader,
            left: limit,
            limit,
            name,
        }
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let what = format!("{} is too big (over {} bytes)", self.name, self.limit);
            let error: Error = GEM.too_large(what);
            io::Error::other(error)
        })?;
        Ok(read)
    }
}
