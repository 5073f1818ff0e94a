//! What a document is, in memory and in the bucket.
//!
//! A document is a head (small, typed by the protocol) and entries (one per version, tag or file:
//! raw JSON that is never parsed to be kept). In the bucket it is text, a line for the head and a
//! line for each entry:
//!
//! ```text
//! {"revision":7,"writes":["9f…","51…"],"head":{…}}
//! "1.0.0" {…}
//! "1.0.1" {…}
//! ```
//!
//! so that reading one costs a search for line ends, and changing one costs a copy.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// A document's entries, by name, each a line of JSON.
pub type Entries = BTreeMap<Arc<str>, Bytes>;

/// How many of its last writes a document remembers, so that a writer whose answer was lost can
/// find out whether it won.
const REMEMBERED_WRITES: usize = 16;

/// A document with its head still as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawDocument {
    /// Counts the changes, of which one write may hold several; 0 is a document that does not exist
    /// yet.
    pub revision: u64,
    /// The ids of the last writes, newest last.
    pub writes: Vec<Box<str>>,
    /// The head as JSON; `null` in a document that does not exist yet.
    pub head: Bytes,
    /// The entries.
    pub entries: Entries,
    /// When this revision was written.
    pub modified: SystemTime,
}

/// A document as a protocol sees it.
#[derive(Clone, Debug)]
pub struct Document<H> {
    /// Counts the changes, of which one write may hold several; 0 is a document that does not exist
    /// yet.
    pub revision: u64,
    /// When this revision was written.
    pub modified: SystemTime,
    /// The head.
    pub head: H,
    /// The entries: raw JSON, without line ends.
    pub entries: Entries,
}

#[derive(Deserialize)]
struct FirstLine<'a> {
    revision: u64,
    writes: Vec<Box<str>>,
    #[serde(borrow)]
    head: &'a RawValue,
}

#[derive(Serialize)]
struct FirstLineOut<'a> {
    revision: u64,
    writes: &'a [Box<str>],
    head: &'a RawValue,
}

impl RawDocument {
    /// The document before its first write.
    pub fn absent() -> Self {
        Self {
            revision: 0,
            writes: Vec::new(),
            head: Bytes::from_static(b"null"),
            entries: Entries::new(),
            modified: SystemTime::UNIX_EPOCH,
        }
    }

    /// Reads a document from its stored form; entries share the memory of `bytes`.
    pub(crate) fn parse(bytes: &Bytes, modified: SystemTime) -> Result<Self> {
        let damaged = |what: &str| Error::internal(format!("damaged document: {what}"));
        let end = memchr::memchr(b'\n', bytes).ok_or_else(|| damaged("no first line"))?;
        let first: FirstLine<'_> =
            serde_json::from_slice(&bytes[..end]).map_err(Error::internal)?;
        let mut entries = Vec::new();
        let mut rest = bytes.slice(end + 1..);
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', &rest).ok_or_else(|| damaged("cut off"))?;
            let line = rest.split_to(end);
            bytes::Buf::advance(&mut rest, 1);
            let (name, at) = entry_name(&line).ok_or_else(|| damaged("an entry has no name"))?;
            entries.push((name, line.slice(at..)));
        }
        Ok(Self {
            revision: first.revision,
            writes: first.writes,
            head: bytes.slice_ref(first.head.get().as_bytes()),
            entries: entries.into_iter().collect(),
            modified,
        })
    }

    /// The stored form.
    pub(crate) fn serialize(&self) -> Result<Bytes> {
        let entries: usize = self
            .entries
            .iter()
            .map(|(name, json)| name.len() + json.len() + 8)
            .sum();
        let mut out = Vec::with_capacity(self.head.len() + entries + 512);
        let head = serde_json::from_slice(&self.head).map_err(Error::internal)?;
        let first = FirstLineOut {
            revision: self.revision,
            writes: &self.writes,
            head,
        };
        serde_json::to_writer(&mut out, &first).map_err(Error::internal)?;
        out.push(b'\n');
        for (name, json) in &self.entries {
            serde_json::to_writer(&mut out, &**name).map_err(Error::internal)?;
            out.push(b' ');
            let from = out.len();
            out.extend_from_slice(json);
            // In JSON, line ends only stand between tokens, where a space is as good.
            for at in memchr::memchr_iter(b'\n', json) {
                out[from + at] = b' ';
            }
            out.push(b'\n');
        }
        Ok(out.into())
    }

    /// Remembers the id of the write that will make this revision.
    pub(crate) fn remember(&mut self, write: &str) {
        if self.writes.len() == REMEMBERED_WRITES {
            self.writes.remove(0);
        }
        self.writes.push(write.into());
    }

    /// With the head parsed.
    ///
    /// # Errors
    /// When the head is not what the protocol takes it for.
    pub fn typed<H: DeserializeOwned + Default>(&self) -> Result<Document<H>> {
        let head: Option<H> = serde_json::from_slice(&self.head).map_err(Error::internal)?;
        Ok(Document {
            revision: self.revision,
            modified: self.modified,
            head: head.unwrap_or_default(),
            entries: self.entries.clone(),
        })
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        512 + self.head.len()
            + self
                .entries
                .iter()
                .map(|(name, json)| 96 + name.len() + json.len())
                .sum::<usize>()
    }
}

