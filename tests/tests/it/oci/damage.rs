//! `registry verify` names what was damaged behind the registry's back.

use std::fs;
use std::path::PathBuf;

use registry_tests::oci::{Image, Oci};
use registry_tests::{Cell, Cluster, Ecosystem, Kind, Outcome};

use super::content;

/// The one file of bytes of this length.
fn file_of(cluster: &Cluster, length: usize) -> PathBuf {
    let folder = cluster.place.directory.as_ref().unwrap();
    let files = content(folder).into_iter().map(|file| folder.join(file));
    let is = |file: &PathBuf| fs::metadata(file).unwrap().len() == length as u64;
    let found: Vec<_> = files.filter(is).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_named() {
    let cell = Cell {
        kind: Kind::Directory,
        replicas: 1,
    };
    let cluster = Cluster::start(cell, Oci::SCOPE, &[]).unwrap();
    let site = cluster.site();
    let mut layers = Vec::new();
    for number in 0..4 {
        let mut release = Oci.release("damage", &Oci.version(number), number as u64);
        release.bytes = release.bytes.slice(number..);
        let outcome = Oci.publish(&site, &release).await;
        assert!(matches!(outcome, Outcome::Acknowledged), "{outcome:?}");
        layers.push(Image::of(&release).blobs.remove(1));
    }
    let (code, printed) = cluster.verify();
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains(" 8 artifacts "), "{printed}");

    let of = |number: usize| file_of(&cluster, layers[number].len());
    let (cut, changed, deleted) = (of(0), of(1), of(2));
    let file = fs::File::options().write(true).open(&cut).unwrap();
    file.set_len(100).unwrap();
    let mut bytes = fs::read(&changed).unwrap();
    bytes[17] ^= 1;
    fs::write(&changed, bytes).unwrap();
    fs::remove_file(&deleted).unwrap();

    let (code, printed) = cluster.verify();
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains(" 3 problems"), "{printed}");
    for (number, layer) in layers.iter().enumerate() {
        let digest = registry_tests::oci::digest(layer);
        let hex = digest.strip_prefix("sha256:").unwrap();
        let named = printed.lines().any(|line| line.contains(hex));
        assert_eq!(named, number < 3, "{number}: {printed}");
    }
    // It has put nothing right, and says so again.
    assert_eq!(cluster.verify(), (code, printed));
}
