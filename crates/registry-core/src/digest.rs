//! Digests of every kind that the protocols speak of, computed in one pass.

use std::{fmt, str::FromStr};

use md5::Digest as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::digest::common::hazmat::SerializableState;

use crate::error::{Error, ErrorKind, Result};

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

impl Algorithm {
    /// Every function.
    const ALL: [Self; 5] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::Blake2b256,
    ];

    /// Its name, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Blake2b256 => "blake2b256",
        }
    }

    /// The length of its digests, in bytes.
    fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 | Self::Blake2b256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidName,
                    "the digest's algorithm is not known",
                )
            })
    }
}

/// A digest that names its bytes: the function, a colon, and lower-case hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: Box<str>,
}

impl Digest {
    /// The digest of bytes in memory.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = MultiHasher::new(&[algorithm]);
        hasher.update(bytes);
        hasher.finish().digest(algorithm)
    }

    /// The function that it was made with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest itself, in lower-case hexadecimal.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The whole of it as text, such as `sha256:…`: as [`Display`](fmt::Display) has it, made at once.
    pub fn text(&self) -> String {
        [self.algorithm.as_str(), ":", &self.hex].concat()
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let shown: String = text.chars().take(100).collect();
            let message = format!("{shown:?} is no digest: {what}");
            Error::new(ErrorKind::InvalidName, message)
        };
        let (algorithm, hex) = text
            .split_once(':')
            .ok_or_else(|| wrong("it should look like sha256:… with the digest in hexadecimal"))?;
        let algorithm: Algorithm = algorithm
            .parse()
            .map_err(|_| wrong("its algorithm is not known here"))?;
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() != 2 * algorithm.length() || !hex.bytes().all(digit) {
            let digits = 2 * algorithm.length();
            return Err(wrong(&format!(
                "after the colon there should be {digits} lower-case hexadecimal digits"
            )));
        }
        Ok(Self {
            algorithm,
            hex: hex.into(),
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Hashes a stream with several functions at once.
#[derive(Clone, Debug, Default)]
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

    /// What it is after the bytes so far, in hexadecimal, to go on from by
    /// [`resume`](Self::resume); `None` for a function whose state cannot be kept.
    pub fn state(&self, algorithm: Algorithm) -> Option<String> {
        match algorithm {
            Algorithm::Sha256 => self.sha256.as_ref().map(|h| hex(&h.serialize())),
            Algorithm::Sha512 => self.sha512.as_ref().map(|h| hex(&h.serialize())),
            Algorithm::Md5 | Algorithm::Sha1 | Algorithm::Blake2b256 => None,
        }
    }

    /// A hasher that goes on from a state.
    ///
    /// # Errors
    /// When that is no state of this function.
    pub fn resume(algorithm: Algorithm, state: &str) -> Result<Self> {
        let damaged = || Error::internal("a damaged state of a hash function");
        let state = unhex(state).ok_or_else(damaged)?;
        let mut hasher = Self::default();
        match algorithm {
            Algorithm::Sha256 => {
                let state = state.as_slice().try_into().map_err(|_| damaged())?;
                hasher.sha256 = Some(sha2::Sha256::deserialize(state).map_err(|_| damaged())?);
            }
            Algorithm::Sha512 => {
                let state = state.as_slice().try_into().map_err(|_| damaged())?;
                hasher.sha512 = Some(sha2::Sha512::deserialize(state).map_err(|_| damaged())?);
            }
            Algorithm::Md5 | Algorithm::Sha1 | Algorithm::Blake2b256 => return Err(damaged()),
        }
        Ok(hasher)
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

    /// One of the digests, with its function; empty if it was not asked for.
    pub fn digest(&self, algorithm: Algorithm) -> Digest {
        Digest {
            algorithm,
            hex: self.hex(algorithm).into(),
        }
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

/// What lower- or upper-case hexadecimal stands for.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// The SHA-256 of some bytes in memory.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// `N` random bytes from the operating system, in hexadecimal.
///
/// # Errors
/// When the system has no randomness to give.
pub fn random_hex<const N: usize>() -> Result<String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hasher_goes_on_where_another_stopped() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| n.to_le_bytes()[0]).collect();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let whole = Digest::of(algorithm, &bytes);
            for cut in [0, 1, 63, 64, 127, 128, 500, 1000] {
                let mut first = MultiHasher::new(&[algorithm]);
                first.update(&bytes[..cut]);
                let state = first.state(algorithm).unwrap();
                let mut second = MultiHasher::resume(algorithm, &state).unwrap();
                second.update(&bytes[cut..]);
                assert_eq!(second.finish().digest(algorithm), whole, "{cut}");
                for damaged in ["", "0", "zz", &state[2..], &format!("{state}00")] {
                    assert!(
                        MultiHasher::resume(algorithm, damaged).is_err(),
                        "{damaged}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, b"x");
            assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }
        let empty = Digest::of(Algorithm::Sha256, b"").to_string();
        assert!(empty.starts_with("sha256:e3b0c44298fc1c14"), "{empty}");
        for wrong in [
            "",
            "sha256",
            "sha256:",
            "sha256:baddigeststring",
            &empty[..empty.len() - 1],
            &format!("{empty}0"),
            &empty.to_uppercase(),
            &empty.replace("e3", "E3"),
            &empty.replace("sha256", "sha512"),
            &empty.replace("sha256", "sha257"),
            &empty.replace("sha256:", "sha256::"),
            &format!(" {empty}"),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
