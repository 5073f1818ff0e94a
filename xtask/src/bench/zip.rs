//! Zips of files as they are, written as they go.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use flate2::Crc;

/// What a zip without files takes.
pub(crate) const END: u64 = 22;

/// What a file takes beside its content: two headers, of 30 and 46 bytes, and its name twice.
pub(crate) fn around(name: &str) -> u64 {
    76 + 2 * name.len() as u64
}

/// A zip in the making.
pub(crate) struct Zip<W> {
    out: W,
    count: u64,
    entries: Vec<Entry>,
}

/// A file: what its header and the directory say of it.
struct Entry {
    name: String,
    crc: u32,
    size: u32,
    offset: u32,
}

impl<W: Write> Zip<W> {
    /// An empty one.
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            count: 0,
            entries: Vec::new(),
        }
    }

    /// Writes a file. Its content is made twice, since its header has its checksum.
    pub(crate) fn file<R: Read>(
        &mut self,
        name: &str,
        size: u64,
        content: impl Fn() -> R,
    ) -> Result<()> {
        let mut crc = Crc::new();
        let mut piece = vec![0; 1 << 16];
        let mut bytes = content().take(size);
        loop {
            let read = bytes.read(&mut piece)?;
            if read == 0 {
                break;
            }
            crc.update(&piece[..read]);
        }
        let entry = Entry {
            name: name.to_owned(),
            crc: crc.sum(),
            size: number(size)?,
            offset: number(self.count)?,
        };
        self.write(b"PK\x03\x04")?;
        self.write(&entry.header()?)?;
        self.write(name.as_bytes())?;
        self.count += std::io::copy(&mut content().take(size), &mut self.out)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Writes the directory; the length of the whole.
    pub(crate) fn finish(mut self) -> Result<u64> {
        let start = number(self.count)?;
        let entries = std::mem::take(&mut self.entries);
        for entry in &entries {
            self.write(b"PK\x01\x02\x14\x03")?;
            self.write(&entry.header()?)?;
            self.write(&[0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x81])?;
            self.write(&entry.offset.to_le_bytes())?;
            self.write(entry.name.as_bytes())?;
        }
        let length = number(self.count)? - start;
        let count = u16::try_from(entries.len())?.to_le_bytes();
        self.write(b"PK\x05\x06\0\0\0\0")?;
        for part in [
            &count[..],
            &count,
            &length.to_le_bytes(),
            &start.to_le_bytes(),
            &[0, 0],
        ] {
            self.write(part)?;
        }
        Ok(self.count)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes)?;
        self.count += bytes.len() as u64;
        Ok(())
    }
}

impl Entry {
    /// What both headers have in common, from the version that is needed to the length of the extra.
    fn header(&self) -> Result<Vec<u8>> {
        let name = u16::try_from(self.name.len())?.to_le_bytes();
        let (crc, size) = (self.crc.to_le_bytes(), self.size.to_le_bytes());
        let parts: [&[u8]; 6] = [
            &[0x14, 0, 0, 0, 0, 0, 0, 0, 0x21, 0],
            &crc,
            &size,
            &size,
            &name,
            &[0, 0],
        ];
        Ok(parts.concat())
    }
}

fn number(value: u64) -> Result<u32> {
    u32::try_from(value).context("a zip of the old form has 4 GiB at most")
}
