//! XML of foreign origin, read as it streams: within bounds, and without a document type, so that
//! nothing in it stands for anything else.

use std::io::{self, BufRead, BufReader, Read};

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};
use registry_core::{Error, ErrorKind, Result};

use crate::name::shown;

/// The most bytes of one tag, text or comment.
const MAX_EVENT: u64 = 128 << 10;
/// The most bytes that are kept of an element's own text.
const MAX_TEXT: usize = 16 << 10;
/// The most elements within one another.
const MAX_DEPTH: usize = 100;
/// The most attributes of one tag; each is compared with all before it.
const MAX_ATTRIBUTES: usize = 200;

/// Reads a document and calls `element` at the end of each element, with the names of the elements
/// that it lies in and its own, and with its own text, without the space around it and cut to 16 KiB.
/// `called` is what the document is called where it is refused.
///
/// # Errors
/// [`ErrorKind::Invalid`] when it is not XML or has a document type, [`ErrorKind::TooLarge`] beyond
/// `limit` bytes; what `from` fails with, and what `element` does.
pub(crate) fn read(
    from: impl Read,
    limit: u64,
    called: &'static str,
    element: &mut dyn FnMut(&[String], &str) -> Result<()>,
) -> Result<()> {
    let source = Bounded {
        inner: BufReader::new(from),
        called,
        left: limit,
        left_of_event: MAX_EVENT,
    };
    let mut reader = Reader::from_reader(source);
    let mut walk = Walk {
        called,
        names: Vec::new(),
        texts: Vec::new(),
        ended: false,
        element,
    };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().left_of_event = MAX_EVENT;
        let event = reader.read_event_into(&mut buffer);
        let event = event.map_err(|error| walk.broken(error))?;
        if matches!(event, Event::Eof) {
            return walk.finish();
        }
        walk.take(&event)?;
    }
}

struct Walk<'a> {
    called: &'static str,
    names: Vec<String>,
    texts: Vec<String>,
    ended: bool,
    element: &'a mut dyn FnMut(&[String], &str) -> Result<()>,
}

impl Walk<'_> {
    fn take(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Start(start) => self.open(start),
            Event::Empty(start) => {
                self.open(start)?;
                self.close()
            }
            Event::End(_) => self.close(),
            Event::Text(text) => {
                let text = self.decode(text)?;
                self.text(&text)
            }
            Event::CData(text) => {
                let text = self.decode(text)?;
                self.text(&text)
            }
            Event::GeneralRef(name) => {
                let text = self.reference(name)?;
                self.characters(&text)?;
                self.text(&text)
            }
            Event::DocType(_) => self.refuse("it has a document type (<!DOCTYPE>); take that out"),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<()> {
        if self.ended {
            return self.refuse("there is more after its root element");
        }
        if self.names.len() == MAX_DEPTH {
            return self.refuse(&format!("it is nested deeper than {MAX_DEPTH} elements"));
        }
        for (count, attribute) in start.attributes().enumerate() {
            if count == MAX_ATTRIBUTES {
                let what = format!("a tag in it has more than {MAX_ATTRIBUTES} attributes");
                return self.refuse(&what);
            }
            attribute.map_err(|error| self.broken(error.into()))?;
        }
        let name = self.decode(start.local_name().as_ref())?;
        self.names.push(name);
        self.texts.push(String::new());
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let text = self.texts.pop().unwrap_or_default();
        (self.element)(&self.names, text.trim())?;
        self.names.pop();
        self.ended = self.names.is_empty();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let Some(kept) = self.texts.last_mut() else {
            if text.trim().is_empty() {
                return Ok(());
            }
            return self.refuse("there is text outside its root element, or it is not UTF-8");
        };
        let room = MAX_TEXT.saturating_sub(kept.len()).min(text.len());
        kept.push_str(&text[..text.floor_char_boundary(room)]);
        Ok(())
    }

    /// The character that a reference stands for. One that XML does not know stands for itself: Maven
    /// knows those of HTML, and there are POMs that have them in the names of people.
    fn reference(&self, name: &BytesRef<'_>) -> Result<String> {
        let number = name.resolve_char_ref();
        if let Some(c) = number.map_err(|error| self.broken(error))? {
            return Ok(c.to_string());
        }
        let name = self.decode(name)?;
        if let Some(text) = quick_xml::escape::resolve_xml_entity(&name) {
            return Ok(text.to_owned());
        }
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(format!("&{name};"));
        }
        let name = shown(&name);
        self.refuse(&format!(
            "it refers to {name:?}; write the character itself"
        ))
    }

    /// Text, whatever encoding it says to have: what matters is ASCII, and there are POMs that have
    /// names of people in others, as Maven takes them.
    fn decode(&self, bytes: &[u8]) -> Result<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.characters(&text)?;
        Ok(text)
    }

    /// Whether all are characters that XML may have; the parser does not look, but that of a client may.
    fn characters(&self, text: &str) -> Result<()> {
        let none = |c: char| {
            let space = matches!(c, '\t' | '\n' | '\r');
            (c < ' ' && !space) || matches!(c, '\u{fffe}' | '\u{ffff}')
        };
        match text.chars().find(|&c| none(c)) {
            Some(c) => self.refuse(&format!("it has the character {c:?}, which XML has not")),
            None => Ok(()),
        }
    }

    fn finish(&self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        if self.names.is_empty() {
            return self.refuse("it has no root element");
        }
        self.refuse("it ends too early")
    }

    fn refuse<T>(&self, what: &str) -> Result<T> {
        Err(Error::invalid(format!(
            "{} is refused: {what}",
            self.called
        )))
    }

    /// The parser's failure, which may be one of the source.
    fn broken(&self, error: quick_xml::Error) -> Error {
        if let quick_xml::Error::Io(error) = &error {
            let ours = error
                .get_ref()
                .and_then(|error| error.downcast_ref::<Error>());
            let other = || Error::internal(std::sync::Arc::clone(error));
            return ours.cloned().unwrap_or_else(other);
        }
        Error::invalid(format!("{} is not XML: {error}", self.called))
    }
}

