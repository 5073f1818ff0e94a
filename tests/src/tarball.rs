//! Gzipped tars, whole and broken.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A gzipped tar of these files, the same whenever it is made.
///
/// # Panics
/// When a path does not fit into a header.
pub fn tarball(files: &[(&str, &[u8])]) -> Bytes {
    gzip(&tar(files))
}

/// A tar of these files. Paths are written as they are, however bad.
///
/// # Panics
/// When a path does not fit into a header.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(499_162_500);
        header.set_cksum();
        archive.append(&header, *content).expect("it is in memory");
    }
    archive.into_inner().expect("it is in memory")
}

/// Bytes, gzipped.
///
/// # Panics
/// Never: memory takes everything.
pub fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("it is in memory");
    encoder.finish().expect("it is in memory").into()
}
