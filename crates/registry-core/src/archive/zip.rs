//! Walks through a zip as it streams, and believes nothing that does not stand there twice.
//!
//! Some who unpack a zip follow the headers before its files, others the directory at its end. What
//! one of them would not see, or would see otherwise, is refused: two files of one name, bytes before,
//! between and after the files, sizes that come later, comments, and any difference between a header
//! and the directory.

use std::{
    cell::Cell,
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, Read, Take},
    rc::Rc,
};

use flate2::{Crc, bufread::DeflateDecoder};

use super::{Limits, RATIO_FREE};

mod fault;
mod header;

pub use fault::Fault;

use header::{Directory, Header};

/// A file in a zip, on its way.
pub struct Entry<'a> {
    /// Its path, which is relative and does not climb; a folder's ends in a slash.
    pub path: &'a str,
    /// Its size in bytes, if it was announced. Whether that is true is found out by the walk.
    pub size: Option<u64>,
    /// Its bytes, checked as they are read; what is left of them is read by the walk.
    pub content: &'a mut dyn Read,
}

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
    walk(reader, limits, false, visit)
}

/// Reads a zip as [`read`] does, but for sizes: they may follow the files that they are of (4.3.9), as
/// in zips that were written as a stream. Such a file is compressed, and so says itself where it ends.
///
/// # Errors
/// As there.
pub fn read_streamed(
    reader: impl Read,
    limits: &Limits,
    visit: impl FnMut(Entry<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    walk(reader, limits, true, visit)
}

fn walk(
    reader: impl Read,
    limits: &Limits,
    streamed: bool,
    mut visit: impl FnMut(Entry<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let at = Rc::new(Cell::new(0));
    let counted = Counted {
        reader: BufReader::with_capacity(64 << 10, reader),
        at: at.clone(),
    };
    let mut walk = Walk {
        reader: counted,
        at,
        limits,
        streamed,
        seen: HashMap::new(),
        hasher: RandomState::new(),
        unpacked: 0,
    };
    let directory = walk.files(&mut visit)?;
    walk.directory(directory)?;
    let packed = walk.at.get();
    let most = RATIO_FREE.max(packed.saturating_mul(limits.ratio));
    if walk.unpacked > most {
        let ratio = limits.ratio;
        return Err(Fault::too_large(format!(
            "it exceeds a compression ratio of {ratio}"
        )));
    }
    Ok(())
}

/// What has been seen of a zip so far.
struct Walk<'a, R> {
    reader: Counted<R>,
    at: Rc<Cell<u64>>,
    limits: &'a Limits,
    /// Whether sizes may follow their files.
    streamed: bool,
    /// The entries, by a hash of their names: what is kept of a zip does not grow with those. Nobody
    /// outside can tell which names would have the same.
    seen: HashMap<u64, Seen>,
    hasher: RandomState,
    unpacked: u64,
}

/// An entry that was seen.
struct Seen {
    header: Header,
    /// Whether the directory has it too.
    listed: bool,
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
            let (header, name) = Header::read(&mut self.reader, at, self.streamed)?;
            let key = self.admit(&name)?;
            let header = self.content(header, &name, visit)?;
            let listed = false;
            self.seen.insert(key, Seen { header, listed });
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

    /// Reads the bytes of one file, and compares them with its header, or with what follows them; gives
    /// the header as it then is.
    fn content(
        &mut self,
        mut header: Header,
        name: &str,
        visit: &mut impl FnMut(Entry<'_>) -> Result<(), Fault>,
    ) -> Result<Header, Fault> {
        let (packed, size) = match header.later {
            None => (header.packed, header.size),
            Some(_) => (u64::MAX, self.limits.unpacked - self.unpacked),
        };
        if self.unpacked.saturating_add(size) > self.limits.unpacked {
            return Err(self.unpacks_to_more());
        }
        let packed = (&mut self.reader).take(packed);
        let mut content = Content {
            unpacked: if header.deflated {
                Unpacked::Deflated(DeflateDecoder::new(packed))
            } else {
                Unpacked::Stored(packed)
            },
            crc: Crc::new(),
            size: 0,
            most: size,
        };
        let entry = Entry {
            path: name,
            size: header.later.is_none().then_some(header.size),
            content: &mut content,
        };
        let read = visit(entry).and_then(|()| {
            std::io::copy(&mut content, &mut std::io::sink())?;
            Ok(())
        });
        let (crc, size, left) = (content.crc.sum(), content.size, content.unpacked.left());
        if header.later.is_some() && size > content.most {
            return Err(self.unpacks_to_more());
        }
        read?;
        self.unpacked = self.unpacked.saturating_add(size);
        let mut left = left;
        if let Some(long) = header.later {
            (header.crc, header.packed, header.size) = header::descriptor(&mut self.reader, long)?;
            left = header.packed.abs_diff(u64::MAX - left);
        }
        if left > 0 || size != header.size || crc != header.crc {
            return Err(Fault::invalid(format!("its entry {name:?} is damaged")));
        }
        Ok(header)
    }

    fn unpacks_to_more(&self) -> Fault {
        let most = self.limits.unpacked;
        Fault::too_large(format!("it unpacks to more than {most} bytes"))
    }

    /// Reads the directory, whose first signature was read, and compares it with the files.
    fn directory(&mut self, mut signature: u32) -> Result<(), Fault> {
        let start = self.at.get() - 4;
        let mut listed = 0;
        while signature == header::CENTRAL {
            let (header, name) = Header::read_central(&mut self.reader, self.streamed)?;
            let seen = self.seen.get_mut(&self.hasher.hash_one(&*name));
            let Some(seen) = seen.filter(|seen| seen.header.says(&header)) else {
                return Err(Fault::invalid(format!(
                    "its directory and its files differ on {name:?}"
                )));
            };
            if std::mem::replace(&mut seen.listed, true) {
                return Err(Fault::invalid(format!(
                    "its directory names {name:?} twice"
                )));
            }
            listed += 1;
            signature = header::signature(&mut self.reader)?;
        }
        if listed < self.seen.len() {
            return Err(Fault::invalid("its directory lacks a file"));
        }
        let found = Directory {
            entries: listed as u64,
            offset: start,
            size: self.at.get() - 4 - start,
        };
        found.check_end(&mut self.reader, signature)?;
        if !self.reader.fill_buf()?.is_empty() {
            return Err(Fault::invalid("something follows its end"));
        }
        Ok(())
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
            let error = Fault::invalid("one of its entries is longer than it says");
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
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Fault::too_large(format!(
            "{what} is longer than {limit} bytes"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
