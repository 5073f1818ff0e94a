//! Names of packages and of dist-tags.
//!
//! Rules: `name` in `npm help package.json`, and what `validate-npm-package-name` makes of it.

use std::{fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};

/// The longest name that the registry takes, in characters.
pub const MAX_NAME: usize = 214;

/// The name of a package that may exist: `name` or `@scope/name`.
///
/// Parsing is as lenient as reading has to be: packages from before the rules were tightened have
/// capitals and marks in their names. What a *new* package may be called is
/// [`check_new`](Self::check_new).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

impl PackageName {
    /// The whole name, as in a manifest.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scope without its `@`.
    pub fn scope(&self) -> Option<&str> {
        Some(self.0.strip_prefix('@')?.split_once('/')?.0)
    }

    /// The name without its scope; file names begin with it.
    pub fn unscoped(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The file name under which the tarball of `version` is served.
    pub fn tarball(&self, version: impl fmt::Display) -> String {
        format!("{}-{version}.tgz", self.unscoped())
    }

    /// Whether a package of this name may be created today.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] for capitals and for any of `~'!()*`.
    pub fn check_new(&self) -> Result<()> {
        if self.0.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(invalid(format!(
                "the name of a new package is lower-case; call it {}",
                self.0.to_lowercase()
            )));
        }
        match self.unscoped().find(is_mark) {
            Some(at) => Err(invalid(format!(
                "the name of a new package has no {:?}; leave it out",
                &self.unscoped()[at..=at]
            ))),
            None => Ok(()),
        }
    }
}

impl FromStr for PackageName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.chars().count() > MAX_NAME {
            return Err(invalid(format!(
                "a package name has {MAX_NAME} characters at most; choose a shorter one"
            )));
        }
        let (scope, name) = match text.strip_prefix('@').map(|rest| rest.split_once('/')) {
            None => (None, text),
            Some(Some((scope, name))) => (Some(scope), name),
            Some(None) => {
                return Err(invalid(
                    "a name that begins with @ is a scoped one: @scope/name",
                ));
            }
        };
        for part in scope.into_iter().chain([name]) {
            check_part(part)?;
        }
        if scope.is_none() && is_reserved(name) {
            return Err(invalid(format!("no package can be called {name}")));
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_part(part: &str) -> Result<()> {
    if part.is_empty() {
        return Err(invalid("a package name and its scope cannot be empty"));
    }
    if part.starts_with(['.', '_', '-']) {
        return Err(invalid(format!(
            "a package name cannot begin with a dot, an underscore or a hyphen, as {part:?} does"
        )));
    }
    if !part.chars().all(is_url_safe) {
        return Err(invalid(format!(
            "a package name is made of letters, digits, dots, hyphens and underscores, which \
             {part:?} is not"
        )));
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    ["node_modules", "favicon.ico"]
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
}

/// Whether JavaScript's `encodeURIComponent` leaves the character as it is.
fn is_url_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') || is_mark(c)
}

fn is_mark(c: char) -> bool {
    matches!(c, '~' | '\'' | '!' | '(' | ')' | '*')
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidName, message)
}

/// The name of a dist-tag, such as `latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The tag that an install without a range follows.
    pub const LATEST: &'static str = "latest";

    /// The tag as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > 200 {
            return Err(invalid("a dist-tag has between 1 and 200 characters"));
        }
        if !text.chars().all(is_url_safe) || text == "__proto__" || text == "." || text == ".." {
            return Err(invalid(format!(
                "{text:?} cannot be a dist-tag; use letters"
            )));
        }
        if is_range(text) {
            return Err(invalid(format!(
                "Tag name must not be a valid SemVer range: {text}"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether npm would take `text` for a range of versions.
fn is_range(text: &str) -> bool {
    // The parser is strict about large numbers, npm is not.
    let mut digits = 0;
    let small: String = text
        .chars()
        .filter(|c| {
            digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
            digits < 10
        })
        .collect();
    nodejs_semver::Range::parse(small).is_ok()
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<PackageName> {
        text.parse().ok()
    }

    #[test]
    fn names() {
        let long = "a".repeat(MAX_NAME);
        for good in [
            "a",
            "constructor",
            "prototype",
            "@s/n",
            "a.b-c_d",
            "1",
            "JSONStream",
            "a~b",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        assert!(parse(&long).is_some());
        assert!(parse(&format!("{long}a")).is_none());
        for bad in [
            "",
            ".a",
            "_a",
            "-a",
            "__proto__",
            "a b",
            " a",
            "a/b",
            "@s",
            "@/n",
            "@s/",
            "@s/n/o",
            "@s/.n",
            "@.s/n",
            "@s/_n",
            "node_modules",
            "Favicon.ico",
            "a%2fb",
            "ä",
            "a\0",
            "a\\b",
            "..",
            "a:b",
            "@@s/n",
            "a@b",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(parse("@s/node_modules").is_some());
    }

    #[test]
    fn new_names() {
        for bad in ["A", "a~b", "@s/n!", "@S/n", "a'b", "a(b)", "a*"] {
            assert!(parse(bad).unwrap().check_new().is_err(), "{bad}");
        }
        for good in ["a", "@s/n", "constructor"] {
            assert!(parse(good).unwrap().check_new().is_ok(), "{good}");
        }
    }

    #[test]
    fn parts() {
        let scoped = parse("@s/n").unwrap();
        assert_eq!((scoped.scope(), scoped.unscoped()), (Some("s"), "n"));
        assert_eq!(scoped.tarball("1.0.0"), "n-1.0.0.tgz");
        let plain = parse("n").unwrap();
        assert_eq!((plain.scope(), plain.unscoped()), (None, "n"));
    }

    #[test]
    fn tags() {
        let tag = |text: &str| text.parse::<Tag>().is_ok();
        for good in [
            "latest",
            "next",
            "beta-1",
            "constructor",
            "2fa",
            "release_1",
        ] {
            assert!(tag(good), "{good}");
        }
        for bad in [
            "",
            "1",
            "1.x",
            "v1",
            "v1.0.0",
            "1.0.0",
            ">=1",
            "^1.2",
            "~1",
            "*",
            "x",
            "X",
            "a b",
            "a/b",
            "a%b",
            "__proto__",
            "99999999999999999999",
            "1.x.x",
            "..",
            "5555555555655263.3.3",
            "5555555555655263.x",
            "@a",
        ] {
            assert!(!tag(bad), "{bad}");
        }
        assert!(!tag(&"a".repeat(201)));
    }
}
