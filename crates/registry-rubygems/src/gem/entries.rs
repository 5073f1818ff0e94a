//! The tar that a gem is, read as gem clients read it: every entry is a file, whose name and size
//! stand in its own header and nowhere else.

use std::{
    io::{self, Read},
    ops::Range,
};

use registry_core::{
    Error, Result,
    digest::{Algorithm, Digests, MultiHasher},
};
use tar::Header;

use super::GEM;
use crate::name::shown;

/// The size of a header, and what contents are filled up to, in bytes.
pub(super) const BLOCK: usize = 512;

/// Where clients look for a folder that the name is in, whatever the form of the header.
const PREFIX: Range<usize> = 345..500;

/// The entries of a tar.
pub(super) struct Entries<'a> {
    reader: &'a mut dyn Read,
}

/// The bytes of an entry, hashed as they are read.
pub(super) struct Content<'a> {
    reader: &'a mut dyn Read,
    size: u64,
    left: u64,
    hasher: MultiHasher,
}

impl<'a> Entries<'a> {
    pub(super) fn new(reader: &'a mut dyn Read) -> Self {
        Self { reader }
    }

    /// The name of the next entry, and its content, which has to be
    /// [finished](Content::finish) first; nothing at the end of the tar.
    pub(super) fn next(&mut self) -> Result<Option<(String, Content<'_>)>> {
        let mut block = [0; BLOCK];
        self.reader.read_exact(&mut block).map_err(broken)?;
        if block == [0; BLOCK] {
            self.check_end()?;
            return Ok(None);
        }
        let (name, size) = parse(&block)?;
        let content = Content {
            reader: self.reader,
            size,
            left: size,
            hasher: MultiHasher::new(&[Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]),
        };
        Ok(Some((name, content)))
    }

    /// Refuses what stands behind the end, where clients do not look.
    fn check_end(&mut self) -> Result<()> {
        let mut buffer = [0; 8 << 10];
        loop {
            match self.reader.read(&mut buffer).map_err(broken)? {
                0 => return Ok(()),
                read if buffer[..read].iter().any(|byte| *byte != 0) => {
                    let what = "it goes on after its end, where those who unpack it do not look";
                    return Err(GEM.invalid(what));
                }
                _ => {}
            }
        }
    }
}

/// The name and the size that a header gives.
pub(super) fn parse(block: &[u8; BLOCK]) -> Result<(String, u64)> {
    let header = Header::from_byte_slice(block);
    let size = size(header).ok_or_else(|| GEM.invalid("it is damaged, or no gem"))?;
    Ok((name(header)?, size))
}

/// The name in a header. There is no other place for it, such as a header before.
fn name(header: &Header) -> Result<String> {
    let old = header.as_old();
    let end = memchr::memchr(0, &old.name).unwrap_or(old.name.len());
    let (name, rest) = old.name.split_at(end);
    let name = String::from_utf8_lossy(name).into_owned();
    let empty = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let prefix = !empty(&header.as_bytes()[PREFIX]);
    let plain = matches!(old.linkflag, [0 | b'0']) && empty(&old.linkname);
    if plain && !prefix && empty(rest) {
        return Ok(name);
    }
    let what = format!(
        "its entry {:?} is no plain file; build it with `gem build`",
        shown(&name)
    );
    Err(GEM.invalid(what))
}

/// The size in a header, if that is whole.
fn size(header: &Header) -> Option<u64> {
    let old = header.as_old();
    octal(&old.mode)?;
    octal(&old.mtime)?;
    let sum: u64 = header.as_bytes().iter().map(|byte| u64::from(*byte)).sum();
    let stored: u64 = old.cksum.iter().map(|byte| u64::from(*byte)).sum();
    // The sum is that of a header which has blanks in its place.
    let blanks = old.cksum.len() as u64 * u64::from(b' ');
    (octal(&old.cksum)? == sum - stored + blanks).then_some(())?;
    octal(&old.size)
}

/// A number in octal digits, perhaps with blanks around it and zeros behind.
fn octal(field: &[u8]) -> Option<u64> {
    let text = str::from_utf8(field).ok()?;
    let digits = text.trim_end_matches(['\0', ' ']).trim_start_matches(' ');
    if digits.is_empty() {
        return Some(0);
    }
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    u64::from_str_radix(digits, 8).ok().filter(|_| plain)
}

impl Content<'_> {
    /// The digests of the content, once all of it was read.
    pub(super) fn finish(self) -> Result<Digests> {
        if self.left > 0 {
            let what =
                "one of its files goes on after its end, where those who unpack it do not look";
            return Err(GEM.invalid(what));
        }
        let padding = self.size.wrapping_neg() % BLOCK as u64;
        let skipped = io::copy(&mut self.reader.take(padding), &mut io::sink());
        if skipped.map_err(broken)? < padding {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(self.hasher.finish())
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.reader.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.hasher.update(&buffer[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

/// An error of the readers below: ours, or that the gem is damaged.
pub(super) fn broken(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => GEM.invalid("it is damaged, or no gem").with_source(error),
    }
}
