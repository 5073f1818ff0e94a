//! Names of packages.
//!
//! Rules: [the `name` property](https://getcomposer.org/doc/04-schema.md#name), as Composer's loader
//! checks it.

use std::{fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};

/// The longest name, in bytes.
const MAX_LENGTH: usize = 200;

/// Device names of Windows, on which folders of such names cannot be made.
const RESERVED: &[&str] = &[
    "nul", "con", "prn", "aux", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// What Composer itself provides, beside extensions and libraries.
const PLATFORM: &[&str] = &[
    "php",
    "php-64bit",
    "php-ipv6",
    "php-zts",
    "php-debug",
    "hhvm",
    "composer",
    "composer-plugin-api",
    "composer-runtime-api",
];

/// The name of a package, `vendor/package`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

impl PackageName {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is before the slash.
    pub fn vendor(&self) -> &str {
        self.parts().0
    }

    /// What is after the slash.
    pub fn package(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or((&self.0, ""))
    }
}

impl FromStr for PackageName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let shown: String = text.chars().take(80).collect();
            let message = format!("{shown} is invalid: {what}");
            Err(Error::new(ErrorKind::InvalidName, message))
        };
        if is_platform(text) {
            return wrong("this is what Composer itself provides, so no package can be called so");
        }
        if !is_shaped(text) {
            return wrong(
                "it should have a vendor name, a forward slash, and a package name, both of \
                 words of a-z and 0-9 separated by -, . or _",
            );
        }
        if text.len() > MAX_LENGTH {
            return wrong(&format!("it may have {MAX_LENGTH} bytes at most"));
        }
        if text
            .split('/')
            .any(|part| RESERVED.contains(&&*part.to_ascii_lowercase()))
        {
            return wrong("it is reserved, since Windows has devices that are called so");
        }
        if text.ends_with(".json") {
            return wrong("package names can not end in .json; use a suffix of -json instead");
        }
        if text.contains(|c: char| c.is_ascii_uppercase()) {
            return wrong(&format!(
                "it should not contain uppercase characters. We suggest using {} instead.",
                suggestion(text)
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether it names what Composer finds on the machine: PHP, an extension, a library.
pub fn is_platform(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = |rest: &str| is_words(rest, |separator| matches!(separator, "." | "_" | "-"));
    let part = name
        .strip_prefix("ext-")
        .or_else(|| name.strip_prefix("lib-"));
    PLATFORM.contains(&&*name) || part.is_some_and(words)
}

/// Whether it looks like `vendor/package`, in any case.
pub(crate) fn is_shaped(name: &str) -> bool {
    let single = |separator: &str| matches!(separator, "." | "_" | "-");
    name.split_once('/').is_some_and(|(vendor, package)| {
        is_words(vendor, single) && is_words(package, |s| single(s) || s == "--")
    })
}

/// Whether it is letters and digits with separators in between.
fn is_words(text: &str, is_separator: impl Fn(&str) -> bool) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(is_word) || !bytes.last().is_some_and(is_word) {
        return false;
    }
    let separators = text.split(|c: char| c.is_ascii_alphanumeric());
    separators.filter(|s| !s.is_empty()).all(is_separator)
}

/// The name in lower case, with hyphens where words that begin with a capital meet.
fn suggestion(name: &str) -> String {
    let mut suggestion = String::new();
    let mut rest = name.as_bytes();
    while let [first, more @ ..] = rest {
        suggestion.push(char::from(*first));
        rest = more;
        let taken = match (first, more) {
            (b'a'..=b'z', [b'A'..=b'Z', ..]) => 1,
            (b'A'..=b'Z', [b'A'..=b'Z', b'a'..=b'z', ..]) => 2,
            _ => continue,
        };
        suggestion.push('-');
        suggestion.extend(more[..taken].iter().map(|byte| char::from(*byte)));
        rest = &more[taken..];
    }
    suggestion.make_ascii_lowercase();
    suggestion
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in [
            "a/b",
            "monolog/monolog",
            "0/0",
            "a-b.c_d/e--f_g.h",
            "psr/log-implementation",
            "x/json",
            "acme.json/x",
            "ext-a/b",
            "php/php",
        ] {
            assert_eq!(good.parse::<PackageName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a",
            "a/",
            "/b",
            "a/b/c",
            "a--b/c",
            "a/b---c",
            "a/b__c",
            "a/b..c",
            "-a/b",
            "a/b-",
            "a/.b",
            "a b/c",
            "ä/b",
            "a/b\n",
            "a/b_-c",
            "../b",
            "a/..",
            "nul/a",
            "a/con",
            "COM1/a",
            "a/lpt9",
            "a/b.json",
            "php",
            "ext-json",
            "lib-icu-uc",
            "composer-plugin-api",
            "EXT-JSON",
            &format!("a/{}", "b".repeat(199)),
        ] {
            let error = bad.parse::<PackageName>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidName, "{bad}");
        }
        let name: PackageName = "acme/tool".parse().unwrap();
        assert_eq!((name.vendor(), name.package()), ("acme", "tool"));
    }

    #[test]
    fn a_name_in_lower_case_is_suggested() {
        for (name, suggested) in [
            ("Acme/Tool", "acme/tool"),
            ("FooBar/BAZQux", "foo-bar/baz-qux"),
            ("vendor/fooBarBAZ", "vendor/foo-bar-baz"),
        ] {
            let error = name.parse::<PackageName>().unwrap_err();
            let end = format!("We suggest using {suggested} instead.");
            assert!(error.message().ends_with(&end), "{error}");
        }
    }

    #[test]
    fn platform_packages() {
        for name in [
            "php",
            "PHP-64bit",
            "ext-mbstring",
            "ext-zend-opcache",
            "lib-curl",
            "composer",
        ] {
            assert!(is_platform(name), "{name}");
        }
        for name in [
            "php-x",
            "ext-",
            "ext--a",
            "extra",
            "php/php",
            "lib-a/b",
            "composer-api",
        ] {
            assert!(!is_platform(name), "{name}");
        }
    }
}
