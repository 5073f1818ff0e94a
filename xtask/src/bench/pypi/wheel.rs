//! Wheels to publish, as twine would send them.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use flate2::Crc;
use sha2::{Digest, Sha256};

use crate::random::Random;

const BOUNDARY: &str = "1f0e2d3c4b5a69788796a5b4c3d2e1f0";

/// A release with one file.
pub(super) struct Wheel {
    name: String,
    version: String,
}

/// A file of a wheel: what its header and the directory say of it.
struct Entry {
    name: String,
    crc: u32,
    size: u32,
    offset: u32,
}

/// Passes bytes on, and counts and hashes them.
struct Counted<'a> {
    out: &'a mut dyn Write,
    count: u64,
    digest: Sha256,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.count += written as u64;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Wheel {
    pub(super) fn new(name: &str, version: String) -> Self {
        Self {
            name: name.to_owned(),
            version,
        }
    }

    fn release(&self) -> String {
        format!("{}-{}", self.name.replace('-', "_"), self.version)
    }

    /// The name of its file.
    pub(super) fn file(&self) -> String {
        format!("{}-py3-none-any.whl", self.release())
    }

    pub(super) fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// Writes the form that uploads it, and returns the length of the wheel: `size`, or as small as it
    /// can be if that is 0.
    pub(super) fn form_of(&self, out: &mut dyn Write, size: u64) -> Result<u64> {
        for (name, value) in [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.1"),
            ("name", &self.name),
            ("version", &self.version),
            ("filetype", "bdist_wheel"),
            ("pyversion", "py3"),
        ] {
            field(out, name, value)?;
        }
        write!(
            out,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.file()
        )?;
        let mut counted = Counted {
            out,
            count: 0,
            digest: Sha256::new(),
        };
        self.wheel(&mut counted, size)?;
        let (length, digest) = (counted.count, counted.digest.finalize());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(out, "\r\n")?;
        field(out, "sha256_digest", &digest)?;
        write!(out, "--{BOUNDARY}--\r\n")?;
        Ok(length)
    }

    /// Its file, as small as it can be.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut counted = Counted {
            out: &mut bytes,
            count: 0,
            digest: Sha256::new(),
        };
        self.wheel(&mut counted, 0)?;
        Ok(bytes)
    }

    fn wheel(&self, out: &mut Counted<'_>, size: u64) -> Result<()> {
        let folder = format!("{}.dist-info", self.release());
        let [metadata, wheel, record] =
            ["METADATA", "WHEEL", "RECORD"].map(|file| format!("{folder}/{file}"));
        let list = format!("noise.bin,,\n{metadata},,\n{wheel},,\n{record},,\n");
        let about = self.metadata();
        let small = [
            (&metadata, about.as_bytes()),
            (&wheel, b"Wheel-Version: 1.0\nTag: py3-none-any\n"),
            (&record, list.as_bytes()),
        ];
        // Each file has two headers, of 30 and 46 bytes, and its name twice; the end has 22 bytes.
        let around = |name: &str| 76 + 2 * name.len() as u64;
        let rest: u64 = small
            .iter()
            .map(|(name, content)| around(name) + content.len() as u64)
            .sum();
        let noise = size.saturating_sub(rest + around("noise.bin") + 22).max(64);
        let mut entries = vec![stored(out, "noise.bin", noise, || {
            Random::new(&self.file())
        })?];
        for (name, content) in small {
            entries.push(stored(out, name, content.len() as u64, || content)?);
        }
        let start = number(out.count)?;
        for entry in &entries {
            out.write_all(b"PK\x01\x02\x14\x03")?;
            out.write_all(&entry.header()?)?;
            out.write_all(&[0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x81])?;
            out.write_all(&entry.offset.to_le_bytes())?;
            out.write_all(entry.name.as_bytes())?;
        }
        let length = number(out.count)? - start;
        let count = u16::try_from(entries.len())?.to_le_bytes();
        out.write_all(b"PK\x05\x06\0\0\0\0")?;
        for part in [
            &count[..],
            &count,
            &length.to_le_bytes(),
            &start.to_le_bytes(),
            &[0, 0],
        ] {
            out.write_all(part)?;
        }
        Ok(())
    }

    /// Of middling size.
    fn metadata(&self) -> String {
        let mut text = format!(
            "Metadata-Version: 2.1\nName: {}\nVersion: {}\nSummary: A package of middling size\n\
             Requires-Python: >=3.8\n",
            self.name, self.version
        );
        for number in 0..20 {
            text += &format!(
                "Requires-Dist: dependency-{number}>={number}.2,<{}\n",
                number + 1
            );
        }
        text + "\n# A package\n\n" + &"Words to read before one installs it. ".repeat(80)
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

/// Writes a file as it is. Its content is made twice, since its header has its checksum.
fn stored<R: Read>(
    out: &mut Counted<'_>,
    name: &str,
    size: u64,
    content: impl Fn() -> R,
) -> Result<Entry> {
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
        offset: number(out.count)?,
    };
    out.write_all(b"PK\x03\x04")?;
    out.write_all(&entry.header()?)?;
    out.write_all(name.as_bytes())?;
    std::io::copy(&mut content().take(size), out)?;
    Ok(entry)
}

fn number(value: u64) -> Result<u32> {
    u32::try_from(value).context("a zip of the old form has 4 GiB at most")
}

fn field(out: &mut dyn Write, name: &str, value: &str) -> Result<()> {
    write!(
        out,
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
    )?;
    Ok(())
}
