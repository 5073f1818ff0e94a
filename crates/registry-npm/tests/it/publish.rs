//! Publishing: what is taken, what is refused, and that nothing stays of what is refused.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use http::StatusCode;
use registry_core::{
    protocol::{Builder, Mount, Options},
    storage::{Directory, Memory, Storage},
    store::{Operation, StorageHook},
};
use registry_npm::{Npm, NpmConfig};
use registry_testkit::{Client, TestAuth};
use serde_json::{Value, json};

use crate::{fixture::Package, registry, writer};

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_is_read_back() {
    let client = writer();
    for name in ["left-pad", "@acme/x"] {
        let package = Package::new(name, "1.0.0");
        let answer = client.put(&package.path(), package.body()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let packument = client.get(&package.path()).await.json();
        assert_eq!(packument["dist-tags"]["latest"], "1.0.0");
        assert_eq!(packument["time"]["1.0.0"], "2026-01-02T03:04:05.678Z");
        let dist = &packument["versions"]["1.0.0"]["dist"];
        assert_eq!(dist["integrity"], package.integrity());
        let unscoped = name.rsplit('/').next().unwrap();
        let tarball = format!("http://test/npm/{name}/-/{unscoped}-1.0.0.tgz");
        assert_eq!(dist["tarball"], tarball);
        let bytes = client
            .get(tarball.strip_prefix("http://test").unwrap())
            .await;
        assert_eq!(bytes.body, package.tarball);
        assert!(bytes.header("cache-control").contains("immutable"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_are_harmless_and_conflicts_are_told() {
    let client = writer();
    let package = Package::new("a", "1.0.0");
    for _ in 0..3 {
        assert_eq!(
            client.put("/npm/a", package.body()).await.status,
            StatusCode::CREATED
        );
    }
    let other = Package::with("a", "1.0.0", json!({}), b"other");
    let twin = Package::new("a", "1.0.0+build");
    for conflict in [other, twin] {
        let answer = client.put("/npm/a", conflict.body()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains("cannot publish over the previously published versions: 1.0.0"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_npm_cleans_in_the_document_alone_is_taken() {
    let client = writer();
    let inside = json!({ "name": " a ", "version": "1.0.0+build.7" });
    let tarball = crate::fixture::tarball(&inside, b"");
    let package = Package {
        tarball,
        ..Package::new("a", "1.0.0")
    };
    let answer = client.put("/npm/a", package.body()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let maintainer = client.get("/npm/a").await.json()["maintainers"][0].clone();
    assert_eq!(maintainer, json!({ "name": "writer", "email": "" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_version_is_latest_whatever_its_tag() {
    let client = writer();
    client
        .put(
            "/npm/a",
            Package::new("a", "1.0.0-beta.1").tagged("beta").body(),
        )
        .await;
    let tags = |client: &registry_testkit::Client| {
        let client = client.clone();
        async move { client.get("/npm/-/package/a/dist-tags").await.json() }
    };
    assert_eq!(
        tags(&client).await,
        json!({ "beta": "1.0.0-beta.1", "latest": "1.0.0-beta.1" })
    );
    client
        .put(
            "/npm/a",
            Package::new("a", "1.0.0-beta.2").tagged("beta").body(),
        )
        .await;
    assert_eq!(
        tags(&client).await,
        json!({ "beta": "1.0.0-beta.2", "latest": "1.0.0-beta.1" })
    );
    client
        .put("/npm/a", Package::new("a", "1.0.0").body())
        .await;
    assert_eq!(
        tags(&client).await,
        json!({ "beta": "1.0.0-beta.2", "latest": "1.0.0" })
    );
}

async fn stored(storage: &dyn Storage) -> Vec<String> {
    let all = storage
        .list(None, None)
        .map(|entry| entry.unwrap().key.to_string());
    all.collect().await
}

/// What is wrong with a publish of `a@1.0.0`, and how it is answered.
type Case = (&'static str, u16, &'static str, Box<dyn Fn(&mut Value)>);

fn case(
    what: &'static str,
    status: u16,
    error: &'static str,
    change: impl Fn(&mut Value) + 'static,
) -> Case {
    (what, status, error, Box::new(change))
}

fn attachment(document: &mut Value) -> &mut Value {
    &mut document["_attachments"]["a-1.0.0.tgz"]
}

fn with_tarball(bytes: Vec<u8>) -> impl Fn(&mut Value) {
    move |document| {
        let package = Package {
            tarball: bytes.clone(),
            ..Package::new("a", "1.0.0")
        };
        *document = package.document();
    }
}

fn cases() -> Vec<Case> {
    let of = |name: &str, version: &str| {
        crate::fixture::tarball(&json!({ "name": name, "version": version }), b"")
    };
    let gzip = |bytes: &[u8]| {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let mut torn = of("a", "1.0.0");
    torn.truncate(torn.len() - 5);
    let mut bent = of("a", "1.0.0");
    let crc = bent.len() - 6;
    bent[crc] ^= 1;
    vec![
        case("another name", 400, "name", |d| d["name"] = json!("b")),
        case("another id", 400, "_id", |d| d["_id"] = json!("b")),
        case("another name within", 400, "name", |d| {
            d["versions"]["1.0.0"]["name"] = json!("b")
        }),
        case("another version within", 400, "version", |d| {
            d["versions"]["1.0.0"]["version"] = json!("1.0.1")
        }),
        case("no semver", 400, "semver", |d| {
            let version = d["versions"]["1.0.0"].take();
            d["versions"] = json!({ "one": version });
        }),
        case("two versions", 400, "exactly one version", |d| {
            d["versions"]["1.0.1"] = d["versions"]["1.0.0"].clone();
        }),
        case("a range for a tag", 400, "tag", |d| {
            d["dist-tags"] = json!({ "1.x": "1.0.0" })
        }),
        case("a tag for another version", 400, "tag", |d| {
            d["dist-tags"] = json!({ "x": "2.0.0" })
        }),
        case("a hostile tag", 400, "__proto__", |d| {
            d["dist-tags"] = serde_json::from_str(r#"{"__proto__":"1.0.0"}"#).unwrap();
        }),
        case("private", 400, "private", |d| {
            d["versions"]["1.0.0"]["private"] = json!(true)
        }),
        case("no base64", 400, "base64", |d| {
            attachment(d)["data"] = json!("§§§§")
        }),
        case("too long", 400, "length", |d| {
            attachment(d)["length"] = json!(3)
        }),
        case("wrong integrity", 400, "integrity", |d| {
            d["versions"]["1.0.0"]["dist"]["integrity"] = json!("sha512-AAAA");
        }),
        case("wrong shasum", 400, "shasum", |d| {
            d["versions"]["1.0.0"]["dist"]["shasum"] = json!("00");
        }),
        case(
            "no gzip",
            400,
            "gzip",
            with_tarball(b"no gzip at all".to_vec()),
        ),
        case("no tar", 400, "", with_tarball(gzip(&[7; 3000]))),
        case(
            "no package.json",
            400,
            "package.json",
            with_tarball(gzip(&[0; 1024])),
        ),
        case("torn", 400, "", with_tarball(torn)),
        case("bent", 400, "", with_tarball(bent)),
        case(
            "of another package",
            400,
            "package.json",
            with_tarball(of("b", "1.0.0")),
        ),
        case(
            "of another version",
            400,
            "package.json",
            with_tarball(of("a", "2.0.0")),
        ),
        case("a bomb", 413, "", with_tarball(gzip(&vec![0; 100 << 20]))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_and_nothing_is_kept() {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    let client = registry(storage.clone(), NpmConfig::default()).token("writer");
    for (what, status, error, change) in cases() {
        let mut document = Package::new("a", "1.0.0").document();
        change(&mut document);
        let answer = client.put("/npm/a", document.to_string()).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
        let told = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(
            told.to_lowercase().contains(&error.to_lowercase()),
            "{what}: {told}"
        );
        while !stored(&*storage).await.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            client.get("/npm/a").await.status,
            StatusCode::NOT_FOUND,
            "{what}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_refused() {
    let client = writer();
    let whole = Package::new("a", "1.0.0").body();
    let nested = "[".repeat(10_000);
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\"x\"",
        &whole[..whole.len() - 9],
        &nested,
        &format!("{whole}x"),
    ] {
        let answer = client.put("/npm/a", body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body:.40}");
        assert!(answer.json()["error"].is_string());
    }
    let large = NpmConfig {
        max_tarball: 100,
        ..NpmConfig::default()
    };
    let small = registry(Arc::new(Memory::default()), large).token("writer");
    let answer = small.put("/npm/a", whole).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_nothing_may_have() {
    let client = writer();
    let long = "n".repeat(215);
    for name in [
        "Upper",
        "node_modules",
        "a b",
        "~a",
        long.as_str(),
        "__proto__",
    ] {
        let package = Package::new(name, "1.0.0");
        let path = format!("/npm/{}", name.replace(' ', "%20"));
        let answer = client.put(&path, package.body()).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{name}: {}",
            answer.text()
        );
    }
    let longest = Package::new(&"n".repeat(214), "1.0.0");
    assert_eq!(
        client.put(&longest.path(), longest.body()).await.status,
        StatusCode::CREATED
    );
    assert_eq!(client.get(&longest.path()).await.status, StatusCode::OK);
    let found = client.get("/npm/-/v1/search?text=nnn").await.json();
    assert_eq!(found["total"], 1);
    let inert = Package::new("constructor", "1.0.0");
    assert_eq!(
        client.put(&inert.path(), inert.body()).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_in_npms_words() {
    let client = registry(Arc::new(Memory::default()), NpmConfig::default());
    let package = Package::new("a", "1.0.0");
    let nobody = client.put("/npm/a", package.body()).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    let reader = client.token("reader").put("/npm/a", package.body()).await;
    assert_eq!(reader.status, StatusCode::FORBIDDEN);
    let error = reader.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("reader may not write the package a"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_may_be_enforced() {
    let config = NpmConfig {
        owners_enforced: true,
        ..NpmConfig::default()
    };
    let client = registry(Arc::new(Memory::default()), config);
    client
        .token("admin")
        .put("/npm/a", Package::new("a", "1.0.0").body())
        .await;
    let writer = client.token("writer");
    let refused = writer
        .put("/npm/a", Package::new("a", "1.0.1").body())
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let rev = client.get("/npm/a").await.json()["_rev"]
        .as_str()
        .unwrap()
        .to_owned();
    let owners = json!({ "_id": "a", "_rev": rev, "maintainers": [{ "name": "writer" }] });
    let path = format!("/npm/a/-rev/{rev}");
    assert_eq!(
        client
            .token("admin")
            .put(&path, owners.to_string())
            .await
            .status,
        StatusCode::OK
    );
    let taken = writer
        .put("/npm/a", Package::new("a", "1.0.1").body())
        .await;
    assert_eq!(taken.status, StatusCode::CREATED);
}

/// A provenance bundle of `@acme/x@1.0.0`.
fn bundle(sha512: &str) -> String {
    let statement = json!({
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{ "name": "pkg:npm/%40acme/x@1.0.0", "digest": { "sha512": sha512 } }],
    });
    let payload = STANDARD.encode(statement.to_string());
    json!({ "dsseEnvelope": { "payload": payload } }).to_string()
}

fn with_bundle(package: &Package, bundle: &str) -> String {
    let mut document = package.document();
    document["_attachments"]["@acme/x-1.0.0.sigstore"] = json!({
        "content_type": "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "data": bundle,
        "length": bundle.len(),
    });
    document.to_string()
}

fn sha512(package: &Package) -> String {
    let integrity = package.integrity();
    let sha512 = STANDARD.decode(integrity.strip_prefix("sha512-").unwrap());
    registry_core::digest::hex(&sha512.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn provenance_is_kept_and_served() {
    let client = writer();
    let package = Package::new("@acme/x", "1.0.0");
    let with = |bundle: String| with_bundle(&package, &bundle);
    let other = client.put(&package.path(), with(bundle("00"))).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
    let hex = sha512(&package);
    let taken = client.put(&package.path(), with(bundle(&hex))).await;
    assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text());
    let dist = client.get("/npm/@acme/x/1.0.0").await.json()["dist"].clone();
    assert_eq!(
        dist["attestations"]["provenance"]["predicateType"],
        "https://slsa.dev/provenance/v1"
    );
    let url = dist["attestations"]["url"].as_str().unwrap().to_owned();
    let served = client
        .get(url.strip_prefix("http://test").unwrap())
        .await
        .json();
    let served = &served["attestations"][0]["bundle"];
    assert_eq!(
        *served,
        serde_json::from_str::<Value>(&bundle(&hex)).unwrap()
    );
}

/// A hook with a fault.
struct Panics;

#[async_trait::async_trait]
impl StorageHook for Panics {
    async fn after_put(&self, _: &Operation) {
        panic!("a hook with a fault");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_panics_takes_no_bytes_along() {
    let service = Builder::new(
        Arc::new(Memory::default()),
        TestAuth::new(None),
        Options::default(),
    )
    .hook(Arc::new(Panics))
    .mount(Mount::new(Npm::default()))
    .build()
    .unwrap();
    let client = Client::new(service).token("writer");
    let package = Package::new("@acme/x", "1.0.0");
    let body = with_bundle(&package, &bundle(&sha512(&package)));
    client.put(&package.path(), body).await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    for path in [
        "@acme/x/-/x-1.0.0.tgz",
        "-/npm/v1/attestations/@acme/x@1.0.0",
    ] {
        let answer = client.get(&format!("/npm/{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}

#[test]
fn more_publishes_at_once_than_there_are_threads_come_to_an_end() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(Directory::open(folder.path()).unwrap());
    let client = registry(storage, NpmConfig::default()).token("writer");
    // What gzip makes no smaller.
    let next = |x: &u32| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let noise = std::iter::successors(Some(1u32), next).flat_map(u32::to_be_bytes);
    let noise: Vec<u8> = noise.take(4 << 20).collect();
    let package = |n| Package::with(&format!("p{n}"), "1.0.0", json!({}), &noise);
    let packages: Vec<_> = (0..6).map(package).map(|p| (p.path(), p.body())).collect();
    let publishes = packages.into_iter().map(|(path, body)| {
        let client = client.clone();
        let body = bytes::Bytes::from(body);
        let length = body.len();
        let piece = move |at| body.slice(at..body.len().min(at + (1 << 16)));
        let pieces = (0..length).step_by(1 << 16).map(piece);
        let pieces = futures_util::stream::iter(pieces).then(async |piece| {
            tokio::task::yield_now().await;
            Ok::<_, std::io::Error>(piece)
        });
        let body = registry_core::Body::from_stream(pieces, None);
        runtime.spawn(async move { client.put(&path, body).await.status })
    });
    let all = futures_util::future::join_all(publishes.collect::<Vec<_>>());
    let patience = std::time::Duration::from_secs(60);
    let all = runtime.block_on(async { tokio::time::timeout(patience, all).await });
    runtime.shutdown_background();
    for status in all.expect("the publishes wait for each other") {
        assert_eq!(status.unwrap(), StatusCode::CREATED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_write_is_told_so_and_not_listened_to() {
    let nobody = registry(Arc::new(Memory::default()), NpmConfig::default());
    let endless = || {
        let piece = |n| {
            Ok::<_, std::io::Error>(if n == 0 {
                "{\"readme\":\"".into()
            } else {
                vec![b'x'; 1 << 16]
            })
        };
        let pieces = futures_util::stream::iter((0..300).map(piece));
        registry_core::Body::from_stream(pieces.map(|piece| piece.map(bytes::Bytes::from)), None)
    };
    for (client, status) in [
        (nobody.clone(), StatusCode::UNAUTHORIZED),
        (nobody.token("reader"), StatusCode::FORBIDDEN),
        (nobody.token("writer"), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        assert_eq!(client.put("/npm/a", endless()).await.status, status);
    }
}
