//! What refers to a manifest.

use std::sync::Arc;

use http::StatusCode;
use registry_core::storage::{Key, Memory, Storage};
use registry_oci::OciConfig;
use registry_testkit::Client;
use serde_json::{Value, json};

use crate::{
    fixture::{INDEX, Manifest, assert_refused, digest, push, sha512},
    registry, writer,
};

/// The descriptors of what refers to `subject`.
async fn referrers(client: &Client, subject: &str, query: &str) -> Vec<Value> {
    let answer = client
        .get(&format!("/v2/a/referrers/{subject}{query}"))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("content-type"), INDEX);
    let index = answer.json();
    assert_eq!(
        (&index["schemaVersion"], &index["mediaType"]),
        (&json!(2), &json!(INDEX))
    );
    index["manifests"].as_array().unwrap().clone()
}

fn digests(descriptors: &[Value]) -> Vec<&str> {
    let all = descriptors.iter().map(|of| of["digest"].as_str().unwrap());
    all.collect()
}

/// A subject that was pushed, and something that refers to it.
async fn with_referrer(client: &Client, kind: &str) -> (Manifest, Manifest) {
    let subject = push(client, "a", "latest", "layer").await;
    let referrer = Manifest::image("layer")
        .with("artifactType", kind)
        .with("annotations", json!({ "k": kind }))
        .with("subject", subject.descriptor());
    let put = referrer.put(client, "a", &referrer.digest()).await;
    assert_eq!(put.status, StatusCode::CREATED, "{}", put.text());
    assert_eq!(put.header("oci-subject"), subject.digest());
    (subject, referrer)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_is_listed_with_its_type_and_annotations() {
    let client = writer();
    let (subject, one) = with_referrer(&client, "t/one").await;
    let plain = Manifest::image("layer").with("subject", subject.descriptor());
    plain.put(&client, "a", "plain").await;
    let index = Manifest::index(&[&subject]).with("subject", subject.descriptor());
    let put = index.put(&client, "a", "index").await;
    assert_eq!(put.header("oci-subject"), subject.digest());
    let all = referrers(&client, &subject.digest(), "").await;
    assert_eq!(all.len(), 3);
    let of = |manifest: &Manifest| {
        let digest = manifest.digest();
        all.iter()
            .find(|of| of["digest"] == digest.as_str())
            .unwrap()
            .clone()
    };
    let mut expected = one.descriptor();
    expected["artifactType"] = json!("t/one");
    expected["annotations"] = json!({ "k": "t/one" });
    assert_eq!(of(&one), expected);
    let config = "application/vnd.oci.image.config.v1+json";
    assert_eq!(of(&plain)["artifactType"], config);
    assert!(of(&index).get("artifactType").is_none());
    let some = client
        .get(&format!(
            "/v2/a/referrers/{}?artifactType=t/one",
            subject.digest()
        ))
        .await;
    assert_eq!(some.header("oci-filters-applied"), "artifactType");
    assert_eq!(some.json()["manifests"], json!([expected]));
    let none = referrers(&client, &subject.digest(), "?artifactType=t/other").await;
    assert!(none.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_refers_to_what_is_not_there() {
    let client = writer();
    assert!(referrers(&client, &digest("nothing"), "").await.is_empty());
    assert!(referrers(&client, &sha512("nothing"), "").await.is_empty());
    let refused = client.get("/v2/a/referrers/sha256:bad").await;
    assert_refused(&refused, 400, "DIGEST_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subject_may_come_later_or_never() {
    let client = writer();
    push(&client, "a", "x", "layer").await;
    let subject = Manifest::image("layer").with("annotations", json!({ "later": "yes" }));
    let referrer = Manifest::image("layer").with("subject", subject.descriptor());
    let put = referrer.put(&client, "a", "r").await;
    assert_eq!(put.status, StatusCode::CREATED, "{}", put.text());
    let all = referrers(&client, &subject.digest(), "").await;
    assert_eq!(digests(&all), [referrer.digest()]);
    // In another repository nothing refers to it.
    let elsewhere = client
        .get(&format!("/v2/b/referrers/{}", subject.digest()))
        .await;
    assert_eq!(elsewhere.json()["manifests"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_refers_no_more() {
    let client = writer();
    let (subject, referrer) = with_referrer(&client, "t/one").await;
    let path = format!("/v2/a/manifests/{}", referrer.digest());
    assert_eq!(client.delete(&path).await.status, StatusCode::ACCEPTED);
    assert!(referrers(&client, &subject.digest(), "").await.is_empty());
    referrer.put(&client, "a", "again").await;
    assert_eq!(referrers(&client, &subject.digest(), "").await.len(), 1);
    // The subject's end is not the end of what refers to it.
    let path = format!("/v2/a/manifests/{}", subject.digest());
    client.delete(&path).await;
    assert_eq!(referrers(&client, &subject.digest(), "").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_come_in_parts() {
    let client = writer();
    let subject = push(&client, "a", "latest", "layer").await;
    let mut all = Vec::new();
    for n in 0..40 {
        let text = "x".repeat(250_000);
        let referrer = Manifest::image("layer")
            .with("artifactType", "t/a+b")
            .with("annotations", json!({ "n": n.to_string(), "text": text }))
            .with("subject", subject.descriptor());
        let put = referrer.put(&client, "a", &referrer.digest()).await;
        assert_eq!(put.status, StatusCode::CREATED, "{}", put.text());
        all.push(referrer.digest());
    }
    all.sort();
    let mut seen: Vec<String> = Vec::new();
    let mut next = Some(format!(
        "/v2/a/referrers/{}?artifactType=t/a%2Bb",
        subject.digest()
    ));
    let mut pages = 0;
    while let Some(path) = next {
        let answer = client.get(&path).await;
        assert_eq!(answer.header("oci-filters-applied"), "artifactType");
        assert!(
            answer.body.len() <= (4 << 20) + 1024,
            "{}",
            answer.body.len()
        );
        let listed = answer.json()["manifests"].as_array().unwrap().clone();
        seen.extend(digests(&listed).into_iter().map(str::to_owned));
        let link = answer
            .headers
            .get("link")
            .map(|link| link.to_str().unwrap());
        next = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
        pages += 1;
    }
    assert_eq!((seen, pages), (all, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_under_the_fallback_tag_is_believed_as_far_as_it_is_true() {
    let storage = Arc::new(Memory::default());
    let client = registry(storage.clone(), OciConfig::default()).token("writer");
    let (subject, referrer) = with_referrer(&client, "t/one").await;
    let other = push(&client, "a", "other", "other").await;
    let index = Manifest::index(&[&referrer, &other]);
    let tag = subject.digest().replace(':', "-");
    assert_eq!(
        index.put(&client, "a", &tag).await.status,
        StatusCode::CREATED
    );
    let before = referrers(&client, &subject.digest(), "").await;
    assert_eq!(digests(&before), [referrer.digest()]);
    // As it is where manifests came before there were lists of referrers.
    let list = subject.digest().replace(':', "/");
    let list = Key::new(format!("oci/repositories/a/_referrers/{list}")).unwrap();
    storage.delete(&list).await.unwrap();
    assert_eq!(referrers(&client, &subject.digest(), "").await, before);
    let path = format!("/v2/a/manifests/{}", referrer.digest());
    client.delete(&path).await;
    assert!(referrers(&client, &subject.digest(), "").await.is_empty());
}
