//! Names of repositories, tags, and what a manifest is asked for by.
//!
//! Rules: "Pulling manifests" in the distribution specification, version 1.1.

use std::{fmt, str::FromStr};

use registry_core::digest::{Algorithm, Digest};

use crate::error::{Code, Error, Result};

/// The longest name of a repository, in bytes. Clients count the host's name in, so that a little
/// less is what they take.
pub const MAX_NAME: usize = 255;

/// The longest tag, in bytes.
pub const MAX_TAG: usize = 128;

/// The name of a repository, such as `library/alpine`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Box<str>);

impl RepositoryName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands between its slashes.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FromStr for RepositoryName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: String| Err(Error::new(Code::NameInvalid, why));
        if text.len() > MAX_NAME {
            return wrong(format!(
                "a repository's name has {MAX_NAME} characters at most; choose a shorter one"
            ));
        }
        match text.split('/').find(|part| !is_component(part)) {
            None => Ok(Self(text.into())),
            Some("") => wrong("a repository's name has no empty part; leave out the slash".into()),
            Some(part) => wrong(format!(
                "{part:?} is no part of a repository's name: it is made of a-z and 0-9, with \
                 single dots, one or two underscores or any hyphens between them",
                part = shown(part)
            )),
        }
    }
}

/// Whether `part` matches `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut rest = part.as_bytes();
    loop {
        let word = rest.iter().take_while(|byte| plain(**byte)).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let between = rest.iter().take_while(|byte| !plain(**byte)).count();
        let (separator, after) = rest.split_at(between);
        let hyphens = separator.iter().all(|byte| *byte == b'-');
        if !hyphens && !matches!(separator, b"." | b"_" | b"__") {
            return false;
        }
        rest = after;
    }
}

/// The name of a tag, such as `latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

impl Tag {
    /// The tag as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let is_tag = (1..=MAX_TAG).contains(&text.len())
            && !text.starts_with(['.', '-'])
            && text.bytes().all(plain);
        if is_tag {
            return Ok(Self(text.into()));
        }
        let text = shown(text);
        Err(Error::new(
            Code::ManifestInvalid,
            format!(
                "{text:?} is no tag: a tag is 1 to {MAX_TAG} letters, digits, underscores, dots \
                 and hyphens, and begins with no dot or hyphen"
            ),
        ))
    }
}

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A tag.
    Tag(Tag),
    /// A digest.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains(':') {
            Ok(Self::Digest(digest(text)?))
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }
}

/// A digest in an address or a query.
///
/// # Errors
/// `DIGEST_INVALID` when it is none, or made with a function that is not known here.
pub fn digest(text: &str) -> Result<Digest> {
    let digest = text.parse::<Digest>().ok();
    digest.filter(is_content_digest).ok_or_else(|| {
        let text = shown(text);
        let message = format!(
            "{text:?} is no digest: it is sha256: and 64, or sha512: and 128 lower-case \
             hexadecimal digits"
        );
        Error::new(Code::DigestInvalid, message)
    })
}

/// Whether a digest is made with one of the functions that content is named by here.
pub(crate) fn is_content_digest(digest: &Digest) -> bool {
    matches!(digest.algorithm(), Algorithm::Sha256 | Algorithm::Sha512)
}

/// The tag under which clients list what refers to a manifest, where a registry does not
/// ("Referrers Tag Schema").
///
/// # Errors
/// Never, for a digest of content.
pub(crate) fn fallback_tag(subject: &Digest) -> Result<Tag> {
    let hex = subject.hex();
    let hex = &hex[..hex.len().min(64)];
    format!("{}-{hex}", subject.algorithm().as_str()).parse()
}

/// As much of what a client sent as fits into a message.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(160)]
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories() {
        let long = "a".repeat(MAX_NAME);
        for good in [
            "a",
            "library/alpine",
            "a/blobs/b",
            "a/manifests/b",
            "a.b-c_d__e/f---g",
            "0/1/2/3/4/5/6",
            "uploads",
            &long,
        ] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "A",
            "a/B",
            "a..b",
            "a._b",
            "a___b",
            ".a",
            "_a",
            "-a",
            "a.",
            "a_",
            "a-",
            "a/_catalog",
            "a b",
            "a:b",
            "a@b",
            "ä",
            "a%2fb",
            "a\0",
            "..",
            "a/../b",
        ] {
            let error = bad.parse::<RepositoryName>().unwrap_err();
            assert_eq!(error.code(), Code::NameInvalid, "{bad}");
        }
        assert!(format!("{long}a").parse::<RepositoryName>().is_err());
    }

    #[test]
    fn tags() {
        let long = "a".repeat(MAX_TAG);
        for good in ["latest", "1.0", "_", "A", "v1.0-rc.1_2", "sha256-00", &long] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a b", "a+b", "ä", "a:b", "a@b"] {
            let error = bad.parse::<Tag>().unwrap_err();
            assert_eq!(error.code(), Code::ManifestInvalid, "{bad}");
        }
        assert!(format!("{long}a").parse::<Tag>().is_err());
    }

    #[test]
    fn references() {
        let of = |text: &str| text.parse::<Reference>();
        let digest = format!("sha256:{}", "0a".repeat(32));
        assert!(matches!(of("latest"), Ok(Reference::Tag(_))));
        assert!(matches!(of(&digest), Ok(Reference::Digest(_))));
        assert_eq!(of(&digest).unwrap().to_string(), digest);
        assert!(matches!(
            of(&format!("sha512:{}", "0a".repeat(64))),
            Ok(Reference::Digest(_))
        ));
        for bad in [
            "sha256:baddigeststring".to_owned(),
            digest.to_uppercase(),
            digest.replace('a', "A"),
            format!("{digest}0"),
            format!("sha1:{}", "0a".repeat(20)),
            format!("md5:{}", "0a".repeat(16)),
            "sha256:".to_owned(),
            ":".to_owned(),
        ] {
            assert_eq!(of(&bad).unwrap_err().code(), Code::DigestInvalid, "{bad}");
        }
    }
}
