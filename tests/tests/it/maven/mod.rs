//! What is Maven's alone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use http::Method;
use registry_tests::maven::{self, Maven, elements, file, folder, put};
use registry_tests::{Answer, Cell, Cluster, Ecosystem, Request, Site, sized, together};
use sha1::{Digest, Sha1};

const WORKERS: usize = 20;

mod metadata {
    use super::*;

    registry_tests::cells!(metadata_while_deploying);
}

mod snapshots {
    use super::*;

    registry_tests::cells!(snapshots_at_once);
}

mod deletes {
    use super::*;

    registry_tests::cells!(deleted_everywhere);
}

fn sha1(bytes: &[u8]) -> String {
    let digits = Sha1::digest(bytes);
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// Metadata and its checksum, as a client gets them: one after the other. Between the two it may
/// have changed, and then they are got again.
async fn metadata(site: &Site, path: &str) -> String {
    for _ in 0..1000 {
        let answer = site.get(path).await.good();
        let sum = site.get(format!("{path}.sha1")).await.good();
        let again = site.get(path).await.good();
        assert_eq!(answer.header("x-checksum-sha1"), sha1(&answer.body));
        if answer.body == again.body {
            assert_eq!(text(&sum), sha1(&answer.body), "{}", site.url);
            return text(&answer);
        }
    }
    panic!("{path} does not come to rest");
}

/// Many deploy versions of one artifact at once, with the metadata that each makes by itself. What was
/// acknowledged is in the metadata from then on, on all servers.
async fn metadata_while_deploying(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, Maven::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let each = sized(25, 3);
    let path = format!("{}/maven-metadata.xml", folder("busy"));
    together(WORKERS, |worker| {
        let (cluster, acknowledged) = (cluster.clone(), acknowledged.clone());
        let path = path.clone();
        async move {
            for number in 0..each {
                let version = Maven.version(worker * each + number);
                let release = Maven.release("busy", &version, 1);
                let outcome = Maven.publish(&cluster.site(), &release).await;
                assert!(outcome.is_acknowledged(), "{version}: {outcome:?}");
                acknowledged.lock().unwrap().insert(version.clone());
                // A client's own metadata, which knows of its version alone, and its checksum.
                let own = format!(
                    "<metadata><groupId>org.acme</groupId><artifactId>busy</artifactId><versioning>\
                     <release>{version}</release><versions><version>{version}</version></versions>\
                     <lastUpdated>20261123001855</lastUpdated></versioning></metadata>"
                );
                let sum = sha1(own.as_bytes());
                cluster.site().send(put(&*path, own)).await.good();
                let checksum = put(format!("{path}.sha1"), sum);
                cluster.site().send(checksum).await.good();
                let before = acknowledged.lock().unwrap().clone();
                let site = cluster.site();
                let xml = text(&site.get(&*path).await.good());
                let listed: BTreeSet<_> = elements(&xml, "version").into_iter().collect();
                let missing: Vec<_> = before.difference(&listed).collect();
                assert!(missing.is_empty(), "{}: {missing:?} of {xml}", site.url);
            }
        }
    })
    .await;
    let wanted: Vec<_> = (0..WORKERS * each).map(|n| Maven.version(n)).collect();
    for site in cluster.sites() {
        let xml = metadata(&site, &path).await;
        assert_eq!(elements(&xml, "version"), wanted, "{}", site.url);
        let last = wanted.last().unwrap();
        assert_eq!(elements(&xml, "release"), [last.as_str()]);
    }
}

/// Many deploy builds of one snapshot at once. All are there, and the metadata names the newest.
async fn snapshots_at_once(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, Maven::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    let at = format!("{}/2.0-SNAPSHOT", folder("nightly"));
    // Some have the number of others, as builds that run at once have, but not their time.
    let builds: Vec<_> = (0..WORKERS)
        .map(|number| format!("2.0-20261123.0018{number:02}-{}", number / 2 + 1))
        .collect();
    together(WORKERS, |worker| {
        let (cluster, at, build) = (cluster.clone(), at.clone(), builds[worker].clone());
        async move {
            let jar = Maven.build("nightly", &build, worker as u64);
            let pom = maven::pom("nightly", "2.0-SNAPSHOT").into();
            for (extension, bytes) in [("jar", jar), ("pom", pom)] {
                let path = format!("{at}/nightly-{build}.{extension}");
                cluster.site().send(put(path, bytes)).await.good();
            }
        }
    })
    .await;
    let newest = builds.last().unwrap();
    for site in cluster.sites() {
        let xml = metadata(&site, &format!("{at}/maven-metadata.xml")).await;
        let values: BTreeSet<_> = elements(&xml, "value").into_iter().collect();
        assert_eq!(values, BTreeSet::from([newest.clone()]), "{xml}");
        assert_eq!(elements(&xml, "timestamp"), ["20261123.001819"], "{xml}");
        let literal = site.get(format!("{at}/nightly-2.0-SNAPSHOT.jar")).await;
        let wanted = Maven.build("nightly", newest, WORKERS as u64 - 1);
        assert_eq!(literal.good().body, wanted, "{}", site.url);
        for (number, build) in builds.iter().enumerate() {
            let answer = site.get(format!("{at}/nightly-{build}.jar")).await.good();
            let wanted = Maven.build("nightly", build, number as u64);
            assert_eq!(answer.body, wanted, "{}", site.url);
        }
        // The next build of the same time and number, with other bytes.
        let again = put(format!("{at}/nightly-{newest}.jar"), "other");
        assert_eq!(site.send(again).await.status, 409);
    }
}

/// What one server has deleted is gone from all, and from the metadata; nobody takes its place.
async fn deleted_everywhere(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, "maven:artifact:org.acme:*:delete", &[]) else {
        return;
    };
    let sites = cluster.sites();
    for turn in 0..4 {
        let writer = &sites[turn % sites.len()];
        let package = format!("deleted-{turn}");
        for version in ["1.0", "1.1"] {
            let release = Maven.release(&package, version, 1);
            assert!(Maven.publish(writer, &release).await.is_acknowledged());
        }
        for extension in ["jar", "pom"] {
            let path = file(&package, "1.1", extension);
            let answer = writer.send(Request::new(Method::DELETE, path)).await;
            assert_eq!(answer.status, 204, "{answer}");
        }
        for site in &sites {
            let listing = Maven.listing(site, &package).await.unwrap();
            let versions: Vec<_> = listing.versions.keys().collect();
            assert_eq!(versions, ["1.0"], "{}", site.url);
            let answer = site.get(file(&package, "1.1", "jar")).await;
            assert_eq!(answer.status, 404, "{}: {answer}", site.url);
            let again = put(file(&package, "1.1", "jar"), "other bytes");
            assert_eq!(site.send(again).await.status, 409, "{}", site.url);
        }
        let path = file(&package, "1.0", "jar");
        writer.send(Request::new(Method::DELETE, path)).await.good();
        let path = file(&package, "1.0", "pom");
        writer.send(Request::new(Method::DELETE, path)).await.good();
        for site in &sites {
            let path = format!("{}/maven-metadata.xml", folder(&package));
            assert_eq!(site.get(&*path).await.status, 404, "{}", site.url);
            let sum = site.get(format!("{path}.sha1")).await;
            assert_eq!(sum.status, 404, "{}", site.url);
        }
    }
}
