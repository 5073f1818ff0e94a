//! What npm sends when it publishes.

use base64::{Engine, engine::general_purpose::STANDARD};
use registry_core::digest::{Algorithm, MultiHasher};
use serde_json::{Value, json};

/// A tarball as `npm pack` makes it.
pub(crate) fn tarball(package_json: &Value, filler: &[u8]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let manifest = serde_json::to_vec(package_json).unwrap();
    for (path, bytes) in [
        ("package/package.json", &*manifest),
        ("package/index.js", filler),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, path, bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A version to publish.
#[derive(Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) tag: String,
    pub(crate) manifest: Value,
    pub(crate) tarball: Vec<u8>,
}

impl Package {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self::with(name, version, json!({}), b"module.exports = 1\n")
    }

    /// One whose manifest has more fields and whose tarball has other bytes.
    pub(crate) fn with(name: &str, version: &str, more: Value, filler: &[u8]) -> Self {
        let mut manifest = json!({ "name": name, "version": version, "description": "A package." });
        let fields = manifest.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let tarball = tarball(&manifest, filler);
        Self {
            name: name.into(),
            version: version.into(),
            tag: "latest".into(),
            manifest,
            tarball,
        }
    }

    pub(crate) fn tagged(mut self, tag: &str) -> Self {
        self.tag = tag.into();
        self
    }

    pub(crate) fn integrity(&self) -> String {
        let mut hasher = MultiHasher::new(&[Algorithm::Sha512]);
        hasher.update(&self.tarball);
        let digests = hasher.finish();
        format!(
            "sha512-{}",
            STANDARD.encode(digests.get(Algorithm::Sha512).unwrap())
        )
    }

    /// The document that is put.
    pub(crate) fn document(&self) -> Value {
        let Self {
            name, version, tag, ..
        } = self;
        let mut hasher = MultiHasher::new(&[Algorithm::Sha1]);
        hasher.update(&self.tarball);
        let mut manifest = self.manifest.clone();
        let fields = manifest.as_object_mut().unwrap();
        fields.insert("_id".into(), json!(format!("{name}@{version}")));
        let dist = json!({
            "integrity": self.integrity(),
            "shasum": hasher.finish().hex(Algorithm::Sha1),
            "tarball": format!("http://elsewhere/{name}/-/{name}-{version}.tgz"),
        });
        fields.insert("dist".into(), dist);
        let file = format!("{name}-{version}.tgz");
        json!({
            "_id": name,
            "name": name,
            "description": "A package.",
            "dist-tags": { tag: version },
            "versions": { version: manifest },
            "access": null,
            "_attachments": { file: {
                "content_type": "application/octet-stream",
                "data": STANDARD.encode(&self.tarball),
                "length": self.tarball.len(),
            } },
        })
    }

    pub(crate) fn body(&self) -> String {
        self.document().to_string()
    }

    /// Where it is put.
    pub(crate) fn path(&self) -> String {
        format!("/npm/{}", self.name.replace('/', "%2f"))
    }
}
