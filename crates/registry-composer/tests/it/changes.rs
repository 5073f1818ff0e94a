//! Deletion, abandonment, advisories, and what dates say of them.

use super::*;

/// The date of a list, and the answer to who asks whether it changed since `since`.
async fn dated(registry: &Registry, path: &str, since: Option<&str>) -> (u16, String) {
    let client = match since {
        Some(since) => registry.nobody.header("if-modified-since", since),
        None => registry.nobody.clone(),
    };
    let answer = client.get(&format!("/composer{path}")).await;
    if answer.status == 304 {
        assert!(answer.body.is_empty());
    }
    let date = answer.headers.get("last-modified");
    let date = date.map(|date| date.to_str().unwrap().to_owned());
    (answer.status.as_u16(), date.unwrap_or_default())
}

#[tokio::test]
async fn dates_grow_with_every_change() {
    let registry = Registry::new();
    let put = async |version: &str| {
        let zip = lib(version, version);
        registry.published("/packages/acme/lib", zip).await;
    };
    put("1.0.0").await;
    let (_, first) = dated(&registry, "/p2/acme/lib.json", None).await;
    let (_, dev) = dated(&registry, "/p2/acme/lib~dev.json", None).await;
    assert_eq!(first, "Fri, 02 Jan 2026 03:04:05 GMT");
    assert_eq!(
        dated(&registry, "/p2/acme/lib.json", Some(&first)).await.0,
        304
    );
    // In the same second.
    let mut last = first;
    for version in ["1.0.1", "1.0.2"] {
        put(version).await;
        let (status, date) = dated(&registry, "/p2/acme/lib.json", Some(&last)).await;
        assert_eq!(status, 200);
        assert_ne!(date, last);
        assert_eq!(
            dated(&registry, "/p2/acme/lib.json", Some(&date)).await.0,
            304
        );
        last = date;
    }
    // The other list did not change.
    assert_eq!(
        dated(&registry, "/p2/acme/lib~dev.json", Some(&dev)).await,
        (304, dev.clone())
    );
    put("dev-main").await;
    assert_eq!(
        dated(&registry, "/p2/acme/lib~dev.json", Some(&dev))
            .await
            .0,
        200
    );
    assert_eq!(
        dated(&registry, "/p2/acme/lib.json", Some(&last)).await.0,
        304
    );
    // What is no change leaves the date as it is.
    let again = registry
        .put("/packages/acme/lib", lib("1.0.0", "1.0.0"))
        .await;
    assert_eq!(again.status, 200);
    assert_eq!(
        dated(&registry, "/p2/acme/lib.json", Some(&last)).await.0,
        304
    );
}

#[tokio::test]
async fn the_list_of_packages_has_a_date_too() {
    let registry = Registry::new();
    let mut last = dated(&registry, "/packages.json", None).await.1;
    for name in ["acme/a", "acme/b", "other/c"] {
        let zip = zip_of(&json!({ "name": name, "version": "1.0" }), "");
        registry.published(&format!("/packages/{name}"), zip).await;
        let (status, date) = dated(&registry, "/packages.json", Some(&last)).await;
        assert_eq!(status, 200);
        assert_eq!(
            dated(&registry, "/packages.json", Some(&date)).await,
            (304, date.clone())
        );
        last = date;
    }
    let zip = zip_of(&json!({ "name": "acme/a", "version": "1.1" }), "");
    registry.published("/packages/acme/a", zip).await;
    assert_eq!(dated(&registry, "/packages.json", Some(&last)).await.0, 304);
    registry.delete("/packages/acme/b").await;
    assert_eq!(dated(&registry, "/packages.json", Some(&last)).await.0, 200);
    let root = registry.json("/packages.json").await;
    assert_eq!(root["available-packages"], json!(["acme/a", "other/c"]));
}

#[tokio::test]
async fn what_is_deleted_stays_for_lock_files() {
    let registry = Registry::new();
    let zip = lib("1.0.0", "1");
    let dist = format!("/dists/acme/lib/{}.zip", sha1(&zip));
    registry.published("/packages/acme/lib", zip.clone()).await;
    registry
        .published("/packages/acme/lib", lib("1.1.0", "2"))
        .await;
    for _ in 0..2 {
        assert_eq!(registry.delete("/packages/acme/lib/v1.0").await.status, 204);
    }
    assert_eq!(registry.spelled("acme/lib").await, ["1.1.0"]);
    assert_eq!(registry.get(&dist).await.body, zip);
    // It can come back as it was, and only so.
    let other = registry
        .put("/packages/acme/lib", lib("1.0.0", "other"))
        .await;
    assert_eq!(other.status, 409);
    assert!(message(&other).contains("was deleted"));
    registry.published("/packages/acme/lib", zip.clone()).await;
    assert_eq!(registry.spelled("acme/lib").await, ["1.1.0", "1.0.0"]);
    // All of it.
    for _ in 0..2 {
        assert_eq!(registry.delete("/packages/acme/lib").await.status, 204);
    }
    for path in [
        "/p2/acme/lib.json",
        "/p2/acme/lib~dev.json",
        "/packages/acme/lib.json",
    ] {
        assert_eq!(registry.get(path).await.status, 404, "{path}");
    }
    assert_eq!(registry.get(&dist).await.body, zip);
    assert_eq!(
        registry
            .delete("/packages/acme/lib?purge=true")
            .await
            .status,
        204
    );
    assert_eq!(registry.get(&dist).await.status, 404);
    for (path, told) in [
        ("/packages/acme/lib/3.0", "has no version 3.0"),
        ("/packages/acme/none", "does not exist"),
        ("/packages/acme/none/1.0", "does not exist"),
    ] {
        let answer = registry.delete(path).await;
        assert_eq!(answer.status, 404);
        assert!(message(&answer).contains(told), "{path}");
    }
    assert_eq!(registry.delete("/packages/acme/lib/x").await.status, 400);
}

