//! Documents on the wire: manifests, as far as the registry has to understand them, and the answers
//! that are JSON.
//!
//! Forms: the image specification, version 1.1 (`manifest.md`, `image-index.md`, `descriptor.md`),
//! and docker's "image manifest version 2, schema 2".

use std::collections::BTreeMap;

use registry_core::digest::Digest;
use serde::{Deserialize, Serialize};

use self::plain::Plain;
use crate::{
    error::{Code, Error, Result},
    name,
};

mod plain;

/// The media type of an image.
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of an artifact, as it was before version 1.1 was done.
pub const ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// Docker's media type of an image.
pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's media type of an index.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// The most blobs and manifests that one manifest may name.
pub const MAX_NAMED: usize = 10_000;

/// The longest media type, in bytes (RFC 6838, section 4.2: 127 on each side of the slash).
const MAX_TYPE: usize = 255;

/// The most bytes of annotations in a manifest with a subject.
const MAX_ANNOTATIONS: usize = 256 << 10;

/// Docker's media types of an image before those, which is not taken.
const DOCKER_FIRST: &[&str] = &[
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/// The types of layers that may lie elsewhere, and so need not be pushed.
const ELSEWHERE: &[&str] = &[
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
];

/// A kind of manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It names a config and layers.
    Image,
    /// It names manifests.
    Index,
    /// It names blobs.
    Artifact,
}

/// The media types of manifests, and what they make of one.
const TYPES: &[(&str, Kind)] = &[
    (IMAGE, Kind::Image),
    (INDEX, Kind::Index),
    (DOCKER_IMAGE, Kind::Image),
    (DOCKER_LIST, Kind::Index),
    (ARTIFACT, Kind::Artifact),
];

impl Kind {
    /// The kind that a media type stands for.
    pub fn of(media_type: &str) -> Option<Self> {
        known(media_type).map(|(_, kind)| kind)
    }
}

/// A media type that is a manifest's, and the kind that it stands for.
pub fn known(media_type: &str) -> Option<(&'static str, Kind)> {
    let mut types = TYPES.iter().copied();
    types.find(|(known, _)| *known == media_type)
}

/// What a descriptor says of some content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The type of artifact that a manifest is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What its publisher says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl plain::Fields for Descriptor {
    const FIELDS: &'static [&'static str] = &[
        "mediaType",
        "digest",
        "size",
        "urls",
        "annotations",
        "data",
        "artifactType",
        "platform",
    ];
}

impl Descriptor {
    /// How a list of referrers describes a manifest.
    pub fn of(manifest: &Manifest, digest: &Digest, size: u64) -> Self {
        Self {
            media_type: manifest.media_type.to_owned(),
            digest: digest.clone(),
            size,
            artifact_type: manifest.artifact_type.clone(),
            annotations: manifest.annotations.clone(),
        }
    }
}

/// The answer to `GET /{name}/referrers/{digest}`: an index.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index<'a> {
    /// 2.
    pub schema_version: u8,
    /// [`INDEX`].
    pub media_type: &'static str,
    /// The manifests.
    pub manifests: &'a [Descriptor],
}

/// The answer to `GET /{name}/tags/list`.
#[derive(Debug, Serialize)]
pub struct TagList<'a> {
    /// The repository.
    pub name: &'a str,
    /// Its tags, in order.
    pub tags: &'a [String],
}

/// The answer to `GET /_catalog`.
#[derive(Debug, Serialize)]
pub struct Catalog<'a> {
    /// The repositories, in order.
    pub repositories: &'a [String],
}

/// The answer to `GET` and `POST /token`.
#[derive(Debug, Serialize)]
pub struct Token<'a> {
    /// The access token.
    pub token: &'a str,
    /// The same, as OAuth2 calls it.
    pub access_token: &'a str,
    /// How long it is good, in seconds.
    pub expires_in: u64,
    /// Since when, ISO 8601.
    pub issued_at: &'a str,
    /// What it is good for.
    pub scope: &'a str,
    /// What can be exchanged for further ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<&'a str>,
}

/// A manifest as it is sent, without the fields that the registry has no use for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Plain<Descriptor>>,
    layers: Option<Vec<Plain<Descriptor>>>,
    manifests: Option<Vec<Plain<Descriptor>>>,
    blobs: Option<Vec<Plain<Descriptor>>>,
    subject: Option<Plain<Descriptor>>,
    annotations: Option<BTreeMap<String, String>>,
}

