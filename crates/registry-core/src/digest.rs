//! Digests of every kind that the protocols speak of, computed in one pass.

use md5::Digest as _;
use serde::{Deserialize, Serialize};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
    /// BLAKE2b with 32 bytes of output.
    Blake2b256,
}

/// Hashes a stream with several functions at once.
#[derive(Clone, Default)]
pub struct MultiHasher {
    md5: Option<md5::Md5>,
    sha1: Option<sha1::Sha1>,
    sha256: Option<sha2::Sha256>,
    sha512: Option<sha2::Sha512>,
    blake2b256: Option<blake2::Blake2b256>,
}

impl MultiHasher {
    /// A hasher for these functions.
    pub fn new(algorithms: &[Algorithm]) -> Self {
        let mut hasher = Self::default();
        for algorithm in algorithms {
            match algorithm {
                Algorithm::Md5 => hasher.md5 = Some(Default::default()),
                Algorithm::Sha1 => hasher.sha1 = Some(Default::default()),
                Algorithm::Sha256 => hasher.sha256 = Some(Default::default()),
                Algorithm::Sha512 => hasher.sha512 = Some(Default::default()),
                Algorithm::Blake2b256 => hasher.blake2b256 = Some(Default::default()),
            }
        }
        hasher
    }

    /// Hashes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.md5 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha1 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha256 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha512 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.blake2b256 {
            hasher.update(bytes);
        }
    }

    /// The digests, by function.
    pub fn finish(self) -> Digests {
        let Self {
            md5,
            sha1,
            sha256,
            sha512,
            blake2b256,
        } = self;
        let all = [
            md5.map(|h| (Algorithm::Md5, h.finalize().to_vec())),
            sha1.map(|h| (Algorithm::Sha1, h.finalize().to_vec())),
            sha256.map(|h| (Algorithm::Sha256, h.finalize().to_vec())),
            sha512.map(|h| (Algorithm::Sha512, h.finalize().to_vec())),
            blake2b256.map(|h| (Algorithm::Blake2b256, h.finalize().to_vec())),
        ];
        Digests(all.into_iter().flatten().collect())
    }
}

/// The digests of some bytes, by function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests(Vec<(Algorithm, Vec<u8>)>);

impl Digests {
    /// The raw digest, if it was asked for when the hasher was made.
    pub fn get(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(of, _)| *of == algorithm)
            .map(|(_, digest)| &**digest)
    }

    /// The digest in lower-case hexadecimal; empty if it was not asked for.
    pub fn hex(&self, algorithm: Algorithm) -> String {
        self.get(algorithm).map(hex).unwrap_or_default()
    }
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pair = |byte: &u8| {
        [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]
    };
    bytes.iter().flat_map(pair).map(char::from).collect()
}

/// The SHA-256 of some bytes in memory.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// `N` random bytes from the operating system, in hexadecimal.
///
/// # Errors
/// When the system has no randomness to give.
pub fn random_hex<const N: usize>() -> crate::Result<String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(crate::Error::internal)?;
    Ok(hex(&bytes))
}
