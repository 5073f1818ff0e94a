//! Names of files: what they say about what is in them.

use registry_core::{Error, ErrorKind, Result};

use super::{check, in_file, shown};
use crate::{ArtifactId, VersionName, version::Build};

/// The longest name of a file, in characters.
const MAX_FILE: usize = 500;
/// What a signature adds to the name of what it signs.
const SIGNATURES: &[&str] = &[".asc", ".sigstore", ".sigstore.json"];
/// How archives that are packed a second time end.
const PACKED: &[&str] = &["gz", "bz2", "xz", "zst", "lzma", "Z"];

/// The name of a file of a version, without the ending of a checksum:
/// `{artifact}-{version}[-{classifier}].{extension}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileName {
    text: Box<str>,
    /// Which build of a snapshot it is of. A release's file has none, nor has that of a snapshot
    /// which is called just that.
    pub build: Option<Build>,
    /// What tells it from the main file: `sources`.
    pub classifier: Option<Box<str>>,
    /// What follows, without the first dot: `jar`, `tar.gz`, `jar.asc`.
    pub extension: Box<str>,
}

impl FileName {
    /// Reads the name of a file that lies in the folder of a version.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when no file of this version can be called that.
    pub fn parse(artifact: &ArtifactId, version: &VersionName, text: &str) -> Result<Self> {
        let refuse = |what: String| {
            let message = format!("{:?} is no name of a file here: {what}", shown(text));
            Error::new(ErrorKind::InvalidName, message)
        };
        check(text, MAX_FILE, in_file).map_err(refuse)?;
        let names = [Some(artifact.as_str()), artifact.without_sbt()];
        let mut rests = names.into_iter().flatten().filter_map(|name| {
            let rest = text.strip_prefix(name)?.strip_prefix('-')?;
            after_version(rest, version)
        });
        let parsed = rests.find_map(|(build, rest)| {
            let (classifier, extension) = split(rest)?;
            Some(Self {
                text: text.into(),
                build,
                classifier: classifier.map(Into::into),
                extension: extension.into(),
            })
        });
        parsed.ok_or_else(|| refuse(expected(artifact, version)))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it signs another file.
    pub fn is_signature(&self) -> bool {
        is_signature(&self.text)
    }

    /// Whether it is the version's POM.
    pub fn is_pom(&self) -> bool {
        self.classifier.is_none() && &*self.extension == "pom"
    }

    /// Whether it is a POM, such as the one that a build began with, whose classifier is `build`.
    pub fn is_any_pom(&self) -> bool {
        &*self.extension == "pom"
    }

    /// Whether it is the version's Gradle module metadata.
    pub fn is_module(&self) -> bool {
        self.classifier.is_none() && &*self.extension == "module"
    }
}

fn expected(artifact: &ArtifactId, version: &VersionName) -> String {
    let begin = format!("{artifact}-{version}");
    match version.snapshot_stem() {
        Some(stem) => format!(
            "it should be {begin}.EXTENSION, {begin}-CLASSIFIER.EXTENSION, or begin with \
             {artifact}-{stem}yyyyMMdd.HHmmss-N"
        ),
        None => format!("it should be {begin}.EXTENSION or {begin}-CLASSIFIER.EXTENSION"),
    }
}

/// What follows the version at the start of `rest`, and which build that is.
fn after_version<'a>(rest: &'a str, version: &VersionName) -> Option<(Option<Build>, &'a str)> {
    if let Some(after) = rest.strip_prefix(version.as_str()) {
        return Some((None, after));
    }
    let rest = rest.strip_prefix(version.snapshot_stem()?)?;
    let (build, after) = Build::at_start(rest)?;
    Some((Some(build), after))
}

/// The classifier and the extension of what follows the version in a name.
fn split(rest: &str) -> Option<(Option<&str>, &str)> {
    if let Some(extension) = rest.strip_prefix('.') {
        // More numbers are another version's, whose folder is another.
        let first = extension.split_once('.').map_or("", |(first, _)| first);
        let number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
        return (is_part(extension) && !number).then_some((None, extension));
    }
    let rest = rest.strip_prefix('-')?;
    let at = extension(rest)?;
    let (classifier, extension) = (&rest[..at], &rest[at + 1..]);
    (is_part(classifier) && is_part(extension)).then_some((Some(classifier), extension))
}

fn is_part(text: &str) -> bool {
    let mut ends = text.chars().take(1).chain(text.chars().next_back());
    !text.is_empty() && ends.all(|c| c != '.')
}

/// Where the dot is before the extension of a name that has a classifier, which may have dots too.
fn extension(text: &str) -> Option<usize> {
    let plain = signed(text).unwrap_or(text);
    let at = plain.rfind('.')?;
    let tar = plain[..at].ends_with(".tar") && PACKED.contains(&&plain[at + 1..]);
    Some(if tar { at - ".tar".len() } else { at })
}

/// Whether the file of this name signs another.
pub(crate) fn is_signature(text: &str) -> bool {
    signed(text).is_some()
}

/// What the file of this name signs.
fn signed(text: &str) -> Option<&str> {
    SIGNATURES.iter().find_map(|end| text.strip_suffix(end))
}
