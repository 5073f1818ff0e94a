//! What one server has acknowledged, the others show with their next answer.

use http::Method;
use registry_tests::npm::{self, ABBREVIATED, Npm, text};
use registry_tests::{Answer, Cell, Cluster, Ecosystem, Request, Search, Site, eventually};
use serde_json::{Value, json};

registry_tests::cells!(replicas, three 3);

async fn replicas(cell: Cell) {
    let settings = [("REGISTRY_AUTH_MAX_AGE", "1s")];
    let Some(cluster) = Cluster::start(cell, Npm::SCOPE, &settings) else {
        return;
    };
    let sites = cluster.sites();
    for turn in 0..6 {
        // Everybody is once the one who writes.
        let writer = &sites[turn % sites.len()];
        let package = format!("replicas-{turn}");
        publish(writer, &sites, &package).await;
        tag(writer, &sites, &package).await;
        deprecate(writer, &sites, &package).await;
        unpublish_version(writer, &sites, &package).await;
        unpublish(writer, &sites, &package).await;
    }
    revoke(&cluster, &sites).await;
}

async fn publish_one(site: &Site, package: &str, version: &str) {
    let release = Npm.release(package, version, 1);
    let outcome = Npm.publish(site, &release).await;
    assert!(
        outcome.is_acknowledged(),
        "{package} {version}: {outcome:?}"
    );
}

async fn read(site: &Site, package: &str, accept: &str, etag: &str) -> Answer {
    let mut request = Request::get(npm::path(package)).header("accept", accept);
    if !etag.is_empty() {
        request = request.header("if-none-match", etag);
    }
    site.send(request).await
}

/// Two versions, the second of which others must see though they hold the first.
async fn publish(writer: &Site, sites: &[Site], package: &str) {
    let forms = [ABBREVIATED, "application/json"];
    publish_one(writer, package, "1.0.0").await;
    let mut held = Vec::new();
    for site in sites {
        for form in forms {
            let answer = read(site, package, form, "").await.good();
            assert_eq!(answer.json()["dist-tags"]["latest"], "1.0.0");
            let etag = answer.header("etag").to_owned();
            assert!(!etag.is_empty(), "{form}");
            held.push((site, form, etag));
        }
    }
    publish_one(writer, package, "1.1.0").await;
    for (site, form, etag) in &held {
        let answer = read(site, package, form, etag).await;
        assert_eq!(answer.status, 200, "{}: {form}", site.url);
        assert_eq!(answer.json()["dist-tags"]["latest"], "1.1.0");
        let fresh = answer.header("etag");
        assert_ne!(fresh, etag);
        let answer = read(site, package, form, fresh).await;
        assert_eq!(answer.status, 304, "{}: {form}", site.url);
    }
    for site in sites {
        let found = Npm.search(site, package).await;
        assert_eq!(found, Search::Found("1.1.0".to_owned()), "{}", site.url);
    }
}

async fn tag(writer: &Site, sites: &[Site], package: &str) {
    let tags = format!("/npm/-/package/{package}/dist-tags");
    let of = async |site: &Site| site.get(&tags).await.good().json();
    let set = Request::put(format!("{tags}/beta"), &json!("1.0.0"));
    writer.send(set).await.good();
    for site in sites {
        assert_eq!(of(site).await["beta"], "1.0.0", "{}", site.url);
        let manifest = site.get(format!("/npm/{package}/beta")).await.good();
        assert_eq!(manifest.json()["version"], "1.0.0");
        let document = site.get(npm::path(package)).await.good().json();
        assert_eq!(document["dist-tags"]["beta"], "1.0.0", "{}", site.url);
    }
    let remove = Request::delete(format!("{tags}/beta"));
    writer.send(remove).await.good();
    for site in sites {
        assert_eq!(of(site).await["beta"], Value::Null, "{}", site.url);
    }
}

