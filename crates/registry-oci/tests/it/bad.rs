//! What bad input gets: the specification's codes, and nothing is stored.

use http::{Method, StatusCode};
use registry_core::Body;
use registry_oci::{OciConfig, Sparse};
use registry_testkit::Client;
use serde_json::json;

use crate::{
    fixture::{DOCKER_IMAGE, IMAGE, INDEX, Manifest, assert_refused, digest, push, push_blob},
    with, writer,
};

async fn is_empty(client: &Client) {
    let catalog = client.get("/v2/_catalog").await;
    assert_eq!(catalog.json(), json!({ "repositories": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_manifest_is_not_stored() {
    let client = writer();
    push_blob(&client, "a", "{}").await;
    push_blob(&client, "a", "layer").await;
    let good = Manifest::image("layer").text();
    for (content_type, text, status, code) in [
        (IMAGE, "", 400, "MANIFEST_INVALID"),
        (IMAGE, "no json", 400, "MANIFEST_INVALID"),
        (IMAGE, &good[..good.len() - 1], 400, "MANIFEST_INVALID"),
        (IMAGE, "[]", 400, "MANIFEST_INVALID"),
        (IMAGE, "{}", 400, "MANIFEST_INVALID"),
        (INDEX, &good, 400, "MANIFEST_INVALID"),
        (DOCKER_IMAGE, &good, 400, "MANIFEST_INVALID"),
        ("text/plain", &good, 400, "MANIFEST_INVALID"),
        (
            IMAGE,
            &good.replace("\"schemaVersion\":2", "\"schemaVersion\":1"),
            400,
            "MANIFEST_INVALID",
        ),
        (
            IMAGE,
            &good.replace("sha256:", "sha257:"),
            400,
            "MANIFEST_INVALID",
        ),
        (
            IMAGE,
            &good.replacen("\"size\":2", "\"size\":\"2\"", 1),
            400,
            "MANIFEST_INVALID",
        ),
        (
            IMAGE,
            &good.replace("{\"config\"", "{\"manifests\":[],\"config\""),
            400,
            "MANIFEST_INVALID",
        ),
    ] {
        let put = client.header("content-type", content_type);
        let put = put.put("/v2/a/manifests/latest", text.to_owned()).await;
        assert_refused(&put, status, code);
        assert!(put.json()["errors"][0]["message"].as_str().unwrap().len() > 10);
    }
    is_empty(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_is_not_that_of_the_manifest() {
    let client = writer();
    push_blob(&client, "a", "{}").await;
    push_blob(&client, "a", "layer").await;
    let image = Manifest::image("layer");
    let refused = image.put(&client, "a", &digest("other")).await;
    assert_refused(&refused, 400, "DIGEST_INVALID");
    let refused = image
        .put(&client, "a", &format!("{}?tag=x", digest("other")))
        .await;
    assert_refused(&refused, 400, "DIGEST_INVALID");
    let bad_tag = image
        .put(&client, "a", &format!("{}?tag=x&tag=.", image.digest()))
        .await;
    assert_refused(&bad_tag, 400, "MANIFEST_INVALID");
    let many: String = (0..101).map(|n| format!("&tag=t{n}")).collect();
    let many = image
        .put(&client, "a", &format!("{}?{many}", image.digest()))
        .await;
    assert_refused(&many, 414, "UNSUPPORTED");
    is_empty(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_mebibytes_are_taken_and_not_a_byte_more() {
    let client = writer();
    push_blob(&client, "a", "{}").await;
    push_blob(&client, "a", "layer").await;
    let bare = Manifest::image("layer")
        .with("annotations", json!({ "k": "" }))
        .text()
        .len();
    let of = |size: usize| {
        let text = "x".repeat(size - bare);
        Manifest::image("layer").with("annotations", json!({ "k": text }))
    };
    let most = of(4 << 20);
    assert_eq!(most.text().len(), 4 << 20);
    let refused = of((4 << 20) + 1).put(&client, "a", "more").await;
    assert_refused(&refused, 413, "SIZE_INVALID");
    is_empty(&client).await;
    assert_eq!(
        most.put(&client, "a", "most").await.status,
        StatusCode::CREATED
    );
    let pulled = client.get("/v2/a/manifests/most").await;
    assert_eq!(pulled.text(), most.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_names_has_to_be_there() {
    let client = writer();
    let image = Manifest::image("layer");
    let refused = image.put(&client, "a", "x").await;
    assert_refused(&refused, 400, "MANIFEST_BLOB_UNKNOWN");
    let mut missing = [digest("{}"), digest("layer")];
    missing.sort();
    assert_eq!(refused.json()["errors"][0]["detail"], json!(missing));
    push_blob(&client, "a", "{}").await;
    let refused = image.put(&client, "a", "x").await;
    assert_eq!(
        refused.json()["errors"][0]["detail"],
        json!([digest("layer")])
    );
    let index = Manifest::index(&[&image]);
    let refused = index.put(&client, "a", "x").await;
    assert_refused(&refused, 400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(
        refused.json()["errors"][0]["detail"],
        json!([image.digest()])
    );
    is_empty(&client).await;
    push(&client, "a", &image.digest(), "layer").await;
    assert_eq!(
        index.put(&client, "a", "x").await.status,
        StatusCode::CREATED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_may_hold_a_part() {
    for (sparse, index_status, image_status) in [
        (Sparse::None, 400, 400),
        (Sparse::Index, 201, 400),
        (Sparse::All, 201, 201),
    ] {
        let client = with(OciConfig {
            sparse,
            ..OciConfig::default()
        });
        let index = Manifest::index(&[&Manifest::image("layer")]);
        let put = index.put(&client, "a", "index").await;
        assert_eq!(put.status.as_u16(), index_status, "{sparse:?}");
        push_blob(&client, "a", "{}").await;
        let put = Manifest::image("layer").put(&client, "a", "image").await;
        assert_eq!(put.status.as_u16(), image_status, "{sparse:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_that_lie_elsewhere_need_not_be_there() {
    let client = writer();
    push_blob(&client, "a", "{}").await;
    let mut image = Manifest::image("layer");
    let layer = &mut image.value["layers"][0];
    layer["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    layer["urls"] = json!(["https://elsewhere.example/layer"]);
    assert_eq!(
        image.put(&client, "a", "x").await.status,
        StatusCode::CREATED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_may_name_blobs() {
    let client = writer();
    push_blob(&client, "a", "layer").await;
    let mut index = Manifest::index(&[]);
    let layer = crate::fixture::descriptor("application/vnd.oci.image.layer.v1.tar+gzip", "layer");
    index.value["manifests"] = json!([layer]);
    assert_eq!(
        index.put(&client, "a", "cache").await.status,
        StatusCode::CREATED
    );
    index.value["manifests"][0]["digest"] = json!(digest("other"));
    let refused = index.put(&client, "a", "cache").await;
    assert_refused(&refused, 400, "MANIFEST_BLOB_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_methods() {
    let client = writer();
    for (method, path, status, code) in [
        (Method::PUT, "/v2/A/manifests/x", 400, "NAME_INVALID"),
        (Method::PUT, "/v2/a/manifests/.x", 400, "MANIFEST_INVALID"),
        (
            Method::PUT,
            "/v2/a/manifests/sha256:x",
            400,
            "DIGEST_INVALID",
        ),
        (Method::GET, "/v2/_a/manifests/x", 400, "NAME_INVALID"),
        (Method::GET, "/v2/a/manifests/.x", 404, "MANIFEST_UNKNOWN"),
        (Method::GET, "/v2/nothing", 404, "NAME_UNKNOWN"),
        (Method::POST, "/v2/a/manifests/x", 405, "UNSUPPORTED"),
        (Method::PUT, "/v2/", 405, "UNSUPPORTED"),
        (Method::GET, "/v2/a/blobs/uploads/", 405, "UNSUPPORTED"),
    ] {
        let answer = client.send(method.clone(), path, Body::empty()).await;
        assert_refused(&answer, status, code);
        let allow = answer.headers.contains_key("allow");
        assert_eq!(allow, status == 405, "{method} {path}");
    }
}