#[tokio::test]
async fn a_branch_that_was_deleted_comes_back_as_it_likes() {
    let registry = Registry::new();
    registry
        .published("/packages/acme/lib", lib("dev-main", "1"))
        .await;
    assert_eq!(
        registry.delete("/packages/acme/lib/dev-main").await.status,
        204
    );
    registry
        .published("/packages/acme/lib", lib("dev-main", "2"))
        .await;
    assert_eq!(registry.spelled("acme/lib~dev").await, ["dev-main"]);
}

#[tokio::test]
async fn a_package_is_abandoned() {
    let registry = Registry::new();
    for version in ["1.0.0", "1.1.0", "dev-main"] {
        registry
            .published("/packages/acme/lib", lib(version, version))
            .await;
    }
    let path = "/composer/packages/acme/lib/abandoned";
    for (body, expected) in [
        ("", json!(true)),
        (r#"{"replacement":"acme/new"}"#, json!("acme/new")),
    ] {
        for _ in 0..2 {
            assert_eq!(registry.writer.put(path, body).await.status, 204);
        }
        for file in ["acme/lib", "acme/lib~dev"] {
            for version in registry.versions(file).await {
                assert_eq!(version["abandoned"], expected);
            }
        }
        let found = registry.json("/search.json?q=lib").await;
        assert_eq!(found["results"][0]["abandoned"], expected);
    }
    assert_eq!(
        registry.delete("/packages/acme/lib/abandoned").await.status,
        204
    );
    assert!(
        registry.versions("acme/lib").await[0]
            .get("abandoned")
            .is_none()
    );
    for (body, status) in [
        (r#"{"replacement":"acme/lib"}"#, 400),
        (r#"{"replacement":"nothing"}"#, 400),
        (r#"{"replace":"acme/x"}"#, 400),
        ("[", 400),
    ] {
        assert_eq!(
            registry.writer.put(path, body).await.status,
            status,
            "{body}"
        );
    }
    let none = "/composer/packages/acme/none/abandoned";
    assert_eq!(registry.writer.put(none, "").await.status, 404);
}

#[tokio::test]
async fn advisories_are_told_of() {
    let registry = Registry::new();
    registry
        .published("/packages/acme/lib", lib("1.0.0", ""))
        .await;
    let base = "/composer/api/security-advisories";
    let path = format!("{base}/acme/lib/ACME-2026-1");
    let sent = json!({
        "title": "It leaks", "affectedVersions": "<1.1", "cve": "CVE-2026-12345",
        "link": "https://acme.example/1", "severity": "high",
    });
    let (_, before) = dated(&registry, "/p2/acme/lib.json", None).await;
    for _ in 0..2 {
        registry.later();
        assert_eq!(
            registry.writer.put(&path, sent.to_string()).await.status,
            204
        );
    }
    assert_eq!(
        dated(&registry, "/p2/acme/lib.json", Some(&before)).await.0,
        200
    );
    let about = registry.json("/p2/acme/lib.json").await["security-advisories"].clone();
    assert_eq!(about[0]["advisoryId"], "ACME-2026-1");
    assert_eq!(about[0]["reportedAt"], "2026-01-02T03:05:05+00:00");
    for (key, value) in sent.as_object().unwrap() {
        assert_eq!(about[0][key], *value);
    }
    let form = registry
        .nobody
        .header("content-type", "application/x-www-form-urlencoded");
    let body = "packages%5B0%5D=acme%2Flib&packages%5B1%5D=acme%2Fnone";
    let answer = form.send(Method::POST, &format!("{base}/"), body).await;
    assert_eq!(answer.json()["advisories"], json!({ "acme/lib": about }));
    for (query, found) in [
        ("packages[]=Acme/Lib", 1),
        ("updatedSince=0", 1),
        ("updatedSince=1767323106", 0),
    ] {
        let answer = registry
            .json(&format!("/api/security-advisories/?{query}"))
            .await;
        let all = answer["advisories"]["acme/lib"]
            .as_array()
            .map_or(0, Vec::len);
        assert_eq!(all, found, "{query}");
    }
    assert_eq!(registry.get("/api/security-advisories/").await.status, 400);
    for _ in 0..2 {
        assert_eq!(
            registry
                .delete("/api/security-advisories/acme/lib/ACME-2026-1")
                .await
                .status,
            204
        );
    }
    assert_eq!(
        registry.json("/p2/acme/lib.json").await["security-advisories"],
        json!([])
    );
    for (path, body, status) in [
        (&*path, "{}", 400),
        (
            &path,
            r#"{"title":"x","affectedVersions":"~nonsense~"}"#,
            400,
        ),
        (
            &format!("{base}/acme/none/X-1"),
            r#"{"title":"x","affectedVersions":"*"}"#,
            404,
        ),
    ] {
        let answer = registry.writer.put(path, body.to_owned()).await;
        assert_eq!(answer.status, status, "{body}");
        message(&answer);
    }
}
