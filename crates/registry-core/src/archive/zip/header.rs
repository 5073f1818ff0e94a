//! The records of a zip, as APPNOTE.TXT 6.3.10 lays them out.

use std::io::Read;

use super::{Allowed, Fault};

type Result<T> = std::result::Result<T, Fault>;

/// A local file header (4.3.7).
pub(super) const LOCAL: u32 = 0x0403_4b50;
/// A header in the central directory (4.3.12).
pub(super) const CENTRAL: u32 = 0x0201_4b50;
/// The end of the central directory (4.3.16).
pub(super) const END: u32 = 0x0605_4b50;
/// The end of the central directory of a zip64 (4.3.14).
const END_64: u32 = 0x0606_4b50;
/// Where that is (4.3.15).
const LOCATOR_64: u32 = 0x0706_4b50;

/// What stands where a number does not fit.
const ELSEWHERE: u32 = u32::MAX;

/// The flags that a file may have: how hard it was compressed, and that its name is UTF-8 (4.4.4).
const FLAGS: u16 = 0b110 | UTF8;
const UTF8: u16 = 1 << 11;
/// That its checksum and sizes stand behind it.
const DESCRIBED: u16 = 1 << 3;

/// What may, and may not, stand before them (4.3.9.3).
const DESCRIPTOR: u32 = 0x0807_4b50;

/// The kind of file in a mode of Unix, and those that are let in.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// The extra fields that say something else than a header's own, or say it again (4.5.3, 4.6.9).
const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;

/// What a header says of a file, beside its name.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Header {
    pub(super) deflated: bool,
    flags: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    offset: u64,
}

impl Header {
    /// Reads a local header, which begins at `offset` and whose signature was read.
    pub(super) fn read(
        reader: &mut dyn Read,
        offset: u64,
        allowed: Allowed,
    ) -> Result<(Self, String, Described)> {
        let fixed = Fields(take::<26>(reader)?);
        let header = Self {
            deflated: deflated(fixed.u16(4))?,
            flags: fixed.u16(2),
            crc: fixed.u32(10),
            packed: fixed.u32(14).into(),
            size: fixed.u32(18).into(),
            offset,
        };
        let (name, extra) = (fixed.u16(22), fixed.u16(24));
        let name = header.name(reader, name, allowed)?;
        let extra = bytes(reader, extra)?;
        // Both sizes stand there where one of them does not fit.
        let mut header = header;
        let mut elsewhere = [&mut header.size, &mut header.packed];
        let is_64 = zip64(&extra, &mut elsewhere)?;
        let described = match (header.flags & DESCRIBED != 0, is_64) {
            (false, _) => Described::Before,
            (true, false) => Described::Behind,
            (true, true) => Described::Behind64,
        };
        Ok((header, name, described))
    }

    /// Reads the descriptor behind a file, which has these `packed` bytes, `size` and checksum, and
    /// compares it; each of them may be nothing before the file, but not something else.
    pub(super) fn describe(
        &mut self,
        reader: &mut dyn Read,
        described: Described,
        (packed, size, crc): (u64, u64, u32),
    ) -> Result<()> {
        let found = Self {
            packed,
            size,
            crc,
            ..*self
        };
        let kept = |before: u64, behind: u64| before == 0 || before == behind;
        let before =
            kept(self.packed, packed) && kept(self.size, size) && kept(self.crc.into(), crc.into());
        let long = u64::from(ELSEWHERE);
        let is_64 = described == Described::Behind64 || packed >= long || size >= long;
        let mut first = self::signature(reader)?;
        if first == DESCRIPTOR && first != crc {
            first = self::signature(reader)?;
        }
        let sizes = if is_64 {
            let sizes = Fields(take::<16>(reader)?);
            (sizes.u64(0), sizes.u64(8))
        } else {
            let sizes = Fields(take::<8>(reader)?);
            (sizes.u32(0).into(), sizes.u32(4).into())
        };
        let same = first == crc && sizes == (packed, size);
        if !same || !before {
            return Err(Fault::invalid("a data descriptor in it is wrong"));
        }
        *self = found;
        Ok(())
    }

