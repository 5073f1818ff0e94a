//! Platforms that gems are built for.
//!
//! See [`Gem::Platform`](https://docs.ruby-lang.org/en/master/Gem/Platform.html).

use std::{fmt, str::FromStr};

use registry_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::name::{check_format, wrong};

/// The platform of a gem, as it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform(String);

impl Platform {
    /// What gems are for that run everywhere.
    pub const RUBY: &'static str = "ruby";

    /// The platform of gems that run everywhere.
    pub fn ruby() -> Self {
        Self(Self::RUBY.to_owned())
    }

    /// The platform as it is spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one of gems that run everywhere.
    pub fn is_ruby(&self) -> bool {
        self.0 == Self::RUBY
    }

    /// How clients spell it once they have read it: of all that they take for the same, only one
    /// can be there. `i686-linux` is `x86-linux`.
    pub fn resolved(&self) -> String {
        let Some(Parts { cpu, os, version }) = self.parts() else {
            return self.0.clone();
        };
        let parts: Vec<&str> = [cpu, Some(os), version].into_iter().flatten().collect();
        parts.join(if cpu.is_some() { "-" } else { "" })
    }

    /// What clients make it out to be; `None` for the one of gems that run everywhere.
    pub fn parts(&self) -> Option<Parts<'_>> {
        if self.is_ruby() {
            return None;
        }
        let arch = self.0.trim_end_matches('-');
        let (cpu, os) = match arch.split_once('-') {
            Some((cpu, os)) => (Some(cpu), os),
            None => (None, arch),
        };
        let cpu = cpu.map(|cpu| if is_x86(cpu) { "x86" } else { cpu });
        let (os, version) = system(os);
        let cpu = cpu.or((os.starts_with("mswin") && os.ends_with("32")).then_some("x86"));
        Some(Parts { cpu, os, version })
    }
}

/// The parts of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The processor, unless it is for every one.
    pub cpu: Option<&'a str>,
    /// The operating system.
    pub os: &'a str,
    /// The version of the system, or of its libraries.
    pub version: Option<&'a str>,
}

/// Whether a processor is one of Intel's that are all called alike: one with `i386` in its name, or
/// with another digit.
fn is_x86(cpu: &str) -> bool {
    let windows = cpu.as_bytes().windows(4);
    let mut windows = windows.map(|four| (four[0], four[1], &four[2..]));
    windows.any(|(i, digit, rest)| i == b'i' && digit.is_ascii_digit() && rest == b"86")
}

/// An operating system, and its version, as clients make them out.
fn system(os: &str) -> (&str, Option<&str>) {
    let after = |name: &str| os.find(name).map(|at| dashed(&os[at + name.len()..]));
    let begins = |name: &str| os.strip_prefix(name).map(dashed);
    if let Some(rest) = after("aix") {
        ("aix", digits(rest))
    } else if os.contains("cygwin") {
        ("cygwin", None)
    } else if let Some(rest) = after("darwin") {
        ("darwin", digits(rest))
    } else if let Some(rest) = begins("macruby") {
        ("macruby", numbers(rest))
    } else if let Some(rest) = after("freebsd") {
        ("freebsd", digits(rest))
    } else if os == "jruby" {
        ("java", None)
    } else if let Some(rest) = begins("java") {
        ("java", numbers(rest))
    } else if let Some(rest) = begins("dalvik").filter(|rest| all_digits(rest)) {
        ("dalvik", digits(rest))
    } else if let Some(rest) = begins("dotnet") {
        ("dotnet", numbers(rest))
    } else if let Some(rest) = after("linux") {
        ("linux", word(rest))
    } else if os.contains("mingw32") {
        ("mingw32", None)
    } else if let Some(rest) = after("mingw") {
        ("mingw", word(rest))
    } else if let Some(found) = mswin(os) {
        found
    } else if os.contains("netbsdelf") {
        ("netbsdelf", None)
    } else if let Some(rest) = after("openbsd") {
        ("openbsd", two_numbers(rest))
    } else if let Some(rest) = after("solaris") {
        ("solaris", two_numbers(rest))
    } else if os.contains("wasi") {
        ("wasi", None)
    } else {
        named_platform(os).unwrap_or(("unknown", None))
    }
}

/// A text without the dash that it may begin with.
fn dashed(text: &str) -> &str {
    text.strip_prefix('-').unwrap_or(text)
}

