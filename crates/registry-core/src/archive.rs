//! Archives of foreign origin, looked through as they stream: within bounds, to the last byte, and with
//! no entry that would be unpacked outside. Here gzipped tars; [`zip`] has its own module.

use std::{
    cell::Cell,
    fmt::Display,
    io::{self, BufReader, Read},
    rc::Rc,
};

use flate2::bufread::{GzDecoder, MultiGzDecoder};

use crate::error::{Error, ErrorKind, Result};

pub mod paths;
pub mod zip;

/// The bounds of an archive.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes once unpacked, headers and padding included.
    pub unpacked: u64,
    /// Files, folders and links.
    pub entries: u64,
    /// How many times its own size, beyond [`RATIO_FREE`], an archive may unpack to.
    pub ratio: u64,
}

/// What an archive may unpack to whatever its own size.
pub const RATIO_FREE: u64 = 64 << 20;

/// The most that a path or an extended header may take.
const MAX_HEADER: u64 = 64 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: 2 << 30,
            entries: 100_000,
            ratio: 200,
        }
    }
}

/// How a kind of archive is read, and what it is called when it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Archive {
    /// What to call it: `the tarball`.
    pub called: &'static str,
    /// Whether those who unpack it read on after the first gzip member. Where they do not, there
    /// must be nothing after it, since not everybody would see that.
    pub many_members: bool,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// What is said of all files that follow.
    Global,
    /// A symbolic or hard link.
    Link,
    /// A device, or something else that is none of these.
    Other,
}

/// An entry of an archive.
pub struct Entry<'a> {
    /// Its path, which is relative and does not climb. Its separators are as they stand there.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Of a link, what it leads to, as it stands there.
    pub target: Option<Vec<u8>>,
    /// Whether it is a hard link, whose target is named from the archive's root on.
    pub hard: bool,
    /// How many bytes it holds.
    pub size: u64,
    /// Those bytes.
    pub content: &'a mut dyn Read,
}

impl Archive {
    /// Reads a gzipped tar to its end, and shows each entry to `visit`. Blocks as `reader` does.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is damaged anywhere or has an entry that would be unpacked
    /// outside of it, [`ErrorKind::TooLarge`] when it passes `limits`, and what `visit` says. An
    /// [`Error`] that `reader` fails with comes back as it is.
    pub fn read(
        self,
        reader: impl Read,
        limits: &Limits,
        mut visit: impl FnMut(Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        let packed = Rc::new(Cell::new(0));
        let counted = Counted {
            reader,
            count: packed.clone(),
        };
        let unpacked = Bounded {
            reader: Gunzip::new(self, BufReader::with_capacity(64 << 10, counted)),
            packed,
            count: 0,
            limits,
            called: self,
        };
        let mut archive = tar::Archive::new(unpacked);
        let mut walk = Walk {
            called: self,
            limits,
            entries: 0,
            next_path: None,
            next_target: None,
        };
        for entry in archive
            .entries()
            .map_err(|error| self.broken(error))?
            .raw(true)
        {
            walk.entry(entry.map_err(|error| self.broken(error))?, &mut visit)?;
        }
        // The gzip trailer stands after the end of the archive, and holds the checksum.
        let mut rest = archive.into_inner();
        let empty = only_zeros(&mut rest).map_err(|error| self.broken(error))?;
        if !empty || rest.reader.has_more().map_err(|error| self.broken(error))? {
            let what = "it goes on after its end, where those who unpack it do not look";
            return Err(self.invalid(what));
        }
        Ok(())
    }

    /// A refusal of the archive.
    pub fn invalid(self, what: impl Display) -> Error {
        Error::invalid(format!("{} was refused: {what}", self.called))
    }

    /// A refusal for a bound that was passed.
    pub fn too_large(self, what: impl Display) -> Error {
        let message = format!("{} was refused: {what}", self.called);
        Error::new(ErrorKind::TooLarge, message)
    }

    /// All that `reader` has, if that is at most `limit` bytes; `what` it is, for the refusal.
    ///
    /// # Errors
    /// When it is more, or damaged.
    pub fn bounded(self, reader: &mut dyn Read, limit: u64, what: &str) -> Result<Vec<u8>> {
        let bytes = at_most(reader, limit).map_err(|error| self.broken(error))?;
        bytes.ok_or_else(|| self.too_large(format!("{what} is longer than {limit} bytes")))
    }

    /// An error of the readers below: ours, or that the archive is damaged.
    fn broken(self, error: io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => {
                let damaged = self.invalid("it is damaged, or not a gzipped tar");
                damaged.with_source(error)
            }
        }
    }
}