    /// Reads a header in the central directory, whose signature was read. Tells too whether the entry
    /// is a link.
    pub(super) fn read_central(
        reader: &mut dyn Read,
        allowed: Allowed,
    ) -> Result<(Self, String, bool)> {
        let fixed = Fields(take::<42>(reader)?);
        let mut header = Self {
            deflated: deflated(fixed.u16(6))?,
            flags: fixed.u16(4),
            crc: fixed.u32(12),
            packed: fixed.u32(16).into(),
            size: fixed.u32(20).into(),
            offset: fixed.u32(38).into(),
        };
        let (made_by, comment, disk) = (fixed.u16(0), fixed.u16(28), fixed.u16(30));
        if comment != 0 && !allowed.comments {
            return Err(Fault::invalid("its directory has a comment"));
        }
        if disk != 0 {
            return Err(Fault::invalid("it is one of several parts"));
        }
        let name = header.name(reader, fixed.u16(24), allowed)?;
        let extra = bytes(reader, fixed.u16(26))?;
        bytes(reader, comment)?;
        let mut elsewhere = [&mut header.size, &mut header.packed, &mut header.offset];
        zip64(&extra, &mut elsewhere)?;
        // Where Unix made it, the upper half is the mode of the file. Some look at that for links
        // whoever made it.
        let kind = (fixed.u32(34) >> 16) & KIND;
        let is_link = kind == LINK;
        let is_strange = made_by >> 8 == 3 && !matches!(kind, 0 | FILE | FOLDER | LINK);
        if is_strange || (is_link && !allowed.links) {
            return Err(Fault::invalid(format!(
                "its entry {name:?} is no file or folder"
            )));
        }
        Ok((header, name, is_link))
    }

    fn name(&self, reader: &mut dyn Read, length: u16, allowed: Allowed) -> Result<String> {
        let described = if allowed.descriptors { DESCRIBED } else { 0 };
        if self.flags & !(FLAGS | described) != 0 {
            return Err(Fault::invalid(
                if self.flags & DESCRIBED & !described != 0 {
                    "it contains a data descriptor"
                } else {
                    "it is encrypted, or packed in another way that is not known"
                },
            ));
        }
        let name = bytes(reader, length)?;
        let name =
            String::from_utf8(name).map_err(|_| Fault::invalid("a name in it is not UTF-8"))?;
        if !name.is_ascii() && self.flags & UTF8 == 0 && !allowed.unmarked_names {
            return Err(Fault::invalid(format!(
                "its name {name:?} is not marked as UTF-8"
            )));
        }
        Ok(name)
    }
}

fn deflated(method: u16) -> Result<bool> {
    match method {
        0 => Ok(false),
        8 => Ok(true),
        _ => Err(Fault::invalid(
            "it does not use a supported compression type",
        )),
    }
}

/// Where the checksum and the sizes of a file stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Described {
    Before,
    Behind,
    /// The sizes with 64 bits.
    Behind64,
}

/// Reads the extra fields, and takes from them the numbers that did not fit. Tells whether they had a
/// place for such.
fn zip64(mut extra: &[u8], numbers: &mut [&mut u64]) -> Result<bool> {
    let malformed = || Fault::invalid("its extra fields are malformed");
    let elsewhere = |number: &&mut u64| **number == u64::from(ELSEWHERE);
    let mut found = None;
    while !extra.is_empty() {
        let (id, rest) = extra.split_first_chunk::<2>().ok_or_else(malformed)?;
        let (size, rest) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
        let size = usize::from(u16::from_le_bytes(*size));
        let (value, rest) = rest.split_at_checked(size).ok_or_else(malformed)?;
        match u16::from_le_bytes(*id) {
            ZIP64 if found.replace(value).is_some() => return Err(malformed()),
            UNICODE_PATH => return Err(Fault::invalid("one of its entries has two names")),
            _ => {}
        }
        extra = rest;
    }
    let Some(mut value) = found else {
        return match numbers.iter().any(elsewhere) {
            true => Err(malformed()),
            false => Ok(false),
        };
    };
    // Numbers that are there though they would fit are those that the header says, or it could be
    // read in two ways.
    let all = value.len() >= 8 * numbers.len();
    for number in numbers {
        if !all && !elsewhere(number) {
            continue;
        }
        let (bytes, rest) = value.split_first_chunk::<8>().ok_or_else(malformed)?;
        let stated = u64::from_le_bytes(*bytes);
        if !elsewhere(number) && **number != stated {
            return Err(malformed());
        }
        **number = stated;
        value = rest;
    }
    // The number of the disk may follow.
    if !matches!(value, [] | [0, 0, 0, 0]) {
        return Err(malformed());
    }
    Ok(true)
}

