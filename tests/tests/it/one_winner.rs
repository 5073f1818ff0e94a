//! Many race to publish one version, each with other bytes. One wins, and its bytes are served.

use std::sync::Arc;

use registry_tests::cargo::Cargo;
use registry_tests::composer::Composer;
use registry_tests::ecosystem::check_artifact;
use registry_tests::maven::Maven;
use registry_tests::npm::Npm;
use registry_tests::pypi::Pypi;
use registry_tests::rubygems::RubyGems;
use registry_tests::{Cell, Cluster, Ecosystem, Outcome, Release, sized, together};

const RACERS: usize = 20;

mod cargo {
    use super::*;

    registry_tests::cells!(|cell| one_winner(Cargo, cell));
}

mod composer {
    use super::*;

    registry_tests::cells!(|cell| one_winner(Composer, cell));
}

mod maven {
    use super::*;

    registry_tests::cells!(|cell| one_winner(Maven, cell));
}

mod npm {
    use super::*;

    registry_tests::cells!(|cell| one_winner(Npm, cell));
}

mod pypi {
    use super::*;

    registry_tests::cells!(|cell| one_winner(Pypi, cell));
}

mod rubygems {
    use super::*;

    registry_tests::cells!(|cell| one_winner(RubyGems, cell));
}

async fn one_winner<E: Ecosystem>(ecosystem: E, cell: Cell) {
    let Some(cluster) = Cluster::start(cell, E::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    // The first race is for a package that is not there yet.
    for race in 0..sized(20, 4) {
        let package = ecosystem.package(&format!("one-winner-{}", race / 2));
        let version = ecosystem.version(race);
        let entry = |racer: usize| ecosystem.release(&package, &version, racer as u64);
        let entries: Vec<_> = (0..RACERS).map(entry).collect();
        one_race(&ecosystem, &cluster, Arc::new(entries)).await;
    }
}

async fn one_race<E: Ecosystem>(ecosystem: &E, cluster: &Arc<Cluster>, entries: Arc<Vec<Release>>) {
    let outcomes = together(RACERS, |racer| {
        let (ecosystem, cluster, entries) = (ecosystem.clone(), cluster.clone(), entries.clone());
        async move { ecosystem.publish(&cluster.site(), &entries[racer]).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) =
        (0..RACERS).partition(|racer| outcomes[*racer].is_acknowledged());
    assert_eq!(won.len(), 1, "the winners are {won:?}: {outcomes:?}");
    let fair = |racer: &usize| matches!(outcomes[*racer], Outcome::Conflict);
    assert!(lost.iter().all(fair), "{outcomes:?}");

    let (winner, loser) = (&entries[won[0]], &entries[lost[0]]);
    for site in cluster.sites() {
        let listing = ecosystem.listing(&site, &winner.package).await.unwrap();
        let artifact = &listing.versions[&winner.version];
        assert_eq!(artifact.digest, ecosystem.digest(&winner.bytes));
        check_artifact(ecosystem, &site, artifact).await.unwrap();
        let again = ecosystem.publish(&site, winner).await;
        assert!(again.is_acknowledged(), "the winner's replay: {again:?}");
        let again = ecosystem.publish(&site, loser).await;
        assert!(
            matches!(again, Outcome::Conflict),
            "the loser's replay: {again:?}"
        );
    }
}
