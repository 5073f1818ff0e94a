//! YAML as gems have it, read piece by piece as it streams, and only what everybody reads alike:
//! one document, without directives, anchors and aliases, and no key twice.

use std::{cell::RefCell, collections::HashSet, io::Read, rc::Rc};

use base64::{Engine, engine::general_purpose::STANDARD};
use registry_core::{Error, ErrorKind, Result};
use saphyr_parser::{BufferedInput, Event, Parser, ScalarStyle, Tag};

use crate::name::shown;

mod chars;
mod plain;
#[cfg(test)]
mod tests;

use chars::{Chars, Progress};
pub use plain::is_text;

/// How deep lists and mappings may lie in one another.
const MAX_DEPTH: usize = 16;
/// How many texts, lists and mappings there may be: more than a gem with as many files as it may have
/// needs, and less than it takes seconds to read.
const MAX_PIECES: usize = 300_000;
/// The most bytes of the keys of one mapping, and what each counts for beside its own.
const MAX_KEYS: usize = 256 << 10;
const KEY_SIZE: usize = 48;

/// A document on its way in.
pub struct Yaml<'a> {
    parser: Parser<'a, BufferedInput<Chars<'a>>>,
    progress: Rc<RefCell<Progress>>,
    depth: usize,
    pieces: usize,
}

/// The next piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A text, a number, or whatever is no list or mapping.
    Scalar(Scalar),
    /// The beginning of a list, and its tag.
    List(Option<String>),
    /// The beginning of a mapping, and its tag.
    Mapping(Option<String>),
    /// The end of a list or a mapping.
    End,
}

/// What is no list or mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// What it is to be read as, where it says so.
    pub tag: Option<String>,
    /// Its text.
    pub text: String,
    /// Whether it stands without quotation marks, and so may be a number, a date or nothing.
    pub plain: bool,
}

/// Tags of texts: of those in UTF-8, and of those that are written in base64, as Rubies before 2.1 did
/// with what they took for bytes.
const TEXT_TAGS: &[&str] = &["!str", "tag:yaml.org,2002:str"];
const BINARY_TAGS: &[&str] = &["!binary", "tag:yaml.org,2002:binary"];

/// Whether a tag says that something is a text.
pub fn is_text_tag(tag: &str) -> bool {
    TEXT_TAGS.contains(&tag) || BINARY_TAGS.contains(&tag)
}

impl Scalar {
    /// The text that it is, if it is one.
    pub fn into_text(self) -> Option<String> {
        match self.tag.as_deref() {
            None if self.plain && !is_text(&self.text) => None,
            Some(tag) if BINARY_TAGS.contains(&tag) => {
                let packed: String = self.text.split_ascii_whitespace().collect();
                let bytes = STANDARD.decode(packed).ok()?;
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(tag) if !TEXT_TAGS.contains(&tag) => None,
            _ => Some(self.text),
        }
    }
}

impl<'a> Yaml<'a> {
    /// A document, and its first piece. Blocks as `reader` does.
    ///
    /// # Errors
    /// `Invalid` when it is no YAML, or has what not everybody reads alike. An [`Error`] that
    /// `reader` fails with comes back as it is: here, and from all that reads on.
    pub fn start(reader: &'a mut dyn Read) -> Result<(Self, Piece)> {
        let progress = Rc::new(RefCell::new(Progress::default()));
        let chars = Chars::begin(reader, progress.clone())?;
        let mut yaml = Self {
            parser: Parser::new_from_iter(chars),
            progress,
            depth: 0,
            pieces: 0,
        };
        match (yaml.event()?, yaml.event()?) {
            (Event::StreamStart, Event::DocumentStart(true)) => {}
            _ => return Err(invalid("it must begin with ---")),
        }
        let first = yaml.piece()?;
        Ok((yaml, first))
    }

    /// The next piece.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn piece(&mut self) -> Result<Piece> {
        self.pieces += 1;
        if self.pieces > MAX_PIECES {
            let message = format!("the YAML holds more than {MAX_PIECES} texts and lists");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let piece = match self.event()? {
            Event::Scalar(text, style, 0, tag) => {
                return Ok(Piece::Scalar(Scalar {
                    tag: tag.as_deref().and_then(tag_text),
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                }));
            }
            Event::SequenceStart(0, tag) => Piece::List(tag.as_deref().and_then(tag_text)),
            Event::MappingStart(0, tag) => Piece::Mapping(tag.as_deref().and_then(tag_text)),
            Event::SequenceEnd | Event::MappingEnd => {
                self.depth = self.depth.saturating_sub(1);
                return Ok(Piece::End);
            }
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => {
                return Err(invalid(
                    "there are aliases in it; run `gem update --system`, and build the gem again",
                ));
            }
            _ => return Err(invalid("it ends before its time")),
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let what = format!("lists and mappings lie more than {MAX_DEPTH} deep in one another");
            return Err(invalid(what));
        }
        Ok(piece)
    }

    /// Reads the mapping that has just begun. `value` is shown each key with the first piece of its
    /// value, whose other pieces it has to read.
    ///
    /// # Errors
    /// For a key that is no text or stands there twice, and what `value` says.
    pub fn mapping(
        &mut self,
        mut value: impl FnMut(&mut Self, &str, Piece) -> Result<()>,
    ) -> Result<()> {
        let mut keys = HashSet::new();
        let mut size = 0;
        loop {
            let key = match self.piece()? {
                Piece::End => return Ok(()),
                Piece::Scalar(key) => key.into_text(),
                _ => None,
            };
            let key = key.ok_or_else(|| invalid("a key in it is no text"))?;
            size += KEY_SIZE + key.len();
            if size > MAX_KEYS {
                return Err(invalid("it has too many keys"));
            }
            let first = self.piece()?;
            value(self, &key, first)?;
            if let Some(key) = keys.replace(key) {
                return Err(invalid(format!("{:?} stands there twice", shown(&key))));
            }
        }
    }

    /// Reads the list that has just begun. `item` is shown the first piece of each item, whose
    /// other pieces it has to read.
    ///
    /// # Errors
    /// What `item` says.
    pub fn list(&mut self, mut item: impl FnMut(&mut Self, Piece) -> Result<()>) -> Result<()> {
        loop {
            match self.piece()? {
                Piece::End => return Ok(()),
                piece => item(self, piece)?,
            }
        }
    }

    /// The end of the document.
    ///
    /// # Errors
    /// When it goes on.
    pub fn finish(mut self) -> Result<()> {
        match (self.event()?, self.event()?) {
            (Event::DocumentEnd, Event::StreamEnd) => Ok(()),
            _ => Err(invalid("there is more than one document in it")),
        }
    }

    fn event(&mut self) -> Result<Event<'a>> {
        let event = self.parser.next_event();
        let mut progress = self.progress.borrow_mut();
        progress.since_event = 0;
        if let Some(error) = progress.error.take() {
            return Err(error);
        }
        match event {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(invalid(error)),
            None => Err(invalid("it ends before its time")),
        }
    }
}

/// A tag as it is written, but for `!`, which says that there is none.
fn tag_text(tag: &Tag) -> Option<String> {
    let text = format!("{}{}", tag.handle, tag.suffix);
    (text != "!").then_some(text)
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("invalid YAML syntax: {what}"))
}
