//! Walks through a zip as it streams, and believes nothing that does not stand there twice.
//!
//! Some who unpack a zip follow the headers before its files, others the directory at its end. What
//! one of them would not see, or would see otherwise, is refused: two files of one name, bytes before,
//! between and after the files, and any difference between a header and the directory; and so are sizes
//! that come later, comments and links, unless they are [`Allowed`].

use std::{
    cell::Cell,
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, Read, Take},
    rc::Rc,
};

use flate2::{Crc, bufread::DeflateDecoder};

use super::{Limits, RATIO_FREE, at_most};

mod fault;
mod header;

pub use fault::Fault;

use header::{Described, Directory, Header};

/// A file in a zip, on its way.
pub struct Entry<'a> {
    /// Its path, which is relative and does not climb; a folder's ends in a slash.
    pub path: &'a str,
    /// Its size in bytes, as announced; 0 where it is told behind the file. Whether that is true is
    /// found out by the walk.
    pub size: u64,
    /// Its bytes, checked as they are read; what is left of them is read by the walk.
    pub content: &'a mut dyn Read,
}

/// What a zip may have though not all who unpack it take it in the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Checksums and sizes behind the files (4.3.9): who writes a zip without going back has no other
    /// place for them. Only of files that are packed, since their end is seen by what they are.
    pub descriptors: bool,
    /// Comments, as `git archive` writes one.
    pub comments: bool,
    /// Symbolic links. Where they lead is for the caller to judge.
    pub links: bool,
    /// Names in UTF-8 that are not marked as such, as Info-ZIP writes them on Unix and all there take
    /// them.
    pub unmarked_names: bool,
}

/// The most bytes of the paths of all links.
const MAX_LINKS: usize = 1 << 20;

