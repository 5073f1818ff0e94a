//! Images to push and images that were pulled, as image layouts: folders of blobs by digest.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::random::Random;

/// The tag of the one thing in a layout.
pub(super) const TAG: &str = "made";

/// The media type of an index.
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of an image's manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The platforms of an index.
pub(super) const PLATFORMS: [&str; 2] = ["amd64", "arm64"];

/// A layout with one thing in it, called `TAG`.
pub(super) struct Layout {
    pub(super) folder: PathBuf,
    /// The digest of that thing.
    pub(super) digest: String,
}

impl Layout {
    /// As clients name it that know several kinds of place.
    pub(super) fn reference(&self) -> String {
        format!("oci:{}:{TAG}", self.folder.display())
    }

    /// As clients name it that are told apart from that what it is.
    pub(super) fn plain_reference(&self) -> String {
        format!("{}:{TAG}", self.folder.display())
    }

    /// The digest of the configuration, which is how a store of images calls an image.
    pub(super) fn config(&self) -> Result<String> {
        let manifest: Value =
            serde_json::from_slice(&fs::read(blob(&self.folder, &self.digest)?)?)?;
        let digest = manifest["config"]["digest"].as_str();
        Ok(digest.context("not an image")?.to_owned())
    }
}

/// A new layout with an index of an image for each platform, of two compressed layers.
pub(super) fn index(folder: &Path, seed: &str) -> Result<Layout> {
    make(folder, |blobs| {
        let mut manifests = Vec::new();
        for architecture in PLATFORMS {
            let mut manifest = small_image(blobs, seed, architecture)?;
            manifest["platform"] = json!({"os": "linux", "architecture": architecture});
            manifests.push(manifest);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        blobs.add(INDEX, index.to_string().as_bytes())
    })
}

/// A new layout with the index's image for one platform alone.
pub(super) fn image(folder: &Path, seed: &str, architecture: &str) -> Result<Layout> {
    make(folder, |blobs| small_image(blobs, seed, architecture))
}

/// A new layout with an image of one layer of `size` bytes and a little more, not compressed.
pub(super) fn large(folder: &Path, seed: &str, size: u64) -> Result<Layout> {
    make(folder, |blobs| {
        let layer = blobs.stream(LAYER, |to| pack(to, seed, size))?;
        let content = text(&layer["digest"])?;
        manifest(blobs, PLATFORMS[0], &[layer], &[content])
    })
}

fn make(folder: &Path, fill: impl FnOnce(&Blobs) -> Result<Value>) -> Result<Layout> {
    let blobs = Blobs {
        folder: folder.join("blobs").join("sha256"),
    };
    fs::create_dir_all(&blobs.folder)?;
    let mut entry = fill(&blobs)?;
    let digest = text(&entry["digest"])?;
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": TAG});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    Ok(Layout {
        folder: folder.to_owned(),
        digest,
    })
}

fn small_image(blobs: &Blobs, seed: &str, architecture: &str) -> Result<Value> {
    let (mut layers, mut contents) = (Vec::new(), Vec::new());
    for part in ["base", "program"] {
        let mut content = Vec::new();
        pack(&mut content, &format!("{seed}-{architecture}-{part}"), 3000)?;
        contents.push(sha256(&content));
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&content)?;
        layers.push(blobs.add(LAYER_GZIP, &packed.finish()?)?);
    }
    manifest(blobs, architecture, &layers, &contents)
}

fn manifest(
    blobs: &Blobs,
    architecture: &str,
    layers: &[Value],
    contents: &[String],
) -> Result<Value> {
    let config = json!({
        "architecture": architecture, "os": "linux", "config": {"Cmd": ["/program"]},
        "rootfs": {"type": "layers", "diff_ids": contents},
    });
    let config = blobs.add(CONFIG, config.to_string().as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
    });
    blobs.add(MANIFEST, manifest.to_string().as_bytes())
}

/// A tar of one file, which is called like its seed.
fn pack(to: &mut dyn Write, seed: &str, size: u64) -> Result<()> {
    let mut archive = tar::Builder::new(to);
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    archive.append_data(&mut header, seed, Random::new(seed).take(size))?;
    archive.finish().context("packing a layer")
}

/// The folder of a layout's blobs.
struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Adds a blob, and returns its descriptor.
    fn add(&self, media_type: &str, bytes: &[u8]) -> Result<Value> {
        self.stream(media_type, |to| Ok(to.write_all(bytes)?))
    }

    /// Adds a blob that is too large for memory.
    fn stream(
        &self,
        media_type: &str,
        fill: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<Value> {
        let path = self.folder.join("unfinished");
        let mut to = BufWriter::with_capacity(1 << 20, Hashing::new(File::create(&path)?));
        fill(&mut to)?;
        let hashing = to.into_inner().map_err(io::IntoInnerError::into_error)?;
        let size = hashing.length;
        let hex = hex(&hashing.hash.finalize());
        fs::rename(path, self.folder.join(&hex))?;
        Ok(json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": size}))
    }
}

struct Hashing {
    inner: File,
    hash: Sha256,
    length: u64,
}

impl Hashing {
    fn new(inner: File) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            length: 0,
        }
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A digest as it is written.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: &Value) -> Result<String> {
    let text = value
        .as_str()
        .with_context(|| format!("{value} is no text"))?;
    Ok(text.to_owned())
}

fn blob(folder: &Path, digest: &str) -> Result<PathBuf> {
    let hex = digest.strip_prefix("sha256:");
    let hex = hex.with_context(|| format!("{digest} is not by sha256"))?;
    Ok(folder.join("blobs").join("sha256").join(hex))
}

/// Checks that a layout that a client pulled has what a made one has: each blob that the made
/// one's thing leads to, with its true bytes.
pub(super) fn same(made: &Layout, pulled: &Path) -> Result<()> {
    let index: Value = serde_json::from_slice(&fs::read(pulled.join("index.json"))?)?;
    let entries = index["manifests"].as_array().context("no entries")?;
    ensure!(
        entries.iter().any(|entry| entry["digest"] == made.digest),
        "{} should have been pulled, and this was: {index}",
        made.digest
    );
    let (wanted, found) = (
        closure(&made.folder, &made.digest)?,
        closure(pulled, &made.digest)?,
    );
    ensure!(wanted == found, "wanted {wanted:?}, found {found:?}");
    Ok(())
}

/// All that a digest leads to; fails if one of them is missing, or has other bytes.
fn closure(folder: &Path, digest: &str) -> Result<BTreeSet<String>> {
    let path = blob(folder, digest)?;
    let file = File::open(&path).with_context(|| format!("{digest} should be there"))?;
    let found = digest_of(file)?;
    ensure!(found == digest, "{} has the digest {found}", path.display());
    let mut all = BTreeSet::from([digest.to_owned()]);
    // Nothing but a manifest is small and has a schema.
    if fs::metadata(&path)?.len() > 1 << 20 {
        return Ok(all);
    }
    let document: Value = serde_json::from_slice(&fs::read(path)?).unwrap_or_default();
    if document["schemaVersion"] != 2 {
        return Ok(all);
    }
    let lists = ["manifests", "layers"];
    let listed = lists.iter().filter_map(|name| document[name].as_array());
    for descriptor in listed.flatten().chain(document.get("config")) {
        all.extend(closure(folder, &text(&descriptor["digest"])?)?);
    }
    Ok(all)
}

/// The digest of all that can be read.
pub(super) fn digest_of(mut from: impl Read) -> Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(format!("sha256:{}", hex(&hash.finalize())));
        }
        hash.update(&buffer[..length]);
    }
}
