//! Checksum files, as clients write them.

use registry_core::{
    Error, Result,
    digest::{Algorithm, Digest},
};

use crate::name::shown;

/// The most bytes of a checksum file.
pub const MAX_CHECKSUM: u64 = 4096;

/// The checksums that there are, each by what is added to a file's name.
pub const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Md5,
    Algorithm::Sha1,
    Algorithm::Sha256,
    Algorithm::Sha512,
];

/// Takes the ending of a checksum off a name.
pub fn split(name: &str) -> (&str, Option<Algorithm>) {
    let split = name.rsplit_once('.').and_then(|(rest, end)| {
        let mut all = ALGORITHMS.into_iter();
        Some((rest, all.find(|algorithm| algorithm.as_str() == end)?))
    });
    split.map_or((name, None), |(rest, algorithm)| (rest, Some(algorithm)))
}

/// Reads a checksum file: the digest alone, in upper or lower case, before the file's name, or after
/// an equals sign.
///
/// # Errors
/// [`registry_core::ErrorKind::Invalid`] when it holds no digest of this kind.
pub fn parse(text: &[u8], algorithm: Algorithm) -> Result<Digest> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let hex = match line.rsplit_once('=') {
        Some((_, hex)) => hex.trim(),
        None => line.split_whitespace().next().unwrap_or_default(),
    };
    let name = algorithm.as_str();
    let digest = format!("{name}:{}", hex.to_ascii_lowercase()).parse();
    digest.map_err(|_| {
        Error::invalid(format!(
            "{:?} is no {name} checksum; send the digest in hexadecimal",
            shown(line)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

    #[test]
    fn spellings() {
        let upper = SHA1.to_uppercase();
        for good in [
            SHA1.to_owned(),
            upper.clone(),
            format!("{SHA1}\n"),
            format!("  {SHA1}\r\n"),
            format!("\n\n{SHA1}"),
            format!("\u{feff}{SHA1}"),
            format!("{SHA1}  lib-1.0.jar\n"),
            format!("{SHA1} *lib-1.0.jar"),
            format!("{SHA1}\t/home/me/lib-1.0.jar"),
            format!("SHA1(lib-1.0.jar)= {SHA1}"),
            format!("SHA1 (lib-1.0.jar) = {upper}\n"),
            format!("SHA1(a=b.jar)={SHA1}"),
        ] {
            let digest = parse(good.as_bytes(), Algorithm::Sha1).unwrap();
            assert_eq!(digest.hex(), SHA1, "{good:?}");
        }
        for bad in [
            String::new(),
            "\n".to_owned(),
            SHA1[1..].to_owned(),
            format!("{SHA1}0"),
            format!("lib-1.0.jar {SHA1}"),
            format!("x{}", &SHA1[1..]),
            "<html>".to_owned(),
            format!("SHA1(x)= {SHA1} x"),
        ] {
            let error = parse(bad.as_bytes(), Algorithm::Sha1).unwrap_err();
            assert_eq!(error.kind(), registry_core::ErrorKind::Invalid, "{bad:?}");
        }
        assert!(parse(SHA1.as_bytes(), Algorithm::Md5).is_err());
        assert!(parse(b"\xff\xfe", Algorithm::Sha1).is_err());
    }

    #[test]
    fn endings() {
        for (name, rest, algorithm) in [
            ("a-1.jar.md5", "a-1.jar", Some(Algorithm::Md5)),
            ("a-1.jar.sha1", "a-1.jar", Some(Algorithm::Sha1)),
            ("a-1.jar.asc.sha256", "a-1.jar.asc", Some(Algorithm::Sha256)),
            ("x.sha512", "x", Some(Algorithm::Sha512)),
            ("a-1.jar", "a-1.jar", None),
            ("a-1.jar.SHA1", "a-1.jar.SHA1", None),
            ("a-1.jar.sha384", "a-1.jar.sha384", None),
            ("sha1", "sha1", None),
        ] {
            assert_eq!(split(name), (rest, algorithm));
        }
    }
}