/// The document as a client fetches it to put it back, and its revision.
async fn writable(site: &Site, package: &str) -> (Value, String) {
    let path = format!("{}?write=true", npm::path(package));
    let document = site.get(path).await.good().json();
    let rev = text(&document["_rev"]).to_owned();
    (document, rev)
}

async fn deprecate(writer: &Site, sites: &[Site], package: &str) {
    for message in ["do not use", ""] {
        let (mut document, _) = writable(writer, package).await;
        document["versions"]["1.0.0"]["deprecated"] = json!(message);
        let put = Request::put(npm::path(package), &document);
        writer.send(put).await.good();
        for site in sites {
            let document = read(site, package, ABBREVIATED, "").await.good().json();
            let shown = &document["versions"]["1.0.0"]["deprecated"];
            assert_eq!(shown.as_str().unwrap_or_default(), message, "{}", site.url);
        }
    }
}

/// The three steps of `npm unpublish package@version`.
async fn unpublish_version(writer: &Site, sites: &[Site], package: &str) {
    let (mut document, rev) = writable(writer, package).await;
    let versions = document["versions"].as_object_mut().unwrap();
    let removed = versions.remove("1.1.0").unwrap();
    let tarball = Site::path_of(text(&removed["dist"]["tarball"]));
    document["dist-tags"]["latest"] = json!("1.0.0");
    let put = format!("{}/-rev/{rev}", npm::path(package));
    writer.send(Request::put(put, &document)).await.good();
    let (_, rev) = writable(writer, package).await;
    let delete = Request::delete(format!("{tarball}/-rev/{rev}"));
    writer.send(delete).await.good();
    for site in sites {
        let listing = Npm.listing(site, package).await.unwrap();
        assert!(!listing.versions.contains_key("1.1.0"), "{}", site.url);
        assert_eq!(listing.tags["latest"], "1.0.0", "{}", site.url);
        let answer = site.get(&tarball).await;
        assert_eq!(answer.status, 404, "{}: {answer}", site.url);
        let found = Npm.search(site, package).await;
        assert_eq!(found, Search::Found("1.0.0".to_owned()), "{}", site.url);
        // A number is spent for good, even for the same bytes.
        let again = npm::publish(&Npm.release(package, "1.1.0", 1));
        let answer = site.send(again).await;
        assert_eq!(answer.status, 403, "{}: {answer}", site.url);
    }
}

async fn unpublish(writer: &Site, sites: &[Site], package: &str) {
    let (_, rev) = writable(writer, package).await;
    let delete = Request::delete(format!("{}/-rev/{rev}", npm::path(package)));
    writer.send(delete).await.good();
    for site in sites {
        let answer = site.get(npm::path(package)).await;
        assert_eq!(answer.status, 404, "{}: {answer}", site.url);
        let found = Npm.search(site, package).await;
        assert_eq!(found, Search::Missing, "{}", site.url);
    }
}

/// A token made by one server is good on all, and soon on none once one has revoked it.
async fn revoke(cluster: &Cluster, sites: &[Site]) {
    for (number, writer) in sites.iter().enumerate() {
        let user = format!("revoked-{number}");
        let password = "a pass phrase of some length";
        cluster.add_user(&user, password);
        let login = json!({
            "_id": format!("org.couchdb.user:{user}"), "name": user, "password": password,
            "type": "user", "roles": [],
        });
        let login = Request::put(format!("/npm/-/user/org.couchdb.user:{user}"), &login);
        let answer = writer.anonymous().send(login).await.good().json();
        let token = text(&answer["token"]);
        for site in sites {
            let answer = site.with(token).get("/npm/-/whoami").await.good();
            assert_eq!(answer.json()["username"], *user, "{}", site.url);
        }
        let logout = Request::new(Method::DELETE, format!("/npm/-/user/token/{token}"));
        writer.with(token).send(logout).await.good();
        for site in sites {
            let site = site.with(token);
            eventually("a revoked token is refused", async || {
                let answer = site.get("/npm/-/whoami").await;
                (answer.status == 401).then_some(())
            })
            .await;
        }
    }
}
