use http::Method;

use super::*;

const D: &str = "sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

/// The route of `"METHOD /path?query"`, or the status and code of its error. `D` is a digest.
fn route(request: &str) -> String {
    let request = request.replace("/D", &format!("/{D}"));
    let request = request.replace("=D", &format!("={D}"));
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(p, q)| (p, Some(q)));
    match Route::parse(&method.parse::<Method>().unwrap(), path, query) {
        Ok(route) => format!("{route:?}")
            .replace(D, "D")
            .replace("RepositoryName", ""),
        Err(error) => {
            let allow = error.cause().headers().next();
            let allow = allow.map(|(_, value)| format!(" {value:?}"));
            let status = error.answers_with().as_u16();
            format!(
                "{status} {}{}",
                error.code().as_str(),
                allow.unwrap_or_default()
            )
        }
    }
}

#[track_caller]
fn check(table: &[(&str, &str)]) {
    for (request, expected) in table {
        assert_eq!(route(request), *expected, "{request}");
    }
}

#[test]
fn the_registry() {
    check(&[
        ("GET /", "Ping"),
        ("HEAD /", "Ping"),
        ("GET ", "Ping"),
        ("POST /", r#"405 UNSUPPORTED "GET, HEAD""#),
        ("GET /_catalog", "Catalog(Page { n: None, last: None })"),
        (
            "GET /_catalog?n=5&last=a/b",
            r#"Catalog(Page { n: Some(5), last: Some("a/b") })"#,
        ),
        ("DELETE /_catalog", r#"405 UNSUPPORTED "GET, HEAD""#),
        (
            "GET /token",
            "Token(TokenRequest { scopes: [], service: None, offline: false })",
        ),
        (
            "GET /token?service=s&scope=repository:a/b:pull,push&scope=x+y&offline_token=true&client_id=z",
            r#"Token(TokenRequest { scopes: ["repository:a/b:pull,push", "x y"], service: Some("s"), offline: true })"#,
        ),
        ("POST /token", "TokenForm"),
        ("PUT /token", r#"405 UNSUPPORTED "GET, HEAD, POST""#),
    ]);
}

#[test]
fn manifests() {
    let latest = r#"Manifest { name: ("a/b"), reference: Tag(Tag("latest")) }"#;
    check(&[
        ("GET /a/b/manifests/latest", latest),
        ("HEAD /a/b/manifests/latest", latest),
        ("GET /a/b/manifests/latest/", latest),
        ("GET /a/b/manifests/latest?ns=elsewhere.example&x", latest),
        (
            "GET /a/manifests/D",
            r#"Manifest { name: ("a"), reference: Digest(D) }"#,
        ),
        (
            "PUT /a/manifests/latest",
            r#"PutManifest { name: ("a"), reference: Tag(Tag("latest")), tags: [] }"#,
        ),
        (
            "PUT /a/manifests/D?tag=1&tag=2&tag=1",
            r#"PutManifest { name: ("a"), reference: Digest(D), tags: [Tag("1"), Tag("2")] }"#,
        ),
        (
            "DELETE /a/manifests/latest",
            r#"DeleteManifest { name: ("a"), reference: Tag(Tag("latest")) }"#,
        ),
        (
            "PATCH /a/manifests/latest",
            r#"405 UNSUPPORTED "GET, HEAD, PUT, DELETE""#,
        ),
        ("PUT /a/manifests/.bad", "400 MANIFEST_INVALID"),
        ("GET /a/manifests/.bad", "404 MANIFEST_UNKNOWN"),
        ("DELETE /a/manifests/.bad", "404 MANIFEST_UNKNOWN"),
        (
            "PUT /a/manifests/sha256:baddigeststring",
            "400 DIGEST_INVALID",
        ),
        (
            "GET /a/manifests/sha256:baddigeststring",
            "400 DIGEST_INVALID",
        ),
        ("PUT /a/manifests/latest?tag=1", "400 UNSUPPORTED"),
        ("PUT /a/manifests/D?tag=1&tag=.bad", "400 MANIFEST_INVALID"),
        ("PUT /A/manifests/latest", "400 NAME_INVALID"),
    ]);
    let tags = |count| (0..count).map(|n| format!("tag=t{n}&")).collect::<String>();
    let all = route(&format!("PUT /a/manifests/D?{}", tags(MAX_TAGS)));
    assert!(all.starts_with("PutManifest"), "{all}");
    let many = route(&format!("PUT /a/manifests/D?{}", tags(MAX_TAGS + 1)));
    assert_eq!(many, "414 UNSUPPORTED");
}

#[test]
fn lists() {
    check(&[
        (
            "GET /a/b/tags/list",
            r#"Tags { name: ("a/b"), page: Page { n: None, last: None } }"#,
        ),
        (
            "HEAD /a/tags/list?last=1.0&n=0",
            r#"Tags { name: ("a"), page: Page { n: Some(0), last: Some("1.0") } }"#,
        ),
        (
            "GET /a/tags/list?n=99999999999999999999999",
            r#"Tags { name: ("a"), page: Page { n: Some(18446744073709551615), last: None } }"#,
        ),
        (
            "GET /a/tags/list?n=&last=",
            r#"Tags { name: ("a"), page: Page { n: None, last: None } }"#,
        ),
        ("GET /a/tags/list?n=-1", "400 UNSUPPORTED"),
        ("GET /a/tags/list?n=ten", "400 UNSUPPORTED"),
        ("GET /a/tags/list?n=%2b1", "400 UNSUPPORTED"),
        ("POST /a/tags/list", r#"405 UNSUPPORTED "GET, HEAD""#),
        ("GET /a/tags/other", "404 NAME_UNKNOWN"),
        (
            "GET /a/referrers/D",
            r#"Referrers { name: ("a"), digest: D, artifact_type: None, page: Page { n: None, last: None } }"#,
        ),
        (
            "GET /a/referrers/D?artifactType=application%2Fx%2Bjson&last=y",
            r#"Referrers { name: ("a"), digest: D, artifact_type: Some("application/x+json"), page: Page { n: None, last: Some("y") } }"#,
        ),
        ("GET /a/referrers/latest", "400 DIGEST_INVALID"),
        ("PUT /a/referrers/D", r#"405 UNSUPPORTED "GET, HEAD""#),
    ]);
    let long = "x".repeat(2000);
    let long = route(&format!("GET /a/tags/list?last={long}"));
    assert_eq!(long, "400 UNSUPPORTED");
}

#[test]
fn blobs() {
    let blob = r#"Blob { name: ("a/b"), digest: D }"#;
    check(&[
        ("GET /a/b/blobs/D", blob),
        ("HEAD /a/b/blobs/D", blob),
        (
            "GET /a/b/blobs/sha256%3A0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
            blob,
        ),
        (
            "DELETE /a/b/blobs/D",
            r#"DeleteBlob { name: ("a/b"), digest: D }"#,
        ),
        ("PUT /a/b/blobs/D", r#"405 UNSUPPORTED "GET, HEAD, DELETE""#),
        ("GET /a/blobs/latest", "400 DIGEST_INVALID"),
        ("GET /a/blobs/sha256:00", "400 DIGEST_INVALID"),
        ("GET /a//blobs/D", "400 NAME_INVALID"),
        ("GET /_a/blobs/D", "400 NAME_INVALID"),
        ("GET /blobs/D", "404 NAME_UNKNOWN"),
    ]);
}

#[test]
fn uploads() {
    let plain =
        r#"BeginUpload { name: ("a"), digest: None, mount: None, from: None, algorithm: None }"#;
    check(&[
        ("POST /a/blobs/uploads/", plain),
        ("POST /a/blobs/uploads", plain),
        (
            "POST /a/blobs/uploads/?digest=D",
            r#"BeginUpload { name: ("a"), digest: Some(D), mount: None, from: None, algorithm: None }"#,
        ),
        (
            "POST /a/blobs/uploads/?mount=D&from=c/d",
            r#"BeginUpload { name: ("a"), digest: None, mount: Some(D), from: Some(("c/d")), algorithm: None }"#,
        ),
        (
            "POST /a/blobs/uploads/?digest-algorithm=sha512",
            r#"BeginUpload { name: ("a"), digest: None, mount: None, from: None, algorithm: Some(Sha512) }"#,
        ),
        (
            "POST /a/blobs/uploads/?digest-algorithm=md5",
            "400 DIGEST_INVALID",
        ),
        ("POST /a/blobs/uploads/?digest=x", "400 DIGEST_INVALID"),
        (
            "POST /a/blobs/uploads/?mount=x&from=b",
            "400 DIGEST_INVALID",
        ),
        ("POST /a/blobs/uploads/?mount=D&from=B", "400 NAME_INVALID"),
        ("POST /A/blobs/uploads/", "400 NAME_INVALID"),
        ("POST /blobs/uploads/", "404 NAME_UNKNOWN"),
        ("GET /a/blobs/uploads/", r#"405 UNSUPPORTED "POST""#),
        (
            "GET /a/blobs/uploads/i",
            r#"Upload { name: ("a"), id: "i" }"#,
        ),
        (
            "PATCH /a/blobs/uploads/i",
            r#"AppendUpload { name: ("a"), id: "i" }"#,
        ),
        (
            "PUT /a/blobs/uploads/i?x=y&digest=D",
            r#"FinishUpload { name: ("a"), id: "i", digest: D }"#,
        ),
        ("PUT /a/blobs/uploads/i", "400 DIGEST_INVALID"),
        (
            "PUT /a/blobs/uploads/i?digest=sha256:0",
            "400 DIGEST_INVALID",
        ),
        (
            "DELETE /a/blobs/uploads/i",
            r#"CancelUpload { name: ("a"), id: "i" }"#,
        ),
        (
            "POST /a/blobs/uploads/i",
            r#"405 UNSUPPORTED "GET, HEAD, PATCH, PUT, DELETE""#,
        ),
    ]);
    let long = "x".repeat(4000);
    assert_eq!(
        route(&format!("GET /a/blobs/uploads/{long}")),
        "404 BLOB_UPLOAD_UNKNOWN"
    );
}

#[test]
fn repositories_that_are_called_like_routes() {
    for name in [
        "a/blobs/b",
        "a/manifests/b",
        "manifests",
        "blobs",
        "blobs/uploads",
        "a/blobs/uploads",
        "tags/list",
        "a/tags/list",
        "referrers",
        "token",
        "uploads/manifests/tags",
    ] {
        let of = |request: &str| {
            let request = request.replace("NAME", name);
            let route = route(&request);
            assert!(
                route.contains(&format!("(\"{name}\")")),
                "{request}: {route}"
            );
            route.split(' ').next().unwrap().to_owned()
        };
        assert_eq!(of("GET /NAME/manifests/latest"), "Manifest");
        assert_eq!(of("GET /NAME/manifests/list"), "Manifest");
        assert_eq!(of("PUT /NAME/manifests/D"), "PutManifest");
        assert_eq!(of("GET /NAME/tags/list"), "Tags");
        assert_eq!(of("GET /NAME/blobs/D"), "Blob");
        assert_eq!(of("GET /NAME/referrers/D"), "Referrers");
        assert_eq!(of("POST /NAME/blobs/uploads/"), "BeginUpload");
        assert_eq!(of("PATCH /NAME/blobs/uploads/i"), "AppendUpload");
        assert_eq!(
            of("PUT /NAME/blobs/uploads/uploads?digest=D"),
            "FinishUpload"
        );
    }
}

#[test]
fn nothing_is_there() {
    check(&[
        ("GET /a", "404 NAME_UNKNOWN"),
        ("GET /a/b", "404 NAME_UNKNOWN"),
        ("GET /_oci/ext/discover", "404 NAME_UNKNOWN"),
        ("GET /tags/list", "404 NAME_UNKNOWN"),
        ("GET /manifests/latest", "404 NAME_UNKNOWN"),
        ("GET //tags/list", "400 NAME_INVALID"),
        ("GET /a%2fb/tags/list", "400 NAME_INVALID"),
        ("GET /a/manifests/b%2Fmanifests%2Fc", "400 NAME_INVALID"),
        (
            "GET /%61/b/tags/list",
            r#"Tags { name: ("a/b"), page: Page { n: None, last: None } }"#,
        ),
        ("GET /%ff/tags/list", "400 NAME_INVALID"),
        ("GET /a/../b/tags/list", "400 NAME_INVALID"),
    ]);
    let long = "a".repeat(256);
    assert_eq!(route(&format!("GET /{long}/tags/list")), "400 NAME_INVALID");
}
