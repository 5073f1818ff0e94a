//! POMs: what they say they are of.
//!
//! Rules: [the POM](https://maven.apache.org/pom.html), and [versions that a build is
//! given](https://maven.apache.org/guides/mini/guide-maven-ci-friendly.html).

use std::io::Read;

use registry_core::{Error, Result};

use crate::{
    name::{FilePath, shown},
    xml,
};

/// The most bytes of a POM.
pub const MAX_POM: u64 = 10 << 20;
/// The most bytes that are kept of what is only shown.
const MAX_SHOWN: usize = 1000;

/// What the registry reads of a POM. What it does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pom {
    /// What is built: `jar` where it does not say.
    pub packaging: String,
    /// What it is called in full.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The format's version; from 4.1.0 on, a build may find out what its POM leaves out.
    model: String,
    own: Coordinates,
    parent: Coordinates,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Coordinates {
    group: String,
    artifact: String,
    version: String,
}

impl Coordinates {
    fn field(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "groupId" => Some(&mut self.group),
            "artifactId" => Some(&mut self.artifact),
            "version" => Some(&mut self.version),
            _ => None,
        }
    }
}

impl Pom {
    /// Reads a POM as it streams.
    ///
    /// # Errors
    /// [`registry_core::ErrorKind::Invalid`] when it is no POM, [`registry_core::ErrorKind::TooLarge`]
    /// beyond the bounds; what `from` fails with.
    pub fn read(from: &mut dyn Read) -> Result<Self> {
        let mut pom = Self::default();
        xml::read(from, MAX_POM, "the POM", &mut |path, text| {
            pom.take(path, text)
        })?;
        Ok(pom)
    }

    fn take(&mut self, path: &[String], text: &str) -> Result<()> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let field = match *path {
            ["project", "packaging"] => Some(&mut self.packaging),
            ["project", "name"] => Some(&mut self.name),
            ["project", "description"] => Some(&mut self.description),
            ["project", "modelVersion"] => Some(&mut self.model),
            ["project", name] => self.own.field(name),
            ["project", "parent", name] => self.parent.field(name),
            ["project", ..] | [] => None,
            [root, ..] => {
                return Err(Error::invalid(format!(
                    "this is no POM: its root element is <{}>, not <project>",
                    shown(root)
                )));
            }
        };
        let Some(field) = field else {
            return Ok(());
        };
        if !field.is_empty() {
            let path = path.join("/");
            return Err(Error::invalid(format!("the POM has more than one {path}")));
        }
        field.push_str(&text[..text.floor_char_boundary(MAX_SHOWN)]);
        Ok(())
    }

    /// Checks that it is the POM of the version that its path names.
    ///
    /// What a build puts in for `${…}` is not known here, so it may be anything. An old sbt plugin's
    /// POM does not know the versions that stand in the name of its folder.
    ///
    /// # Errors
    /// [`registry_core::ErrorKind::Invalid`] when it is not.
    pub fn check(&self, path: &FilePath) -> Result<()> {
        let Coordinates {
            group,
            artifact,
            version,
        } = &self.own;
        let inherited = |own: &str, parent: &str| match own {
            "" => parent.to_owned(),
            own => own.to_owned(),
        };
        let group = inherited(group, &self.parent.group);
        self.check_one("groupId", &group, &[path.group.as_str()])?;
        let artifacts = [Some(path.artifact.as_str()), path.artifact.without_sbt()];
        let artifacts: Vec<_> = artifacts.into_iter().flatten().collect();
        self.check_one("artifactId", artifact, &artifacts)?;
        let version = inherited(version, &self.parent.version);
        let build = path.file.build.as_ref();
        let build = build.map(|build| path.version.of_build(build));
        let versions = [Some(path.version.as_str()), build.as_deref()];
        let versions: Vec<_> = versions.into_iter().flatten().collect();
        self.check_one("version", &version, &versions)
    }

    fn check_one(&self, field: &str, said: &str, allowed: &[&str]) -> Result<()> {
        if said.is_empty() {
            if matches!(&*self.model, "" | "4.0.0") {
                let message = format!("the POM has no {field}, and inherits none");
                return Err(Error::invalid(message));
            }
            return Ok(());
        }
        if allowed.iter().any(|allowed| fits(said, allowed)) {
            return Ok(());
        }
        let path = allowed.first().copied().unwrap_or_default();
        Err(Error::invalid(format!(
            "the POM's {field} is {:?}, but its path says {path:?}; mend the POM, or deploy it to its \
             own path",
            shown(said)
        )))
    }
}

/// Whether `pattern`, in which each `${…}` stands for any text, can become `text`.
fn fits(pattern: &str, text: &str) -> bool {
    let mut literals = Vec::new();
    let mut last = pattern;
    while let Some((before, rest)) = last.split_once("${")
        && let Some((_, after)) = rest.split_once('}')
    {
        literals.push(before);
        last = after;
    }
    let Some((first, middle)) = literals.split_first() else {
        return pattern == text;
    };
    let inner = text.strip_prefix(first);
    let Some(mut inner) = inner.and_then(|inner| inner.strip_suffix(last)) else {
        return false;
    };
    middle
        .iter()
        .all(|literal| match inner.split_once(literal) {
            Some((_, after)) => {
                inner = after;
                true
            }
            None => false,
        })
}

#[cfg(test)]
mod tests;