/// Reads a zip to its end, and shows each entry to `visit`. Blocks as `reader` does.
///
/// # Errors
/// By what is wrong with it: it is damaged, has an entry that would be unpacked outside of it, could be
/// read in two ways, or passes `limits`; and what `visit` says. An [`Error`](crate::Error) that `reader`
/// fails with comes back as it is.
pub fn read(
    reader: impl Read,
    limits: &Limits,
    visit: impl FnMut(Entry<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    read_allowing(Allowed::default(), reader, limits, visit).map(drop)
}

/// The same of a zip that may have more than files and folders as all take them. Gives the paths of its
/// links, if it may have any; what they hold was shown as that of any other entry.
///
/// # Errors
/// As [`read`].
pub fn read_allowing(
    allowed: Allowed,
    reader: impl Read,
    limits: &Limits,
    mut visit: impl FnMut(Entry<'_>) -> Result<(), Fault>,
) -> Result<Vec<String>, Fault> {
    let at = Rc::new(Cell::new(0));
    let counted = Counted {
        reader: BufReader::with_capacity(64 << 10, reader),
        at: at.clone(),
    };
    let mut walk = Walk {
        reader: counted,
        at,
        limits,
        allowed,
        seen: HashMap::new(),
        hasher: RandomState::new(),
        unpacked: 0,
    };
    let directory = walk.files(&mut visit)?;
    let links = walk.directory(directory)?;
    let packed = walk.at.get();
    let most = RATIO_FREE.max(packed.saturating_mul(limits.ratio));
    if walk.unpacked > most {
        let ratio = limits.ratio;
        return Err(Fault::too_large(format!(
            "it exceeds a compression ratio of {ratio}"
        )));
    }
    Ok(links)
}

/// What has been seen of a zip so far.
struct Walk<'a, R> {
    reader: Counted<R>,
    at: Rc<Cell<u64>>,
    limits: &'a Limits,
    allowed: Allowed,
    /// Of each entry that the directory has not named yet a hash of its name, and of its header: what is
    /// kept of a zip are a few bytes for each. Nobody outside can tell what would have the same.
    seen: HashMap<u64, u64>,
    hasher: RandomState,
    unpacked: u64,
}

impl<R: BufRead> Walk<'_, R> {
    /// Reads the files; gives the signature of what follows them.
    fn files(
        &mut self,
        visit: &mut impl FnMut(Entry<'_>) -> Result<(), Fault>,
    ) -> Result<u32, Fault> {
        loop {
            let at = self.at.get();
            let signature = header::signature(&mut self.reader)?;
            if signature != header::LOCAL {
                if at == 0 && signature != header::END {
                    return Err(Fault::invalid("it is not a zip"));
                }
                return Ok(signature);
            }
            let (mut header, name, described) = Header::read(&mut self.reader, at, self.allowed)?;
            let key = self.admit(&name)?;
            if described == Described::Before || !header.deflated {
                self.content(&header, &name, visit)?;
            }
            if described != Described::Before {
                self.described(&mut header, described, &name, visit)?;
            }
            self.seen.insert(key, self.hasher.hash_one(header));
        }
    }

    /// What a name is kept under; refuses one that was there before, and one too many.
    fn admit(&self, name: &str) -> Result<u64, Fault> {
        check_path(name)?;
        let key = self.hasher.hash_one(name);
        if self.seen.contains_key(&key) {
            return Err(Fault::invalid(format!("it holds {name:?} twice")));
        }
        let most = self.limits.entries;
        if self.seen.len() as u64 >= most {
            return Err(Fault::too_large(format!("it holds more than {most} files")));
        }
        Ok(key)
    }

    /// Reads the bytes of one file, and compares them with its header.
    fn content(
        &mut self,
        header: &Header,
        name: &str,
        visit: &mut impl FnMut(Entry<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.grow(header.size)?;
        let packed = (&mut self.reader).take(header.packed);
        let unpacked = if header.deflated {
            Unpacked::Deflated(DeflateDecoder::new(packed))
        } else {
            Unpacked::Stored(packed)
        };
        let mut content = Content::new(unpacked, header.size);
        visit(entry(name, header.size, &mut content))?;
        std::io::copy(&mut content, &mut std::io::sink())?;
        let (crc, size, left) = (content.crc.sum(), content.size, content.unpacked.left());
        if left > 0 || size != header.size || crc != header.crc {
            return Err(Fault::invalid(format!("its entry {name:?} is damaged")));
        }
        Ok(())
    }

    /// Reads the bytes of one file that tells of itself behind them, and compares them with that.
    fn described(
        &mut self,
        header: &mut Header,
        described: Described,
        name: &str,
        visit: &mut impl FnMut(Entry<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        // One that is not packed was read already, by what is told of it before.
        let mut found = (header.packed, header.size, header.crc);
        if header.deflated {
            let start = self.at.get();
            let packed = (&mut self.reader).take(u64::MAX);
            let most = self.limits.unpacked.saturating_sub(self.unpacked);
            let unpacked = Unpacked::Deflated(DeflateDecoder::new(packed));
            let mut content = Content::new(unpacked, most);
            content.announced = false;
            visit(entry(name, 0, &mut content))?;
            std::io::copy(&mut content, &mut std::io::sink())?;
            let (size, crc) = (content.size, content.crc.sum());
            self.grow(size)?;
            found = (self.at.get() - start, size, crc);
        }
        header.describe(&mut self.reader, described, found)
    }

    /// So many bytes more come out of it.
    fn grow(&mut self, size: u64) -> Result<(), Fault> {
        self.unpacked = self.unpacked.saturating_add(size);
        let most = self.limits.unpacked;
        if self.unpacked > most {
            return Err(Fault::too_large(format!(
                "it unpacks to more than {most} bytes"
            )));
        }
        Ok(())
    }

    /// Reads the directory, whose first signature was read, and compares it with the files. Gives the
    /// links.
    fn directory(&mut self, mut signature: u32) -> Result<Vec<String>, Fault> {
        let start = self.at.get() - 4;
        let entries = self.seen.len() as u64;
        let (mut links, mut links_size) = (Vec::new(), 0);
        while signature == header::CENTRAL {
            let (header, name, is_link) = Header::read_central(&mut self.reader, self.allowed)?;
            let seen = self.seen.remove(&self.hasher.hash_one(&*name));
            if seen != Some(self.hasher.hash_one(header)) {
                return Err(Fault::invalid(format!(
                    "its directory and its files differ on {name:?}"
                )));
            }
            if is_link {
                links_size += name.len();
                links.push(name);
            }
            if links_size > MAX_LINKS {
                return Err(Fault::too_large("it holds too many links"));
            }
            signature = header::signature(&mut self.reader)?;
        }
        if !self.seen.is_empty() {
            return Err(Fault::invalid("its directory lacks a file"));
        }
        let found = Directory {
            entries,
            offset: start,
            size: self.at.get() - 4 - start,
        };
        found.check_end(&mut self.reader, signature, self.allowed)?;
        if !self.reader.fill_buf()?.is_empty() {
            return Err(Fault::invalid("something follows its end"));
        }
        Ok(links)
    }
}

fn entry<'a>(path: &'a str, size: u64, content: &'a mut dyn Read) -> Entry<'a> {
    Entry {
        path,
        size,
        content,
    }
}

/// Refuses a path that would be unpacked outside, or elsewhere than it seems.
fn check_path(path: &str) -> Result<(), Fault> {
    let path_of_file = path.strip_suffix('/').unwrap_or(path);
    let segment = |segment: &str| !matches!(segment, "" | "." | "..");
    let drive = path.as_bytes().get(1) == Some(&b':');
    let strange = path.chars().any(|c| c.is_control() || c == '\\');
    if drive || strange || !path_of_file.split('/').all(segment) {
        return Err(Fault::invalid(format!(
            "its entry {path:?} would be unpacked outside of it"
        )));
    }
    Ok(())
}

/// The bytes of a file, with what is known of them.
struct Content<R> {
    unpacked: Unpacked<R>,
    crc: Crc,
    size: u64,
    most: u64,
    /// Whether `most` is what was announced, or a limit.
    announced: bool,
}

impl<R: BufRead> Content<R> {
    /// What may have `most` bytes.
    fn new(unpacked: Unpacked<R>, most: u64) -> Self {
        Self {
            unpacked,
            crc: Crc::new(),
            size: 0,
            most,
            announced: true,
        }
    }
}

enum Unpacked<R> {
    Stored(Take<R>),
    Deflated(DeflateDecoder<Take<R>>),
}

impl<R: BufRead> Unpacked<R> {
    /// How many packed bytes were not read.
    fn left(&self) -> u64 {
        match self {
            Self::Stored(packed) => packed.limit(),
            Self::Deflated(decoder) => decoder.get_ref().limit(),
        }
    }
}

impl<R: BufRead> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = match &mut self.unpacked {
            Unpacked::Stored(packed) => packed.read(buffer)?,
            Unpacked::Deflated(decoder) => decoder.read(buffer)?,
        };
        self.crc.update(&buffer[..read]);
        self.size += read as u64;
        if self.size > self.most {
            let error = match self.announced {
                true => Fault::invalid("one of its entries is longer than it says"),
                false => Fault::too_large("it unpacks to more than it may"),
            };
            return Err(std::io::Error::other(error));
        }
        Ok(read)
    }
}

/// Counts what is taken from a reader.
struct Counted<R> {
    reader: R,
    at: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.at.set(self.at.get() + read as u64);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.at.set(self.at.get() + amount as u64);
        self.reader.consume(amount);
    }
}

/// All that `reader` has, if that is at most `limit` bytes.
///
/// # Errors
/// [`Fault::TooLarge`] when it is more; else when it is damaged.
pub fn bounded(reader: &mut dyn Read, limit: u64, what: &str) -> Result<Vec<u8>, Fault> {
    let bytes = at_most(reader, limit)?;
    bytes.ok_or_else(|| Fault::too_large(format!("{what} is longer than {limit} bytes")))
}

#[cfg(test)]
mod tests;
