//! What is OCI's alone.

mod calls;
mod collection;
mod crashes;
mod damage;
mod full_disk;
mod grace;
mod removal;
mod tags;
mod tokens;
mod uploads;

use std::path::Path;

use bytes::Bytes;
use registry_tests::Site;
use registry_tests::oci;

use crate::snapshot;

/// A blob can be got from a repository on every server.
async fn check_blob(sites: &[Site], repository: &str, blob: &Bytes) {
    let path = oci::blob_path(repository, &oci::digest(blob));
    for site in sites {
        let answer = site.get(&path).await.good();
        assert!(answer.body == *blob, "{} {path}: other bytes", site.url);
    }
}

/// The files in a storage's directory that hold bytes of blobs, by their path there.
fn content(folder: &Path) -> Vec<String> {
    let files = snapshot::files(folder).into_keys();
    files
        .filter(|file| file.starts_with("oci/content/"))
        .collect()
}
