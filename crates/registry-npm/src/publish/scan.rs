//! Reads the body of a publish as it arrives: tarballs go out decoded, the rest is kept.
//!
//! The scanner knows just enough of JSON to find the strings `_attachments.<file>.data` of the
//! outermost object, wherever they stand. It leaves `""` in their place, so that the document that
//! [`finish`](PublishScanner::finish) gives is what a JSON parser has to judge: whatever is
//! malformed is malformed there too.

use bytes::Bytes;
use registry_core::{Error, ErrorKind, Result};

use super::base64::Decoder;

/// How deep objects and arrays may lie in each other.
const MAX_DEPTH: u32 = 64;

/// How many attachments one publish may have: a tarball, its provenance, and room for more.
const MAX_ATTACHMENTS: usize = 8;

/// What comes out of an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The bytes of an attachment follow.
    Start {
        /// Its key in `_attachments`.
        file: String,
    },
    /// The next bytes, decoded.
    Data(Bytes),
    /// The attachment is whole.
    End,
}

/// A push parser of the publish body.
pub struct PublishScanner {
    document: Vec<u8>,
    limit: usize,
    state: State,
    nesting: Nesting,
    place: Place,
    attachments: Option<Vec<String>>,
}

enum State {
    /// Between tokens, or within a number or a word.
    Between,
    /// In a string that is kept; it began at `start`.
    Text { start: usize, escaped: bool },
    /// In an attachment's data.
    Data(Decoder),
}

/// Where in the document the scanner is, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Elsewhere,
    /// The value of `_attachments` is next.
    Attachments,
    /// In the object `_attachments`.
    Files,
    /// In the object of one attachment.
    File {
        has_data: bool,
    },
    /// The value of an attachment's `data` is next.
    Data,
}

