//! Crates to publish, as cargo would send them.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::random::Random;

/// Where crates are put.
pub(super) const NEW: &str = "/cargo/api/v1/crates/new";

/// The path of a crate in the index; its name has four letters at least.
pub(super) fn index(name: &str) -> String {
    format!("/cargo/{}/{}/{name}", &name[..2], &name[2..4])
}

/// A release of a crate.
pub(super) struct Release {
    name: String,
    version: String,
}

impl Release {
    /// Of a name and a version.
    pub(super) fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
        }
    }

    /// Where its file is.
    pub(super) fn download(&self) -> String {
        let Self { name, version } = self;
        format!("/cargo/api/v1/crates/{name}/{version}/download")
    }

    fn metadata(&self) -> Value {
        let dependencies: Vec<_> = (0..8)
            .map(|number| {
                json!({
                    "optional": number % 2 == 1, "default_features": true,
                    "name": format!("dependency-{number}"), "features": ["std"],
                    "version_req": format!("^{number}.2.3"), "target": null, "kind": "normal",
                })
            })
            .collect();
        json!({
            "name": self.name, "vers": self.version, "deps": dependencies,
            "features": {"default": ["std"], "std": [], "more": ["dep:dependency-1"]},
            "authors": [], "description": format!("{}, a crate of middling size", self.name),
            "documentation": null, "homepage": "https://example.invalid/a",
            "readme": "# A crate\n\nSome words about what it is for.\n".repeat(20),
            "readme_file": "README.md", "keywords": ["bench"], "categories": [],
            "license": "MIT", "license_file": null,
            "repository": "https://example.invalid/a/b.git", "badges": {}, "links": null,
            "rust_version": "1.70",
        })
    }

    fn manifest(&self) -> String {
        let dependencies: String = (0..8)
            .map(|number| {
                let optional = number % 2 == 1;
                format!(
                    "[dependencies.dependency-{number}]\nversion = \"{number}.2.3\"\n\
                     features = [\"std\"]\noptional = {optional}\n"
                )
            })
            .collect();
        format!(
            "[package]\nname = \"{}\"\nversion = \"{}\"\nrust-version = \"1.70\"\n{dependencies}\
             [features]\ndefault = [\"std\"]\nstd = []\nmore = [\"dep:dependency-1\"]\n",
            self.name, self.version
        )
    }

    /// A crate file with that many random bytes.
    fn pack<W: Write>(&self, size: u64, level: Compression, to: W) -> Result<W> {
        let mut archive = tar::Builder::new(GzEncoder::new(to, level));
        let folder = format!("{}-{}", self.name, self.version);
        let manifest = self.manifest();
        let mut append = |path: &str, size: u64, data: &mut dyn Read| {
            let mut header = tar::Header::new_gnu();
            header.set_size(size);
            header.set_mode(0o644);
            let path = format!("{folder}/{path}");
            let appended = archive.append_data(&mut header, &path, data);
            appended.with_context(|| format!("packing {path}"))
        };
        append(
            "Cargo.toml",
            manifest.len() as u64,
            &mut manifest.as_bytes(),
        )?;
        append("data.bin", size, &mut Random::new(&folder).take(size))?;
        Ok(archive.into_inner()?.finish()?)
    }

    /// The body of the publish, with a crate file of about 1 KiB.
    pub(super) fn body(&self) -> Result<Vec<u8>> {
        let metadata = self.metadata().to_string();
        let file = self.pack(512, Compression::fast(), Vec::new())?;
        let length = |length: usize| u32::try_from(length).map(u32::to_le_bytes);
        Ok([
            &length(metadata.len())?[..],
            metadata.as_bytes(),
            &length(file.len())?,
            &file,
        ]
        .concat())
    }

    /// The body in a file, with a crate file of `size` incompressible bytes; also the crate file's
    /// length.
    pub(super) fn body_file(&self, size: u64, folder: &Path) -> Result<(File, u64)> {
        let path = folder.join("crate");
        let packed = BufWriter::new(File::create(&path)?);
        self.pack(size, Compression::none(), packed)?.flush()?;
        let mut packed = File::open(&path)?;
        let length = packed.metadata()?.len();
        let metadata = self.metadata().to_string();
        let mut body = File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(folder.join("crate-body"))?;
        body.write_all(&u32::try_from(metadata.len())?.to_le_bytes())?;
        body.write_all(metadata.as_bytes())?;
        body.write_all(&u32::try_from(length)?.to_le_bytes())?;
        io::copy(&mut packed, &mut body)?;
        body.rewind()?;
        Ok((body, length))
    }
}
