//! What is OCI's alone.

mod calls;
mod uploads;

use bytes::Bytes;
use registry_tests::Site;
use registry_tests::oci;

/// A blob can be got from a repository on every server.
async fn check_blob(sites: &[Site], repository: &str, blob: &Bytes) {
    let path = oci::blob_path(repository, &oci::digest(blob));
    for site in sites {
        let answer = site.get(&path).await.good();
        assert!(answer.body == *blob, "{} {path}: other bytes", site.url);
    }
}
