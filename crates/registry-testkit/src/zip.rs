//! Zips to be sent, whole; what breaks them is up to the test.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// A zip of these files, the same whenever it is made, packed or as they are.
///
/// # Panics
/// When a file is too large for a zip of the old form.
pub fn zip(files: &[(&str, &[u8])], packed: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let offset = number(out.len());
        let fields = fields(name, content, packed);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&fields.header);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&fields.data);
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        directory.extend_from_slice(&fields.header);
        // No comment, the first disk, and a file that its owner may read and write.
        directory.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x81]);
        directory.extend_from_slice(&offset);
        directory.extend_from_slice(name.as_bytes());
    }
    let (offset, size) = (number(out.len()), number(directory.len()));
    out.extend_from_slice(&directory);
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX).to_le_bytes();
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    for part in [&count[..], &count, &size, &offset, &[0, 0]] {
        out.extend_from_slice(part);
    }
    out
}

struct Fields {
    /// What a local header and one in the directory have in common, from the version that is needed
    /// to the length of the extra fields.
    header: Vec<u8>,
    data: Vec<u8>,
}

fn fields(name: &str, content: &[u8], packed: bool) -> Fields {
    let mut crc = Crc::new();
    crc.update(content);
    let data = if packed {
        deflate(content)
    } else {
        content.to_vec()
    };
    let method = if packed { [8, 0] } else { [0, 0] };
    let flags = if name.is_ascii() { [0, 0] } else { [0, 8] };
    let name = u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes();
    let parts: [&[u8]; 9] = [
        &[0x14, 0],
        &flags,
        &method,
        // 1980-01-01.
        &[0, 0, 0x21, 0],
        &crc.sum().to_le_bytes(),
        &number(data.len()),
        &number(content.len()),
        &name,
        &[0, 0],
    ];
    Fields {
        header: parts.concat(),
        data,
    }
}

#[allow(clippy::unwrap_used)]
fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[allow(clippy::unwrap_used)]
fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_le_bytes()
}
