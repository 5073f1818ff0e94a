//! What a push asks of an S3 server.

use bytes::Bytes;
use http::{Method, StatusCode};
use registry_tests::minio::{self, minio};
use registry_tests::oci::{self, Image, Oci, Way};
use registry_tests::place::Place;
use registry_tests::random::Random;
use registry_tests::s3_proxy::{Call, S3Proxy};
use registry_tests::{Answer, Cluster, Ecosystem, Request, Site};

/// Servers behind a proxy.
struct Counted {
    cluster: Cluster,
    proxy: S3Proxy,
    prefix: String,
    random: Random,
    faults: Vec<String>,
}

impl Counted {
    async fn start() -> Option<Self> {
        let minio = tokio::task::block_in_place(minio)?;
        let mut environment = minio.environment();
        let proxy = S3Proxy::before(&mut environment).await;
        let place = Place::bucket("s3", minio::BUCKET, environment);
        let prefix = format!("{}/", place.url.replacen("s3:/", "", 1));
        let cluster = Cluster::over(place, 2, Oci::SCOPE, &[]);
        let random = Random::new(1);
        // Both know their keys and their user by now.
        for site in cluster.sites() {
            let begun = Request::new(Method::POST, oci::uploads("warm"));
            site.send(begun).await.good();
        }
        let all = proxy.take();
        assert!(!all.is_empty(), "nothing went through the proxy");
        Some(Self {
            cluster,
            proxy,
            prefix,
            random,
            faults: Vec::new(),
        })
    }

    fn blob(&mut self, length: usize) -> Bytes {
        self.random.bytes(length).into()
    }

    /// What was asked, look-ups for auth aside, which may take `most` calls.
    fn count(&mut self, what: &str, answer: &Answer, most: usize) -> Vec<Call> {
        assert_eq!(answer.status, StatusCode::CREATED, "{what}: {answer}");
        let mut calls = self.proxy.take();
        let copies = calls.iter().filter(|call| call.copies()).count();
        for call in &mut calls {
            call.path = call.path.replacen(&self.prefix, "", 1);
        }
        calls.retain(|call| !call.path.starts_with("auth/"));
        println!("{what}: {} calls", calls.len());
        let lines = calls.iter().map(|call| format!("    {call}"));
        let lines = lines.collect::<Vec<_>>().join("\n");
        println!("{lines}");
        if calls.len() > most {
            let count = calls.len();
            self.faults
                .push(format!("{what}: {count} calls and not {most}:\n{lines}"));
        }
        if copies > 0 {
            self.faults
                .push(format!("{what}: {copies} copies:\n{lines}"));
        }
        calls
    }

    fn finish(self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }
}

/// How many bytes went to where blobs' bytes lie.
fn content(calls: &[Call]) -> u64 {
    let content = calls.iter();
    let content = content.filter(|call| call.path.starts_with("oci/content/"));
    content.map(|call| call.length).sum()
}

async fn upload(site: &Site, repository: &str, blob: &Bytes, way: Way) -> Answer {
    let answer = oci::upload(site, repository, blob, way).await;
    answer.expect("the server answers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_blob() {
    let Some(mut counted) = Counted::start().await else {
        return;
    };
    let (here, there) = (counted.cluster.site_of(0), counted.cluster.site_of(1));
    for (what, way, pieces, most) in [
        ("POST, PATCH, PUT", Way::Patch, 1, 6),
        ("POST, PUT", Way::Put, 1, 5),
        ("POST", Way::Whole, 1, 4),
        ("POST, 3 PATCH, PUT", Way::Pieces(3), 3, 12),
    ] {
        let blob = counted.blob(1000);
        let answer = upload(&here, "calls/new", &blob, way).await;
        let calls = counted.count(what, &answer, most);
        assert_eq!(content(&calls), 1000, "{what}: bytes sent");
        let read = there.get(oci::blob_path("calls/new", &oci::digest(&blob)));
        assert_eq!(read.await.good().body, blob, "{what}");
        counted.proxy.take();

        let answer = upload(&here, "calls/new", &blob, way).await;
        // The bytes that came for nothing go.
        // The pieces that are kept are looked for, and those that came for nothing go.
        counted.count(&format!("{what} again"), &answer, most + 2 * pieces);
    }

    let blob = counted.blob(1000);
    let begun = Request::new(Method::POST, oci::uploads("calls/new"));
    let begun = here.send(begun).await;
    let patch = oci::octets(Method::PATCH, oci::location(&begun), blob.clone());
    let patched = there.send(patch).await;
    let end = oci::finish(&oci::location(&patched), &oci::digest(&blob));
    let answer = here.send(Request::new(Method::PUT, end)).await;
    counted.count("POST here, PATCH there, PUT here", &answer, 7);

    // Parts of 8 MiB, which are begun and ended by a call each.
    let blob = counted.blob(20 << 20);
    let answer = upload(&here, "calls/large", &blob, Way::Patch).await;
    let calls = counted.count("20 MiB", &answer, 5 + 2 + 3);
    assert!(content(&calls) >= 20 << 20, "bytes sent");
    let mount = format!(
        "{}?mount={}&from=calls/large",
        oci::uploads("calls/mounted"),
        oci::digest(&blob)
    );
    let answer = here.send(Request::new(Method::POST, mount)).await;
    counted.count("a mount", &answer, 4);
    counted.finish();
}

async fn push(counted: &mut Counted, site: &Site, image: &Image, most: usize) {
    for blob in &image.blobs {
        let seen = oci::head_blob(site, "calls/image", &oci::digest(blob)).await;
        let seen = seen.expect("the server answers").status;
        counted.proxy.take();
        if seen == StatusCode::NOT_FOUND {
            let answer = upload(site, "calls/image", blob, Way::Patch).await;
            counted.count("a blob of the image", &answer, 6);
        }
    }
    let answer = oci::put_manifest(site, "calls/image", "latest", image).await;
    counted.count("its manifest", &answer.expect("the server answers"), most);
}

/// A whole image with two layers, and then what takes it away again: nothing of it copies either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_image() {
    let Some(mut counted) = Counted::start().await else {
        return;
    };
    let site = counted.cluster.site_of(0);
    let layers = [counted.blob(1000), counted.blob(1000)];
    // The first of all, for which the log is looked for.
    let first = Image::new("1", layers.to_vec());
    push(&mut counted, &site, &first, 19).await;
    // Of each blob whether it is held and where its bytes are; before and after, whether a
    // collection is under way; the manifest and the tag, which is known, each with its entry in
    // the log.
    let image = Image::new("2", layers.to_vec());
    push(&mut counted, &site, &image, 3 * 2 + 2 + 5 + 4).await;
    let path = oci::manifest_path("calls/image", &image.digest);
    let deleted = site.send(Request::delete(path)).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED, "{deleted}");
    counted.cluster.gc();
    let calls = counted.proxy.take();
    assert!(!calls.iter().any(Call::copies), "{calls:#?}");
    let deletes = calls.iter().filter(|call| {
        let bulk = call.method == "POST" && call.query.contains("delete");
        call.method == "DELETE" || bulk
    });
    let deletes: Vec<_> = deletes.map(ToString::to_string).collect();
    assert!(!deletes.is_empty(), "no bytes went");
    println!("{}", deletes.join("\n"));
    counted.finish();
}
