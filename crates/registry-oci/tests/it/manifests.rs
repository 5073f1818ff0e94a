//! Manifests and their tags: pushed, pulled, deleted.

use http::{Method, StatusCode};
use registry_core::Body;
use registry_testkit::Client;
use serde_json::json;

use crate::{
    fixture::{DOCKER_IMAGE, IMAGE, Manifest, assert_refused, digest, push, push_blob, sha512},
    writer,
};

async fn status(client: &Client, path: &str) -> u16 {
    client.get(path).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pulled_is_what_was_pushed() {
    let client = writer();
    let image = push(&client, "a/b", "latest", "layer").await;
    let digest = image.digest();
    for reference in ["latest", &digest] {
        let path = format!("/v2/a/b/manifests/{reference}");
        let pulled = client.header("accept", "text/html").get(&path).await;
        assert_eq!(pulled.status, StatusCode::OK);
        assert_eq!(pulled.text(), image.text());
        assert_eq!(pulled.header("content-type"), IMAGE);
        assert_eq!(pulled.header("docker-content-digest"), digest);
        assert_eq!(
            pulled.header("content-length"),
            image.text().len().to_string()
        );
        assert_eq!(pulled.header("etag"), format!("\"{digest}\""));
        let head = client.send(Method::HEAD, &path, Body::empty()).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.headers, pulled.headers);
        let known = client.header("if-none-match", pulled.header("etag"));
        let unchanged = known.get(&path).await;
        assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
        assert_eq!(unchanged.header("docker-content-digest"), digest);
        let elsewhere = client.get(&format!("/oci/a/b/manifests/{reference}")).await;
        assert_eq!(elsewhere.text(), image.text());
    }
    assert_eq!(status(&client, "/v2/a/manifests/latest").await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_manifest_counts() {
    let client = writer();
    push_blob(&client, "a", "{}").await;
    let config = digest("{}");
    let text = format!(
        "{{ \"schemaVersion\":2,\r\n\t\"config\" : {{\"mediaType\":\"x/y\",\"size\":2,\
         \"digest\":\"{config}\"}},\"layers\":[], \"\u{fc}\\u0000\\\"\": [1e3, \"\\ud83d\\ude00\u{1f600}\"] }}\n\n"
    );
    let put = client
        .header("content-type", IMAGE)
        .put("/v2/a/manifests/x", text.clone())
        .await;
    assert_eq!(put.status, StatusCode::CREATED, "{}", put.text());
    let pulled = client.get("/v2/a/manifests/x").await;
    assert_eq!(pulled.text(), text);
    assert_eq!(pulled.header("docker-content-digest"), digest(&text));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_push() {
    let client = writer();
    let image = push(&client, "a/b", "one", "layer").await;
    let put = client.header("content-type", &format!("{IMAGE}; charset=utf-8"));
    let put = put.put("/oci/a/b/manifests/two", image.text()).await;
    let location = format!("/oci/a/b/manifests/{}", image.digest());
    assert_eq!(put.status, StatusCode::CREATED);
    assert_eq!(put.header("location"), location);
    assert_eq!(put.header("docker-content-digest"), image.digest());
    assert_eq!(client.get(&location).await.text(), image.text());
    assert!(!put.headers.contains_key("oci-tag") && !put.headers.contains_key("oci-subject"));
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_types_and_types_that_only_the_manifest_tells() {
    let client = writer();
    push(&client, "a", "x", "layer").await;
    let mut docker = Manifest::image("layer").with("mediaType", DOCKER_IMAGE);
    docker.media_type = DOCKER_IMAGE;
    assert_eq!(
        docker.put(&client, "a", "docker").await.status,
        StatusCode::CREATED
    );
    let pulled = client.get("/v2/a/manifests/docker").await;
    assert_eq!(pulled.header("content-type"), DOCKER_IMAGE);
    let untyped = client.put("/v2/a/manifests/untyped", docker.text()).await;
    assert_eq!(untyped.status, StatusCode::CREATED);
    let pulled = client.get("/v2/a/manifests/untyped").await;
    assert_eq!(pulled.header("content-type"), DOCKER_IMAGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_only_the_header_tells_is_that_of_the_last_push() {
    let client = writer();
    push(&client, "a", "x", "layer").await;
    let mut image = Manifest::image("layer");
    image.value.as_object_mut().unwrap().remove("mediaType");
    for media_type in [IMAGE, DOCKER_IMAGE, IMAGE] {
        image.media_type = media_type;
        assert_eq!(
            image.put(&client, "a", "y").await.status,
            StatusCode::CREATED
        );
        let pulled = client.get("/v2/a/manifests/y").await;
        assert_eq!(pulled.header("content-type"), media_type);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_in_the_query() {
    let client = writer();
    push(&client, "a", "x", "layer").await;
    let image = Manifest::image("layer").with("annotations", json!({ "k": "v" }));
    let digest = sha512(image.text());
    let tags: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
    let query = tags.join("&tag=");
    let put = image
        .put(&client, "a", &format!("{digest}?tag={query}"))
        .await;
    assert_eq!(put.status, StatusCode::CREATED, "{}", put.text());
    assert_eq!(put.header("docker-content-digest"), digest);
    let told: Vec<&str> = put
        .headers
        .get_all("oci-tag")
        .iter()
        .map(|v| v.to_str().unwrap())
        .collect();
    assert_eq!(told, tags);
    for tag in &tags {
        let pulled = client.get(&format!("/v2/a/manifests/{tag}")).await;
        assert_eq!(pulled.text(), image.text());
        assert_eq!(pulled.header("docker-content-digest"), digest);
    }
    let other = image.digest();
    assert_eq!(
        status(&client, &format!("/v2/a/manifests/{other}")).await,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_moves_and_its_old_manifest_stays() {
    let client = writer();
    let one = push(&client, "a", "latest", "one").await;
    let two = push(&client, "a", "latest", "two").await;
    assert_eq!(
        client.get("/v2/a/manifests/latest").await.text(),
        two.text()
    );
    let old = client
        .get(&format!("/v2/a/manifests/{}", one.digest()))
        .await;
    assert_eq!(old.text(), one.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_deleted_alone() {
    let client = writer();
    let image = push(&client, "a", "one", "layer").await;
    push(&client, "a", "two", "layer").await;
    let deleted = client.delete("/v2/a/manifests/one").await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    assert_eq!(status(&client, "/v2/a/manifests/one").await, 404);
    assert_eq!(status(&client, "/v2/a/manifests/two").await, 200);
    assert_eq!(
        status(&client, &format!("/v2/a/manifests/{}", image.digest())).await,
        200
    );
    let again = client.delete("/v2/a/manifests/one").await;
    assert_refused(&again, 404, "MANIFEST_UNKNOWN");
    push(&client, "a", "one", "layer").await;
    assert_eq!(status(&client, "/v2/a/manifests/one").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_takes_its_tags_along_and_does_not_bring_them_back() {
    let client = writer();
    let image = push(&client, "a", "one", "layer").await;
    push(&client, "a", "two", "layer").await;
    let path = format!("/v2/a/manifests/{}", image.digest());
    assert_eq!(client.delete(&path).await.status, StatusCode::ACCEPTED);
    for gone in ["/v2/a/manifests/one", "/v2/a/manifests/two", &path] {
        assert_refused(&client.get(gone).await, 404, "MANIFEST_UNKNOWN");
        let head = client.send(Method::HEAD, gone, Body::empty()).await;
        assert_eq!(head.status, StatusCode::NOT_FOUND);
        assert_refused(&client.delete(gone).await, 404, "MANIFEST_UNKNOWN");
    }
    push(&client, "a", "one", "layer").await;
    assert_eq!(status(&client, &path).await, 200);
    assert_eq!(status(&client, "/v2/a/manifests/one").await, 200);
    assert_eq!(status(&client, "/v2/a/manifests/two").await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushing_again_changes_nothing() {
    let client = writer();
    let image = push(&client, "a", "one", "layer").await;
    let again = image.put(&client, "a", &image.digest()).await;
    assert_eq!(again.status, StatusCode::CREATED);
    let again = image.put(&client, "a", "one").await;
    assert_eq!(again.status, StatusCode::CREATED);
    assert_eq!(status(&client, "/v2/a/manifests/one").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_repository_does_not_show_another() {
    let client = writer();
    let image = push(&client, "a", "one", "layer").await;
    assert_eq!(
        status(&client, &format!("/v2/b/manifests/{}", image.digest())).await,
        404
    );
    let refused = image.put(&client, "b", "one").await;
    assert_refused(&refused, 400, "MANIFEST_BLOB_UNKNOWN");
    push(&client, "b", "one", "layer").await;
    let path = format!("/v2/a/manifests/{}", image.digest());
    assert_eq!(client.delete(&path).await.status, StatusCode::ACCEPTED);
    assert_eq!(status(&client, "/v2/b/manifests/one").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_a_manifest_names_can_be_deleted_and_then_it_is_missing() {
    let client = writer();
    let image = push(&client, "a", "one", "layer").await;
    let blob = format!("/v2/a/blobs/{}", digest("layer"));
    assert_eq!(client.delete(&blob).await.status, StatusCode::ACCEPTED);
    assert_eq!(status(&client, &blob).await, 404);
    let refused = image.put(&client, "a", "two").await;
    assert_refused(&refused, 400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(status(&client, "/v2/a/manifests/two").await, 404);
    assert_eq!(status(&client, "/v2/a/manifests/one").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_that_are_called_like_addresses() {
    let client = writer();
    for name in [
        "a/blobs/b",
        "a/manifests/b",
        "blobs",
        "a/tags",
        "a/blobs/uploads",
        "token",
    ] {
        let image = push(&client, name, "latest", name).await;
        let pulled = client.get(&format!("/v2/{name}/manifests/latest")).await;
        assert_eq!(pulled.text(), image.text(), "{name}");
        let tags = client.get(&format!("/v2/{name}/tags/list")).await;
        assert_eq!(tags.json(), json!({ "name": name, "tags": ["latest"] }));
    }
}

#[test]
fn the_example_serves() {
    let example = registry_testkit::Example::start("oci_in_axum");
    let path = format!("/v2/a/blobs/uploads/?digest={}", digest("{}"));
    let pushed = example.send("POST", &path, "", "{}");
    assert!(pushed.starts_with("HTTP/1.1 201"), "{pushed}");
    let pulled = example.send("GET", &format!("/v2/a/blobs/{}", digest("{}")), "", "");
    assert!(pulled.ends_with("\r\n\r\n{}"), "{pulled}");
    // What HEAD answers is as long as it says, and empty.
    let config = crate::fixture::descriptor("x/y", "{}");
    let image = json!({ "schemaVersion": 2, "config": config, "layers": [] }).to_string();
    let put = example.send("PUT", "/v2/a/manifests/x", "", &image);
    assert!(put.starts_with("HTTP/1.1 201"), "{put}");
    let head = example.send("HEAD", "/v2/a/manifests/x", "", "");
    let length = format!("content-length: {}\r\n", image.len());
    assert!(
        head.contains(&length) && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

/// The answer to a push of `image` on a condition.
async fn put_if(
    client: &Client,
    condition: (&'static str, &str),
    image: &Manifest,
    to: &str,
) -> u16 {
    let client = client.header(condition.0, condition.1);
    image.put(&client, "a", to).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_on_a_condition() {
    let client = writer();
    let one = push(&client, "a", "latest", "one").await;
    push_blob(&client, "a", "two").await;
    let two = Manifest::image("two");
    let quoted = |of: &Manifest| format!("\"{}\"", of.digest());
    let (is_one, is_two) = (quoted(&one), quoted(&two));
    let either = format!("{is_two}, {is_one}");
    let weak = format!("W/{is_one}");
    let (is, is_not) = ("if-match", "if-none-match");
    for (condition, to, status) in [
        ((is_not, "*"), "latest", 412),
        ((is, &*is_two), "latest", 412),
        ((is, &*weak), "latest", 412),
        ((is_not, &*is_one), "latest", 412),
        ((is_not, &*weak), "latest", 412),
        ((is, "*"), "new", 412),
        ((is, "*"), &*two.digest(), 412),
        ((is_not, "*"), &*one.digest(), 400),
    ] {
        assert_eq!(
            put_if(&client, condition, &two, to).await,
            status,
            "{condition:?} {to}"
        );
    }
    assert_eq!(
        put_if(&client, (is_not, "*"), &one, &one.digest()).await,
        412
    );
    let refused = two
        .put(&client.header("if-match", &is_two), "a", "latest")
        .await;
    assert_refused(&refused, 412, "UNSUPPORTED");
    let told = refused.json()["errors"][0]["message"].clone();
    let expected = format!(
        "If-Match does not hold: this address names {} now",
        one.digest()
    );
    assert_eq!(told, expected);
    // Nothing of what was refused is there.
    assert_eq!(
        status(&client, &format!("/v2/a/manifests/{}", two.digest())).await,
        404
    );
    assert_eq!(status(&client, "/v2/a/manifests/new").await, 404);
    for (condition, image, to) in [
        ((is, &*either), &two, "latest"),
        ((is, "*"), &one, "latest"),
        ((is_not, &*is_two), &two, "latest"),
        ((is_not, "*"), &two, "new"),
        ((is, "*"), &two, &*two.digest()),
    ] {
        assert_eq!(
            put_if(&client, condition, image, to).await,
            201,
            "{condition:?} {to}"
        );
    }
    // Deletions ask the same.
    let delete = async |tag: &str, of: &str| {
        let client = client.header("if-match", tag);
        let answer = client.delete(&format!("/v2/a/manifests/{of}")).await;
        answer.status.as_u16()
    };
    assert_eq!(delete(&is_one, "new").await, 412);
    assert_eq!(delete(&is_one, &two.digest()).await, 412);
    assert_eq!(status(&client, "/v2/a/manifests/new").await, 200);
    assert_eq!(delete(&is_two, "new").await, 202);
    assert_eq!(put_if(&client, (is_not, "*"), &two, "new").await, 201);
    // A tag whose manifest is gone is not there.
    client
        .delete(&format!("/v2/a/manifests/{}", two.digest()))
        .await;
    assert_eq!(put_if(&client, (is, "*"), &one, "new").await, 412);
    assert_eq!(put_if(&client, (is_not, "*"), &one, "new").await, 201);
}
