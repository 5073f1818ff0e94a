//! Uploads in every shape, and what becomes of them.

use futures_util::StreamExt as _;
use registry_testkit::Keeper;

use super::*;

#[tokio::test]
async fn a_version_is_published_and_read() {
    let registry = Registry::new();
    let zip = lib("v1.0", "<?php");
    let told = registry.published("/packages/acme/lib", zip.clone()).await;
    let reference = sha1(&zip);
    assert_eq!(
        told,
        json!({
            "status": "success", "name": "acme/lib", "version": "v1.0",
            "version_normalized": "1.0.0.0", "reference": reference,
        })
    );
    let all = registry.versions("acme/lib").await;
    let url = format!("http://test/composer/dists/acme/lib/{reference}.zip");
    assert_eq!(
        all,
        [json!({
            "name": "acme/lib", "version": "v1.0", "version_normalized": "1.0.0.0",
            "description": "A library", "license": "MIT", "require": { "php": ">=8.1" },
            "dist": { "type": "zip", "url": url, "reference": reference, "shasum": reference },
            "time": "2026-01-02T03:04:05+00:00", "published-time": "2026-01-02T03:04:05+00:00",
        })]
    );
    assert!(registry.versions("acme/lib~dev").await.is_empty());
    let path = format!("/dists/acme/lib/{reference}.zip");
    let answer = registry.get(&path).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &zip[..]));
    assert_eq!(answer.headers["content-type"], "application/zip");
    // A retry changes nothing, and other content is refused.
    let again = registry.put("/packages/acme/lib", zip).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, told));
    for other in ["1.0", "v1.0.0", "1.0.0.0"] {
        let answer = registry
            .put("/packages/acme/lib", lib(other, "other"))
            .await;
        assert_eq!(answer.status, 409);
        assert!(
            message(&answer).contains("a release never changes"),
            "{other}"
        );
    }
    assert_eq!(registry.versions("acme/lib").await, all);
}

/// A form as curl sends it.
fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        let file = if *name == "package" {
            "; filename=\"a.zip\""
        } else {
            ""
        };
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        out.extend([head.as_bytes(), value, b"\r\n"].concat());
    }
    out.extend_from_slice(b"--x--\r\n");
    out
}

async fn put_form(registry: &Registry, path: &str, fields: &[(&str, &[u8])]) -> Answer {
    let writer = registry
        .writer
        .header("content-type", "multipart/form-data; boundary=x");
    writer.put(&format!("/composer{path}"), form(fields)).await
}

#[tokio::test]
async fn every_shape() {
    let registry = Registry::new();
    let unversioned = |name: &str| zip_of(&json!({ "name": name }), "<?php");
    for (path, name) in [
        ("/packages/acme/a?version=1.2.3", "acme/a"),
        ("/packages/acme/g?version=1.2.3+build", "acme/g"),
        ("/packages/upload/acme/b/1.2.3", "acme/b"),
        ("/acme/c/c-1.2.3.zip", "acme/c"),
        ("/acme/d/d.zip?properties=composer.version=1.2.3", "acme/d"),
        ("/?version=1.2.3", "acme/e"),
        ("/api/packages?version=1.2.3", "acme/f"),
    ] {
        let told = registry.published(path, unversioned(name)).await;
        assert_eq!(told["name"], name, "{path}");
        let spelled = registry.spelled(name).await;
        assert!(
            spelled == ["1.2.3"] || spelled == ["1.2.3+build"],
            "{spelled:?}"
        );
    }
    let zip = lib("1.0.0", "<?php");
    let source: [(&str, &[u8]); 3] = [
        ("src-type", b"git"),
        ("src-url", b"https://git.example/lib.git"),
        ("src-ref", b"abc"),
    ];
    for (version, fields) in [
        (
            "1.0.0",
            vec![("package", &zip[..]), source[0], source[1], source[2]],
        ),
        (
            "1.0.0",
            vec![source[0], source[1], source[2], ("package", &zip[..])],
        ),
        ("1.0.0", vec![("version", b"1.0"), ("package", &zip[..])]),
    ] {
        let answer = put_form(&registry, "/packages/upload/acme/lib/1.0.0", &fields).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        let all = registry.versions("acme/lib").await;
        assert_eq!(all[0]["version"], version);
        assert_eq!(
            all[0]["source"],
            json!({"type": "git", "url": "https://git.example/lib.git", "reference": "abc"})
        );
    }
    // In one piece or byte by byte.
    let bytes = lib("2.0.0", "<?php");
    let pieces: Vec<_> = bytes
        .chunks(7)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec().into()))
        .collect();
    let body = Body::from_stream(futures_util::stream::iter(pieces), None);
    let answer = registry.writer.send(Method::PUT, "/composer/", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(registry.spelled("acme/lib").await, ["2.0.0", "1.0.0"]);
}

