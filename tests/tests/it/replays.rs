//! The same publish again, later or at the same time, is a success: clients do retry.

use std::sync::Arc;

use registry_tests::cargo::Cargo;
use registry_tests::composer::Composer;
use registry_tests::maven::Maven;
use registry_tests::npm::Npm;
use registry_tests::oci::Oci;
use registry_tests::pypi::Pypi;
use registry_tests::rubygems::RubyGems;
use registry_tests::{Cell, Cluster, Ecosystem, together};

mod cargo {
    use super::*;

    registry_tests::cells!(|cell| replays(Cargo, cell));
}

mod composer {
    use super::*;

    registry_tests::cells!(|cell| replays(Composer, cell));
}

mod maven {
    use super::*;

    registry_tests::cells!(|cell| replays(Maven, cell));
}

mod npm {
    use super::*;

    registry_tests::cells!(|cell| replays(Npm, cell));
}

mod oci {
    use super::*;

    registry_tests::cells!(|cell| replays(Oci, cell));
}

mod pypi {
    use super::*;

    registry_tests::cells!(|cell| replays(Pypi, cell));
}

mod rubygems {
    use super::*;

    registry_tests::cells!(|cell| replays(RubyGems, cell));
}

async fn replays<E: Ecosystem>(ecosystem: E, cell: Cell) {
    let Some(cluster) = Cluster::start(cell, E::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    let package = ecosystem.package("replays");
    for number in 0..5 {
        let version = ecosystem.version(number);
        let release = Arc::new(ecosystem.release(&package, &version, number as u64));
        for _ in 0..2 {
            let outcome = ecosystem.publish(&cluster.site(), &release).await;
            assert!(outcome.is_acknowledged(), "{version}: {outcome:?}");
        }
        let version = ecosystem.version(100 + number);
        let release = Arc::new(ecosystem.release(&package, &version, 100));
        let outcomes = together(8, |_| {
            let (ecosystem, cluster, release) =
                (ecosystem.clone(), cluster.clone(), release.clone());
            async move { ecosystem.publish(&cluster.site(), &release).await }
        })
        .await;
        let all = outcomes.iter().all(|outcome| outcome.is_acknowledged());
        assert!(all, "{version}: {outcomes:?}");
        for site in cluster.sites() {
            let listing = ecosystem.listing(&site, &package).await.unwrap();
            assert_eq!(listing.versions.len(), 2 * (number + 1), "{}", site.url);
            assert!(listing.has(&ecosystem, &release), "{}", site.url);
        }
    }
}
