//! What there is, and who may know of it.

use super::*;

async fn filled(registry: &Registry) {
    for (name, kind, more) in [
        (
            "acme/lib",
            "library",
            json!({"description": "Reads things", "keywords": ["read", "IO"]}),
        ),
        (
            "acme/log",
            "library",
            json!({"provide": {"psr/log-implementation": "1.0"}}),
        ),
        (
            "acme/plugin",
            "composer-plugin",
            json!({"require": {"composer-plugin-api": "^2"}, "extra": {"class": "A\\B"}}),
        ),
        (
            "other/log",
            "library",
            json!({"replace": {"acme/log": "*", "psr/log-implementation": "2.0"}}),
        ),
    ] {
        let mut composer = json!({ "name": name, "version": "1.0", "type": kind });
        let fields = more.as_object().unwrap().clone();
        composer.as_object_mut().unwrap().extend(fields);
        let path = format!("/packages/{name}");
        registry.published(&path, zip_of(&composer, "")).await;
    }
}

#[tokio::test]
async fn the_root_is_where_everything_is() {
    let registry = Registry::new();
    filled(&registry).await;
    let root = registry.json("/packages.json").await;
    assert_eq!(
        root,
        json!({
            "packages": [],
            "metadata-url": "http://test/composer/p2/%package%.json",
            "available-packages": ["acme/lib", "acme/log", "acme/plugin", "other/log"],
            "providers-api": "http://test/composer/providers/%package%.json",
            "search": "http://test/composer/search.json?q=%query%&type=%type%",
            "list": "http://test/composer/packages/list.json",
            "notify-batch": "http://test/composer/downloads/",
            "security-advisories": {
                "metadata": true, "api-url": "http://test/composer/api/security-advisories/",
            },
        })
    );
}

#[tokio::test]
async fn names_are_listed() {
    let registry = Registry::new();
    filled(&registry).await;
    for (query, names) in [
        (
            "",
            &["acme/lib", "acme/log", "acme/plugin", "other/log"][..],
        ),
        ("?vendor=acme", &["acme/lib", "acme/log", "acme/plugin"]),
        ("?filter=*/log", &["acme/log", "other/log"]),
        ("?vendor=acme&filter=acme%2Fl*", &["acme/lib", "acme/log"]),
        ("?type=composer-plugin", &["acme/plugin"]),
        ("?type=none", &[]),
    ] {
        let list = registry.json(&format!("/packages/list.json{query}")).await;
        assert_eq!(list, json!({ "packageNames": names }), "{query}");
    }
}

#[tokio::test]
async fn search_finds() {
    let registry = Registry::new();
    filled(&registry).await;
    for (query, names) in [
        ("q=log", &["acme/log", "other/log"][..]),
        ("q=THINGS", &["acme/lib"]),
        ("q=acme+lib&type=", &["acme/lib"]),
        ("q=&type=composer-plugin", &["acme/plugin"]),
        ("q=acme&type=library", &["acme/lib", "acme/log"]),
        ("q=&tags[]=io&tags[]=read", &["acme/lib"]),
        ("q=&tags=i", &[]),
        ("q=psr", &[]),
        ("q=library", &[]),
    ] {
        let found = registry.json(&format!("/search.json?{query}")).await;
        let results = found["results"].as_array().unwrap();
        let mut found_names: Vec<_> = results
            .iter()
            .map(|of| of["name"].as_str().unwrap())
            .collect();
        found_names.sort_unstable();
        assert_eq!(found_names, names, "{query}");
        assert_eq!(found["total"], names.len());
    }
    let hit = &registry.json("/search.json?q=things").await["results"][0];
    let url = "http://test/composer/packages/acme/lib.json";
    assert_eq!(
        *hit,
        json!({ "name": "acme/lib", "description": "Reads things", "url": url })
    );
    let page = registry.json("/packages/acme/lib.json").await;
    assert_eq!(
        page["package"]["versions"]["1.0"]["version_normalized"],
        "1.0.0.0"
    );
    // Page by page.
    let mut next = "/search.json?q=acme&per_page=2".to_owned();
    let mut seen = 0;
    loop {
        let found = registry.json(&next).await;
        seen += found["results"].as_array().unwrap().len();
        match found["next"].as_str() {
            Some(at) => next = at.strip_prefix("http://test/composer").unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn providers_are_told() {
    let registry = Registry::new();
    filled(&registry).await;
    let by = registry
        .json("/providers/psr/log-implementation.json")
        .await;
    let provider = |name: &str| json!({ "name": name, "description": "", "type": "library" });
    assert_eq!(
        by["providers"],
        json!([provider("acme/log"), provider("other/log")])
    );
    assert_eq!(registry.get("/providers/psr/log.json").await.status, 404);
}

/// What is told of a package is in the log, and in the memory of every replica.
#[tokio::test]
async fn what_is_long_is_not_told_of() {
    let registry = Registry::new();
    let long = "x".repeat(1000);
    let composer = json!({
        "name": "acme/long", "version": "1.0", "type": long, "description": long.repeat(2),
        "keywords": [long, "short"], "abandoned": long, "provide": { format!("x/{long}"): "1", "psr/log": "1" },
    });
    let told = zip_of(&composer, "");
    registry.published("/packages/acme/long", told).await;
    let hit = &registry.json("/search.json?tags=short").await["results"][0];
    assert_eq!(hit["description"].as_str().unwrap().len(), 1000);
    assert_eq!(hit["abandoned"], true);
    let found = registry.json(&format!("/search.json?tags={long}")).await;
    assert_eq!(found["total"], 0);
    let by = registry.json("/providers/psr/log.json").await;
    assert_eq!(by["providers"][0]["type"].as_str().unwrap().len(), 200);
    let version = &registry.versions("acme/long").await[0];
    assert_eq!(
        (&version["type"], &version["abandoned"]),
        (&json!(long), &json!(long))
    );
}

#[tokio::test]
async fn downloads_are_taken_note_of() {
    let registry = Registry::new();
    filled(&registry).await;
    let post = async |body: Value| {
        let path = "/composer/downloads/";
        let body = body.to_string();
        registry.nobody.send(Method::POST, path, body).await
    };
    let of = |name: &str| json!({ "name": name, "version": "1.0.0.0" });
    let answer = post(json!({ "downloads": [of("acme/lib"), of("acme/log")] })).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (201, json!({ "status": "success" }))
    );
    let answer = post(json!({ "downloads": [of("acme/lib"), of("a/b")] })).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["status"]),
        (200, &json!("partial"))
    );
    assert_eq!(post(json!({ "downloads": 1 })).await.status, 400);
}

