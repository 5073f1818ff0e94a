//! Who may do what, by name and password or by a token of their own.

use std::sync::Arc;

use http::{Method, StatusCode};
use registry_core::{
    Body,
    auth::Action,
    protocol::{Builder, Mount, Options},
    storage::Memory,
};
use registry_oci::{Challenge, Oci, OciConfig};
use registry_testkit::{Answer, Client, TestAuth};

use crate::fixture::{assert_refused, push};

fn registry(anonymous: Option<Action>, auth: Challenge) -> Client {
    let config = OciConfig {
        auth,
        ..OciConfig::default()
    };
    let storage = Arc::new(Memory::default());
    let service = Builder::new(storage, TestAuth::new(anonymous), Options::default())
        .mount(Mount::new(Oci::new(config)).at("/v2"))
        .build()
        .unwrap();
    Client::new(service)
}

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_who_they_are_unless_they_may_do_everything() {
    for (anonymous, status) in [
        (None, 401),
        (Some(Action::Read), 401),
        (Some(Action::Delete), 200),
    ] {
        let client = registry(anonymous, Challenge::Bearer);
        for path in ["/v2", "/v2/"] {
            let ping = client.get(path).await;
            assert_eq!(ping.status.as_u16(), status, "{anonymous:?} {path}");
            let known = client.token("reader").get(path).await;
            assert_eq!(known.status, StatusCode::OK);
            assert_eq!(
                known.header("docker-distribution-api-version"),
                "registry/2.0"
            );
        }
        let wrong = client.token("wrong").get("/v2/").await;
        assert_refused(&wrong, 401, "UNAUTHORIZED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges() {
    let client = registry(None, Challenge::Bearer);
    let digest = format!("sha256:{}", "0".repeat(64));
    for (method, path, scope) in [
        (Method::GET, "/v2/", ""),
        (
            Method::GET,
            "/v2/_catalog",
            r#",scope="registry:catalog:*""#,
        ),
        (
            Method::HEAD,
            "/v2/a/b/manifests/x",
            r#",scope="repository:a/b:pull""#,
        ),
        (
            Method::GET,
            "/v2/a/tags/list",
            r#",scope="repository:a:pull""#,
        ),
        (
            Method::PUT,
            "/v2/a/manifests/x",
            r#",scope="repository:a:pull,push""#,
        ),
        (
            Method::DELETE,
            "/v2/a/manifests/x",
            r#",scope="repository:a:delete""#,
        ),
        (
            Method::POST,
            "/v2/a/blobs/uploads/",
            r#",scope="repository:a:pull,push""#,
        ),
        (
            Method::GET,
            &format!("/v2/a/blobs/{digest}"),
            r#",scope="repository:a:pull""#,
        ),
        (
            Method::DELETE,
            &format!("/v2/a/blobs/{digest}"),
            r#",scope="repository:a:delete""#,
        ),
    ] {
        let refused = client.send(method.clone(), path, Body::empty()).await;
        assert_refused(&refused, 401, "UNAUTHORIZED");
        let expected = format!(r#"Bearer realm="http://test/v2/token",service="test"{scope}"#);
        assert_eq!(challenge(&refused), expected, "{method} {path}");
    }
    let wrong = client.token("wrong").get("/v2/").await;
    assert!(
        challenge(&wrong).ends_with(r#",error="invalid_token""#),
        "{}",
        challenge(&wrong)
    );
    let basic = registry(None, Challenge::Basic);
    let refused = basic.get("/v2/").await;
    assert_eq!(challenge(&refused), r#"Basic realm="registry""#);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_the_right() {
    let client = registry(None, Challenge::Bearer);
    push(&client.token("writer"), "a", "latest", "layer").await;
    let reader = client.token("reader");
    let pulled = reader.get("/v2/a/manifests/latest").await;
    assert_eq!(pulled.status, StatusCode::OK);
    let push = reader.post("/v2/a/blobs/uploads/", Body::empty()).await;
    assert_refused(&push, 403, "DENIED");
    let message = push.json()["errors"][0]["message"].clone();
    assert_eq!(
        message,
        "reader may not write the repository a with these credentials"
    );
    assert_refused(
        &reader.delete("/v2/a/manifests/latest").await,
        403,
        "DENIED",
    );
    // Whether a repository exists is none of a stranger's business.
    let stranger = client.token("stranger");
    let there = stranger.get("/v2/a/tags/list").await;
    let not_there = stranger.get("/v2/b/tags/list").await;
    assert_refused(&there, 403, "DENIED");
    assert_eq!(there.text().replace(" a ", " b "), not_there.text());
    let catalog = stranger.get("/v2/_catalog").await;
    assert_eq!(catalog.text(), r#"{"repositories":[]}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_of_a_second_mount_are_called_as_clients_call_them() {
    let storage = Arc::new(Memory::default());
    let below = OciConfig {
        prefix: "mirror/".to_owned(),
        ..OciConfig::default()
    };
    let second = Mount::new(Oci::new(below)).named("mirror");
    let service = Builder::new(storage, TestAuth::new(None), Options::default())
        .mount(Mount::new(Oci::default()).at("/v2").at("/oci"))
        .mount(second.at("/v2/mirror").at("/oci/mirror"))
        .build()
        .unwrap();
    let client = Client::new(service);
    let reader = client.token("reader");
    for place in ["/v2/mirror", "/oci/mirror"] {
        let refused = reader.post(&format!("{place}/ci/blobs/uploads/"), "").await;
        assert_refused(&refused, 403, "DENIED");
        let message = refused.json()["errors"][0]["message"].clone();
        let expected = "reader may not write the repository mirror/ci with these credentials";
        assert_eq!(message, expected, "{place}");
        let unknown = reader.get(&format!("{place}/no/tags/list")).await;
        assert_refused(&unknown, 404, "NAME_UNKNOWN");
        let message = unknown.json()["errors"][0]["message"].clone();
        assert_eq!(message, "nothing was ever pushed to mirror/no", "{place}");
        let nobody = client.get(&format!("{place}/ci/tags/list")).await;
        let expected = format!(
            r#"Bearer realm="http://test{place}/token",service="test",scope="repository:mirror/ci:pull""#
        );
        assert_eq!(challenge(&nobody), expected);
    }
    let writer = client.token("writer");
    push(&writer, "mirror/ci", "latest", "layer").await;
    for place in ["/v2", "/oci"] {
        let tags = writer.get(&format!("{place}/mirror/ci/tags/list")).await;
        assert_eq!(tags.text(), r#"{"name":"mirror/ci","tags":["latest"]}"#);
    }
}
