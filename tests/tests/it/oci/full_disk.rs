//! A disk that fills up while images are pushed, and has room again.

use std::collections::HashSet;
use std::fs;

use bytes::Bytes;
use registry_tests::ecosystem::check_artifact;
use registry_tests::oci::{self, Image, Oci, manifest_path};
use registry_tests::place::Place;
use registry_tests::random::Random;
use registry_tests::{Cluster, Ecosystem, Outcome, Release, Site, announce, eventually};

use crate::full_disk::SmallDisk;
use crate::snapshot::files;

const LAYER: usize = 150_000;

fn release(number: usize) -> Release {
    Release {
        package: format!("filling-{}", number % 3),
        version: Oci.version(number),
        bytes: Random::new(number as u64).bytes(LAYER).into(),
        tags: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fills_up() {
    let Some(disk) = SmallDisk::mount() else {
        announce("LEFT OUT, since no file system can be mounted here");
        return;
    };
    // Dropped before the disk, which is what lets the disk be unmounted.
    let storage = disk.path().join("storage");
    let cluster = Cluster::over(Place::at(&storage), 1, Oci::SCOPE, &[]);
    let site = cluster.site();
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).unwrap();

    let (mut pushed, mut refused) = (Vec::new(), Vec::new());
    for number in 0..60 {
        let release = release(number);
        match Oci.publish(&site, &release).await {
            Outcome::Acknowledged => pushed.push(release),
            Outcome::Refused(answer) => {
                let fair = answer.starts_with('5') && answer.contains("{\"errors\":[{\"code\":");
                assert!(fair, "{answer}");
                refused.push(release);
            }
            other => panic!("{other:?}"),
        }
        if refused.len() == 8 {
            break;
        }
    }
    assert!(!pushed.is_empty(), "nothing fits on the disk");
    assert_eq!(refused.len(), 8, "the disk does not fill up");

    // Reading goes on, and shows what was acknowledged and nothing else.
    check(&site, &pushed, &refused).await;
    let whole: HashSet<Bytes> = pushed.iter().chain(&refused).flat_map(wholes).collect();
    eventually(
        "no piece is left that did not come to its end",
        async || {
            let files = files(&storage);
            let mut parts = files.iter().filter(|(name, content)| {
                let bytes = name.starts_with("oci/content/");
                name.contains(".tmp-") || (bytes && !whole.contains(&content[..]))
            });
            parts.next().is_none().then_some(())
        },
    )
    .await;

    fs::remove_file(&ballast).unwrap();
    // A megabyte takes four of them, with what is left of the attempts before.
    for release in refused.drain(..4) {
        let outcome = Oci.publish(&site, &release).await;
        if !outcome.is_acknowledged() {
            panic!("{} with room again: {outcome:?}", release.version);
        }
        pushed.push(release);
    }
    check(&site, &pushed, &refused).await;
    let (code, printed) = cluster.verify();
    assert_eq!(code, Some(0), "{printed}");
    drop(cluster);
}

/// The blobs of a release, and the pieces in which they may come.
fn wholes(release: &Release) -> Vec<Bytes> {
    let mut all = Vec::new();
    for blob in Image::of(release).blobs {
        let third = blob.len().div_ceil(3);
        let cuts = [0, third, 2 * third, blob.len()];
        all.extend(cuts.windows(2).map(|cut| blob.slice(cut[0]..cut[1])));
        all.push(blob);
    }
    all
}

async fn check(site: &Site, pushed: &[Release], refused: &[Release]) {
    for release in pushed {
        let listing = Oci.listing(site, &release.package).await.unwrap();
        assert!(listing.has(&Oci, release), "{}", release.version);
        let artifact = &listing.versions[&release.version];
        check_artifact(&Oci, site, artifact).await.unwrap();
    }
    for release in refused {
        let (repository, tag) = (&release.package, &release.version);
        let listed = oci::tags(site, repository).await.unwrap();
        assert!(!listed.contains(tag), "{tag}: {listed:?}");
        let answer = site.get(manifest_path(repository, tag)).await;
        assert_eq!(answer.status, 404, "{answer}");
    }
}
