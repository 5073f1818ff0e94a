//! The names of objects.

use std::{fmt, sync::Arc};

/// The name of an object or folder: segments joined by `/`.
///
/// A segment is 1 to 200 bytes of UTF-8 without control characters, `/` or `\`, and does not begin
/// with a dot (names so begun are the stores' own). Longer ones are for `layout.rs` to shorten,
/// with [`Key::segment`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// A string is no key.
#[derive(Debug, thiserror::Error)]
#[error("not a storage key: {0:?}")]
pub struct InvalidKey(String);

impl Key {
    /// The longest segment, in bytes.
    pub const MAX_SEGMENT: usize = 200;

    /// Checks a key.
    ///
    /// # Errors
    /// When a segment is empty, too long, begins with a dot or holds a forbidden character.
    pub fn new(key: impl AsRef<str>) -> Result<Self, InvalidKey> {
        let key = key.as_ref();
        if key.split('/').all(valid_segment) {
            Ok(Self(key.into()))
        } else {
            Err(InvalidKey(key.into()))
        }
    }

    /// The key `below` under this folder.
    ///
    /// # Errors
    /// When `below` is no key.
    pub fn join(&self, below: impl AsRef<str>) -> Result<Self, InvalidKey> {
        let below = below.as_ref();
        if below.split('/').all(valid_segment) {
            Ok(self.joined(&[below]))
        } else {
            Err(InvalidKey(below.into()))
        }
    }

    /// This key under the folder `folder`.
    #[must_use]
    pub fn under(&self, folder: &Key) -> Self {
        folder.joined(&[&self.0])
    }

    /// The key of some segments under this folder, which are known to be such.
    pub(crate) fn joined(&self, below: &[&str]) -> Self {
        debug_assert!(
            below
                .iter()
                .all(|segments| segments.split('/').all(valid_segment))
        );
        let length = below.iter().map(|segment| 1 + segment.len());
        let mut key = String::with_capacity(self.0.len() + length.sum::<usize>());
        key.push_str(&self.0);
        for segment in below {
            key.push('/');
            key.push_str(segment);
        }
        Self(key.into())
    }

    /// What follows `folder/` in this key, if it lies below that folder.
    pub fn below(&self, folder: &Key) -> Option<Key> {
        let rest = self.0.strip_prefix(&*folder.0)?.strip_prefix('/')?;
        Some(Self(rest.into()))
    }

    /// The folder that this key lies in, if it has more than one segment.
    pub fn parent(&self) -> Option<Key> {
        Some(Self(self.0.rsplit_once('/')?.0.into()))
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Any text as one segment: unchanged when it is one already and does not end in a hash mark
    /// of ours, else its head and the SHA-256 of the whole, so that two texts never meet.
    pub fn segment(text: &str) -> String {
        Self::segment_within(text, Self::MAX_SEGMENT)
    }

    /// Like [`segment`](Self::segment), of at most `most` bytes; `most` is 70 at least.
    pub fn segment_within(text: &str, most: usize) -> String {
        const MARK: usize = 1 + 64;
        let bytes = text.as_bytes();
        let marked = bytes.len() > MARK && bytes[bytes.len() - MARK] == b'~';
        if valid_segment(text) && text.len() <= most && !marked {
            return text.to_owned();
        }
        let plain = |c: char| {
            if c.is_control() || matches!(c, '/' | '\\') {
                '_'
            } else {
                c
            }
        };
        let head: String = text.chars().map(plain).collect();
        let head = head.trim_start_matches('.');
        let mut end = head.len().min(most.saturating_sub(MARK));
        while !head.is_char_boundary(end) {
            end -= 1;
        }
        let hash = crate::digest::hex(&crate::digest::sha256(text.as_bytes()));
        let head = if end == 0 { "_" } else { &head[..end] };
        format!("{head}~{hash}")
    }
}

fn valid_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment.len() <= Key::MAX_SEGMENT
        && !segment.starts_with('.')
        && !segment
            .bytes()
            .any(|byte| byte.is_ascii_control() || matches!(byte, b'\\' | b'/'))
        && (segment.is_ascii() || !segment.contains(char::is_control))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<InvalidKey> for crate::Error {
    fn from(error: InvalidKey) -> Self {
        crate::Error::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        for good in [
            "a",
            "a/b",
            "npm/packages/@acme/x/index.json",
            "ü",
            &"a".repeat(200),
        ] {
            assert_eq!(Key::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "a/../b",
            ".x",
            "a\\b",
            "a\nb",
            "ü\u{85}",
            &"a".repeat(201),
        ] {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn any_text_becomes_a_segment_of_its_own() {
        let long = "a".repeat(300);
        let twin = format!("{}b", "a".repeat(299));
        for text in [
            "ok",
            &long,
            &twin,
            "",
            ".",
            "..",
            "a/b",
            "a_b",
            "~",
            &Key::segment(&long),
        ] {
            let segment = Key::segment(text);
            assert!(valid_segment(&segment), "{segment:?}");
        }
        assert_eq!(Key::segment("ok"), "ok");
        assert_ne!(Key::segment(&long), Key::segment(&twin));
        assert_ne!(Key::segment("a/b"), Key::segment("a_b"));
        assert_ne!(Key::segment(&Key::segment(&long)), Key::segment(&long));
    }
}
