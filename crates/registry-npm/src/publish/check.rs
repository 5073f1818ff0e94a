//! Judges the document of a publish, and makes of it the entry of a version.

use base64::{Engine, engine::general_purpose::STANDARD};
use registry_core::{
    Error, ErrorKind, Result,
    digest::{Algorithm, Digests},
    store::StoredBytes,
};

use serde::Deserialize;

use crate::{
    PackageName, Tag, Version,
    document::{
        Dist,
        change::{MAX_README, Release},
        shortened,
    },
    tarball::Inspected,
    wire::{Fields, Person, PutDocument},
};

use super::provenance::{self, Bundle};

mod entry;

/// A version that a document asks to publish, checked as far as the document goes.
#[derive(Debug)]
pub struct Publication<'a> {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The tags that it takes.
    pub tags: Vec<Tag>,
    /// The key of the tarball's attachment.
    pub attachment: String,
    /// Its provenance, if it has one.
    pub provenance: Option<Bundle>,
    length: Option<u64>,
    sent: Sent,
    readme: Option<String>,
    access: Option<String>,
    manifest: Fields<'a>,
}

/// What the client says of its tarball.
#[derive(Debug, Default, Deserialize)]
struct Sent {
    integrity: Option<String>,
    shasum: Option<String>,
}

/// The bytes of a tarball, as they were stored and looked through.
#[derive(Debug)]
pub struct Stored<'a> {
    /// Under what name.
    pub file: &'a str,
    /// How many bytes.
    pub size: u64,
    /// Their SHA-512 and SHA-1.
    pub digests: &'a Digests,
    /// What is in them.
    pub inspected: &'a Inspected,
    /// The provenance, as it was stored, if there is one.
    pub provenance: Option<&'a StoredBytes>,
}

/// Reads the document that [`PublishScanner`](super::PublishScanner) left.
///
/// # Errors
/// [`ErrorKind::Invalid`] when it is no such document.
pub fn parse(document: &[u8]) -> Result<PutDocument<'_>> {
    serde_json::from_slice(document)
        .map_err(|error| Error::invalid(format!("the document cannot be read: {error}")))
}

/// Whether the document brings a tarball, and so is a publish.
pub fn is_publish(document: &PutDocument<'_>) -> bool {
    document
        .attachments
        .as_ref()
        .is_some_and(|files| !files.is_empty())
}

/// Whether the document says nothing but whose stars the package has.
pub fn is_star(document: &PutDocument<'_>) -> bool {
    let PutDocument {
        dist_tags,
        versions,
        maintainers,
        users,
        access,
        attachments,
        ..
    } = document;
    users.is_some()
        && dist_tags.is_none()
        && versions.is_none()
        && maintainers.is_none()
        && access.is_none()
        && attachments.is_none()
}

/// Refuses a document that says it is of another package than `name`.
///
/// # Errors
/// [`ErrorKind::Invalid`] with what does not fit.
pub fn names(name: &PackageName, document: &PutDocument<'_>) -> Result<()> {
    same_name(
        "the document's _id or name",
        document.id.as_deref().or(document.name.as_deref()),
        name,
    )?;
    same_name(
        "the document's name",
        document.name.as_deref().or(Some(name.as_str())),
        name,
    )
}

impl<'a> Publication<'a> {
    /// Checks a document that was put to `name`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] or [`ErrorKind::Invalid`], with what does not fit.
    pub fn check(name: &PackageName, document: &PutDocument<'a>) -> Result<Self> {
        same_name("the document's name", document.name.as_deref(), name)?;
        same_name(
            "the document's _id",
            document.id.as_deref().or(Some(name.as_str())),
            name,
        )?;
        let mut versions = document.versions.iter().flatten();
        let (Some((version, manifest)), None) = (versions.next(), versions.next()) else {
            return Err(Error::invalid("a publish holds exactly one version"));
        };
        let version: Version = version.parse()?;
        let manifest: Fields<'a> = serde_json::from_str(manifest.get())
            .map_err(|error| Error::invalid(format!("the manifest cannot be read: {error}")))?;
        same_name(
            "the manifest's name",
            manifest.parse::<String>("name").as_deref(),
            name,
        )?;
        let said: Option<String> = manifest.parse("version");
        if said.as_deref() != Some(version.as_str()) {
            return Err(Error::invalid(format!(
                "the manifest's version is not {version}, as the document says"
            )));
        }
        if manifest.parse::<bool>("private") == Some(true) {
            return Err(Error::invalid(
                "This package has been marked as private; remove the 'private' field from the \
                 package.json to publish it.",
            ));
        }
        let access = document.access.clone();
        if !matches!(access.as_deref(), None | Some("public" | "restricted")) {
            return Err(Error::invalid("access is either public or restricted"));
        }
        let (attachment, length, provenance) = attachments(document)?;
        let readme = document
            .readme
            .and_then(|text| serde_json::from_str(text.get()).ok());
        Ok(Self {
            name: name.clone(),
            tags: tags(document, &version)?,
            version,
            attachment,
            provenance,
            length,
            sent: sent(&manifest)?,
            readme: readme.or_else(|| manifest.parse("readme")),
            access,
            manifest,
        })
    }

