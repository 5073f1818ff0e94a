//! Wheels to publish, as twine would send them.

use std::io::Write;

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::bench::zip::{END, Zip, around};
use crate::random::Random;

const BOUNDARY: &str = "1f0e2d3c4b5a69788796a5b4c3d2e1f0";

/// A release with one file.
pub(super) struct Wheel {
    name: String,
    version: String,
}

/// Passes bytes on, and hashes them.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    digest: Sha256,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Wheel {
    pub(super) fn new(name: &str, version: String) -> Self {
        Self {
            name: name.to_owned(),
            version,
        }
    }

    fn release(&self) -> String {
        format!("{}-{}", self.name.replace('-', "_"), self.version)
    }

    /// The name of its file.
    pub(super) fn file(&self) -> String {
        format!("{}-py3-none-any.whl", self.release())
    }

    pub(super) fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// Writes the form that uploads it, and returns the length of the wheel: `size`, or as small as it
    /// can be if that is 0.
    pub(super) fn form_of(&self, out: &mut dyn Write, size: u64) -> Result<u64> {
        for (name, value) in [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.1"),
            ("name", &self.name),
            ("version", &self.version),
            ("filetype", "bdist_wheel"),
            ("pyversion", "py3"),
        ] {
            field(out, name, value)?;
        }
        write!(
            out,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.file()
        )?;
        let mut hashed = Hashed {
            out,
            digest: Sha256::new(),
        };
        let length = self.wheel(&mut hashed, size)?;
        let digest = hashed.digest.finalize();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(out, "\r\n")?;
        field(out, "sha256_digest", &digest)?;
        write!(out, "--{BOUNDARY}--\r\n")?;
        Ok(length)
    }

    /// Its file, as small as it can be.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.wheel(&mut bytes, 0)?;
        Ok(bytes)
    }

    fn wheel(&self, out: &mut dyn Write, size: u64) -> Result<u64> {
        let folder = format!("{}.dist-info", self.release());
        let [metadata, wheel, record] =
            ["METADATA", "WHEEL", "RECORD"].map(|file| format!("{folder}/{file}"));
        let list = format!("noise.bin,,\n{metadata},,\n{wheel},,\n{record},,\n");
        let about = self.metadata();
        let small = [
            (&metadata, about.as_bytes()),
            (&wheel, b"Wheel-Version: 1.0\nTag: py3-none-any\n"),
            (&record, list.as_bytes()),
        ];
        let rest: u64 = small
            .iter()
            .map(|(name, content)| around(name) + content.len() as u64)
            .sum();
        let noise = size
            .saturating_sub(rest + around("noise.bin") + END)
            .max(64);
        let mut zip = Zip::new(out);
        zip.file("noise.bin", noise, || Random::new(&self.file()))?;
        for (name, content) in small {
            zip.file(name, content.len() as u64, || content)?;
        }
        zip.finish()
    }

    /// Of middling size.
    fn metadata(&self) -> String {
        let mut text = format!(
            "Metadata-Version: 2.1\nName: {}\nVersion: {}\nSummary: A package of middling size\n\
             Requires-Python: >=3.8\n",
            self.name, self.version
        );
        for number in 0..20 {
            text += &format!(
                "Requires-Dist: dependency-{number}>={number}.2,<{}\n",
                number + 1
            );
        }
        text + "\n# A package\n\n" + &"Words to read before one installs it. ".repeat(80)
    }
}

fn field(out: &mut dyn Write, name: &str, value: &str) -> Result<()> {
    write!(
        out,
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
    )?;
    Ok(())
}