impl PublishScanner {
    /// A scanner that keeps at most `limit` bytes of document.
    pub fn new(limit: usize) -> Self {
        Self {
            document: Vec::new(),
            limit,
            state: State::Between,
            nesting: Nesting::default(),
            place: Place::Elsewhere,
            attachments: None,
        }
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when the document outgrows its limit, [`ErrorKind::Invalid`] for
    /// what cannot become a publish. After an error nothing more may be fed.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Between => self.between(bytes, &mut events)?,
                State::Text { .. } => self.text(bytes)?,
                State::Data(decoder) => {
                    let (taken, decoded, ended) = decoder.feed(bytes)?;
                    if !decoded.is_empty() {
                        events.push(Event::Data(decoded.into()));
                    }
                    if ended {
                        events.push(Event::End);
                        self.document.push(b'"');
                        self.state = State::Between;
                    }
                    taken
                }
            };
            bytes = &bytes[taken..];
        }
        Ok(events)
    }

    /// The document without its attachments' data, once the body has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the body broke off.
    pub fn finish(self) -> Result<Vec<u8>> {
        let whole = matches!(self.state, State::Between) && self.nesting.depth == 0;
        if !whole || self.document.is_empty() {
            return Err(Error::invalid(
                "the document ends in its middle; send it again",
            ));
        }
        Ok(self.document)
    }

    /// Keeps the tokens up to and with the next quotation mark.
    fn between(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<usize> {
        let end = memchr::memchr(b'"', bytes).unwrap_or(bytes.len());
        self.keep(&bytes[..end])?;
        for &byte in &bytes[..end] {
            match byte {
                b'{' | b'[' => self.open(byte == b'{')?,
                b'}' | b']' => self.close(),
                b',' => self.nesting.key_next = self.nesting.in_object(),
                b':' => self.nesting.key_next = false,
                // A number, true, false or null where an object or a string has to be.
                b'0'..=b'9' | b'-' | b't' | b'f' | b'n' => self.scalar()?,
                _ => {}
            }
        }
        if end == bytes.len() {
            return Ok(end);
        }
        self.keep(b"\"")?;
        let start = self.document.len() - 1;
        self.state = State::Text {
            start,
            escaped: false,
        };
        if !self.nesting.key_next {
            match self.place {
                Place::Attachments => return Err(not_an_object()),
                Place::Data => self.begin(events),
                _ => {}
            }
        }
        Ok(end + 1)
    }

    /// An attachment's data begins.
    fn begin(&mut self, events: &mut Vec<Event>) {
        self.place = Place::File { has_data: true };
        let file = self.attachments.as_ref().and_then(|files| files.last());
        let file = file.cloned().unwrap_or_default();
        // A provenance bundle is a JSON text, and small.
        if !file.ends_with(".sigstore") {
            self.state = State::Data(Decoder::default());
            events.push(Event::Start { file });
        }
    }

    /// Keeps a string up to its end.
    fn text(&mut self, bytes: &[u8]) -> Result<usize> {
        let State::Text { start, mut escaped } = self.state else {
            return Ok(0);
        };
        let mut at = usize::from(escaped);
        let ended = loop {
            escaped = false;
            match memchr::memchr2(b'"', b'\\', &bytes[at..]) {
                None => break false,
                Some(found) if bytes[at + found] == b'"' => {
                    at += found + 1;
                    break true;
                }
                Some(found) if at + found + 1 == bytes.len() => {
                    escaped = true;
                    break false;
                }
                Some(found) => at += found + 2,
            }
        };
        let taken = if ended { at } else { bytes.len() };
        self.keep(&bytes[..taken])?;
        self.state = State::Text { start, escaped };
        if ended {
            self.state = State::Between;
            if self.nesting.key_next {
                self.key(start)?;
            }
        }
        Ok(taken)
    }

    /// A key has ended that began at `start` of the document.
    fn key(&mut self, start: usize) -> Result<()> {
        let raw = &self.document[start..];
        let escaped = memchr::memchr(b'\\', raw).is_some();
        let tracked = match self.place {
            Place::Elsewhere => self.nesting.depth == 1,
            Place::Files => self.nesting.depth == 2,
            Place::File { .. } => self.nesting.depth == 3,
            Place::Attachments | Place::Data => false,
        };
        if !tracked && !escaped && raw != b"\"__proto__\"" {
            return Ok(());
        }
        let key: String = serde_json::from_slice(raw)
            .map_err(|_| Error::invalid("the document has a key that is not valid JSON"))?;
        if key == "__proto__" {
            return Err(Error::invalid(
                "the document has a key __proto__; rename it",
            ));
        }
        if !tracked {
            return Ok(());
        }
        match (self.place, key.as_str()) {
            (Place::Elsewhere, "_attachments") => {
                if self.attachments.replace(Vec::new()).is_some() {
                    return Err(Error::invalid("the document has _attachments twice"));
                }
                self.place = Place::Attachments;
            }
            (Place::Files, _) => {
                let files = self.attachments.get_or_insert_default();
                if files.len() == MAX_ATTACHMENTS || files.contains(&key) {
                    return Err(Error::invalid(
                        "the document has an attachment twice, or too many of them",
                    ));
                }
                files.push(key);
            }
            (Place::File { has_data: true }, "data") => {
                return Err(Error::invalid("an attachment has data twice"));
            }
            (Place::File { .. }, "data") => self.place = Place::Data,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<()> {
        self.nesting.open(object)?;
        self.place = match (self.place, self.nesting.depth) {
            (Place::Attachments, _) if object => Place::Files,
            (Place::Files, 3) if object => Place::File { has_data: false },
            (Place::Attachments, _) | (Place::Files, 3) => return Err(not_an_object()),
            (Place::Data, _) => return Err(not_a_string()),
            (place, _) => place,
        };
        Ok(())
    }

    fn close(&mut self) {
        self.nesting.close();
        self.place = match (self.place, self.nesting.depth) {
            (Place::File { .. }, 2) => Place::Files,
            (Place::Files, 1) => Place::Elsewhere,
            (place, _) => place,
        };
    }

    fn scalar(&self) -> Result<()> {
        match self.place {
            Place::Attachments => Err(not_an_object()),
            Place::Data => Err(not_a_string()),
            _ => Ok(()),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<()> {
        if self.document.len() + bytes.len() > self.limit {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "the package's metadata may hold {} bytes at most; shorten its readme or \
                     manifest",
                    self.limit
                ),
            ));
        }
        self.document.extend_from_slice(bytes);
        Ok(())
    }
}

/// The open objects and arrays, a bit each.
#[derive(Default)]
struct Nesting {
    depth: u32,
    objects: u64,
    /// Whether the next string is a key.
    key_next: bool,
}

impl Nesting {
    fn open(&mut self, object: bool) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(Error::invalid(format!(
                "the document is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        self.objects = self.objects << 1 | u64::from(object);
        self.depth += 1;
        self.key_next = object;
        Ok(())
    }

    fn close(&mut self) {
        self.objects >>= 1;
        self.depth = self.depth.saturating_sub(1);
        self.key_next = false;
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

fn not_an_object() -> Error {
    Error::invalid("_attachments and each attachment have to be objects")
}

fn not_a_string() -> Error {
    Error::invalid("an attachment's data has to be a base64 string")
}

#[cfg(test)]
mod tests;
