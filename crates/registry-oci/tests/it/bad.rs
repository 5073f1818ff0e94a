//! What bad input gets: the specification's codes, and nothing is stored.

use http::{Method, StatusCode};
use registry_core::Body;
use registry_oci::{OciConfig, Sparse};
use registry_testkit::{Answer, Client};
use serde_json::json;

use crate::{
    fixture::{DOCKER_IMAGE, IMAGE, INDEX, Manifest, assert_refused, digest, push, push_blob},
    with, writer,
};

/// The sentence of a refusal.
fn message(answer: &Answer) -> String {
    let message = &answer.json()["errors"][0]["message"];
    message.as_str().unwrap().to_owned()
}

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
    assert_eq!(
        message(&refused),
        "the manifest has more than the 4194304 bytes that are taken here; make it smaller, or have \
         oci.max_manifest raised"
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn dockers_first_form_of_an_image_is_told_what_to_become() {
    let client = writer();
    let old = json!({
        "schemaVersion": 1, "name": "a", "tag": "latest", "architecture": "amd64",
        "fsLayers": [{ "blobSum": digest("layer") }], "history": [], "signatures": [],
    });
    for content_type in [
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/json",
    ] {
        let put = client.header("content-type", content_type);
        let refused = put.put("/v2/a/manifests/latest", old.to_string()).await;
        assert_refused(&refused, 400, "MANIFEST_INVALID");
        assert_eq!(
            message(&refused),
            "docker's image manifest of schema 1 is not taken; push the image as schema 2 or as an \
             OCI image"
        );
    }
    is_empty(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentences_begin_with_what_is_wrong() {
    let client = writer();
    let refused = client.put("/v2/a/manifests/.x", "{}").await;
    assert_eq!(
        message(&refused),
        "\".x\" is no tag: a tag is 1 to 128 letters, digits, underscores, dots and hyphens, and \
         begins with no dot or hyphen"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_beyond_a_blob() {
    let client = writer();
    push_blob(&client, "a", "layer").await;
    let path = format!("/v2/a/blobs/{}", digest("layer"));
    let refused = client.header("range", "bytes=5-").get(&path).await;
    assert_refused(&refused, 416, "SIZE_INVALID");
    assert_eq!(refused.header("content-range"), "bytes */5");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_names_has_the_size_that_it_says() {
    let client = writer();
    let image = push(&client, "a", "good", "layer").await;
    let index = Manifest::index(&[&image]);
    let refers = Manifest::image("layer").with("subject", image.descriptor());
    push_blob(&client, "a", "other").await;
    let other = crate::fixture::descriptor("application/vnd.oci.image.layer.v1.tar+gzip", "other");
    let mut wrong_other = other.clone();
    wrong_other["size"] = json!(4);
    let twice = |one: &serde_json::Value, two: &serde_json::Value| {
        let layers = json!([one, two]);
        Manifest::image("layer").with("layers", layers)
    };
    for (manifest, path) in [
        (image.clone(), "/config"),
        (image.clone(), "/layers/0"),
        (index.clone(), "/manifests/0"),
        (refers.clone(), "/subject"),
    ] {
        let mut wrong = manifest.clone();
        let descriptor = wrong.value.pointer_mut(path).unwrap();
        let held = descriptor["size"].as_u64().unwrap();
        let named = descriptor["digest"].as_str().unwrap().to_owned();
        descriptor["size"] = json!(held + 1);
        let refused = wrong.put(&client, "a", "wrong").await;
        assert_refused(&refused, 400, "MANIFEST_INVALID");
        let said = held + 1;
        assert_eq!(
            message(&refused),
            format!("the manifest says that {named} has {said} bytes, and it has {held}")
        );
        let gone = client.get("/v2/a/manifests/wrong").await;
        assert_refused(&gone, 404, "MANIFEST_UNKNOWN");
        assert_eq!(
            manifest.put(&client, "a", "right").await.status,
            StatusCode::CREATED
        );
    }
    for contradictory in [twice(&other, &wrong_other), twice(&wrong_other, &other)] {
        let refused = contradictory.put(&client, "a", "wrong").await;
        assert_refused(&refused, 400, "MANIFEST_INVALID");
    }
    let same = twice(&other, &other).put(&client, "a", "twice").await;
    assert_eq!(same.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_of_what_is_not_there_is_believed() {
    let client = with(OciConfig {
        sparse: Sparse::All,
        ..OciConfig::default()
    });
    push_blob(&client, "a", "{}").await;
    let mut image = Manifest::image("layer");
    image.value["layers"][0]["size"] = json!(1_000_000);
    assert_eq!(
        image.put(&client, "a", "x").await.status,
        StatusCode::CREATED
    );
    image.value["config"]["size"] = json!(1);
    let refused = image.put(&client, "a", "y").await;
    assert_refused(&refused, 400, "MANIFEST_INVALID");
}