    /// Checks what was stored against what was announced, and gives the version to publish.
    ///
    /// # Errors
    /// [`ErrorKind::DigestMismatch`] when bytes differ, [`ErrorKind::Invalid`] when names do.
    pub fn release(self, stored: &Stored<'_>, publisher: Person, time: &str) -> Result<Release> {
        if self.length.is_some_and(|length| length != stored.size) {
            return Err(mismatch(
                "length",
                self.length.unwrap_or_default(),
                stored.size,
            ));
        }
        let sha512 = stored.digests.get(Algorithm::Sha512).unwrap_or_default();
        let dist = Dist {
            integrity: format!("sha512-{}", STANDARD.encode(sha512)),
            shasum: stored.digests.hex(Algorithm::Sha1),
            file_count: stored.inspected.file_count,
            unpacked_size: stored.inspected.unpacked_size,
        };
        let sent = self.sent.integrity.as_deref().unwrap_or_default();
        let mut sha512s = sent.split_whitespace().filter(|i| i.starts_with("sha512-"));
        if let Some(wrong) = sha512s.find(|sent| **sent != dist.integrity) {
            return Err(mismatch("integrity", wrong, &dist.integrity));
        }
        let sent = self.sent.shasum.as_deref().unwrap_or(&dist.shasum);
        if !sent.eq_ignore_ascii_case(&dist.shasum) {
            return Err(mismatch("shasum", sent, &dist.shasum));
        }
        let inspected = stored.inspected;
        // npm cleans what it says in the document, not what is in the tarball.
        let same = inspected.version.same_release(&self.version);
        if inspected.name.trim() != self.name.as_str() || !same {
            return Err(Error::invalid(format!(
                "the package.json in the tarball is of {}@{}, the document of {}@{}",
                inspected.name, inspected.version, self.name, self.version
            )));
        }
        if let Some(bundle) = &self.provenance {
            provenance::check_subject(bundle, &self.name, &self.version, sha512)?;
        }
        let entry = self.entry(&dist, stored, &publisher, time)?;
        Ok(Release {
            version: self.version,
            entry,
            integrity: dist.integrity,
            tags: self.tags,
            publisher,
            time: time.to_owned(),
            readme: self.readme.map(|text| shortened(text, MAX_README)),
            access: self.access,
        })
    }
}

/// The tarball's key and length, and the provenance.
fn attachments(document: &PutDocument<'_>) -> Result<(String, Option<u64>, Option<Bundle>)> {
    let (bundles, tarballs): (Vec<_>, Vec<_>) = document
        .attachments
        .iter()
        .flatten()
        .partition(|(file, _)| file.ends_with(".sigstore"));
    let ([(file, tarball)], [] | [_]) = (&*tarballs, &*bundles) else {
        return Err(Error::invalid(
            "a publish holds exactly one tarball, and one provenance bundle at most",
        ));
    };
    let bundle = bundles
        .first()
        .map(|(_, bundle)| provenance::parse(&bundle.data))
        .transpose()?;
    Ok(((*file).clone(), tarball.length, bundle))
}

/// What the manifest says of the tarball.
fn sent(manifest: &Fields<'_>) -> Result<Sent> {
    let Some(dist) = manifest.get("dist") else {
        return Ok(Sent::default());
    };
    serde_json::from_str(dist.get())
        .map_err(|error| Error::invalid(format!("the manifest's dist cannot be read: {error}")))
}

/// The tags that the document sets; they can name only the version that it brings.
fn tags(document: &PutDocument<'_>, version: &Version) -> Result<Vec<Tag>> {
    let mut tags = Vec::new();
    for (tag, names) in document.dist_tags.iter().flatten() {
        if names != version.as_str() {
            return Err(Error::invalid(format!(
                "the tag {tag} names {names}, which is not the version published"
            )));
        }
        tags.push(tag.parse()?);
    }
    if tags.is_empty() {
        tags.push(Tag::LATEST.parse()?);
    }
    Ok(tags)
}

fn same_name(what: &str, said: Option<&str>, name: &PackageName) -> Result<()> {
    match said {
        Some(said) if said == name.as_str() => Ok(()),
        Some(said) => Err(Error::invalid(format!(
            "{what} is {:?}, but the address says {name}",
            shortened(said.to_owned(), 256)
        ))),
        None => Err(Error::invalid(format!("{what} is missing"))),
    }
}

fn mismatch(what: &str, sent: impl std::fmt::Display, found: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::DigestMismatch,
        format!("the tarball's {what} is {found}, but the document says {sent}; publish again"),
    )
}

#[cfg(test)]
mod tests;