/// Bytes that end in an error where they are too many.
struct Bounded<R> {
    inner: BufReader<R>,
    called: &'static str,
    left: u64,
    left_of_event: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let count = bytes.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let (left, left_of_event) = (self.left, self.left_of_event);
        let bytes = self.inner.fill_buf()?;
        if bytes.is_empty() || (left > 0 && left_of_event > 0) {
            let most = usize::try_from(left.min(left_of_event)).unwrap_or(usize::MAX);
            return Ok(&bytes[..bytes.len().min(most)]);
        }
        let what = match left {
            0 => "it is too large",
            _ => "a tag, text or comment in it is too long",
        };
        let message = format!("{} is refused: {what}", self.called);
        let error = Error::new(ErrorKind::TooLarge, message);
        Err(io::Error::other(error))
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
        self.left = self.left.saturating_sub(count as u64);
        self.left_of_event = self.left_of_event.saturating_sub(count as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &[u8], limit: u64) -> Result<String> {
        let mut all = Vec::new();
        read(text, limit, "the file", &mut |path, text| {
            all.push(format!("{}={text:?}", path.join("/")));
            Ok(())
        })?;
        Ok(all.join(" "))
    }

    #[test]
    fn elements() {
        for (text, elements) in [
            ("<a/>", r#"a="""#),
            ("<a> x <b>y</b> z</a>", r#"a/b="y" a="x  z""#),
            (
                "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<!-- c --><x:a xmlns:x='u' k=\"&lt;\"><b/></x:a>\n",
                r#"a/b="" a="""#,
            ),
            (
                "<a>1 &lt; &#50; &amp; &#x33;<![CDATA[<&]]></a>",
                r#"a="1 < 2 & 3<&""#,
            ),
            ("<a><?pi x?>é</a>", r#"a="é""#),
            ("<a>S&oslash;ren &lt;</a>", r#"a="S&oslash;ren <""#),
        ] {
            assert_eq!(read_all(text.as_bytes(), 1000).unwrap(), elements, "{text}");
        }
        assert_eq!(read_all(b"<a>\xf8</a>", 100).unwrap(), "a=\"\u{fffd}\"");
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a><b>1.0</b>\xe9</a>";
        assert_eq!(read_all(latin, 1000).unwrap(), "a/b=\"1.0\" a=\"\u{fffd}\"");
    }

    #[test]
    fn refused() {
        let deep = "<a>".repeat(101);
        let comment = format!("<a><!--{}--></a>", "x".repeat(200_000));
        let text = format!("<a>{}</a>", "x".repeat(200_000));
        let tag = format!("<a {}/>", "x".repeat(200_000));
        let attributes: String = (0..10_000).map(|number| format!(" a{number}=''")).collect();
        let attributes = format!("<a{attributes}/>");
        for (text, said) in [
            ("", "no root element"),
            ("x", "outside its root"),
            ("<a>", "ends too early"),
            ("<a", "not XML"),
            ("<a></b>", "not XML"),
            ("</a>", "not XML"),
            ("<a/><b/>", "more after"),
            ("<a/>x", "outside its root"),
            ("<a x='1' x='2'/>", "not XML"),
            ("<a x/>", "not XML"),
            ("<a>&a.b;</a>", "refers to \"a.b\""),
            ("<a>&;</a>", "refers to \"\""),
            ("<a>&x</a>", "not XML"),
            ("<a>&#0;</a>", "not XML"),
            ("<a>&#1;</a>", "which XML has not"),
            ("<a>\u{8}</a>", "which XML has not"),
            ("<a>\u{ffff}</a>", "which XML has not"),
            ("<!DOCTYPE a><a/>", "document type"),
            (
                "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
                "document type",
            ),
            ("<!DOCTYPE a [<!ENTITY b 'bbb'>", "not XML"),
            (&deep, "deeper"),
            (&comment, "too long"),
            (&text, "too long"),
            (&tag, "too long"),
            (&attributes, "more than 200 attributes"),
        ] {
            let error = read_all(text.as_bytes(), 1 << 20).unwrap_err();
            assert!(error.to_string().contains(said), "{text:.80}: {error}");
        }
        assert!(
            read_all(
                "\u{feff}<a/>"
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect::<Vec<_>>()
                    .as_slice(),
                100
            )
            .is_err()
        );
        let error = read_all(b"<a><b/><b/></a>", 10).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        // Many texts are cut, not refused.
        let many = format!("<a>{}</a>", "&amp;x".repeat(20_000));
        assert_eq!(
            read_all(many.as_bytes(), 1 << 20).unwrap().len(),
            MAX_TEXT + 4
        );
    }

    #[test]
    fn failures_of_the_source_are_kept() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other(Error::not_found("mine")))
            }
        }
        let error = read(Fails, 100, "the file", &mut |_, _| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