#[tokio::test]
async fn who_may_not_read_knows_nothing() {
    let storage = Arc::new(Memory::default());
    let registry = Registry::of(storage, ComposerConfig::default(), None);
    let zip = lib("1.0.0", "");
    registry.published("/packages/acme/lib", zip.clone()).await;
    let dist = format!("/dists/acme/lib/{}.zip", sha1(&zip));
    for path in [
        "/packages.json",
        "/p2/acme/lib.json",
        "/packages/list.json",
        "/search.json?q=",
        &dist,
    ] {
        let answer = registry.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.headers.contains_key("www-authenticate"));
        message(&answer);
    }
    let stranger = registry.nobody.token("stranger");
    for path in [
        "/p2/acme/lib.json",
        "/p2/acme/lib~dev.json",
        "/packages/acme/lib.json",
        &dist,
    ] {
        let answer = stranger.get(&format!("/composer{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let root = stranger.get("/composer/packages.json").await;
    assert_eq!(root.json()["available-packages"], json!([]));
    assert_eq!(root.json()["available-package-patterns"], json!(["-/-"]));
    // With other rights it would be another, so it has no date.
    assert!(!root.headers.contains_key("last-modified"));
    let found = stranger.get("/composer/search.json?q=lib").await;
    assert_eq!(found.json(), json!({ "results": [], "total": 0 }));
    let list = stranger.get("/composer/packages/list.json").await;
    assert_eq!(list.json(), json!({ "packageNames": [] }));
    for client in [stranger, registry.nobody.token("reader")] {
        let answer = client
            .put("/composer/packages/acme/lib", lib("2.0.0", ""))
            .await;
        assert_eq!(answer.status, 403);
        let answer = client.put("/composer/", lib("2.0.0", "")).await;
        assert_eq!(answer.status, 403);
    }
    let nobody = registry.nobody.put("/composer/", lib("2.0.0", "")).await;
    assert_eq!(nobody.status, 401);
}

/// Two repositories of one name would take each other's place in a project.
#[test]
fn every_mount_has_a_name_of_its_own() {
    for (base, said) in [
        (
            "https://registry.example/composer",
            "repositories.composer composer https://",
        ),
        (
            "http://h:1/x/private",
            "repositories.x-private composer http://h:1/x/private\n",
        ),
        (
            "https://registry.example",
            "repositories.registry composer https://",
        ),
    ] {
        let base = BaseUrl::new(base).unwrap();
        let usage = Composer::default().usage(&base, None);
        assert!(usage.contains(said), "{usage}");
    }
}
