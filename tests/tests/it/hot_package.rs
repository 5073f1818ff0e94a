//! Many workers publish many versions of one package. None is lost, no tag either.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use registry_tests::cargo::Cargo;
use registry_tests::composer::Composer;
use registry_tests::ecosystem::check_artifact;
use registry_tests::maven::Maven;
use registry_tests::npm::Npm;
use registry_tests::oci::Oci;
use registry_tests::pypi::Pypi;
use registry_tests::rubygems::RubyGems;
use registry_tests::{Cell, Cluster, Ecosystem, Listing, Release, Site, sized, together};

const WORKERS: usize = 64;
/// How many tags the workers fight over.
const SHARED_TAGS: usize = 7;

mod cargo {
    use super::*;

    registry_tests::cells!(|cell| hot_package(Cargo, cell));
}

mod composer {
    use super::*;

    registry_tests::cells!(|cell| hot_package(Composer, cell));
}

mod maven {
    use super::*;

    registry_tests::cells!(|cell| hot_package(Maven, cell));
}

mod npm {
    use super::*;

    registry_tests::cells!(|cell| hot_package(Npm, cell));
}

mod oci {
    use super::*;

    registry_tests::cells!(|cell| hot_package(Oci, cell));
}

mod pypi {
    use super::*;

    registry_tests::cells!(|cell| hot_package(Pypi, cell));
}

mod rubygems {
    use super::*;

    registry_tests::cells!(|cell| hot_package(RubyGems, cell));
}

async fn hot_package<E: Ecosystem>(ecosystem: E, cell: Cell) {
    let Some(cluster) = Cluster::start(cell, E::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    let releases = Arc::new(releases(&ecosystem, sized(500, 2 * WORKERS)));
    let next = Arc::new(AtomicUsize::new(0));
    together(WORKERS, |_| {
        let (ecosystem, cluster) = (ecosystem.clone(), cluster.clone());
        let (releases, next) = (releases.clone(), next.clone());
        async move {
            while let Some(release) = releases.get(next.fetch_add(1, Ordering::Relaxed)) {
                publish(&ecosystem, &cluster.site(), release).await;
                read_back(&ecosystem, &cluster.site(), release).await;
            }
        }
    })
    .await;

    let sites = cluster.sites();
    let first = listing_of(&ecosystem, &sites[0], &releases).await;
    for site in &sites[1..] {
        let listing = listing_of(&ecosystem, site, &releases).await;
        assert_eq!(listing.tags, first.tags, "{}", site.url);
    }

    // Whoever was first took `latest`, and nobody asked for it since; now somebody does.
    let package = &releases[0].package;
    let mut last = ecosystem.release(package, &ecosystem.version(releases.len()), 0);
    last.tags = E::LATEST.map(str::to_owned).into_iter().collect();
    publish(&ecosystem, &sites[0], &last).await;
    for site in &sites {
        let listing = ecosystem.listing(site, package).await.unwrap();
        assert_eq!(listing.versions.len(), releases.len() + 1, "{}", site.url);
        assert!(listing.has(&ecosystem, &last), "{}", site.url);
        if let Some(latest) = E::LATEST {
            assert_eq!(listing.tags[latest], last.version, "{}", site.url);
        }
    }

    let artifacts: Arc<Vec<_>> = Arc::new(first.versions.into_values().collect());
    together(8 * sites.len(), |worker| {
        let (ecosystem, artifacts) = (ecosystem.clone(), artifacts.clone());
        let site = sites[worker % sites.len()].clone();
        let share = worker / sites.len();
        async move {
            for artifact in artifacts.iter().skip(share).step_by(8) {
                check_artifact(&ecosystem, &site, artifact).await.unwrap();
            }
        }
    })
    .await;
}

/// Each takes a tag that is its own, and one that others take too.
fn releases<E: Ecosystem>(ecosystem: &E, count: usize) -> Vec<Release> {
    let package = ecosystem.package("hot-package");
    let release = |number: usize| {
        let version = ecosystem.version(number);
        let tags = if E::TAGS {
            vec![format!("own-{number}"), shared_tag(number)]
        } else {
            Vec::new()
        };
        Release {
            tags,
            ..ecosystem.release(&package, &version, number as u64)
        }
    };
    (0..count).map(release).collect()
}

fn shared_tag(number: usize) -> String {
    format!("shared-{}", number % SHARED_TAGS)
}

async fn publish<E: Ecosystem>(ecosystem: &E, site: &Site, release: &Release) {
    let outcome = ecosystem.publish(site, release).await;
    let version = &release.version;
    assert!(outcome.is_acknowledged(), "{version}: {outcome:?}");
}

/// What was acknowledged by one server is there on any other.
async fn read_back<E: Ecosystem>(ecosystem: &E, site: &Site, release: &Release) {
    let listing = ecosystem.glimpse(site, release).await.unwrap();
    let version = &release.version;
    assert!(listing.has(ecosystem, release), "{}: {version}", site.url);
    if let Some(own) = release.tags.first() {
        assert_eq!(listing.tags.get(own), Some(version), "{}", site.url);
    }
}

/// What a server lists, once it is certain to be all of it, with the right tags.
async fn listing_of<E: Ecosystem>(ecosystem: &E, site: &Site, releases: &[Release]) -> Listing {
    let listing = ecosystem.listing(site, &releases[0].package).await.unwrap();
    assert_eq!(listing.versions.len(), releases.len(), "{}", site.url);
    for release in releases {
        let version = &release.version;
        assert!(listing.has(ecosystem, release), "{}: {version}", site.url);
    }
    if let Some(latest) = E::LATEST {
        assert!(listing.versions.contains_key(&listing.tags[latest]));
    }
    if !E::TAGS {
        return listing;
    }
    for (number, release) in releases.iter().enumerate() {
        assert_eq!(listing.tags[&format!("own-{number}")], release.version);
    }
    for shared in 0..SHARED_TAGS {
        let tag = shared_tag(shared);
        let version = &listing.tags[&tag];
        let mut takers = releases.iter().skip(shared).step_by(SHARED_TAGS);
        assert!(takers.any(|release| release.version == *version), "{tag}");
    }
    listing
}