#[tokio::test]
async fn branches_are_replaced_and_their_zips_stay() {
    let registry = Registry::new();
    let (first, second) = (lib("dev-main", "1"), lib("dev-main", "2"));
    registry
        .published("/packages/acme/lib", first.clone())
        .await;
    registry.later();
    registry
        .published("/packages/acme/lib", second.clone())
        .await;
    let all = registry.versions("acme/lib~dev").await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["dist"]["reference"], sha1(&second));
    assert_eq!(all[0]["published-time"], "2026-01-02T03:05:05+00:00");
    assert!(registry.versions("acme/lib").await.is_empty());
    let dist = |zip: &[u8]| format!("/dists/acme/lib/{}.zip", sha1(zip));
    for zip in [&first, &second] {
        assert_eq!(registry.get(&dist(zip)).await.body, *zip);
    }
    registry
        .published("/packages/acme/lib", lib("1.x-dev", "3"))
        .await;
    registry
        .published("/packages/acme/lib", lib("dev-feature/x", "4"))
        .await;
    let dev = registry.spelled("acme/lib~dev").await;
    assert_eq!(dev.len(), 3);
    assert_eq!(dev[0], "1.x-dev");
    // A year later the first goes, and nothing else.
    registry.clock.advance(Duration::from_secs(366 * 86_400));
    registry
        .published("/packages/acme/lib", lib("dev-main", "5"))
        .await;
    assert_eq!(registry.get(&dist(&first)).await.status, 404);
    assert_eq!(registry.get(&dist(&second)).await.body, second);
}

#[tokio::test]
async fn versions_stand_newest_first() {
    let registry = Registry::new();
    for version in [
        "1.0.0",
        "1.10.0",
        "1.2.0",
        "2.0.0-beta2",
        "2.0.0-RC1",
        "2.0.0-beta10",
        "v2.0",
    ] {
        registry
            .published("/packages/acme/lib", lib(version, version))
            .await;
    }
    let expected = [
        "v2.0",
        "2.0.0-RC1",
        "2.0.0-beta10",
        "2.0.0-beta2",
        "1.10.0",
        "1.2.0",
        "1.0.0",
    ];
    assert_eq!(registry.spelled("acme/lib").await, expected);
}

#[tokio::test]
async fn what_a_package_says_is_kept() {
    let registry = Registry::new();
    let composer = json!({
        "name": "acme/lib", "version": "1.0", "time": "2020-01-02 03:04:05", "x-unknown": { "b": [1, {}] },
        "require": {}, "autoload": { "psr-4": { "B\\": "b/", "A\\": ["a", "c"] } },
        "extra": { "branch-alias": { "dev-main": "1.x-dev" } }, "dist": { "type": "tar", "url": "http://evil" },
        "published-time": "1999", "version_normalized": "9", "transport-options": {}, "installation-source": "dist",
    });
    registry
        .published("/packages/acme/lib", zip_of(&composer, ""))
        .await;
    let version = &registry.versions("acme/lib").await[0];
    for key in ["x-unknown", "autoload", "extra"] {
        assert_eq!(version[key], composer[key], "{key}");
    }
    assert_eq!(version["time"], "2020-01-02 03:04:05");
    assert_eq!(version["published-time"], "2026-01-02T03:04:05+00:00");
    assert_eq!(version["version_normalized"], "1.0.0.0");
    assert_eq!(version["dist"]["type"], "zip");
    assert!(
        version.get("transport-options").is_none() && version.get("installation-source").is_none()
    );
}

#[tokio::test]
async fn one_zip_may_be_two_versions() {
    let registry = Registry::new();
    let zip = zip_of(&json!({ "name": "acme/lib" }), "");
    for version in ["1.0.0", "1.0.1", "dev-main"] {
        let path = format!("/packages/acme/lib?version={version}");
        registry.published(&path, zip.clone()).await;
    }
    assert_eq!(registry.spelled("acme/lib").await, ["1.0.1", "1.0.0"]);
    let dist = format!("/dists/acme/lib/{}.zip", sha1(&zip));
    assert_eq!(registry.get(&dist).await.body, zip);
    // One of them goes with its bytes only when the others are gone.
    for (version, found) in [("1.0.0", 200), ("1.0.1", 200), ("dev-main", 404)] {
        let answer = registry
            .delete(&format!("/packages/acme/lib/{version}?purge=1"))
            .await;
        assert_eq!(answer.status, 204);
        assert_eq!(registry.get(&dist).await.status, found, "{version}");
    }
}

#[tokio::test]
async fn a_second_version_of_a_zip_stores_no_second_and_is_taken_by_who_keeps_all() {
    for hooks in [Vec::new(), vec![Arc::new(Keeper) as Arc<dyn StorageHook>]] {
        let storage = Arc::new(Memory::default());
        let config = ComposerConfig::default();
        let registry = Registry::hooked(storage.clone(), config, Some(Action::Read), hooks);
        let zip = zip_of(&json!({ "name": "acme/lib" }), "");
        for version in ["dev-main", "1.0.0"] {
            let path = format!("/packages/acme/lib?version={version}");
            registry.published(&path, zip.clone()).await;
        }
        assert_eq!(registry.spelled("acme/lib").await, ["1.0.0"]);
        let dist = format!("/dists/acme/lib/{}.zip", sha1(&zip));
        assert_eq!(registry.get(&dist).await.body, zip);
        let files = storage.list(None, None).map(|entry| entry.unwrap().key);
        let zips = files.filter(|key| std::future::ready(key.as_str().ends_with(".zip")));
        assert_eq!(zips.count().await, 1);
    }
}
