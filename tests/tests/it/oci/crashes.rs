//! A server is killed before each of the calls to the store that a push consists of. The push, sent
//! again to another server, is whole, and stays so when nobody else holds its blobs any more.

use registry_tests::ecosystem::check_artifact;
use registry_tests::minio::{self, minio};
use registry_tests::oci::{Image, Oci, manifest_path};
use registry_tests::place::Place;
use registry_tests::s3_proxy::{Call, S3Proxy};
use registry_tests::{Cluster, Ecosystem, Outcome, Release, Request, Site, sized};

/// What changes something that others see.
fn commits(call: &Call) -> bool {
    let folders = ["/oci/repositories/", "/oci/blobs/", "/oci/log/"];
    let seen = folders.iter().any(|folder| call.path.contains(folder));
    call.method == "PUT" && seen
}

/// Everything but what servers ask by themselves.
fn asks(call: &Call) -> bool {
    !call.path.contains("/auth/")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_each_call() {
    let Some(minio) = tokio::task::block_in_place(minio) else {
        return;
    };
    let mut environment = minio.environment();
    let proxy = S3Proxy::before(&mut environment).await;
    let place = Place::bucket("s3", minio::BUCKET, environment);
    let cluster = Cluster::over(place, 2, Oci::SCOPE, &[]);
    let which = sized(asks as fn(&Call) -> bool, commits);
    let mut crashes = 0;
    // Two blobs, each with its holder and its record; the manifest and the tag, each with its entry
    // in the log.
    let least = 2 * 2 + 2 * 2;
    while crash(&cluster, &proxy, which, crashes).await {
        crashes += 1;
    }
    assert!(crashes >= least, "only {crashes} crashes");
    println!("{crashes} crashes");
    let (code, printed) = cluster.verify();
    assert_eq!(code, Some(0), "{printed}");
}

/// Whether the push had not come to its end before that call.
async fn crash(cluster: &Cluster, proxy: &S3Proxy, which: fn(&Call) -> bool, after: usize) -> bool {
    let (here, there) = (cluster.site_of(0), cluster.site_of(1));
    let release = Oci.release(&format!("crashes/{after}"), "1.0.0", after as u64);
    let elsewhere = Release {
        package: "crashes/elsewhere".to_owned(),
        ..release.clone()
    };
    assert_published(&there, &elsewhere).await;

    proxy.take();
    proxy.stall(which, after);
    let mut pushed = {
        let (here, release) = (here.clone(), release.clone());
        tokio::spawn(async move { Oci.publish(&here, &release).await })
    };
    let last = tokio::select! {
        () = proxy.stalled() => proxy.take().pop().expect("it is among them"),
        outcome = &mut pushed => {
            let outcome = outcome.unwrap();
            proxy.resume();
            assert!(outcome.is_acknowledged(), "{outcome:?}");
            return false;
        }
    };
    cluster.kill(0);
    proxy.resume();
    let outcome = pushed.await.unwrap();
    assert!(matches!(outcome, Outcome::Lost(_)), "{outcome:?}");
    println!("killed before {last}");

    // What is there already is whole.
    let listing = Oci.listing(&there, &release.package).await.unwrap();
    for artifact in listing.versions.values() {
        check_artifact(&Oci, &there, artifact).await.unwrap();
    }
    assert_published(&there, &release).await;
    let path = manifest_path(&elsewhere.package, &Image::of(&elsewhere).digest);
    let deleted = there.send(Request::delete(path)).await;
    assert_eq!(deleted.status, 202, "{deleted}");
    cluster.gc();
    cluster.restart(0);
    for site in cluster.sites() {
        let listing = Oci.listing(&site, &release.package).await.unwrap();
        assert!(listing.has(&Oci, &release), "{last}: {listing:?}");
        let artifact = &listing.versions[&release.version];
        let read = check_artifact(&Oci, &site, artifact).await;
        read.unwrap_or_else(|fault| panic!("killed before {last}: {fault}"));
    }
    true
}

async fn assert_published(site: &Site, release: &Release) {
    let outcome = Oci.publish(site, release).await;
    assert!(outcome.is_acknowledged(), "{}: {outcome:?}", site.url);
}