/// The beginning of a text for which `is` holds, unless there is none.
fn leading(text: &str, is: impl Fn(char) -> bool) -> Option<&str> {
    let end = text.find(|c| !is(c)).unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

fn digits(text: &str) -> Option<&str> {
    leading(text, |c| c.is_ascii_digit())
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn word(text: &str) -> Option<&str> {
    leading(text, |c| c.is_ascii_alphanumeric() || c == '_')
}

/// Numbers with dots between them.
fn numbers(text: &str) -> Option<&str> {
    let mut end = digits(text)?.len();
    while let Some(more) = text[end..].strip_prefix('.').and_then(digits) {
        end += 1 + more.len();
    }
    Some(&text[..end])
}

/// Two numbers with a dot between them.
fn two_numbers(text: &str) -> Option<&str> {
    let first = digits(text)?.len();
    let second = text[first..].strip_prefix('.').and_then(digits)?;
    Some(&text[..first + 1 + second.len()])
}

/// `mswin` with a number and perhaps a version.
fn mswin(os: &str) -> Option<(&str, Option<&str>)> {
    const NAME: &str = "mswin";
    os.match_indices(NAME).find_map(|(at, _)| {
        let number = digits(&os[at + NAME.len()..])?;
        let end = at + NAME.len() + number.len();
        let rest = os[end..].strip_prefix(['_', '-']);
        Some((&os[at..end], rest.and_then(digits)))
    })
}

/// `…_platform` and perhaps a version.
fn named_platform(os: &str) -> Option<(&str, Option<&str>)> {
    const END: &str = "_platform";
    let at = word(os)?.rfind(END).filter(|at| *at > 0)?;
    let (name, rest) = os.split_at(at + END.len());
    Some((name, digits(dashed(rest))))
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        check_format("Platform", text)?;
        if text == "current" {
            let problem = "is another one on every machine; build the gem again";
            return Err(wrong("Platform", text, problem));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Platform {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.0
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for good in [
            "ruby",
            "java",
            "x86_64-linux",
            "x86-mswin32-60",
            "universal-darwin-9",
        ] {
            assert_eq!(good.parse::<Platform>().unwrap().as_str(), good);
        }
        for bad in [
            "", "current", "a b", "-x", "x-", "a/b", "x.gem", "\u{e4}", "a\n",
        ] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }

    #[test]
    fn as_clients_read_them() {
        for (text, resolved) in [
            ("ruby", "ruby"),
            ("java", "java"),
            ("jruby", "java"),
            ("universal-java-17", "universal-java-17"),
            ("java8", "java8"),
            ("i686-linux", "x86-linux"),
            ("x86-linux", "x86-linux"),
            ("x86_64-linux", "x86_64-linux"),
            ("x86_64-linux-gnu", "x86_64-linux-gnu"),
            ("x86_64-linux-musl", "x86_64-linux-musl"),
            ("arm-linux-gnueabihf", "arm-linux-gnueabihf"),
            ("aarch64-linux", "aarch64-linux"),
            ("x86_64-darwin", "x86_64-darwin"),
            ("x86_64-darwin-19", "x86_64-darwin-19"),
            ("universal-darwin20", "universal-darwin-20"),
            ("i386-mingw32", "x86-mingw32"),
            ("x64-mingw-ucrt", "x64-mingw-ucrt"),
            ("x64-mingw32", "x64-mingw32"),
            ("mswin32", "x86-mswin32"),
            ("x86-mswin32-60", "x86-mswin32-60"),
            ("x64-mswin64_140", "x64-mswin64-140"),
            ("sparc-solaris2.8", "sparc-solaris-2.8"),
            ("sparc-solaris2", "sparc-solaris"),
            ("amd64-freebsd13", "amd64-freebsd-13"),
            ("x86_64-openbsd7.4", "x86_64-openbsd-7.4"),
            ("i386-netbsdelf", "x86-netbsdelf"),
            ("powerpc-aix7", "powerpc-aix-7"),
            ("i386-cygwin", "x86-cygwin"),
            ("dalvik8", "dalvik8"),
            ("x-dalvik-8x", "x-unknown"),
            ("universal-dotnet-4.0", "universal-dotnet-4.0"),
            ("macruby-1.2.3.", "macruby-unknown"),
            ("x-macruby1.2.3", "x-macruby-1.2.3"),
            ("wasm32-wasi", "wasm32-wasi"),
            ("x-test_platform12", "x-test_platform-12"),
            ("test_platform", "test_platform"),
            ("x-_platform", "x-unknown"),
            ("2", "unknown"),
            ("foo-bar", "foo-unknown"),
        ] {
            let platform = Platform(text.to_owned());
            assert_eq!(platform.resolved(), resolved, "{text}");
        }
    }
}
