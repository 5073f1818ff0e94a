//! Coordinates, and the paths of files in the tree.
//!
//! Rules: [the repository layout](https://maven.apache.org/repositories/layout.html) and
//! [naming conventions](https://maven.apache.org/guides/mini/guide-naming-conventions.html).

mod file;
mod place;

use std::{fmt, str::FromStr};

use registry_core::{Error, ErrorKind, Result};

pub use file::FileName;
pub(crate) use file::is_signature;
pub use place::{FilePath, Levels, METADATA, Place};

/// The longest name of a group, of an artifact and of a folder, in characters.
pub const MAX_NAME: usize = 200;

/// A group of artifacts, such as `org.acme.tools`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(Box<str>);

/// What is published in versions, such as `tools-core`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactId(Box<str>);

impl GroupId {
    /// The group as it is spelled, with dots.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its folder in the tree: the group with slashes for dots.
    pub fn path(&self) -> String {
        self.0.replace('.', "/")
    }

    /// The group whose folder has these segments.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] where there is no such group.
    pub fn of_path(segments: &[&str]) -> Result<Self> {
        if let Some(dotted) = segments.iter().find(|segment| segment.contains('.')) {
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!(
                    "{:?} is no folder of a group: there is a folder for each part between dots, \
                     as org/acme for org.acme",
                    shown(dotted)
                ),
            ));
        }
        segments.join(".").parse()
    }
}

impl FromStr for GroupId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.split('.');
        let checked = check(text, MAX_NAME, in_id)
            .and_then(|()| parts.try_for_each(|part| check(part, MAX_NAME, in_id)));
        match checked {
            Ok(()) => Ok(Self(text.into())),
            Err(what) => Err(wrong(text, "groupId", &what)),
        }
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ArtifactId {
    /// The artifact as it is spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the files and POMs of an old sbt plugin call themselves, in a folder to whose name the
    /// versions of Scala and sbt are added: `sbt-x` of `sbt-x_2.12_1.0`.
    pub fn without_sbt(&self) -> Option<&str> {
        let (rest, sbt) = self.0.rsplit_once('_')?;
        let (name, scala) = rest.rsplit_once('_')?;
        let version = |text: &str| {
            let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            text.contains('.') && text.split('.').all(number)
        };
        (!name.is_empty() && version(sbt) && version(scala)).then_some(name)
    }
}

impl FromStr for ArtifactId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let checked = match check(text, MAX_NAME, in_id) {
            Ok(()) if text.starts_with(METADATA) => Err("metadata is called that".to_owned()),
            checked => checked,
        };
        match checked {
            Ok(()) => Ok(Self(text.into())),
            Err(what) => Err(wrong(text, "artifactId", &what)),
        }
    }
}

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn wrong(text: &str, what: &str, why: &str) -> Error {
    let message = format!("{:?} is no {what}: {why}", shown(text));
    Error::new(ErrorKind::InvalidName, message)
}

/// What a group's and an artifact's name is made of.
pub(crate) fn in_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// What versions and names of files are made of.
pub(crate) fn in_file(c: char) -> bool {
    in_id(c) || matches!(c, '+' | '~')
}

/// Checks a name that is made of `within`; says what is wrong with it.
pub(crate) fn check(text: &str, longest: usize, within: fn(char) -> bool) -> Result<(), String> {
    if text.is_empty() || text.len() > longest {
        return Err(format!("it must have 1 to {longest} characters"));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Err("it must begin with a letter, a digit or an underscore".to_owned());
    }
    if let Some(other) = text.chars().find(|&c| !within(c)) {
        let signs = if within('+') { "_ . - + ~" } else { "_ . -" };
        return Err(format!(
            "it has {other:?}, and may have ASCII letters, digits and {signs} only"
        ));
    }
    if text.contains("..") {
        return Err("it must not have two dots in a row".to_owned());
    }
    Ok(())
}

/// The beginning of a foreign text, for a message.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
