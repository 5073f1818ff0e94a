//! Packages to publish, as npm would send them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha512};

use crate::random::Random;

/// A release of a package, and the request that publishes it.
pub(crate) struct Release {
    /// The package's name.
    pub(crate) name: String,
    /// The release's version.
    pub(crate) version: String,
}

impl Release {
    /// Of a name and a version.
    pub(crate) fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
        }
    }

    fn manifest(&self) -> Value {
        let dependencies: serde_json::Map<_, _> = (0..8)
            .map(|number| {
                (
                    format!("dependency-{number}"),
                    json!(format!("^{number}.2.3")),
                )
            })
            .collect();
        json!({
            "name": self.name,
            "version": self.version,
            "description": format!("{}, a package of middling size with words to find", self.name),
            "keywords": ["bench", "registry", "words"],
            "main": "index.js",
            "license": "MIT",
            "author": {"name": "A. Author", "email": "author@example.invalid"},
            "repository": {"type": "git", "url": "git+https://example.invalid/a/b.git"},
            "bugs": {"url": "https://example.invalid/a/b/issues"},
            "homepage": "https://example.invalid/a/b#readme",
            "engines": {"node": ">=18"},
            "scripts": {"test": "node --test", "build": "node build.js"},
            "dependencies": dependencies,
        })
    }

    fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version)
    }

    /// A gzip tar with `package.json` and that many random bytes.
    fn pack<W: Write>(&self, size: u64, level: Compression, to: W) -> Result<W> {
        let mut archive = tar::Builder::new(GzEncoder::new(to, level));
        let manifest = serde_json::to_vec_pretty(&self.manifest())?;
        append(
            &mut archive,
            "package/package.json",
            manifest.len() as u64,
            manifest.as_slice(),
        )?;
        let random = Random::new(&self.file_name()).take(size);
        append(&mut archive, "package/data.bin", size, random)?;
        Ok(archive.into_inner()?.finish()?)
    }

    /// The request's body, with a `data` that is still empty.
    fn document(&self, digests: &Digests) -> Value {
        let Self { name, version } = self;
        let mut manifest = self.manifest();
        manifest["_id"] = json!(format!("{name}@{version}"));
        manifest["_nodeVersion"] = json!("20.0.0");
        manifest["_npmVersion"] = json!("11.0.0");
        manifest["dist"] = json!({
            "integrity": format!("sha512-{}", STANDARD.encode(&digests.sha512)),
            "shasum": digests.sha1.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "tarball": format!("http://127.0.0.1/{name}/-/{}", self.file_name()),
        });
        json!({
            "_id": name,
            "name": name,
            "description": manifest["description"],
            "dist-tags": {"latest": version},
            "versions": {(version): manifest},
            "access": null,
            "readme": format!("# {name}\n\n{}", "Some words about what it is for.\n".repeat(20)),
            "_attachments": {(self.file_name()): {
                "content_type": "application/octet-stream",
                "data": "",
                "length": digests.length,
            }},
        })
    }

    /// The request's body, with a tarball of about 1 KiB.
    pub(crate) fn body(&self) -> Result<Vec<u8>> {
        let packed = self.pack(512, Compression::fast(), Hashing::new(Vec::new()))?;
        let (tarball, digests) = packed.finish();
        let mut document = self.document(&digests);
        document["_attachments"][self.file_name()]["data"] = json!(STANDARD.encode(tarball));
        Ok(document.to_string().into_bytes())
    }

    /// The request's body in a file, with a tarball of `size` incompressible bytes; also the
    /// tarball's length.
    pub(crate) fn body_file(&self, size: u64, folder: &Path) -> Result<(File, u64)> {
        let path = folder.join("tarball");
        let tarball = Hashing::new(BufWriter::new(File::create(&path)?));
        let (mut tarball, digests) = self.pack(size, Compression::none(), tarball)?.finish();
        tarball.flush()?;
        let document = self.document(&digests).to_string();
        // The one empty string of the document.
        let (before, after) = document
            .split_once("\"data\":\"\"")
            .context("no place for data")?;
        let path_of_body = folder.join("body");
        let mut to = BufWriter::new(File::create(&path_of_body)?);
        write!(to, "{before}\"data\":\"")?;
        let mut encoder = base64::write::EncoderWriter::new(to, &STANDARD);
        io::copy(&mut File::open(&path)?, &mut encoder)?;
        let mut to = encoder.finish()?;
        write!(to, "\"{after}")?;
        to.flush()?;
        fs::remove_file(path)?;
        Ok((File::open(path_of_body)?, digests.length))
    }
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &str,
    size: u64,
    data: impl Read,
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, path, data)
        .with_context(|| format!("packing {path}"))
}

struct Digests {
    sha512: Vec<u8>,
    sha1: Vec<u8>,
    length: u64,
}

struct Hashing<W> {
    inner: W,
    sha512: Sha512,
    sha1: Sha1,
    length: u64,
}

impl<W: Write> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            sha512: Sha512::new(),
            sha1: Sha1::new(),
            length: 0,
        }
    }

    fn finish(self) -> (W, Digests) {
        let sha512 = self.sha512.finalize().to_vec();
        (
            self.inner,
            Digests {
                sha512,
                sha1: self.sha1.finalize().to_vec(),
                length: self.length,
            },
        )
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha512.update(&bytes[..written]);
        self.sha1.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
