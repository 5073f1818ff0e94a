//! Names of files.
//!
//! Rules: [wheels](https://packaging.python.org/en/latest/specifications/binary-distribution-format/)
//! and [source distributions](https://packaging.python.org/en/latest/specifications/source-distribution-format/).

use registry_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::{ProjectName, Version, name::normalized};

/// The longest name of a file, in bytes: a file system takes no longer one.
const LONGEST: usize = 255;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A wheel.
    #[serde(rename = "bdist_wheel")]
    Wheel,
    /// A source distribution.
    #[serde(rename = "sdist")]
    Sdist,
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// A wheel, which is a zip.
    Wheel,
    /// A gzipped tar.
    TarGz,
    /// A zip that is no wheel.
    Zip,
}

impl Packing {
    /// Each with what its names end in.
    const ALL: [Self; 3] = [Self::Wheel, Self::TarGz, Self::Zip];

    /// What names of such files end in.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wheel => ".whl",
            Self::TarGz => ".tar.gz",
            Self::Zip => ".zip",
        }
    }

    /// What such a file is.
    pub fn kind(self) -> Kind {
        match self {
            Self::Wheel => Kind::Wheel,
            Self::TarGz | Self::Zip => Kind::Sdist,
        }
    }
}

/// The name of a file, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The name as it is.
    pub text: String,
    /// How the file is packed.
    pub packing: Packing,
    /// The project, as it is spelled there.
    pub name: String,
    /// The version.
    pub version: Version,
    /// Of a wheel, the tags of Pythons, ABIs and platforms that it is for, and a build tag before
    /// them where there is one.
    pub tags: String,
}

impl FileName {
    /// Reads the name of a file of `project`; without a project, of the one that the name itself
    /// seems to be of.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when no file may be called so.
    pub fn parse(text: &str, project: Option<&ProjectName>) -> Result<Self> {
        let packing = packing(text)?;
        let stem = text.strip_suffix(packing.extension()).unwrap_or(text);
        let invalid = |what: &str| {
            let kind = match packing.kind() {
                Kind::Wheel => "wheel",
                Kind::Sdist => "source distribution",
            };
            wrong(format!("Invalid {kind} filename ({what}): '{text}'"))
        };
        let (name, version, tags) = match packing.kind() {
            Kind::Wheel => wheel(stem).map_err(invalid)?,
            Kind::Sdist => {
                let (name, version) = sdist(stem, project).ok_or_else(|| {
                    invalid("a project's name, a hyphen and a version should be there")
                })?;
                (name, version, "")
            }
        };
        // A version that is read by itself may have blanks around it.
        let spelled = Some(version).filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        let version = spelled.and_then(|text| text.parse().ok());
        let version = version.ok_or_else(|| invalid("its version is none"))?;
        Ok(Self {
            text: text.to_owned(),
            packing,
            name: name.to_owned(),
            version,
            tags: tags.to_owned(),
        })
    }

    /// Refuses a name that is not the one of a file of this release: that of another project or
    /// version, or, unless `lenient`, one that is not in its normal form (PEP 625, PEP 427).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`], with what it should be.
    pub fn check(&self, project: &ProjectName, version: &Version, lenient: bool) -> Result<()> {
        let (text, escaped) = (&self.text, project.escaped());
        if normalized(&self.name) != project.as_str() {
            let spelled = project.spelled();
            return Err(wrong(format!(
                "Start filename for '{spelled}' with '{escaped}'."
            )));
        }
        if self.version != *version {
            let is = &self.version;
            return Err(wrong(format!(
                "Version in filename should be '{version}' not '{is}'."
            )));
        }
        if lenient {
            return Ok(());
        }
        match self.packing.kind() {
            Kind::Wheel if self.name != escaped => Err(wrong(format!(
                "Filename '{text}' should contain the normalized project name '{escaped}', not '{}'.",
                self.name
            ))),
            Kind::Sdist if *text != format!("{escaped}-{version}.tar.gz") => Err(wrong(format!(
                "Filename '{text}' is invalid, should be '{escaped}-{version}.tar.gz'."
            ))),
            _ => Ok(()),
        }
    }

    /// The name without what it ends in.
    pub fn stem(&self) -> &str {
        let extension = self.packing.extension();
        self.text.strip_suffix(extension).unwrap_or(&self.text)
    }

    /// Whether another name says the same, however it is spelled.
    pub fn means(&self, other: &Self) -> bool {
        normalized(&self.name) == normalized(&other.name)
            && (self.packing, &self.version) == (other.packing, &other.version)
            && self.tags.eq_ignore_ascii_case(&other.tags)
    }
}

/// How a file of this name is packed, if one may have it.
fn packing(text: &str) -> Result<Packing> {
    if text.chars().any(char::is_control) {
        return Err(wrong(
            "Cannot upload a file with non-printable characters (ordinals 0-31) or the DEL \
             character (ordinal 127) in the name.",
        ));
    }
    if text.contains(['/', '\\']) {
        return Err(wrong("Cannot upload a file with '/' or '\\' in the name."));
    }
    if text.len() > LONGEST {
        return Err(wrong(format!(
            "Filename is too long: it may have {LONGEST} bytes"
        )));
    }
    let mut all = Packing::ALL.into_iter();
    all.find(|packing| text.ends_with(packing.extension()))
        .ok_or_else(|| wrong("Invalid file extension: Use .tar.gz, .whl or .zip extension."))
}

/// `name-version[-build]-python-abi-platform`
fn wheel(stem: &str) -> std::result::Result<(&str, &str, &str), &'static str> {
    let mut parts = stem.splitn(3, '-');
    let (Some(name), Some(version), Some(tags)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("wrong number of parts");
    };
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    if name.contains("__") || !name.bytes().all(word) {
        return Err("its project name is not escaped");
    }
    let all: Vec<&str> = tags.split('-').collect();
    let tags_proper = match *all.as_slice() {
        [_, _, _] => &all[..],
        [build, _, _, _] if build.starts_with(|c: char| c.is_ascii_digit()) => &all[1..],
        [_, _, _, _] => return Err("its build tag does not begin with a number"),
        _ => return Err("wrong number of parts"),
    };
    let tag = |tag: &str| !tag.is_empty() && tag.bytes().all(|byte| word(byte) && byte != b'.');
    let set = |tags: &&str| tags.split('.').all(tag);
    if !tags_proper.iter().all(set) || !all.iter().all(|part| part.bytes().all(word)) {
        return Err("its tags are not well-formed");
    }
    Ok((name, version, tags))
}

/// `name-version`, where old names have hyphens in either.
fn sdist<'a>(stem: &'a str, project: Option<&ProjectName>) -> Option<(&'a str, &'a str)> {
    let Some(project) = project else {
        return stem.rsplit_once('-');
    };
    let mut splits = stem
        .match_indices('-')
        .map(|(at, _)| (&stem[..at], &stem[at + 1..]));
    let of_project = splits.find(|(name, version)| {
        normalized(name) == project.as_str() && version.parse::<Version>().is_ok()
    });
    of_project.or_else(|| stem.rsplit_once('-'))
}

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidName, message)
}

#[cfg(test)]
mod tests;
