//! The real registry over a store: what is published on one replica is read on another. Over S3,
//! `tests/it` does all that and more.

use registry_tests::ecosystem::check_artifact;
use registry_tests::npm::{self, Npm};
use registry_tests::{Cluster, Ecosystem, Kind, Release};

use crate::connect::usable;

/// More than one part of an upload.
const BIG: usize = 9 << 20;

async fn run(kind: Kind) {
    let Some((place, _storage)) = usable(kind).await else {
        return;
    };
    let cluster = Cluster::over(place, 2, Npm::SCOPE, &[]);
    let (here, there) = (cluster.site_of(0), cluster.site_of(1));
    let small = Npm.release("left", "1.0.0", 1);
    let big = Release {
        version: "1.0.1".to_owned(),
        bytes: npm::pack("left", "1.0.1", 2, BIG),
        ..small.clone()
    };
    for release in [&small, &big] {
        for _ in 0..2 {
            let outcome = Npm.publish(&here, release).await;
            assert!(
                outcome.is_acknowledged(),
                "{}: {outcome:?}",
                release.version
            );
        }
        let listing = Npm.listing(&there, &release.package).await.unwrap();
        assert!(listing.has(&Npm, release), "{listing:?}");
        let artifact = &listing.versions[&release.version];
        check_artifact(&Npm, &there, artifact).await.unwrap();
    }
    let found = Npm.search(&there, "left").await;
    assert_eq!(found, registry_tests::Search::Found("1.0.1".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure() {
    run(Kind::Azure).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gcs() {
    run(Kind::Gcs).await;
}