/// The name at the start of an entry's line, and where its JSON begins.
fn entry_name(line: &[u8]) -> Option<(Arc<str>, usize)> {
    let inner = line.strip_prefix(b"\"")?;
    let mut close = None;
    let mut escaped = false;
    for at in memchr::memchr2_iter(b'"', b'\\', inner) {
        if inner[at] == b'\\' {
            escaped = true;
            continue;
        }
        let backslashes = inner[..at]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        if backslashes % 2 == 0 {
            close = Some(at);
            break;
        }
    }
    let close = close?;
    if inner.get(close + 1) != Some(&b' ') {
        return None;
    }
    let name = if escaped {
        serde_json::from_slice::<String>(&line[..close + 2])
            .ok()?
            .into()
    } else {
        std::str::from_utf8(&inner[..close]).ok()?.into()
    };
    Some((name, close + 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RawDocument {
        let mut document = RawDocument::absent();
        document.head = Bytes::from_static(br#"{"tags":{"latest":"1.0.0"}}"#);
        for name in ["1.0.0", "a \" b", "back\\slash", "new\nline", "ü", ""] {
            document
                .entries
                .insert(name.into(), Bytes::from_static(br#"{"x":[1,"\n"]}"#));
        }
        document
    }

    #[test]
    fn a_document_survives_its_stored_form() {
        let mut document = sample();
        document.revision = 1;
        document.remember("w1");
        let stored = document.serialize().unwrap();
        let read = RawDocument::parse(&stored, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(read, document);
        assert_eq!((read.revision, &*read.writes), (1, &["w1".into()][..]));
    }

    #[test]
    fn writes_are_remembered_for_a_while() {
        let mut document = sample();
        for n in 0..40 {
            document.remember(&n.to_string());
        }
        assert_eq!(document.writes.len(), REMEMBERED_WRITES);
        assert_eq!(document.writes.last().map(|w| &**w), Some("39"));
    }

    #[test]
    fn damage_is_told() {
        let whole = sample().serialize().unwrap();
        for cut in [0, 5, whole.len() - 1, whole.len() - 4] {
            assert!(
                RawDocument::parse(&whole.slice(..cut), SystemTime::UNIX_EPOCH).is_err(),
                "{cut}"
            );
        }
    }

    #[test]
    fn an_entry_of_two_lines_becomes_one() {
        let mut document = sample();
        document
            .entries
            .insert("x".into(), Bytes::from_static(b"{\n\"a\":\n1}"));
        let read = RawDocument::parse(&document.serialize().unwrap(), SystemTime::UNIX_EPOCH);
        assert_eq!(&read.unwrap().entries["x"][..], b"{ \"a\": 1}");
    }
}