/// The path of an entry and what it leads to, where a header before it says so.
type Named = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What has been seen of an archive so far.
struct Walk<'a> {
    called: Archive,
    limits: &'a Limits,
    entries: u64,
    /// The path of the next entry, from the long-name or extended header before it.
    next_path: Option<Vec<u8>>,
    /// The same for what it leads to.
    next_target: Option<Vec<u8>>,
}

impl Walk<'_> {
    fn entry<R: Read>(
        &mut self,
        mut entry: tar::Entry<'_, R>,
        visit: &mut impl FnMut(Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let most = self.limits.entries;
            let what = format!("it holds more than {most} files");
            return Err(self.called.too_large(what));
        }
        if self.names_next(&mut entry)? {
            return Ok(());
        }
        let kind = self.kind(&mut entry)?;
        let global = kind == EntryKind::Global;
        let (next_path, next_target) = if global {
            (None, None)
        } else {
            (self.next_path.take(), self.next_target.take())
        };
        let own = entry.path_bytes().into_owned();
        // Of a path that was said before, the header has the beginning: its last byte is no end. Only
        // of the oldest form do readers ask it all the same.
        let oldest = entry.header().as_old().linkflag == [0];
        let own_slash = oldest && own.ends_with(b"/");
        let path = next_path.unwrap_or(own);
        let slash = own_slash || path.ends_with(b"/");
        self.check_path(&path)?;
        let kind = match kind {
            EntryKind::File if slash => EntryKind::Folder,
            kind => kind,
        };
        // Some readers look for the next entry right behind what should have no content, within it.
        if !global && kind != EntryKind::File && entry.size() > 0 {
            return Err(self.called.invalid(format!(
                "its entry {:?} is no file, but has content",
                String::from_utf8_lossy(&path)
            )));
        }
        let target = next_target
            .or_else(|| entry.link_name_bytes().map(|target| target.into_owned()))
            .filter(|_| kind == EntryKind::Link);
        visit(Entry {
            path,
            kind,
            target,
            hard: entry.header().entry_type().is_hard_link(),
            size: entry.size(),
            content: &mut entry,
        })
    }

    /// Whether an entry only says what the next one is called; then that is kept.
    fn names_next<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<bool> {
        let kind = entry.header().entry_type();
        let (path, target) = (kind.is_gnu_longname(), kind.is_gnu_longlink());
        if !path && !target && !kind.is_pax_local_extensions() {
            return Ok(false);
        }
        let header = self.header(entry)?;
        let end = memchr::memchr(0, &header).unwrap_or(header.len());
        let long = || Some(header[..end].to_vec());
        let named = if path {
            (long(), None)
        } else if target {
            (None, long())
        } else {
            self.extended(&header)?
        };
        for (next, named) in [
            (&mut self.next_path, named.0),
            (&mut self.next_target, named.1),
        ] {
            // Readers differ in which they believe.
            if named.is_some() && next.is_some() {
                return Err(self.called.invalid("it has a file with two paths"));
            }
            *next = next.take().or(named);
        }
        Ok(true)
    }

    /// What an entry is by its own header.
    fn kind<R: Read>(&self, entry: &mut tar::Entry<'_, R>) -> Result<EntryKind> {
        let kind = entry.header().entry_type();
        if kind.is_gnu_sparse() {
            return Err(self.called.invalid("it has a sparse file"));
        }
        // Some readers take these for extended headers and long names, others for files.
        if matches!(kind.as_byte(), b'X' | b'N') {
            let what = "it has a header of a form that not all know; pack it with its own client";
            return Err(self.called.invalid(what));
        }
        Ok(if kind.is_pax_global_extensions() {
            // Readers differ in whether all files that follow have the path that it says.
            let header = self.header(entry)?;
            if self.extended(&header)? != (None, None) {
                return Err(self.called.invalid("it has one path for all its files"));
            }
            EntryKind::Global
        } else if kind.is_file() || kind.is_contiguous() {
            EntryKind::File
        } else if kind.is_dir() {
            EntryKind::Folder
        } else if kind.is_symlink() || kind.is_hard_link() {
            EntryKind::Link
        } else {
            EntryKind::Other
        })
    }

    fn header(&self, entry: &mut dyn Read) -> Result<Vec<u8>> {
        self.called.bounded(entry, MAX_HEADER, "a path in it")
    }

    fn check_path(&self, path: &[u8]) -> Result<()> {
        let separator = |byte: &u8| matches!(byte, b'/' | b'\\');
        let climbs = path.split(separator).any(|segment| segment == b"..");
        if climbs || path.first().is_some_and(separator) || path.contains(&0) {
            return Err(self.called.invalid(format!(
                "its entry {:?} would be unpacked outside of it",
                String::from_utf8_lossy(path)
            )));
        }
        Ok(())
    }

    /// The path in an extended header, and what it leads to: lines of `length key=value`.
    fn extended(&self, header: &[u8]) -> Result<Named> {
        let (mut path, mut target) = (None, None);
        for record in tar::PaxExtensions::new(header) {
            let record = record.map_err(|error| self.called.broken(error))?;
            match record.key_bytes() {
                b"path" => path = Some(record.value_bytes().to_vec()),
                b"linkpath" => target = Some(record.value_bytes().to_vec()),
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(self.called.invalid("it has a sparse file"));
                }
                // Readers differ in which size they believe, so an archive could hide files.
                b"size" => {
                    let what = "it has a file with two sizes; pack it with its own client";
                    return Err(self.called.invalid(what));
                }
                _ => {}
            }
        }
        Ok((path, target))
    }
}

