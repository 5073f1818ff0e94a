//! What was told to be there, and so need not be sent, stays for as long as a push may take; what
//! nobody needs goes when it is older than the grace.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Method;
use registry_tests::oci::{self, Image, Oci, Way, blob_path};
use registry_tests::{Cell, Cluster, Ecosystem, Kind, Request, Site};

use super::{check_blob, content};

const REPOSITORY: &str = "grace/a";
const OTHER: &str = "grace/b";

fn start() -> Cluster {
    let cell = Cell {
        kind: Kind::Directory,
        replicas: 2,
    };
    Cluster::start(cell, Oci::SCOPE, &[]).unwrap()
}

/// Makes all that is stored of the mount two days older.
fn age(cluster: &Cluster) {
    let folder = cluster.place.directory.as_ref().unwrap();
    let then = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    age_below(&folder.join("oci"), then);
}

fn age_below(folder: &Path, then: SystemTime) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age_below(&path, then);
        } else {
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(then).unwrap();
        }
    }
}

/// Who comes to rely on a blob, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rely {
    Nobody,
    /// Somebody who may only read, and so will not push.
    Reader,
    Head,
    Mount,
    Upload,
}

impl Rely {
    fn repository(self) -> &'static str {
        match self {
            Self::Mount => OTHER,
            _ => REPOSITORY,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_relied_on_stays() {
    let cluster = start();
    let sites = cluster.sites();
    let ways = [
        Rely::Nobody,
        Rely::Reader,
        Rely::Head,
        Rely::Mount,
        Rely::Upload,
    ];
    let blob = |number: usize| Oci.build(REPOSITORY, "", number as u64);
    for number in 0..ways.len() {
        upload(&sites[0], REPOSITORY, &blob(number)).await;
    }
    // Young, it all stays; and a dry run of a later one takes nothing either.
    let report = cluster.run(&["gc"]);
    assert!(report.contains(" 0 that nothing names"), "{report}");
    age(&cluster);
    let dry = cluster.run(&["gc", "--dry-run"]);
    assert!(dry.contains(" 5 that nothing names"), "{dry}");

    for (number, way) in ways.into_iter().enumerate() {
        rely(&sites[number % 2], way, &blob(number)).await;
    }
    let report = cluster.run(&["gc"]);
    assert!(report.contains(" 2 that nothing names"), "{report}");
    for (number, way) in ways.into_iter().enumerate() {
        let repository = way.repository();
        let image = Image::new(&format!("{number}"), vec![blob(number)]);
        upload(&sites[0], repository, &image.blobs[0]).await;
        let answer = oci::put_manifest(&sites[1], repository, "latest", &image).await;
        let answer = answer.unwrap();
        if [Rely::Nobody, Rely::Reader].contains(&way) {
            assert_eq!(answer.status, 400, "{way:?}: {answer}");
            continue;
        }
        assert_eq!(answer.status, 201, "{way:?}: {answer}");
        check_blob(&sites, repository, &blob(number)).await;
    }
    // What a manifest names stays, though its tag is another's and however old it is.
    age(&cluster);
    cluster.run(&["gc"]);
    for (number, way) in ways.into_iter().enumerate().skip(2) {
        check_blob(&sites, way.repository(), &blob(number)).await;
    }
    let (code, printed) = cluster.verify();
    assert_eq!(code, Some(0), "{printed}");
}

async fn rely(site: &Site, way: Rely, blob: &Bytes) {
    let digest = oci::digest(blob);
    match way {
        Rely::Nobody => {}
        Rely::Reader | Rely::Head => {
            let site = match way {
                Rely::Reader => site.anonymous(),
                _ => site.clone(),
            };
            let request = Request::new(Method::HEAD, blob_path(REPOSITORY, &digest));
            assert_eq!(site.send(request).await.status, 200);
        }
        Rely::Mount => {
            let begin = oci::uploads(OTHER);
            let path = format!("{begin}?mount={digest}&from={REPOSITORY}");
            let answer = site.send(Request::new(Method::POST, path)).await;
            assert_eq!(answer.status, 201, "{answer}");
        }
        Rely::Upload => upload(site, REPOSITORY, blob).await,
    }
}

async fn upload(site: &Site, repository: &str, blob: &Bytes) {
    let answer = oci::upload(site, repository, blob, Way::Whole).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 201, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_nobody_goes_on_with_expire() {
    let cluster = start();
    let sites = cluster.sites();
    let folder = cluster.place.directory.as_ref().unwrap();
    let mut places = Vec::new();
    for number in 0..2 {
        let begun = Request::new(Method::POST, oci::uploads(REPOSITORY));
        let begun = sites[0].send(begun).await;
        let place = oci::location(&begun);
        let piece = Oci.build(REPOSITORY, "", number);
        let piece = oci::octets(Method::PATCH, place.clone(), piece);
        assert_eq!(sites[1].send(piece).await.status, 202);
        places.push(place);
    }
    cluster.gc();
    assert_eq!(content(folder).len(), 2);
    age(&cluster);
    for (number, place) in places.iter().enumerate() {
        let answer = sites[number % 2].get(place).await;
        assert_eq!(answer.status, 404, "{answer}");
        let piece = Oci.build(REPOSITORY, "", 2);
        let piece = oci::octets(Method::PATCH, place.clone(), piece);
        let answer = sites[number % 2].send(piece).await;
        assert_eq!(answer.status, 404, "{answer}");
        assert_eq!(oci::code(&answer), "BLOB_UPLOAD_UNKNOWN", "{answer}");
    }
    cluster.run(&["gc"]);
    assert_eq!(content(folder), Vec::<String>::new());
}
