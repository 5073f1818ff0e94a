//! What cargo sends when it publishes.

use registry_core::digest::{Algorithm, MultiHasher};
use serde_json::{Value, json};

/// A gzipped tar of these files.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A version to publish.
#[derive(Clone)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) metadata: Value,
    pub(crate) file: Vec<u8>,
}

impl Crate {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self::with(name, version, json!({}), "")
    }

    /// One whose metadata has more fields and whose `Cargo.toml` has more lines.
    pub(crate) fn with(name: &str, version: &str, more: Value, toml: &str) -> Self {
        let mut metadata = json!({
            "name": name, "vers": version, "deps": [], "features": {}, "authors": [],
            "description": "A crate.", "documentation": null, "homepage": null, "readme": null,
            "readme_file": null, "keywords": [], "categories": [], "license": "MIT",
            "license_file": null, "repository": null, "badges": {}, "links": null,
            "rust_version": null,
        });
        let fields = metadata.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n{toml}");
        let folder = format!("{name}-{version}");
        let file = archive(&[
            (&format!("{folder}/Cargo.toml"), manifest.as_bytes()),
            (&format!("{folder}/src/lib.rs"), b"pub fn it() {}\n"),
        ]);
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            metadata,
            file,
        }
    }

    pub(crate) fn cksum(&self) -> String {
        cksum(&self.file)
    }

    /// The body that is put.
    pub(crate) fn body(&self) -> Vec<u8> {
        body(self.metadata.to_string().as_bytes(), &self.file)
    }

    /// Where its crate file is.
    pub(crate) fn path(&self) -> String {
        format!(
            "/cargo/api/v1/crates/{}/{}/download",
            self.name, self.version
        )
    }
}

pub(crate) fn cksum(bytes: &[u8]) -> String {
    let mut hasher = MultiHasher::new(&[Algorithm::Sha256]);
    hasher.update(bytes);
    hasher.finish().hex(Algorithm::Sha256)
}

/// Metadata and file, each behind its length.
pub(crate) fn body(metadata: &[u8], file: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
    [&length(metadata), metadata, &length(file), file].concat()
}