/// All that `reader` has, and no more memory than that takes; nothing when it is more than `limit` bytes.
fn at_most(reader: &mut dyn Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    bytes.shrink_to_fit();
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= limit))
}

/// What is left of a path without its top folder, and without the empty segments and dots that
/// unpacking drops; nothing of what lies in no folder.
pub fn below_top(path: &[u8]) -> Option<Vec<u8>> {
    let slash = memchr::memchr(b'/', path)?;
    let segments = path[slash + 1..].split(|byte| *byte == b'/');
    let kept = segments.filter(|segment| !matches!(segment, [] | [b'.']));
    Some(kept.collect::<Vec<_>>().join(&b'/'))
}

/// Whether `reader` has nothing but zeros, which fill up an archive, up to its end.
fn only_zeros(reader: &mut impl Read) -> io::Result<bool> {
    let mut buffer = [0; 8 << 10];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(true),
            read if buffer[..read].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// Gunzips all members, or the first.
enum Gunzip<R> {
    All(MultiGzDecoder<R>),
    First(GzDecoder<R>),
}

impl<R: io::BufRead> Gunzip<R> {
    fn new(archive: Archive, reader: R) -> Self {
        if archive.many_members {
            Self::All(MultiGzDecoder::new(reader))
        } else {
            Self::First(GzDecoder::new(reader))
        }
    }

    /// Whether there is something after the end.
    fn has_more(&mut self) -> io::Result<bool> {
        let reader = match self {
            Self::All(decoder) => decoder.get_mut(),
            Self::First(decoder) => decoder.get_mut(),
        };
        Ok(!reader.fill_buf()?.is_empty())
    }
}

impl<R: io::BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::All(decoder) => decoder.read(buffer),
            Self::First(decoder) => decoder.read(buffer),
        }
    }
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
    called: Archive,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count += read as u64;
        let ratio = RATIO_FREE.saturating_add(self.packed.get().saturating_mul(self.limits.ratio));
        let limit = self.limits.unpacked.min(ratio);
        if self.count > limit {
            let message = format!("it unpacks to more than {limit} bytes");
            return Err(io::Error::other(self.called.too_large(message)));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const STRICT: Archive = Archive {
        called: "the archive",
        many_members: false,
    };

    fn header(size: usize, kind: tar::EntryType) -> tar::Header {
        let mut header = tar::Header::new_ustar();
        header.set_size(size as u64);
        header.set_entry_type(kind);
        header
    }

    /// A tar of entries, each with its kind, its path and its content.
    fn tar(entries: &[(tar::EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (kind, path, content) in entries {
            let mut header = header(content.len(), *kind);
            header.set_path(path).unwrap();
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let fast = flate2::Compression::fast();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), fast);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(archive: Archive, bytes: &[u8]) -> Result<Vec<(EntryKind, String)>> {
        let mut seen = Vec::new();
        archive.read(bytes, &Limits::default(), |entry| {
            let path = String::from_utf8_lossy(&entry.path).into_owned();
            seen.push((entry.kind, path));
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn what_only_some_readers_would_see_is_refused() {
        let plain = tar(&[(tar::EntryType::Regular, "a", b"1")]);
        assert!(read(STRICT, &gzip(&plain)).is_ok());
        let (first, second) = plain.split_at(600);
        let members = [gzip(first), gzip(second)].concat();
        let lenient = Archive {
            many_members: true,
            ..STRICT
        };
        assert!(read(lenient, &members).is_ok());
        assert!(read(STRICT, &members).is_err());
        for more in [gzip(b""), gzip(&plain), b"garbage".to_vec()] {
            let error = read(STRICT, &[gzip(&plain), more].concat()).unwrap_err();
            assert!(error.to_string().contains("after its end"), "{error}");
        }
        let (long, pax) = (tar::EntryType::GNULongName, tar::EntryType::XHeader);
        let record: &[u8] = b"10 path=b\n";
        for twice in [
            [(long, "x", &b"a"[..]), (pax, "x", record)],
            [(pax, "x", record), (long, "x", b"a")],
            [(pax, "x", record), (pax, "x", record)],
        ] {
            let file = (tar::EntryType::Regular, "c", &b""[..]);
            let error = read(STRICT, &gzip(&tar(&[&twice[..], &[file]].concat()))).unwrap_err();
            assert!(error.to_string().contains("two paths"), "{error}");
        }
    }

    #[test]
    fn what_could_hide_files_is_refused() {
        let hidden = tar(&[(tar::EntryType::Regular, "b", b"2")]);
        let hidden = &hidden[..1024];
        let file = (tar::EntryType::Regular, "a", &b"1"[..]);
        for (kind, path) in [
            (tar::EntryType::Directory, "d/"),
            (tar::EntryType::Regular, "d/"),
            (tar::EntryType::Symlink, "l"),
            (tar::EntryType::Link, "l"),
            (tar::EntryType::Fifo, "p"),
        ] {
            let error = read(STRICT, &gzip(&tar(&[(kind, path, hidden), file]))).unwrap_err();
            assert!(error.to_string().contains("no file"), "{kind:?}: {error}");
        }
        let long = (tar::EntryType::GNULongName, "x", &b"d/"[..]);
        let named = [long, (tar::EntryType::Regular, "f", hidden)];
        let error = read(STRICT, &gzip(&tar(&named))).unwrap_err();
        assert!(error.to_string().contains("no file"), "{error}");
        for old in [b'X', b'N'] {
            let old = (tar::EntryType::new(old), "x", &b"10 path=b\n"[..]);
            assert!(read(STRICT, &gzip(&tar(&[old, file]))).is_err());
        }
        for record in [&b"10 path=b\n"[..], b"14 linkpath=b\n"] {
            let global = (tar::EntryType::XGlobalHeader, "g", record);
            let error = read(STRICT, &gzip(&tar(&[global, file]))).unwrap_err();
            assert!(error.to_string().contains("one path for all"), "{error}");
        }
        // One empty block ends an archive for some, two for others.
        let end = [0; 512];
        let all = [&tar(&[file])[..1024], &end, hidden, &end, &end].concat();
        let error = read(STRICT, &gzip(&all)).unwrap_err();
        assert!(error.to_string().contains("after its end"), "{error}");
        let padded = [&tar(&[file])[..], &[0; 8192]].concat();
        assert!(read(STRICT, &gzip(&padded)).is_ok());
    }

    /// A tar of one file whose path is said before it, and of which its own header has the beginning;
    /// `kind` is the type that the header has.
    fn named_before(before: tar::EntryType, path: &str, kind: u8) -> Vec<u8> {
        let record = match before {
            tar::EntryType::XHeader => format!("{} path={path}\n", path.len() + 10),
            _ => format!("{path}\0"),
        };
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = header(record.len(), before);
        header.set_cksum();
        builder.append(&header, record.as_bytes()).unwrap();
        let mut header = self::header(1, tar::EntryType::Regular);
        header.as_old_mut().linkflag = [kind];
        header.as_old_mut().name = path.as_bytes()[..100].try_into().unwrap();
        header.set_cksum();
        builder.append(&header, &b"1"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_path_that_is_cut_off_at_a_slash_is_one_of_a_file() {
        let path = format!("{}/f", "d".repeat(99));
        for before in [tar::EntryType::GNULongName, tar::EntryType::XHeader] {
            let seen = read(STRICT, &gzip(&named_before(before, &path, b'0'))).unwrap();
            assert_eq!(seen, [(EntryKind::File, path.clone())]);
            // Of the oldest form some take it for a folder, and what it holds for the next entry.
            let error = read(STRICT, &gzip(&named_before(before, &path, 0))).unwrap_err();
            assert!(error.to_string().contains("no file"), "{error}");
        }
    }

    #[test]
    fn kinds() {
        let bytes = tar(&[
            (tar::EntryType::XGlobalHeader, "g", b"13 comment=b\n"),
            (tar::EntryType::Regular, "e/", b""),
            (tar::EntryType::Directory, "d/", b""),
            (tar::EntryType::XHeader, "x", b"10 path=b\n"),
            (tar::EntryType::Regular, "f", b"1"),
            (tar::EntryType::Symlink, "l", b""),
            (tar::EntryType::Fifo, "p", b""),
        ]);
        let expected = [
            (EntryKind::Global, "g"),
            (EntryKind::Folder, "e/"),
            (EntryKind::Folder, "d/"),
            (EntryKind::File, "b"),
            (EntryKind::Link, "l"),
            (EntryKind::Other, "p"),
        ];
        let expected = expected.map(|(kind, path)| (kind, path.to_owned()));
        assert_eq!(read(STRICT, &gzip(&bytes)).unwrap(), expected);
    }

    #[test]
    fn below_the_top_folder() {
        for (path, below) in [
            ("a/b", Some("b")),
            ("a/./b//c", Some("b/c")),
            ("a/", Some("")),
            ("a", None),
        ] {
            let found = below_top(path.as_bytes());
            assert_eq!(found.as_deref(), below.map(str::as_bytes), "{path}");
        }
    }
}
