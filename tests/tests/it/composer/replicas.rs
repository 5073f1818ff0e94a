//! What one server has acknowledged, the others show with their next answer.

use http::Method;
use registry_tests::composer::{self, Composer};
use registry_tests::{Cell, Cluster, Ecosystem, Release, Request, Search, Site};
use serde_json::{Value, json};

registry_tests::cells!(replicas, three 3);

async fn replicas(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, Composer::SCOPE, &[]) else {
        return;
    };
    let sites = cluster.sites();
    for turn in 0..6 {
        // Everybody is once the one who writes.
        let writer = &sites[turn % sites.len()];
        let package = Composer.package(&format!("replicas-{turn}"));
        publish(writer, &sites, &package).await;
        branch(writer, &sites, &package).await;
        advise(writer, &sites, &package).await;
        abandon(writer, &sites, &package).await;
        delete(writer, &sites, &package).await;
    }
}

async fn publish_one(site: &Site, release: &Release) {
    let outcome = Composer.publish(site, release).await;
    assert!(outcome.is_acknowledged(), "{release:?}: {outcome:?}");
}

async fn document(site: &Site, path: String) -> Value {
    site.get(path).await.good().json()
}

/// Two versions, the second of which others must see though they hold the first.
async fn publish(writer: &Site, sites: &[Site], package: &str) {
    for (number, version) in ["1.0.0", "1.1.0"].into_iter().enumerate() {
        let release = Composer.release(package, version, 1);
        publish_one(writer, &release).await;
        for site in sites {
            let listing = Composer.listing(site, package).await.unwrap();
            assert_eq!(listing.versions.len(), number + 1, "{}", site.url);
            assert!(listing.has(&Composer, &release), "{}", site.url);
            let found = Composer.search(site, package).await;
            assert_eq!(found, Search::Listed, "{}", site.url);
        }
    }
}

/// A branch moves on; where it was before can still be fetched.
async fn branch(writer: &Site, sites: &[Site], package: &str) {
    let mut before: Option<registry_tests::Artifact> = None;
    for salt in 0..3 {
        let release = Composer.release(package, "dev-main", salt);
        publish_one(writer, &release).await;
        for site in sites {
            let listing = document(site, composer::branches(package)).await;
            let listing = composer::listing(&listing, package);
            assert_eq!(listing.versions.len(), 1, "{}", site.url);
            assert!(listing.has(&Composer, &release), "{}", site.url);
            let now = &listing.versions["dev-main"];
            Composer.check(site, now).await.unwrap();
            if let Some(before) = &before {
                assert_ne!(before.path, now.path);
                Composer.check(site, before).await.unwrap();
            }
        }
        let listing = document(writer, composer::branches(package)).await;
        before = composer::listing(&listing, package)
            .versions
            .remove("dev-main");
    }
}

async fn advise(writer: &Site, sites: &[Site], package: &str) {
    let address = format!("/composer/api/security-advisories/{package}/ACME-1");
    let advisory = json!({ "title": "A hole", "affectedVersions": "<1.1" });
    writer.send(Request::put(&address, &advisory)).await.good();
    let path = format!("/composer/api/security-advisories/?packages[]={package}");
    let told =
        async |site: &Site| document(site, path.clone()).await["advisories"][package].clone();
    for site in sites {
        assert_eq!(told(site).await[0]["title"], "A hole", "{}", site.url);
        let page = document(site, composer::path(package)).await;
        let first = &page["security-advisories"][0]["advisoryId"];
        assert_eq!(first, "ACME-1", "{}: {page}", site.url);
    }
    writer.send(Request::delete(&address)).await.good();
    for site in sites {
        let told = told(site).await;
        assert!(told.is_null() || told == json!([]), "{}: {told}", site.url);
    }
}

async fn abandon(writer: &Site, sites: &[Site], package: &str) {
    let address = format!("/composer/packages/{package}/abandoned");
    let instead = json!({ "replacement": "acme/other" });
    writer.send(Request::put(&address, &instead)).await.good();
    let first = async |site: &Site| {
        let document = document(site, composer::path(package)).await;
        composer::expand(&document, package)[0]["abandoned"].clone()
    };
    for site in sites {
        assert_eq!(first(site).await, "acme/other", "{}", site.url);
    }
    writer.send(Request::delete(&address)).await.good();
    for site in sites {
        assert_eq!(first(site).await, Value::Null, "{}", site.url);
    }
}

async fn delete(writer: &Site, sites: &[Site], package: &str) {
    let listed = Composer.listing(writer, package).await.unwrap();
    for version in ["1.0.0", "1.1.0"] {
        let address = format!("/composer/packages/{package}/{version}");
        writer.send(Request::delete(address)).await.good();
        let spent = Composer.release(package, version, 2);
        for site in sites {
            let listing = Composer.listing(site, package).await.unwrap();
            assert!(!listing.versions.contains_key(version), "{}", site.url);
            let answer = site.send(composer::publish(&spent)).await;
            assert_eq!(answer.status, 409, "{answer}");
            // Who has locked it goes on.
            Composer
                .check(site, &listed.versions[version])
                .await
                .unwrap();
        }
    }
    let address = format!("/composer/packages/{package}?purge=true");
    writer
        .send(Request::new(Method::DELETE, address))
        .await
        .good();
    for site in sites {
        let found = Composer.search(site, package).await;
        assert_eq!(found, Search::Missing, "{}", site.url);
        for artifact in listed.versions.values() {
            let answer = site.get(&artifact.path).await;
            assert_eq!(answer.status, 404, "{answer}");
        }
    }
}
