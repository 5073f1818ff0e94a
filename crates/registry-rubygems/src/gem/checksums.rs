//! `checksums.yaml.gz`: what the files of a gem have to hash to.

use std::{collections::BTreeMap, io::Read};

use registry_core::{
    Result,
    digest::{Algorithm, Digests},
};

use super::{CHECKSUMS, GEM, SIGNATURE};
use crate::{
    name::shown,
    yaml::{Piece, Yaml},
};

/// The functions that are looked at, by the names that they have there.
const FUNCTIONS: &[(&str, Algorithm)] = &[
    ("SHA1", Algorithm::Sha1),
    ("SHA256", Algorithm::Sha256),
    ("SHA512", Algorithm::Sha512),
];
/// How many digests there may be.
const MAX_DIGESTS: usize = 32;

/// Digests of a gem's files in hexadecimal, by function and file.
#[derive(Debug, Default)]
pub(super) struct Checksums(BTreeMap<String, BTreeMap<String, String>>);

impl Checksums {
    /// Reads the YAML.
    pub(super) fn read(reader: &mut dyn Read) -> Result<Self> {
        let wrong = || {
            GEM.invalid(format!(
                "checksums validation failed: {CHECKSUMS} is malformed"
            ))
        };
        let (mut yaml, first) = Yaml::start(reader)?;
        let mut all = Self::default();
        let mut count = 0;
        if first != Piece::Mapping(None) {
            return Err(wrong());
        }
        yaml.mapping(|yaml, function, value| {
            if value != Piece::Mapping(None) {
                return Err(wrong());
            }
            let mut digests = BTreeMap::new();
            yaml.mapping(|_, file, value| {
                count += 1;
                match value {
                    Piece::Scalar(digest) if count <= MAX_DIGESTS => {
                        let digest = digest.into_text().ok_or_else(wrong)?;
                        digests.insert(file.to_owned(), digest);
                        Ok(())
                    }
                    _ => Err(wrong()),
                }
            })?;
            all.0.insert(function.to_owned(), digests);
            Ok(())
        })?;
        yaml.finish()?;
        // RubyGems before 2.5 wrote no SHA256.
        if !FUNCTIONS.iter().any(|(name, _)| all.0.contains_key(*name)) {
            let what = "checksums validation failed: it has none by SHA1, SHA256 or SHA512";
            return Err(GEM.invalid(what));
        }
        Ok(all)
    }

    /// Compares with what the files of the gem do hash to. All of them have to be named, but for
    /// signatures and this one, and none that is not there.
    pub(super) fn check(&self, files: &BTreeMap<String, Digests>) -> Result<()> {
        for (function, algorithm) in FUNCTIONS {
            let Some(digests) = self.0.get(*function) else {
                continue;
            };
            for (file, stated) in digests {
                let Some(own) = files.get(file).filter(|_| file != CHECKSUMS) else {
                    let what = format!("it has a checksum for {:?} but no such file", shown(file));
                    return Err(GEM.invalid(what));
                };
                let own = own.hex(*algorithm);
                if *stated != own {
                    let what = format!("{function} checksum mismatch for {file}: it is {own}");
                    return Err(GEM.invalid(what));
                }
            }
            let named = |file: &&String| {
                *file == CHECKSUMS || file.ends_with(SIGNATURE) || digests.contains_key(*file)
            };
            if let Some(file) = files.keys().find(|file| !named(file)) {
                let what = format!("expected {function} checksum for {file} but found none");
                return Err(GEM.invalid(what));
            }
        }
        Ok(())
    }
}
