//! What `gem build` makes.

use std::io::Write;

use registry_core::digest::{Algorithm, Digest};

/// A gem to push.
#[derive(Clone)]
pub(crate) struct Gem {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) platform: String,
    /// Lines of the specification, after its name, version and platform.
    pub(crate) lines: String,
    /// What its only file holds.
    pub(crate) content: String,
}

/// The end of a specification that is good for most.
const LINES: &str = "authors:\n- Ann\nbindir: bin\ncert_chain: []\ndate: 2026-01-01 00:00:00.000000000 Z\n\
    dependencies: []\ndescription: What it is, in more words.\nemail: ann@example.com\n\
    executables: []\nextensions: []\nextra_rdoc_files: []\nfiles:\n- lib/it.rb\n\
    homepage: https://example.com/it\nlicenses:\n- MIT\nmetadata: {}\nrequire_paths:\n- lib\n\
    required_ruby_version: !ruby/object:Gem::Requirement\n  requirements:\n  - - \">=\"\n    \
    - !ruby/object:Gem::Version\n      version: '0'\n\
    required_rubygems_version: !ruby/object:Gem::Requirement\n  requirements:\n  - - \">=\"\n    \
    - !ruby/object:Gem::Version\n      version: '0'\n\
    requirements: []\nrubygems_version: 3.3.15\nsigning_key:\nspecification_version: 4\n\
    summary: What it is.\ntest_files: []\n";

impl Gem {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            platform: "ruby".to_owned(),
            lines: LINES.to_owned(),
            content: "It = 1\n".to_owned(),
        }
    }

    pub(crate) fn on(mut self, platform: &str) -> Self {
        platform.clone_into(&mut self.platform);
        self
    }

    /// The same, with a text in its specification replaced, which has to be there.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        assert!(self.lines.contains(from), "{from}");
        self.lines = self.lines.replacen(from, to, 1);
        self
    }

    /// The same, but for what its file holds.
    pub(crate) fn holding(mut self, content: &str) -> Self {
        content.clone_into(&mut self.content);
        self
    }

    pub(crate) fn slug(&self) -> String {
        match &*self.platform {
            "ruby" => self.version.clone(),
            platform => format!("{}-{platform}", self.version),
        }
    }

    pub(crate) fn yaml(&self) -> String {
        // What would be a number is quoted.
        let scalar = |text: &str| match text.parse::<f64>() {
            Ok(_) => format!("'{text}'"),
            Err(_) => text.to_owned(),
        };
        format!(
            "--- !ruby/object:Gem::Specification\nname: {}\nversion: !ruby/object:Gem::Version\n  \
             version: {}\nplatform: {}\nautorequire:\n{}",
            self.name,
            scalar(&self.version),
            scalar(&self.platform),
            self.lines
        )
    }

    /// Its file.
    pub(crate) fn file(&self) -> Vec<u8> {
        let data = gzip(&tar(&[("lib/it.rb", self.content.as_bytes())]));
        let metadata = gzip(self.yaml().as_bytes());
        let sums = |algorithm| {
            let sum = |bytes: &[u8]| Digest::of(algorithm, bytes).hex().to_owned();
            format!(
                "  metadata.gz: {}\n  data.tar.gz: {}\n",
                sum(&metadata),
                sum(&data)
            )
        };
        let checksums = format!(
            "---\nSHA256:\n{}SHA512:\n{}",
            sums(Algorithm::Sha256),
            sums(Algorithm::Sha512)
        );
        tar(&[
            ("metadata.gz", &metadata),
            ("data.tar.gz", &data),
            ("checksums.yaml.gz", &gzip(checksums.as_bytes())),
        ])
    }

    pub(crate) fn sha256(&self) -> String {
        Digest::of(Algorithm::Sha256, &self.file()).hex().to_owned()
    }
}

/// A tar of these files.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o444);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Bytes, compressed.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// So many letters and signs, which do not get fewer by being compressed.
pub(crate) fn noise(size: usize) -> String {
    let mut state = 1u32;
    let all = (0..size).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + ((state >> 24) % 90) as u8)
    });
    all.collect()
}