impl plain::Fields for Sent {
    const FIELDS: &'static [&'static str] = &[
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "blobs",
        "subject",
        "annotations",
    ];
}

/// What the registry has to know of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type.
    pub media_type: &'static str,
    /// What that makes it.
    pub kind: Kind,
    /// What a list of referrers calls it.
    pub artifact_type: Option<String>,
    /// The manifest that it refers to; it may be missing.
    pub subject: Option<Digest>,
    /// What its publisher says of it.
    pub annotations: Option<BTreeMap<String, String>>,
    /// What it names, each once.
    pub named: Vec<Named>,
}

/// Content that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its digest.
    pub digest: Digest,
    /// What is known of it.
    pub what: What,
    /// How many bytes it is said to have; two numbers where the manifest contradicts itself.
    pub sizes: Vec<u64>,
}

/// What a manifest may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A blob.
    Blob,
    /// A blob that may lie elsewhere.
    Elsewhere,
    /// A manifest.
    Manifest,
    /// A manifest that it refers to, which may be missing.
    Subject,
    /// What an index names with a type that is no manifest's: a blob for some, a manifest of a kind
    /// of their own for others.
    Either,
}

impl Manifest {
    /// Understands a manifest that came with a `Content-Type`, or without.
    ///
    /// # Errors
    /// `MANIFEST_INVALID` when it is not JSON, not of a type that is known, or not of the shape
    /// that its type has.
    pub fn parse(content_type: Option<&str>, text: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|_| invalid("the manifest is not UTF-8"))?;
        let Plain(sent): Plain<Sent> = serde_json::from_str(text)
            .map_err(|error| invalid(format!("the manifest is not what it should be: {error}")))?;
        let essence = content_type.map(essence);
        let first = |essence: &String| DOCKER_FIRST.contains(&&**essence);
        if sent.schema_version == Some(1) || essence.as_ref().is_some_and(first) {
            return Err(invalid(
                "docker's image manifest of schema 1 is not taken; push the image as schema 2 or \
                 as an OCI image",
            ));
        }
        if sent.schema_version != Some(2) {
            return Err(invalid("the manifest's schemaVersion has to be 2"));
        }
        let media_type = media_type(essence, &sent)?;
        let (media_type, kind) = known(&media_type).ok_or_else(|| {
            invalid(format!(
                "{media_type:?} is no type of manifest that is taken here; use {IMAGE} or {INDEX}"
            ))
        })?;
        check_shape(kind, &sent)?;
        let named = named(&sent)?;
        check_types(&sent)?;
        let of_config = sent.config.map(|Plain(config)| config.media_type);
        let artifact_type = sent.artifact_type.filter(|kind| !kind.is_empty());
        if sent.subject.is_some() {
            check_annotations(sent.annotations.as_ref())?;
        }
        Ok(Self {
            media_type,
            kind,
            artifact_type: artifact_type.or(of_config),
            subject: sent.subject.map(|Plain(subject)| subject.digest),
            annotations: sent.annotations,
            named,
        })
    }
}

impl Manifest {
    /// The digests of the blobs that it names.
    pub fn blobs(&self) -> Vec<Digest> {
        self.digests(|what| !matches!(what, What::Manifest | What::Subject))
    }

    /// The digests of what it names and `pick` picks.
    pub fn digests(&self, pick: impl Fn(What) -> bool) -> Vec<Digest> {
        let named = self.named.iter().filter(|named| pick(named.what));
        named.map(|named| named.digest.clone()).collect()
    }
}

/// Refuses types that are no media types by their length: lists repeat some of them.
fn check_types(sent: &Sent) -> Result<()> {
    let lists = [&sent.layers, &sent.manifests, &sent.blobs];
    let descriptors = lists.into_iter().flatten().flatten();
    let descriptors = descriptors.chain(&sent.config).chain(&sent.subject);
    let of = |Plain(descriptor): &Plain<Descriptor>| {
        descriptor
            .media_type
            .len()
            .max(descriptor.artifact_type.as_ref().map_or(0, String::len))
    };
    let longest = descriptors.map(of).max().unwrap_or_default();
    let own = sent.artifact_type.as_ref().map_or(0, String::len);
    if longest.max(own) > MAX_TYPE {
        return Err(invalid(format!(
            "a media type has {MAX_TYPE} bytes at most"
        )));
    }
    Ok(())
}