/// Where the directory was found, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) entries: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Directory {
    /// Reads what ends the zip, whose first signature was read, and compares it.
    pub(super) fn check_end(
        self,
        reader: &mut dyn Read,
        signature: u32,
        allowed: Allowed,
    ) -> Result<()> {
        let differs = || Fault::invalid("its end and its directory differ");
        let mut is_64 = false;
        let mut signature = signature;
        if signature == END_64 {
            is_64 = true;
            let end = Fields(take::<52>(reader)?);
            let disks = (end.u32(12), end.u32(16));
            let stated = Self {
                entries: end.u64(28),
                size: end.u64(36),
                offset: end.u64(44),
            };
            if end.u64(0) != 44
                || disks != (0, 0)
                || end.u64(20) != stated.entries
                || stated != self
            {
                return Err(differs());
            }
            if self::signature(reader)? != LOCATOR_64 {
                return Err(differs());
            }
            let locator = Fields(take::<16>(reader)?);
            if locator.u32(0) != 0 || locator.u64(4) != self.offset + self.size {
                return Err(differs());
            }
            signature = self::signature(reader)?;
        }
        if signature != END {
            return Err(Fault::invalid("it has a record that is not known"));
        }
        let end = Fields(take::<18>(reader)?);
        if end.u16(16) != 0 && !allowed.comments {
            return Err(Fault::invalid("it has a comment"));
        }
        // Whoever looks for the end from behind must not find another one there.
        let comment = bytes(reader, end.u16(16))?;
        if memchr::memmem::find(&comment, b"PK").is_some() {
            return Err(Fault::invalid("its comment looks like a part of a zip"));
        }
        let fits = |stated: u64, most: u64, is: u64| stated == is || (is_64 && stated == most);
        let (short, long) = (u64::from(u16::MAX), u64::from(u32::MAX));
        let entries = [end.u16(4), end.u16(6)];
        if (end.u16(0), end.u16(2)) != (0, 0)
            || !entries
                .iter()
                .all(|stated| fits((*stated).into(), short, self.entries))
            || !fits(end.u32(8).into(), long, self.size)
            || !fits(end.u32(12).into(), long, self.offset)
        {
            return Err(differs());
        }
        Ok(())
    }
}

/// The next four bytes, which say what follows.
pub(super) fn signature(reader: &mut dyn Read) -> Result<u32> {
    Ok(u32::from_le_bytes(take::<4>(reader)?))
}

fn take<const N: usize>(reader: &mut dyn Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(cut_off)?;
    Ok(bytes)
}

fn bytes(reader: &mut dyn Read, length: u16) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(length)];
    reader.read_exact(&mut bytes).map_err(cut_off)?;
    Ok(bytes)
}

fn cut_off(error: std::io::Error) -> Fault {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Fault::invalid("it ends too early");
    }
    error.into()
}

/// The numbers of a record, by where they stand after its signature.
struct Fields<const N: usize>([u8; N]);

impl<const N: usize> Fields<N> {
    fn number<const M: usize>(&self, at: usize) -> [u8; M] {
        let mut bytes = [0; M];
        bytes.copy_from_slice(&self.0[at..at + M]);
        bytes
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.number(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.number(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.number(at))
    }
}
