//! Gems to push, as `gem build` would write them.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::super::load::Job;
use crate::random::Random;

/// Where gems are put.
pub(super) const PUSH: &str = "/rubygems/api/v1/gems";
/// The media type of a push.
pub(super) const TYPE: &str = "application/octet-stream";

/// A gem of middling size.
pub(super) struct Gem {
    name: String,
    version: String,
}

impl Gem {
    /// Of a name and a version.
    pub(super) fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
        }
    }

    /// Where its file is.
    pub(super) fn download(&self) -> String {
        format!("/rubygems/gems/{}-{}.gem", self.name, self.version)
    }

    fn metadata(&self) -> String {
        let dependencies: String = (0..6)
            .map(|number| {
                let kind = if number < 4 { "runtime" } else { "development" };
                format!(
                    "- !ruby/object:Gem::Dependency\n  name: dependency-{number}\n  requirement: \
                     !ruby/object:Gem::Requirement\n    requirements:\n    - - \"~>\"\n      - \
                     !ruby/object:Gem::Version\n        version: '{number}.2'\n  type: :{kind}\n  \
                     prerelease: false\n"
                )
            })
            .collect();
        format!(
            "--- !ruby/object:Gem::Specification\nname: {name}\nversion: \
             !ruby/object:Gem::Version\n  version: '{version}'\nplatform: ruby\nauthors:\n- A. \
             Author\ndate: 2026-11-28 00:00:00.000000000 Z\ndependencies:\n{dependencies}\
             description: {name}, a gem of middling size\nfiles:\n- data.bin\nhomepage: \
             https://example.invalid/a\nlicenses:\n- MIT\nmetadata: {{}}\nrequired_ruby_version: \
             !ruby/object:Gem::Requirement\n  requirements:\n  - - \">=\"\n    - \
             !ruby/object:Gem::Version\n      version: '3.0'\nrubygems_version: 3.3.15\n\
             specification_version: 4\nsummary: A gem to measure with\n",
            name = self.name,
            version = self.version,
        )
    }

    /// Its files, with `size` bytes that do not compress.
    fn data<W: Write>(&self, size: u64, to: W) -> Result<W> {
        let level = if size < 1 << 20 {
            Compression::fast()
        } else {
            Compression::none()
        };
        let mut archive = tar::Builder::new(GzEncoder::new(to, level));
        let seed = format!("{}-{}", self.name, self.version);
        append(
            &mut archive,
            "data.bin",
            size,
            &mut Random::new(&seed).take(size),
        )?;
        Ok(archive.into_inner()?.finish()?)
    }

    /// The push of it, with about 1 KiB of files.
    pub(super) fn job(&self) -> Result<Job> {
        let data = self.data(700, Vec::new())?;
        let mut archive = tar::Builder::new(Vec::new());
        let mut metadata = GzEncoder::new(Vec::new(), Compression::fast());
        metadata.write_all(self.metadata().as_bytes())?;
        let metadata = metadata.finish()?;
        append(
            &mut archive,
            "metadata.gz",
            metadata.len() as u64,
            &mut &*metadata,
        )?;
        append(&mut archive, "data.tar.gz", data.len() as u64, &mut &*data)?;
        let checksums = checksums(&metadata, &Sha256::digest(&data))?;
        append(
            &mut archive,
            "checksums.yaml.gz",
            checksums.len() as u64,
            &mut &*checksums,
        )?;
        Ok(Job {
            method: "POST",
            path: PUSH.to_owned(),
            content_type: TYPE.to_owned(),
            body: archive.into_inner()?.into(),
        })
    }

    /// A file with a gem of `size` bytes of files, and its length.
    pub(super) fn file(&self, size: u64, folder: &Path) -> Result<(File, u64)> {
        let mut data = self.data(size, tempfile::tempfile_in(folder)?)?;
        let length = data.stream_position()?;
        let mut hasher = Sha256::new();
        data.rewind()?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match data.read(&mut buffer)? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
        data.rewind()?;
        let mut archive = tar::Builder::new(tempfile::tempfile_in(folder)?);
        let mut metadata = GzEncoder::new(Vec::new(), Compression::fast());
        metadata.write_all(self.metadata().as_bytes())?;
        let metadata = metadata.finish()?;
        append(
            &mut archive,
            "metadata.gz",
            metadata.len() as u64,
            &mut &*metadata,
        )?;
        append(&mut archive, "data.tar.gz", length, &mut data)?;
        let checksums = checksums(&metadata, &hasher.finalize())?;
        append(
            &mut archive,
            "checksums.yaml.gz",
            checksums.len() as u64,
            &mut &*checksums,
        )?;
        let mut file = archive.into_inner()?;
        let length = file.stream_position()?;
        file.rewind()?;
        Ok((file, length))
    }
}

fn checksums(metadata: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let (metadata, data) = (hex(&Sha256::digest(metadata)), hex(data));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    write!(
        packed,
        "---\nSHA256:\n  metadata.gz: '{metadata}'\n  data.tar.gz: '{data}'\n"
    )?;
    Ok(packed.finish()?)
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    path: &str,
    size: u64,
    data: &mut dyn Read,
) -> Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o444);
    Ok(archive.append_data(&mut header, path, data)?)
}
