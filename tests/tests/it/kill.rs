//! Servers are killed at random moments while several workers publish. Whatever was acknowledged
//! stays, and whatever is listed can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use registry_tests::cargo::Cargo;
use registry_tests::composer::Composer;
use registry_tests::ecosystem::check_artifact;
use registry_tests::maven::Maven;
use registry_tests::npm::Npm;
use registry_tests::oci::Oci;
use registry_tests::pypi::Pypi;
use registry_tests::random::Random;
use registry_tests::rubygems::RubyGems;
use registry_tests::{Cell, Cluster, Ecosystem, Outcome, Release, Search, Site, sized, together};

const WORKERS: usize = 8;

mod cargo {
    use super::*;

    registry_tests::cells!(|cell| kill(Cargo, cell));
}

mod composer {
    use super::*;

    registry_tests::cells!(|cell| kill(Composer, cell));
}

mod maven {
    use super::*;

    registry_tests::cells!(|cell| kill(Maven, cell));
}

mod npm {
    use super::*;

    registry_tests::cells!(|cell| kill(Npm, cell));
}

mod oci {
    use super::*;

    registry_tests::cells!(|cell| kill(Oci, cell));
}

mod pypi {
    use super::*;

    registry_tests::cells!(|cell| kill(Pypi, cell));
}

mod rubygems {
    use super::*;

    registry_tests::cells!(|cell| kill(RubyGems, cell));
}

/// A release that was tried, and whether it was acknowledged.
#[derive(Clone, Debug)]
struct Try {
    release: Release,
    acknowledged: bool,
}

async fn kill<E: Ecosystem>(ecosystem: E, cell: Cell) {
    let mut random = Random::seeded("kill");
    let Some(cluster) = Cluster::start(cell, E::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    let mut all = Vec::new();
    for round in 0..sized(50, 3) {
        let victim = random.below(cluster.replicas());
        let tries = killed_round(&ecosystem, &cluster, &mut random, round, victim).await;
        let acknowledged = tries.iter().filter(|t| t.acknowledged).count();
        let count = tries.len();
        println!("round {round}: {acknowledged} of {count} acknowledged, {victim} killed");
        cluster.restart(victim);
        check(&ecosystem, &cluster, &tries).await;
        all.extend(retry(&ecosystem, &cluster, tries).await);
    }
    assert!(all.len() > WORKERS, "only {} publishes", all.len());
    for victim in 0..cluster.replicas() {
        cluster.kill(victim);
    }
    for victim in 0..cluster.replicas() {
        cluster.restart(victim);
    }
    check(&ecosystem, &cluster, &all).await;
}

/// Publishes until a while after a server was killed.
async fn killed_round<E: Ecosystem>(
    ecosystem: &E,
    cluster: &Arc<Cluster>,
    random: &mut Random,
    round: usize,
    victim: usize,
) -> Vec<Try> {
    let stop = Arc::new(AtomicBool::new(false));
    let workers = {
        let (ecosystem, cluster, stop) = (ecosystem.clone(), cluster.clone(), stop.clone());
        tokio::spawn(together(WORKERS, move |worker| {
            let (ecosystem, cluster, stop) = (ecosystem.clone(), cluster.clone(), stop.clone());
            async move { publish_on(&ecosystem, &cluster, round, worker, &stop).await }
        }))
    };
    let mut pause = async |most| {
        let pause = Duration::from_micros(random.below(most) as u64);
        tokio::time::sleep(pause).await;
    };
    pause(800_000).await;
    cluster.kill(victim);
    pause(200_000).await;
    stop.store(true, Ordering::Relaxed);
    workers.await.unwrap().concat()
}

/// Publishes versions of a package that all share, and of a few of its own, until told to stop.
async fn publish_on<E: Ecosystem>(
    ecosystem: &E,
    cluster: &Cluster,
    round: usize,
    worker: usize,
    stop: &AtomicBool,
) -> Vec<Try> {
    let mut tries = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Some(site) = cluster.try_next() else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        let number = tries.len();
        let package = match number % 3 {
            0 => ecosystem.package("killed-shared"),
            _ => ecosystem.package(&format!("killed-{round}-{worker}-{}", number / 9)),
        };
        let version = ecosystem.version(round * 1_000_000 + worker * 10_000 + number);
        let mut release = ecosystem.release(&package, &version, number as u64);
        if E::TAGS {
            release.tags = vec![E::LATEST.unwrap_or("latest").to_owned()];
        }
        let acknowledged = match ecosystem.publish(&site, &release).await {
            Outcome::Acknowledged => true,
            Outcome::Lost(_) => false,
            // The death of one server is no excuse for another.
            refused => panic!("{version}: {refused:?}"),
        };
        tries.push(Try {
            release,
            acknowledged,
        });
    }
    tries
}

