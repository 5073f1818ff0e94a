//! What is Cargo's alone.

use std::sync::Arc;

use http::Method;
use registry_tests::cargo::{self, Cargo};
use registry_tests::{Cell, Cluster, Ecosystem, Outcome, Request, Site, sized, together};

mod names {
    use super::*;

    registry_tests::cells!(too_much_alike);
}

mod yanks {
    use super::*;

    registry_tests::cells!(yank_while_publishing);
}

/// Many race to create crates whose names differ by case, hyphens and underscores. One name wins,
/// on all servers.
async fn too_much_alike(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, Cargo::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    for race in 0..sized(10, 3) {
        let names = ["a-b-c", "a_b-c", "a-b_c", "A-B-C", "a_b_c"];
        let names = names.map(|name| format!("race-{race}-{name}"));
        let outcomes = together(names.len(), |racer| {
            let (cluster, name) = (cluster.clone(), names[racer].clone());
            async move {
                let release = Cargo.release(&name, "1.0.0", racer as u64);
                cluster.site().send(cargo::publish(&release)).await
            }
        })
        .await;
        let won = (0..names.len()).filter(|racer| outcomes[*racer].status == 200);
        let won: Vec<_> = won.collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        let winner = &names[won[0]];
        for (racer, answer) in outcomes.iter().enumerate() {
            if racer != won[0] {
                let named = format!("crate was previously named `{winner}`");
                assert_eq!(cargo::detail(answer), named);
            }
        }
        for site in cluster.sites() {
            let listing = Cargo.listing(&site, winner).await.unwrap();
            assert_eq!(listing.versions.len(), 1, "{}", site.url);
            let loser = names.iter().find(|name| !name.eq_ignore_ascii_case(winner));
            let lost = Cargo.listing(&site, loser.unwrap()).await.unwrap();
            assert_eq!(lost.versions.len(), 0, "{}", site.url);
        }
    }
}

/// Workers publish versions of one crate and yank each. No yank is lost to a publish, and no
/// version to a yank.
async fn yank_while_publishing(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, Cargo::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    let (workers, each) = (16, sized(20, 4));
    together(workers, |worker| {
        let cluster = cluster.clone();
        async move {
            for number in 0..each {
                let version = Cargo.version(worker * each + number);
                publish_and_yank(&cluster.site(), &version, number.is_multiple_of(2)).await;
            }
        }
    })
    .await;
    for site in cluster.sites() {
        let answer = site.get(cargo::index("yanked")).await.good();
        let lines = cargo::lines(&answer);
        assert_eq!(lines.len(), workers * each, "{}", site.url);
        for line in lines {
            let version = line["vers"].as_str().unwrap();
            let number: usize = version.rsplit('.').next().unwrap().parse().unwrap();
            let yanked = (number % each).is_multiple_of(2);
            assert_eq!(line["yanked"], yanked, "{}: {line}", site.url);
        }
    }
}

async fn publish_and_yank(site: &Site, version: &str, stays: bool) {
    let release = Cargo.release("yanked", version, 1);
    let outcome = Cargo.publish(site, &release).await;
    assert!(matches!(outcome, Outcome::Acknowledged), "{outcome:?}");
    let path = format!("/cargo/api/v1/crates/yanked/{version}");
    let yank = Request::delete(format!("{path}/yank"));
    site.send(yank).await.good();
    if !stays {
        let unyank = Request::new(Method::PUT, format!("{path}/unyank"));
        site.send(unyank).await.good();
    }
}