/// Refuses a manifest with a subject that says too much of itself: lists of referrers repeat it.
fn check_annotations(annotations: Option<&BTreeMap<String, String>>) -> Result<()> {
    let all = annotations.into_iter().flatten();
    let size: usize = all.map(|(key, value)| key.len() + value.len()).sum();
    if size > MAX_ANNOTATIONS {
        return Err(invalid(format!(
            "the annotations of a manifest with a subject have {MAX_ANNOTATIONS} bytes together at \
             most, and these have {size}; put what is large into a layer"
        )));
    }
    Ok(())
}

fn invalid(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::ManifestInvalid, why)
}

/// A media type without its parameters.
fn essence(text: &str) -> String {
    let essence = text.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// The type that a manifest has by its header and by its own word, which have to agree.
fn media_type(header: Option<String>, sent: &Sent) -> Result<String> {
    let header = header.filter(|text| !text.is_empty());
    let own = sent.media_type.clone().filter(|text| !text.is_empty());
    match (header, own) {
        (Some(header), Some(own)) if header != own => Err(invalid(format!(
            "the manifest says that it is {own:?} and its Content-Type says {header:?}; make them \
             the same"
        ))),
        (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type),
        (None, None) if sent.manifests.is_some() => Ok(INDEX.to_owned()),
        (None, None) => Ok(IMAGE.to_owned()),
    }
}

/// Refuses a manifest that can be read as another kind too: clients that take it for the one and
/// clients that take it for the other would not get the same.
fn check_shape(kind: Kind, sent: &Sent) -> Result<()> {
    let (config, layers) = (sent.config.is_some(), sent.layers.is_some());
    let (manifests, blobs) = (sent.manifests.is_some(), sent.blobs.is_some());
    let (missing, strange) = match kind {
        Kind::Image => ((!config).then_some("config"), manifests || blobs),
        Kind::Index => (None, config || layers || blobs),
        Kind::Artifact => (None, config || layers || manifests),
    };
    if let Some(missing) = missing {
        return Err(invalid(format!("the manifest has no {missing}")));
    }
    if strange {
        return Err(invalid(
            "the manifest mixes kinds: an image has config and layers, an index has manifests, \
             and neither has what the other has",
        ));
    }
    Ok(())
}

/// What a manifest names, each once.
fn named(sent: &Sent) -> Result<Vec<Named>> {
    let config = sent.config.iter().map(|Plain(config)| (config, What::Blob));
    let layers = sent.layers.iter().chain(&sent.blobs).flatten();
    let layers = layers.map(|Plain(layer)| {
        let elsewhere = ELSEWHERE.contains(&&*layer.media_type);
        (
            layer,
            if elsewhere {
                What::Elsewhere
            } else {
                What::Blob
            },
        )
    });
    let manifests = sent.manifests.iter().flatten().map(|Plain(manifest)| {
        let known = Kind::of(&manifest.media_type).is_some();
        (manifest, if known { What::Manifest } else { What::Either })
    });
    let mut all: BTreeMap<&Digest, (What, Vec<u64>)> = BTreeMap::new();
    let subject = sent
        .subject
        .iter()
        .map(|Plain(subject)| (subject, What::Subject));
    for (descriptor, what) in config.chain(layers).chain(manifests).chain(subject) {
        let before = all.entry(&descriptor.digest);
        let (before, sizes) = before.or_insert_with(|| (what, Vec::new()));
        // What is named twice has to be there if either says so.
        if *before == What::Elsewhere {
            *before = what;
        }
        // Two are enough to see that one of them is wrong.
        if sizes.len() < 2 && !sizes.contains(&descriptor.size) {
            sizes.push(descriptor.size);
        }
    }
    if all.len() > MAX_NAMED {
        return Err(invalid(format!(
            "a manifest may name {MAX_NAMED} blobs and manifests at most"
        )));
    }
    if let Some(digest) = all
        .keys()
        .copied()
        .find(|digest| !name::is_content_digest(digest))
    {
        return Err(invalid(format!(
            "the manifest names {digest}, but content is named by sha256 or sha512 here"
        )));
    }
    let each = all.into_iter().map(|(digest, (what, sizes))| Named {
        digest: digest.clone(),
        what,
        sizes,
    });
    Ok(each.collect())
}

#[cfg(test)]
mod tests;
