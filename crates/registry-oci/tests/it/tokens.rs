//! Access tokens, as clients get and use them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, StatusCode};
use registry_core::{
    Body,
    auth::{Anonymous, AuthOptions, BucketTokens, DefaultAuth, NewToken, Secret},
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::Documents,
};
use registry_oci::{Oci, OciConfig};
use registry_testkit::{Answer, Client};
use serde_json::{Value, json};

use crate::fixture::{Manifest, assert_refused, push};

/// A registry with a second one below it, and Ann, who may do everything with repositories that
/// begin with `ann/`, read those that begin with `open/`, and everything in the second. Nobody may do
/// what `anonymous` says. The clients are nobody's and one with Ann's password.
async fn world(anonymous: Anonymous) -> (Client, Client, String) {
    let storage = Arc::new(Memory::default());
    let documents = Documents::new(storage.clone(), 1 << 20, Duration::ZERO);
    let tokens = Arc::new(BucketTokens::new(documents.clone()));
    let options = AuthOptions {
        anonymous,
        ..AuthOptions::default()
    };
    let auth = DefaultAuth::new(documents, tokens, options).unwrap();
    let scopes = [
        "oci:repository:ann/*:delete",
        "oci:repository:open/*:read",
        "mirror:repository:*:delete",
    ];
    let scopes = scopes.map(str::to_owned);
    let password = Secret::new("correct horse");
    auth.add_user("ann", password, false, &scopes)
        .await
        .unwrap();
    let token = auth
        .create_token_for("ann", NewToken::default())
        .await
        .unwrap();
    let first = Oci::new(OciConfig {
        beside: BTreeMap::from([("mirror".to_owned(), "mirror".to_owned())]),
        ..OciConfig::default()
    });
    let second = Oci::new(OciConfig {
        prefix: "mirror/".to_owned(),
        ..OciConfig::default()
    });
    let service = Builder::new(storage, Arc::new(auth), Options::default())
        .mount(Mount::new(first).at("/v2").at("/oci"))
        .mount(Mount::new(second).named("mirror").at("/v2/mirror"))
        .build()
        .unwrap();
    let nobody = Client::new(service);
    let basic = format!("Basic {}", STANDARD.encode("ann:correct horse"));
    let ann = nobody.header("authorization", &basic);
    (nobody, ann, token.0.reveal().to_owned())
}

