//! Base64 out of a JSON string, as it streams.

use base64::{Engine, engine::general_purpose::STANDARD};
use registry_core::{Error, Result};

/// Decodes the inside of one JSON string that holds strict base64.
#[derive(Default)]
pub(super) struct Decoder {
    /// Fewer than four characters that wait for more.
    carry: Vec<u8>,
    /// A JSON escape sequence that is not whole yet.
    escape: Vec<u8>,
    /// Padding was seen: only the end may follow.
    padded: bool,
}

impl Decoder {
    /// Decodes up to the end of `bytes` or of the string, whichever comes first; gives how many
    /// bytes were taken, what they decode to, and whether the string ended.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Vec<u8>, bool)> {
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if !self.escape.is_empty() {
                self.escape.push(bytes[at]);
                at += 1;
                if let Some(byte) = unescape(&self.escape)? {
                    self.escape.clear();
                    self.decode(&[byte], &mut decoded)?;
                }
                continue;
            }
            let end = memchr::memchr2(b'"', b'\\', &bytes[at..]);
            let end = end.map_or(bytes.len(), |found| at + found);
            self.decode(&bytes[at..end], &mut decoded)?;
            at = end + 1;
            match bytes.get(end) {
                Some(b'"') if self.carry.is_empty() => return Ok((at, decoded, true)),
                Some(b'"') => return Err(broken()),
                Some(_) => self.escape.push(b'\\'),
                None => return Ok((end, decoded, false)),
            }
        }
        Ok((bytes.len(), decoded, false))
    }

    fn decode(&mut self, mut bytes: &[u8], into: &mut Vec<u8>) -> Result<()> {
        if !self.carry.is_empty() {
            let missing = bytes.len().min(4 - self.carry.len());
            self.carry.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.carry.len() == 4 {
                let carry = std::mem::take(&mut self.carry);
                self.quads(&carry, into)?;
            }
        }
        let (quads, rest) = bytes.split_at(bytes.len() - bytes.len() % 4);
        self.carry.extend_from_slice(rest);
        self.quads(quads, into)
    }

    fn quads(&mut self, quads: &[u8], into: &mut Vec<u8>) -> Result<()> {
        if quads.is_empty() {
            return Ok(());
        }
        if self.padded {
            return Err(broken());
        }
        self.padded = quads.ends_with(b"=");
        let start = into.len();
        into.resize(start + quads.len() / 4 * 3, 0);
        let length = STANDARD
            .decode_slice(quads, &mut into[start..])
            .map_err(|_| broken())?;
        into.truncate(start + length);
        Ok(())
    }
}

/// The character that an escape sequence means, once the sequence is whole.
fn unescape(escape: &[u8]) -> Result<Option<u8>> {
    match escape {
        [b'\\', b'/'] => Ok(Some(b'/')),
        [b'\\', b'u', digits @ ..] if digits.len() < 4 => Ok(None),
        [b'\\', b'u', digits @ ..] => {
            let digits = std::str::from_utf8(digits).map_err(|_| broken())?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(broken());
            }
            u8::from_str_radix(digits, 16)
                .map(Some)
                .map_err(|_| broken())
        }
        _ => Err(broken()),
    }
}

fn broken() -> Error {
    Error::invalid("an attachment is not valid base64; pack and publish again")
}
