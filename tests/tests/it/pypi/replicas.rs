//! What one server has acknowledged, the others show with their next answer.

use http::Method;
use registry_tests::pypi::{self, ACCEPT, Pypi};
use registry_tests::{Answer, Cell, Cluster, Ecosystem, Request, Search, Site};
use serde_json::{Value, json};

registry_tests::cells!(replicas, three 3);

async fn replicas(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, Pypi::SCOPE, &[]) else {
        return;
    };
    let sites = cluster.sites();
    for turn in 0..6 {
        // Everybody is once the one who writes.
        let writer = &sites[turn % sites.len()];
        let package = format!("replicas-{turn}");
        publish(writer, &sites, &package).await;
        yank(writer, &sites, &package).await;
        stand(writer, &sites, &package).await;
        delete(writer, &sites, &package).await;
    }
}

async fn publish_one(site: &Site, package: &str, version: &str) {
    let outcome = Pypi.publish(site, &Pypi.release(package, version, 1)).await;
    assert!(
        outcome.is_acknowledged(),
        "{package} {version}: {outcome:?}"
    );
}

async fn read(site: &Site, package: &str, etag: &str) -> Answer {
    let mut request = Request::get(pypi::path(package)).header("accept", ACCEPT);
    if !etag.is_empty() {
        request = request.header("if-none-match", etag);
    }
    site.send(request).await
}

async fn page(site: &Site, package: &str) -> Value {
    read(site, package, "").await.good().json()
}

/// Two versions, the second of which others must see though they hold the first.
async fn publish(writer: &Site, sites: &[Site], package: &str) {
    publish_one(writer, package, "1.0").await;
    let mut held = Vec::new();
    for site in sites {
        let answer = read(site, package, "").await.good();
        assert_eq!(answer.json()["versions"], json!(["1.0"]));
        held.push((site, answer.header("etag").to_owned()));
    }
    publish_one(writer, package, "1.1").await;
    for (site, etag) in &held {
        let answer = read(site, package, etag).await;
        assert_eq!(answer.status, 200, "{}", site.url);
        assert_eq!(answer.json()["versions"], json!(["1.0", "1.1"]));
        let again = read(site, package, answer.header("etag")).await;
        assert_eq!(again.status, 304, "{}", site.url);
        assert_eq!(
            Pypi.search(site, package).await,
            Search::Listed,
            "{}",
            site.url
        );
    }
}

async fn yank(writer: &Site, sites: &[Site], package: &str) {
    let address = format!("/pypi/api/yank/{package}/1.0");
    let reason = json!({ "reason": "broken" });
    writer.send(Request::put(&address, &reason)).await.good();
    for site in sites {
        let page = page(site, package).await;
        assert_eq!(page["files"][0]["yanked"], "broken", "{}", site.url);
    }
    writer.send(Request::delete(&address)).await.good();
    for site in sites {
        assert_eq!(
            page(site, package).await["files"][0]["yanked"],
            false,
            "{}",
            site.url
        );
    }
}

async fn stand(writer: &Site, sites: &[Site], package: &str) {
    let address = format!("/pypi/api/status/{package}");
    let archived = json!({ "status": "archived" });
    writer.send(Request::put(&address, &archived)).await.good();
    let late = Pypi.release(package, "1.2", 1);
    for site in sites {
        assert_eq!(
            page(site, package).await["project-status"],
            archived,
            "{}",
            site.url
        );
        let answer = site.send(pypi::publish(&late)).await;
        assert_eq!(answer.status, 403, "{answer}");
    }
    writer.send(Request::delete(&address)).await.good();
}

async fn delete(writer: &Site, sites: &[Site], package: &str) {
    for version in ["1.0", "1.1"] {
        let address = format!("/pypi/api/files/{package}/{version}");
        writer
            .send(Request::new(Method::DELETE, address))
            .await
            .good();
        let spent = Pypi.release(package, version, 2);
        for site in sites {
            let listing = Pypi.listing(site, package).await.unwrap();
            assert!(!listing.versions.contains_key(version), "{}", site.url);
            let answer = site.send(pypi::publish(&spent)).await;
            assert_eq!(answer.status, 400, "{answer}");
            let file = pypi::file_name(package, version);
            for file in [file.clone(), format!("{file}.metadata")] {
                let answer = site.get(format!("/pypi/packages/{package}/{file}")).await;
                assert_eq!(answer.status, 404, "{answer}");
            }
        }
    }
    for site in sites {
        assert_eq!(
            Pypi.search(site, package).await,
            Search::Missing,
            "{}",
            site.url
        );
    }
}