/// The answer to a request for a token.
async fn token(client: &Client, query: &str) -> Value {
    let answer = client.get(&format!("/v2/token?service=test&{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

/// A client with a token for some scopes.
async fn with(client: &Client, query: &str) -> Client {
    let answer = token(client, query).await;
    assert_eq!(answer["token"], answer["access_token"]);
    assert!(answer["expires_in"].as_u64().unwrap() >= 60);
    client.token(answer["token"].as_str().unwrap())
}

async fn scope(client: &Client, query: &str) -> Value {
    token(client, query).await["scope"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_docker_does_it() {
    let (nobody, ann, _) = world(Anonymous::None).await;
    let ping = nobody.get("/v2/").await;
    assert_eq!(ping.status, StatusCode::UNAUTHORIZED);
    let challenge = r#"Bearer realm="http://test/v2/token",service="test""#;
    assert_eq!(ping.header("www-authenticate"), challenge);
    let login = with(&ann, "account=ann&client_id=docker&offline_token=true").await;
    assert_eq!(login.get("/v2/").await.status, StatusCode::OK);
    let pusher = with(&ann, "scope=repository%3Aann%2Fa%3Apull%2Cpush&account=ann").await;
    let image = push(&pusher, "ann/a", "latest", "layer").await;
    let puller = with(&ann, "scope=repository:ann/a:pull").await;
    let pulled = puller.get("/v2/ann/a/manifests/latest").await;
    assert_eq!(pulled.text(), image.text());
    assert_eq!(puller.get("/v2/").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_what_was_asked_and_is_allowed() {
    let (_, ann, _) = world(Anonymous::None).await;
    for (asked, given) in [
        ("", ""),
        (
            "scope=repository:ann/a:pull,push",
            "repository:ann/a:pull,push",
        ),
        ("scope=repository:ann/a:push", "repository:ann/a:pull,push"),
        (
            "scope=repository:ann/a:*",
            "repository:ann/a:pull,push,delete",
        ),
        ("scope=repository:ann/a:delete", "repository:ann/a:delete"),
        (
            "scope=repository:open/a:pull,push",
            "repository:open/a:pull",
        ),
        ("scope=repository:other:pull,push", ""),
        ("scope=registry:catalog:*", "registry:catalog:*"),
        (
            "scope=repository:ann/a:pull&scope=repository:ann/b:pull,push",
            "repository:ann/a:pull repository:ann/b:pull,push",
        ),
        (
            "scope=repository:ann/a:pull+repository:open/b:push",
            "repository:ann/a:pull repository:open/b:pull",
        ),
        (
            "scope=repository(plugin):ann/a:pull",
            "repository:ann/a:pull",
        ),
        (
            "scope=repository:ann/a:fly&scope=x&scope=a:b:c&scope=:::",
            "",
        ),
    ] {
        assert_eq!(scope(&ann, asked).await, given, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_falls_short_tells_which_would_do() {
    let (_, ann, _) = world(Anonymous::None).await;
    let puller = with(&ann, "scope=repository:ann/a:pull").await;
    let refused = puller.post("/v2/ann/a/blobs/uploads/", Body::empty()).await;
    assert_refused(&refused, 401, "UNAUTHORIZED");
    let wanted = r#",scope="repository:ann/a:pull,push",error="insufficient_scope""#;
    let challenge = refused.header("www-authenticate");
    assert!(challenge.ends_with(wanted), "{challenge}");
    // Where no token would do, another is of no use.
    let refused = puller
        .post("/v2/open/a/blobs/uploads/", Body::empty())
        .await;
    assert_refused(&refused, 403, "DENIED");
    assert!(!refused.headers.contains_key("www-authenticate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_tokens_too() {
    let (nobody, ann, _) = world(Anonymous::Read).await;
    let image = push(&ann, "ann/a", "latest", "layer").await;
    assert_eq!(
        scope(&nobody, "scope=repository:ann/a:pull,push").await,
        "repository:ann/a:pull"
    );
    let empty = nobody.header("authorization", "Basic Og==");
    let asked = "scope=repository:ann/a:pull";
    assert_eq!(scope(&empty, asked).await, "repository:ann/a:pull");
    let anyone = with(&nobody, "scope=repository:ann/a:pull,push").await;
    let pulled = anyone.get("/v2/ann/a/manifests/latest").await;
    assert_eq!(pulled.text(), image.text());
    assert_eq!(anyone.get("/v2/").await.status, StatusCode::OK);
    let refused = anyone.delete("/v2/ann/a/manifests/latest").await;
    assert_refused(&refused, 401, "UNAUTHORIZED");
    assert_eq!(
        token(&nobody, "offline_token=true")
            .await
            .get("refresh_token"),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_get_no_token() {
    let (nobody, _, _) = world(Anonymous::Read).await;
    let wrong = format!("Basic {}", STANDARD.encode("ann:wrong"));
    for credentials in [&*wrong, "Bearer reg_wrong", "Basic !"] {
        let refused = nobody
            .header("authorization", credentials)
            .get("/v2/token")
            .await;
        assert_refused(&refused, 401, "UNAUTHORIZED");
        let challenge = refused.header("www-authenticate");
        assert_eq!(challenge, r#"Basic realm="registry""#);
    }
}

async fn form(client: &Client, fields: &str) -> Answer {
    let form = "application/x-www-form-urlencoded";
    let client = client.header("content-type", form);
    client.post("/v2/token", fields.to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn by_form() {
    let (nobody, _, own) = world(Anonymous::None).await;
    let asked = "service=test&client_id=x&scope=repository:ann/a:pull+repository:ann/b:pull,push";
    let password = format!(
        "grant_type=password&username=ann&password=correct+horse&access_type=offline&{asked}"
    );
    let answer = form(&nobody, &password).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer = answer.json();
    let scope = "repository:ann/a:pull repository:ann/b:pull,push";
    assert_eq!(answer["scope"], scope);
    let refresh = answer["refresh_token"].as_str().unwrap();
    // A token of the user's is as good as a refresh token or as a password.
    for fields in [
        format!("grant_type=refresh_token&refresh_token={refresh}&{asked}"),
        format!("grant_type=refresh_token&refresh_token={own}&{asked}"),
        format!("grant_type=password&username=any&password={own}&{asked}"),
    ] {
        let answer = form(&nobody, &fields).await;
        assert_eq!(answer.json()["scope"], scope, "{}", answer.text());
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        push(&nobody.token(&token), "ann/b", "latest", "layer").await;
    }
    let wrong = form(&nobody, "grant_type=password&username=ann&password=wrong").await;
    assert_refused(&wrong, 401, "UNAUTHORIZED");
    let wrong = form(&nobody, "grant_type=refresh_token&refresh_token=wrong").await;
    assert_refused(&wrong, 401, "UNAUTHORIZED");
    // What is good for a repository is no refresh token.
    let access = answer["access_token"].as_str().unwrap();
    let wrong = form(
        &nobody,
        &format!("grant_type=refresh_token&refresh_token={access}"),
    )
    .await;
    assert_refused(&wrong, 401, "UNAUTHORIZED");
    let other = form(&nobody, "grant_type=authorization_code").await;
    assert_refused(&other, 400, "UNSUPPORTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_tokens_of_users_are_taken_everywhere() {
    let (nobody, ann, own) = world(Anonymous::None).await;
    push(&ann, "ann/a", "latest", "layer").await;
    let basic = format!("Basic {}", STANDARD.encode(format!("any:{own}")));
    for client in [nobody.token(&own), nobody.header("authorization", &basic)] {
        push(&client, "ann/a", "latest", "layer").await;
        assert_eq!(client.get("/v2/").await.status, StatusCode::OK);
        assert_eq!(
            scope(&client, "scope=repository:ann/a:pull").await,
            "repository:ann/a:pull"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_forged() {
    let (nobody, ann, _) = world(Anonymous::None).await;
    push(&ann, "ann/a", "latest", "layer").await;
    let good = token(&ann, "scope=repository:ann/a:pull").await;
    let good = good["token"].as_str().unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let coded =
        |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let none = coded(json!({ "alg": "none", "typ": "JWT" }));
    let tampered = format!("{}A", &parts[2][..parts[2].len() - 1]);
    let tampered = if tampered == parts[2] {
        "B".repeat(43)
    } else {
        tampered
    };
    for bad in [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{tampered}", parts[0], parts[1]),
        format!(
            "{}.{}.{}",
            parts[0],
            coded(json!({ "sub": "ann" })),
            parts[2]
        ),
        good.to_uppercase(),
    ] {
        let refused = nobody.token(&bad).get("/v2/ann/a/tags/list").await;
        assert_refused(&refused, 401, "UNAUTHORIZED");
        let challenge = refused.header("www-authenticate");
        assert!(
            challenge.ends_with(r#",error="invalid_token""#),
            "{challenge}"
        );
    }
    let pulled = nobody.token(good).get("/v2/ann/a/tags/list").await;
    assert_eq!(pulled.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_what_the_token_may_read() {
    let (_, ann, _) = world(Anonymous::None).await;
    for name in ["ann/a", "ann/b"] {
        push(&ann, name, "latest", name).await;
    }
    for (scopes, seen) in [
        ("scope=registry:catalog:*", json!(["ann/a", "ann/b"])),
        ("scope=repository:ann/b:pull", json!(["ann/b"])),
        ("scope=repository:ann/c:pull", json!([])),
    ] {
        let listed = with(&ann, scopes).await.get("/v2/_catalog").await;
        assert_eq!(listed.json()["repositories"], seen, "{scopes}");
    }
    // That a repository is there is all that such a token tells.
    let lists = with(&ann, "scope=registry:catalog:*").await;
    for path in ["tags/list", "manifests/latest"] {
        let refused = lists.get(&format!("/v2/ann/a/{path}")).await;
        assert_refused(&refused, 401, "UNAUTHORIZED");
    }
    let refused = with(&ann, "").await.get("/v2/_catalog").await;
    assert_refused(&refused, 401, "UNAUTHORIZED");
    let wanted = r#",scope="registry:catalog:*",error="insufficient_scope""#;
    let challenge = refused.header("www-authenticate");
    assert!(challenge.ends_with(wanted), "{challenge}");
    assert_eq!(
        ann.get("/v2/_catalog").await.json()["repositories"],
        json!(["ann/a", "ann/b"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_never_asks_for_rights_to_where_the_blob_comes_from() {
    let (_, ann, _) = world(Anonymous::None).await;
    push(&ann, "ann/a", "latest", "layer").await;
    let digest = crate::fixture::digest("layer");
    let pusher = with(&ann, "scope=repository:ann/b:pull,push").await;
    for (from, status) in [("ann/a", 201), ("other", 202), ("ann/none", 202)] {
        let path = format!("/v2/ann/b/blobs/uploads/?mount={digest}&from={from}");
        let mounted = pusher.post(&path, Body::empty()).await;
        assert_eq!(
            mounted.status.as_u16(),
            status,
            "{from}: {}",
            mounted.text()
        );
    }
    let path = format!("/v2/ann/c/blobs/uploads/?mount={digest}&from=ann/a");
    assert_refused(
        &pusher.post(&path, Body::empty()).await,
        401,
        "UNAUTHORIZED",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_below_another_has_its_tokens_from_there() {
    let (nobody, ann, _) = world(Anonymous::None).await;
    let refused = nobody.get("/v2/mirror/a/tags/list").await;
    let challenge = r#"Bearer realm="http://test/v2/mirror/token",service="test",scope="repository:mirror/a:pull""#;
    assert_eq!(refused.header("www-authenticate"), challenge);
    let asked = "scope=repository:mirror/a:pull,push";
    assert_eq!(scope(&ann, asked).await, "repository:mirror/a:pull,push");
    let below = ann.get(&format!("/v2/mirror/token?{asked}")).await.json();
    assert_eq!(below["scope"], "repository:mirror/a:pull,push");
    let from_above = with(&ann, asked).await;
    let from_below = ann.token(below["token"].as_str().unwrap());
    for client in [from_above, from_below] {
        let image = push(&client, "mirror/a", "latest", "layer").await;
        let pulled = client.get("/v2/mirror/a/manifests/latest").await;
        assert_eq!(pulled.text(), image.text());
        // It is not the other's.
        let refused = client.get("/v2/ann/a/tags/list").await;
        assert_refused(&refused, 401, "UNAUTHORIZED");
    }
    // A token is good for one of them, that of the first scope, or of the first that changes.
    for (asked, given) in [
        (
            "repository:ann/a:pull&scope=repository:mirror/a:pull",
            "repository:ann/a:pull",
        ),
        (
            "repository:ann/a:pull&scope=repository:mirror/a:pull,push",
            "repository:mirror/a:pull,push",
        ),
        (
            "repository:mirror/a:pull+repository:ann/a:delete+repository:mirror/b:push",
            "repository:ann/a:delete",
        ),
    ] {
        assert_eq!(scope(&ann, &format!("scope={asked}")).await, given);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lasts_as_its_user_does() {
    let (nobody, ann, _) = world(Anonymous::None).await;
    push(&ann, "ann/a", "latest", "layer").await;
    let access = with(&ann, "scope=repository:ann/a:pull,push").await;
    // An access token makes no other.
    let refused = access.get("/v2/token?scope=repository:ann/a:delete").await;
    assert_refused(&refused, 403, "DENIED");
    let head = access
        .send(Method::HEAD, "/v2/ann/a/manifests/latest", Body::empty())
        .await;
    assert_eq!(head.status, StatusCode::OK);
    let refused = Manifest::image("layer").put(&nobody, "ann/a", "x").await;
    assert_refused(&refused, 401, "UNAUTHORIZED");
}
