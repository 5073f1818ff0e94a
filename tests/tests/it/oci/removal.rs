//! A blob that several repositories hold is removed from one after the other.

use bytes::Bytes;
use http::Method;
use registry_tests::oci::{self, Image, Oci, Way, blob_path, manifest_path};
use registry_tests::random::Random;
use registry_tests::{Cell, Cluster, Ecosystem, Request, Site};

use super::{check_blob, content};

mod one_by_one {
    use super::*;

    registry_tests::cells!(one_by_one, two 2);
}

/// The repositories, and how each comes to hold the layer.
const REPOSITORIES: [&str; 3] = ["removal/uploaded", "removal/mounted", "removal/again"];

async fn one_by_one(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, Oci::SCOPE, &[]) else {
        return;
    };
    let sites = cluster.sites();
    let layer = Bytes::from(Random::new(3).bytes(30_000));
    let image = Image::new("1.0.0", vec![layer.clone()]);
    for (number, repository) in REPOSITORIES.into_iter().enumerate() {
        let site = &sites[number % 2];
        uploaded(site, repository, &image.blobs[0]).await;
        if number == 1 {
            mounted(site, repository, &layer, REPOSITORIES[0]).await;
        } else {
            uploaded(site, repository, &layer).await;
        }
        put(site, repository, &image, 201).await;
    }
    // Nothing that is named goes, nor is it there twice.
    let kept = cluster.gc();
    assert!(kept.contains(" 0 that nothing names"), "{kept}");
    if let Some(folder) = &cluster.place.directory {
        assert_eq!(content(folder).len(), 2);
    }

    let digest = oci::digest(&layer);
    for (number, repository) in REPOSITORIES.into_iter().enumerate() {
        let delete = Request::delete(blob_path(repository, &digest));
        let answer = sites[number % 2].send(delete.clone()).await;
        assert_eq!(answer.status, 202, "{answer}");
        let rest = &REPOSITORIES[number + 1..];
        for _ in 0..2 {
            for site in &sites {
                gone(site, repository, &digest).await;
                let answer = site.send(delete.clone()).await;
                assert_eq!(answer.status, 404, "{answer}");
            }
            for other in rest {
                check_blob(&sites, other, &layer).await;
            }
            if !rest.is_empty() {
                let kept = cluster.gc();
                assert!(kept.contains(" 0 that nothing names"), "{kept}");
            }
        }
        // The image is not whole any more.
        put(
            &sites[number % 2],
            repository,
            &Image::new("2", vec![layer.clone()]),
            400,
        )
        .await;
        let path = manifest_path(repository, &image.digest);
        let answer = sites[number % 2].send(Request::delete(path)).await;
        assert_eq!(answer.status, 202, "{answer}");
    }
    let collected = cluster.gc();
    let bytes = format!("({} bytes)", layer.len());
    let line = |line: &str| line.starts_with("oci/content/") && line.ends_with(&bytes);
    assert!(collected.lines().any(line), "{collected}");
    if let Some(folder) = &cluster.place.directory {
        assert_eq!(content(folder), Vec::<String>::new());
    }
    comes_again(&cluster, &sites, &image).await;
}

/// What was collected can be pushed again, where it was and elsewhere.
async fn comes_again(cluster: &Cluster, sites: &[Site], image: &Image) {
    for (number, repository) in REPOSITORIES.into_iter().enumerate() {
        let site = &sites[number % 2];
        put(site, repository, image, 400).await;
        for blob in &image.blobs {
            gone(site, repository, &oci::digest(blob)).await;
            uploaded(site, repository, blob).await;
        }
        put(site, repository, image, 201).await;
        cluster.gc();
        for blob in &image.blobs {
            check_blob(sites, repository, blob).await;
        }
    }
    let (code, printed) = cluster.verify();
    assert_eq!(code, Some(0), "{printed}");
}

async fn uploaded(site: &Site, repository: &str, blob: &Bytes) {
    let answer = oci::upload(site, repository, blob, Way::Patch).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 201, "{answer}");
}

async fn mounted(site: &Site, repository: &str, blob: &Bytes, from: &str) {
    let begin = oci::uploads(repository);
    let path = format!("{begin}?mount={}&from={from}", oci::digest(blob));
    let answer = site.send(Request::new(Method::POST, path)).await;
    assert_eq!(answer.status, 201, "{answer}");
}

async fn put(site: &Site, repository: &str, image: &Image, status: u16) {
    let answer = oci::put_manifest(site, repository, "latest", image).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, status, "{answer}");
    if status == 400 {
        assert_eq!(oci::code(&answer), "MANIFEST_BLOB_UNKNOWN", "{answer}");
    }
}

async fn gone(site: &Site, repository: &str, digest: &str) {
    let path = blob_path(repository, digest);
    let answer = site.get(&path).await;
    assert_eq!(answer.status, 404, "{}: {answer}", site.url);
    assert_eq!(oci::code(&answer), "BLOB_UNKNOWN", "{answer}");
    let answer = site.send(Request::new(Method::HEAD, path)).await;
    assert_eq!(answer.status, 404, "{}: {answer}", site.url);
}
