//! Where the store keeps what protocols share: blobs, uploads and collections. The only place that
//! knows these keys.
//!
//! `=` begins no name in any protocol, so what lies in a resource's folder meets nothing of the
//! protocol's own.

use crate::{digest::Digest, error::Result, storage::Key};

/// The folder, in a resource's, of the blobs that it holds.
const HELD: &str = "=blobs";
/// The document, in a resource's folder, that tells of collections under way there.
const COLLECTIONS: &str = "=collections";
/// The folder of the records of blobs, below the mount's.
const RECORDS: &str = "blobs";
/// The folder of the blobs' bytes, below the mount's.
const CONTENT: &str = "content";
/// The folder of the sessions of uploads, below the mount's.
const UPLOADS: &str = "uploads";
/// The folder of the log, below the mount's.
const LOG: &str = "log";

/// The log's folder.
pub(super) fn log(root: &Key) -> Key {
    root.joined(&[LOG])
}

/// Where it says that the resource in the folder `home` holds a blob.
pub(super) fn held(home: &Key, digest: &Digest) -> Key {
    home.joined(&[HELD, digest.algorithm().as_str(), digest.hex()])
}

/// The folder of all blobs that a resource holds.
pub(super) fn all_held(home: &Key) -> Key {
    home.joined(&[HELD])
}

/// The resource's folder and the blob, from a key made by [`held`].
pub(super) fn holder(key: &Key) -> Option<(Key, Digest)> {
    let (home, blob) = key.as_str().split_once("/=blobs/")?;
    let digest = blob.replacen('/', ":", 1).parse().ok()?;
    Some((Key::new(home).ok()?, digest))
}

/// Where a resource's collections are told of.
pub(super) fn collections(home: &Key) -> Key {
    home.joined(&[COLLECTIONS])
}

/// A blob's record.
pub(super) fn record(root: &Key, digest: &Digest) -> Key {
    let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
    root.joined(&[RECORDS, algorithm, &hex[..2], hex])
}

/// The folder of all records.
pub(super) fn records(root: &Key) -> Key {
    root.joined(&[RECORDS])
}

/// The blob of a key made by [`record`].
pub(super) fn recorded(root: &Key, key: &Key) -> Option<Digest> {
    let below = key.below(&records(root))?;
    let (algorithm, hex) = below.as_str().split_once('/')?;
    let (_, hex) = hex.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// A file of bytes, by its name; its folder is named by the first two characters.
pub(super) fn content(root: &Key, file: &str) -> Result<Key> {
    let third = file.char_indices().nth(2);
    let folder = third.map_or(file, |(at, _)| &file[..at]);
    Ok(root.join([CONTENT, "/", folder, "/", file].concat())?)
}

/// The folder of all such files.
pub(super) fn all_content(root: &Key) -> Key {
    root.joined(&[CONTENT])
}

/// An upload's session.
pub(super) fn upload(root: &Key, uuid: &str) -> Result<Key> {
    Ok(root.join(format!("{UPLOADS}/{uuid}"))?)
}

/// The folder of all sessions.
pub(super) fn uploads(root: &Key) -> Key {
    root.joined(&[UPLOADS])
}

/// Whether a key is one of those in this file, so that nothing of it is the protocol's.
pub(super) fn is_shared(root: &Key, key: &Key) -> bool {
    let Some(below) = key.below(root) else {
        return false;
    };
    let mut segments = below.as_str().split('/');
    let first = segments.clone().next().unwrap_or_default();
    [LOG, RECORDS, CONTENT, UPLOADS].contains(&first)
        || segments.any(|segment| segment == HELD || segment == COLLECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn keys_are_found_again() {
        let root = Key::new("oci").unwrap();
        let home = Key::new("oci/repositories/a/b").unwrap();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"x");
            let held = held(&home, &digest);
            assert_eq!(holder(&held), Some((home.clone(), digest.clone())));
            let record = record(&root, &digest);
            assert_eq!(recorded(&root, &record), Some(digest));
            for key in [held, record, collections(&home)] {
                assert!(is_shared(&root, &key), "{key}");
            }
        }
        for own in [
            "oci/repositories/blobs/x",
            "oci/repositories/a/_tags/log",
            "npm/blobs/x",
        ] {
            assert!(!is_shared(&root, &Key::new(own).unwrap()), "{own}");
        }
    }
}
