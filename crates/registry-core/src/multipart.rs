//! Reads a form as it arrives (RFC 7578): what is in its parts comes out in pieces, and nothing is
//! kept but what may be the beginning of a delimiter.

use bytes::{Buf, Bytes};
use memchr::memmem::Finder;

mod fault;
mod header;
#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use header::{Part, boundary};

type Result<T> = std::result::Result<T, Fault>;

/// The bounds of a form. How much its parts may hold is up to whoever takes it in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of the headers of a part.
    pub headers: usize,
    /// The most bytes before the first part and after the last.
    pub around: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: 16 << 10,
            around: 16 << 10,
        }
    }
}

/// What comes out of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A part begins.
    Start(Part),
    /// The next bytes of the part.
    Data(Bytes),
    /// The part is whole.
    End,
}

/// A push parser of a form.
pub struct Multipart {
    /// A line break, two hyphens and the boundary.
    delimiter: Finder<'static>,
    rest: Bytes,
    state: State,
    around: usize,
    limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first delimiter.
    Before,
    /// Right after a delimiter, which two more hyphens make the last.
    Delimited,
    /// In the headers of a part.
    Headers,
    /// In what a part holds.
    Content,
    /// After the last delimiter.
    After,
}

impl Multipart {
    /// A parser of a form whose parts are delimited by `boundary`.
    pub fn new(boundary: &str, limits: Limits) -> Self {
        let delimiter = format!("\r\n--{boundary}");
        Self {
            delimiter: Finder::new(delimiter.as_bytes()).into_owned(),
            // The first delimiter is at the very beginning, where no line ends before it.
            rest: Bytes::from_static(b"\r\n"),
            state: State::Before,
            around: 0,
            limits,
        }
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, bytes: Bytes) {
        if self.rest.is_empty() {
            self.rest = bytes;
        } else {
            self.rest = [&self.rest[..], &bytes].concat().into();
        }
    }

    /// What comes next, as far as it was fed.
    ///
    /// # Errors
    /// When it is no form. After an error nothing more may be asked.
    pub fn next_event(&mut self) -> Result<Option<Event>> {
        loop {
            match self.state {
                State::Before => {
                    let Some(at) = self.delimiter.find(&self.rest) else {
                        let passed = self.settled();
                        self.pass_over(passed.len())?;
                        return Ok(None);
                    };
                    self.pass_over(at)?;
                    self.rest.advance(at + self.delimiter.needle().len());
                    self.state = State::Delimited;
                }
                State::Delimited => {
                    if !self.delimited()? {
                        return Ok(None);
                    }
                }
                State::Headers => return self.headers(),
                State::Content => return Ok(self.content()),
                State::After => {
                    let passed = std::mem::take(&mut self.rest);
                    self.pass_over(passed.len())?;
                    return Ok(None);
                }
            }
        }
    }

    /// Whether the last delimiter was there, once the body has ended.
    ///
    /// # Errors
    /// When the body broke off.
    pub fn finish(self) -> Result<()> {
        if self.state == State::After {
            return Ok(());
        }
        Err(Fault::BrokenOff)
    }

    /// The bytes of which no delimiter can be made any more, whatever follows.
    fn settled(&mut self) -> Bytes {
        let needle = self.delimiter.needle();
        let from = self.rest.len().saturating_sub(needle.len() - 1);
        let mut breaks = memchr::memchr_iter(b'\r', &self.rest[from..]).map(|at| from + at);
        let open = breaks.find(|at| needle.starts_with(&self.rest[*at..]));
        self.rest.split_to(open.unwrap_or(self.rest.len()))
    }

    /// Decides what a delimiter begins, if that can be seen.
    fn delimited(&mut self) -> Result<bool> {
        let padding = self
            .rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        self.pass_over(padding)?;
        self.rest.advance(padding);
        let Some(two) = self.rest.get(..2) else {
            return Ok(false);
        };
        self.state = match two {
            b"\r\n" => State::Headers,
            b"--" if padding == 0 => State::After,
            _ => return Err(Fault::Delimiter),
        };
        // The line break stays, as it is what the headers are read from.
        if self.state == State::After {
            self.rest.advance(2);
        }
        Ok(true)
    }

    fn headers(&mut self) -> Result<Option<Event>> {
        let end = memchr::memmem::find(&self.rest, b"\r\n\r\n");
        if end.unwrap_or(self.rest.len()) > self.limits.headers {
            return Err(Fault::LongHeaders(self.limits.headers));
        }
        let Some(end) = end else {
            return Ok(None);
        };
        let headers = self.rest.split_to(end);
        self.rest.advance(4);
        self.state = State::Content;
        let part = Part::parse(&headers)?;
        Ok(Some(Event::Start(part)))
    }

    fn content(&mut self) -> Option<Event> {
        let data = match self.delimiter.find(&self.rest) {
            Some(0) => {
                self.rest.advance(self.delimiter.needle().len());
                self.state = State::Delimited;
                return Some(Event::End);
            }
            Some(at) => self.rest.split_to(at),
            None => self.settled(),
        };
        (!data.is_empty()).then_some(Event::Data(data))
    }

    fn pass_over(&mut self, count: usize) -> Result<()> {
        self.around += count;
        if self.around > self.limits.around {
            return Err(Fault::Around);
        }
        Ok(())
    }
}
