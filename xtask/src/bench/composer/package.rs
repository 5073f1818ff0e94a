//! Packages to upload.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::bench::zip::Zip;
use crate::random::Random;

/// A version of a package.
pub(super) struct Release {
    name: String,
    version: String,
}

impl Release {
    /// Of `acme/{name}` and a version.
    pub(super) fn new(name: impl std::fmt::Display, version: impl Into<String>) -> Self {
        Self {
            name: format!("acme/{name}"),
            version: version.into(),
        }
    }

    /// Where it is put.
    pub(super) fn path(&self) -> String {
        format!("/composer/packages/{}", self.name)
    }

    /// Of middling size.
    fn manifest(&self) -> String {
        let require: serde_json::Map<_, _> = (0..12)
            .map(|number| {
                let name = format!("acme/dependency-{number}");
                (name, json!(format!("^{number}.2 || ^{}.0", number + 1)))
            })
            .collect();
        let manifest = json!({
            "name": self.name, "version": self.version, "type": "library", "license": "MIT",
            "description": "A package of middling size, with some words about what it is for",
            "keywords": ["bench", "package", "words"], "homepage": "https://example.invalid/a",
            "authors": [{ "name": "A. Author", "email": "author@example.invalid" }],
            "require": require, "require-dev": { "acme/tests": "^9.5.10" },
            "autoload": { "psr-4": { "Acme\\Measured\\": "src/" }, "files": ["src/functions.php"] },
            "extra": { "branch-alias": { "dev-main": "1.x-dev" } },
            "support": { "issues": "https://example.invalid/a/issues" },
        });
        manifest.to_string()
    }

    fn zip(&self, size: u64, out: &mut dyn Write) -> Result<u64> {
        let manifest = self.manifest();
        let mut zip = Zip::new(out);
        zip.file("composer.json", manifest.len() as u64, || {
            manifest.as_bytes()
        })?;
        let seed = format!("{}-{}", self.name, self.version);
        zip.file("noise.bin", size, || Random::new(&seed))?;
        zip.finish()
    }

    /// Its zip, of about 2 KiB.
    pub(super) fn body(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.zip(512, &mut bytes)?;
        Ok(bytes)
    }

    /// A zip in a file, with `size` bytes that do not compress; also its length.
    pub(super) fn body_file(&self, size: u64, folder: &Path) -> Result<(File, u64)> {
        let path = folder.join("package.zip");
        let mut out = BufWriter::new(File::create(&path)?);
        let length = self.zip(size, &mut out)?;
        out.flush()?;
        Ok((File::open(&path)?, length))
    }
}