/// What was tried, by package and version.
fn by_package(tries: &[Try]) -> BTreeMap<&str, BTreeMap<&str, &Try>> {
    let mut packages: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for one in tries {
        let versions = packages.entry(&*one.release.package).or_default();
        versions.insert(&*one.release.version, one);
    }
    packages
}

/// Every server lists what was acknowledged, what is listed can be read, and a search finds it.
async fn check<E: Ecosystem>(ecosystem: &E, cluster: &Cluster, tries: &[Try]) {
    let (sites, tries) = (cluster.sites(), Arc::<[Try]>::from(tries));
    together(sites.len(), |number| {
        let (ecosystem, site, tries) = (ecosystem.clone(), sites[number].clone(), tries.clone());
        async move {
            for (package, versions) in by_package(&tries) {
                check_package(&ecosystem, &site, package, &versions).await;
            }
        }
    })
    .await;
}

async fn check_package<E: Ecosystem>(
    ecosystem: &E,
    site: &Site,
    package: &str,
    versions: &BTreeMap<&str, &Try>,
) {
    let listing = ecosystem.listing(site, package).await.unwrap();
    for (version, one) in versions {
        match listing.versions.get(*version) {
            None => assert!(!one.acknowledged, "{package} {version} is lost"),
            Some(artifact) => {
                assert_eq!(artifact.digest, ecosystem.digest(&one.release.bytes));
                let read = check_artifact(ecosystem, site, artifact).await;
                read.unwrap_or_else(|fault| panic!("{package} {version}: {fault}"));
            }
        }
    }
    let listed = |version: &String| listing.versions.contains_key(version);
    let tags = &listing.tags;
    assert!(tags.values().all(listed), "{package}: {tags:?}");
    if versions.values().any(|one| one.acknowledged) {
        let found = ecosystem.search(site, package).await;
        assert_ne!(found, Search::Missing, "{}: {package}", site.url);
    }
}

/// A client that had no answer tries again, and succeeds; then every view is complete.
async fn retry<E: Ecosystem>(ecosystem: &E, cluster: &Cluster, tries: Vec<Try>) -> Vec<Try> {
    let mut packages = BTreeSet::new();
    for one in tries.iter().filter(|one| !one.acknowledged) {
        let outcome = ecosystem.publish(&cluster.site(), &one.release).await;
        let Release {
            package, version, ..
        } = &one.release;
        assert!(
            outcome.is_acknowledged(),
            "{package} {version}: {outcome:?}"
        );
        packages.insert(package.clone());
    }
    let (acknowledged, retried): (Vec<_>, Vec<_>) =
        tries.into_iter().partition(|one| one.acknowledged);
    let acknowledge = |one| Try {
        acknowledged: true,
        ..one
    };
    let retried: Vec<_> = retried.into_iter().map(acknowledge).collect();
    check(ecosystem, cluster, &retried).await;
    for package in &packages {
        for site in cluster.sites() {
            let listing = ecosystem.listing(&site, package).await.unwrap();
            if let (Some(latest), Search::Found(found)) =
                (E::LATEST, ecosystem.search(&site, package).await)
            {
                assert_eq!(listing.tags[latest], found, "{}: {package}", site.url);
            }
        }
    }
    [acknowledged, retried].concat()
}
