//! Writes Ruby's Marshal 4.8, as far as gem clients read it: lists of gems, and gemspecs.
//!
//! See [the format](https://docs.ruby-lang.org/en/master/marshal_rdoc.html). Clients take nothing
//! but the classes that they know, and no instance variables but those that they would write; nor do
//! they need an object to be linked to that stands there before.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use jiff::civil::Date;
use registry_core::{Error, Result};

use crate::{Platform, Requirement, Spec, platform::Parts, spec::Dependency};

/// What every stream begins with: the version of the format.
const VERSION: [u8; 2] = [4, 8];
/// The version of gemspecs. Clients know by it how many fields there are.
const SPECIFICATION_VERSION: i32 = 4;

/// A release in a list of gems: name, version and platform.
pub type Row<'a> = (&'a str, &'a str, &'a str);

/// A list of gems, as `specs.4.8.gz` and its like have it, gzipped.
pub fn index(rows: Vec<Row<'_>>) -> Vec<u8> {
    let mut stream = Stream::new();
    stream.list(rows.len());
    for (name, version, platform) in rows {
        stream.list(3);
        stream.text(name);
        stream.version(version);
        stream.text(platform);
    }
    stream.0
}

/// A gemspec as it is served: `quick/Marshal.4.8/….gemspec.rz`.
///
/// # Errors
/// Never, since it is written to memory.
pub fn gemspec_rz(spec: &Spec) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(&whole_gemspec(spec).0);
    let packed = packed.and_then(|()| encoder.finish());
    packed.map_err(Error::internal)
}

/// A gemspec as an object of its class, which writes itself: what is within is a stream of its own.
fn whole_gemspec(spec: &Spec) -> Stream {
    let mut stream = Stream::new();
    stream.0.push(b'u');
    stream.symbol("Gem::Specification");
    stream.bytes(&gemspec(spec).0);
    stream
}

/// The fields of a gemspec, in the order that clients know.
fn gemspec(spec: &Spec) -> Stream {
    let mut stream = Stream::new();
    stream.list(19);
    stream.text(&spec.rubygems_version);
    stream.integer(SPECIFICATION_VERSION);
    stream.text(spec.name.as_str());
    stream.version(spec.version.as_str());
    stream.date(spec.date);
    stream.text(&spec.summary);
    stream.requirement(&spec.required_ruby_version);
    stream.requirement(&spec.required_rubygems_version);
    stream.text(spec.platform.as_str());
    stream.list(spec.dependencies.len());
    for dependency in &spec.dependencies {
        stream.dependency(dependency);
    }
    // A project's name that is not used any more.
    stream.text("");
    stream.texts(&spec.email);
    stream.texts(&spec.authors);
    stream.optional(spec.description.as_deref());
    stream.optional(spec.homepage.as_deref());
    // Whether it has documentation: always.
    stream.flag(true);
    stream.platform(&spec.platform);
    stream.texts(&spec.licenses);
    stream.0.push(b'{');
    stream.length(spec.metadata.len());
    for (key, value) in &spec.metadata {
        stream.text(key);
        stream.text(value);
    }
    stream
}

/// Bytes of the format.
struct Stream(Vec<u8>);

impl Stream {
    fn new() -> Self {
        Self(VERSION.to_vec())
    }

    fn nil(&mut self) {
        self.0.push(b'0');
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(if flag { b'T' } else { b'F' });
    }

    fn integer(&mut self, number: i32) {
        self.0.push(b'i');
        self.packed(number);
    }

    /// A length. Nothing here is so long that it would not fit.
    fn length(&mut self, length: usize) {
        self.packed(i32::try_from(length).unwrap_or(i32::MAX));
    }

    /// A number in one byte if it is small, else in as few as it needs, the least first.
    fn packed(&mut self, number: i32) {
        match number {
            0 => self.0.push(0),
            1..=122 => self.0.push(number.to_le_bytes()[0] + 5),
            _ => {
                let bytes = number.to_le_bytes();
                let needed = 4 - bytes.iter().rev().take_while(|byte| **byte == 0).count();
                self.0.push(needed.to_le_bytes()[0]);
                self.0.extend_from_slice(&bytes[..needed]);
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn symbol(&mut self, name: &str) {
        self.0.push(b':');
        self.bytes(name.as_bytes());
    }

    /// A text with the one variable that says that it is UTF-8.
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(b"I\"");
        self.bytes(text.as_bytes());
        self.length(1);
        self.symbol("E");
        self.flag(true);
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.nil(),
        }
    }

    fn list(&mut self, length: usize) {
        self.0.push(b'[');
        self.length(length);
    }

    fn texts(&mut self, texts: &[String]) {
        self.list(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    /// An object of a class that makes itself of a list of one.
    fn object(&mut self, class: &str) {
        self.0.push(b'U');
        self.symbol(class);
        self.list(1);
    }

    fn version(&mut self, version: &str) {
        self.object("Gem::Version");
        self.text(version);
    }

    fn requirement(&mut self, requirement: &Requirement) {
        self.object("Gem::Requirement");
        self.list(requirement.bounds().len());
        for bound in requirement.bounds() {
            self.list(2);
            self.text(bound.operator());
            self.version(bound.version());
        }
    }

    /// The platform as clients read it.
    fn platform(&mut self, platform: &Platform) {
        let Some(Parts { cpu, os, version }) = platform.parts() else {
            return self.text(platform.as_str());
        };
        self.0.push(b'o');
        self.symbol("Gem::Platform");
        self.length(3);
        for (variable, part) in [("@cpu", cpu), ("@os", Some(os)), ("@version", version)] {
            self.symbol(variable);
            self.optional(part);
        }
    }

    fn dependency(&mut self, dependency: &Dependency) {
        self.0.push(b'o');
        self.symbol("Gem::Dependency");
        self.length(5);
        self.symbol("@name");
        self.text(dependency.name.as_str());
        self.symbol("@requirement");
        self.requirement(&dependency.requirement);
        self.symbol("@type");
        self.symbol(dependency.kind.as_str());
        self.symbol("@prerelease");
        self.flag(dependency.prerelease);
        self.symbol("@version_requirements");
        self.requirement(&dependency.requirement);
    }

    /// Midnight of a day in UTC: its parts in two words, and the name of the zone.
    fn date(&mut self, date: Option<Date>) {
        let Some(date) = date else {
            return self.nil();
        };
        let part = |part: i8| u32::try_from(part).unwrap_or_default();
        let year = u32::try_from(i32::from(date.year()) - 1900).unwrap_or_default();
        let (month, day) = (part(date.month() - 1), part(date.day()));
        let utc = 0b11 << 30;
        let word = utc | year << 14 | month << 10 | day << 5;
        self.0.extend_from_slice(b"Iu");
        self.symbol("Time");
        self.bytes(&u64::from(word).to_le_bytes());
        self.length(1);
        self.symbol("zone");
        self.text("UTC");
    }
}

#[cfg(test)]
mod tests;
