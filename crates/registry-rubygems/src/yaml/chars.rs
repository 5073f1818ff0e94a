//! The characters of a document as they come in, within bounds.

use std::{
    cell::RefCell,
    io::{self, BufReader, Read},
    rc::Rc,
};

use registry_core::{Error, ErrorKind, Result};

use super::invalid;

/// The beginning of every document. What could stand before it are directives, which can give tags
/// another meaning.
const START: &[u8] = b"---";

/// The longest text, list of short ones, or run of blanks that is read at once, in bytes.
const MAX_STRETCH: usize = 256 << 10;

/// What has become of the characters.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Why there are no more.
    pub(super) error: Option<Error>,
    /// How many bytes were read since the parser last had something to show for them.
    pub(super) since_event: usize,
}

/// The characters of UTF-8. They end at the first that is not to be there.
pub(super) struct Chars<'a> {
    bytes: io::Bytes<BufReader<Box<dyn Read + 'a>>>,
    progress: Rc<RefCell<Progress>>,
    /// Whether a line begins.
    at_line: bool,
    /// What comes before anything else, the last first.
    next: Vec<char>,
}

impl<'a> Chars<'a> {
    /// The characters of a document that begins as it should.
    pub(super) fn begin(reader: &'a mut dyn Read, progress: Rc<RefCell<Progress>>) -> Result<Self> {
        let mut start = Vec::new();
        let wanted = START.len() as u64;
        let read = reader.take(wanted).read_to_end(&mut start);
        read.map_err(broken)?;
        if start != START {
            return Err(invalid("it must begin with ---"));
        }
        let whole: Box<dyn Read + 'a> = Box::new(START.chain(reader));
        Ok(Self {
            bytes: BufReader::new(whole).bytes(),
            progress,
            at_line: true,
            next: Vec::new(),
        })
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.bytes.next().transpose().map_err(broken)?;
        let mut progress = self.progress.borrow_mut();
        progress.since_event += 1;
        if progress.since_event > MAX_STRETCH {
            let message = format!("a text in the YAML is longer than {MAX_STRETCH} bytes");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(byte)
    }

    fn character(&mut self) -> Result<Option<char>> {
        let Some(first) = self.byte()? else {
            return Ok(None);
        };
        let length = match first {
            0..0x80 => 1,
            0xc2..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        let mut all = [first, 0, 0, 0];
        for byte in &mut all[1..length] {
            *byte = self.byte()?.unwrap_or_default();
        }
        let text = str::from_utf8(&all[..length]).ok();
        let character = text.and_then(|text| text.chars().next());
        let character = character.ok_or_else(|| invalid("it is not UTF-8"))?;
        match character {
            // Ruby's reader begins a new line there too.
            '\u{85}' | '\u{2028}' | '\u{2029}' => Ok(Some('\n')),
            character if is_allowed(character) => Ok(Some(character)),
            character => {
                let code = u32::from(character);
                Err(invalid(format!(
                    "the character U+{code:04X} in it must be escaped"
                )))
            }
        }
    }
}

/// Whether a character may stand there as it is.
fn is_allowed(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        character => !character.is_control(),
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut character = self.next.pop().or_else(|| self.read())?;
        // Old Rubies ended texts by a quotation mark that has a line to itself, at its very beginning. Their
        // readers take that, the parser here not: a blank before it says the same.
        if self.at_line && matches!(character, '\'' | '"') {
            let after = self.read();
            self.next.extend(after);
            if after.is_none_or(is_break) {
                self.next.push(character);
                character = ' ';
            }
        }
        self.at_line = is_break(character);
        Some(character)
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

impl Chars<'_> {
    /// The next character that was not read before, unless it is not to be there.
    fn read(&mut self) -> Option<char> {
        if self.progress.borrow().error.is_some() {
            return None;
        }
        match self.character() {
            Ok(character) => character,
            Err(error) => {
                self.progress.borrow_mut().error = Some(error);
                None
            }
        }
    }
}

/// An error of the reader below: ours, or that what it reads is damaged.
fn broken(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => invalid("it is damaged").with_source(error),
    }
}
