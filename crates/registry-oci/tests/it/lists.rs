//! Tags, and the catalog.

use std::sync::Arc;

use http::StatusCode;
use registry_core::storage::Memory;
use registry_oci::OciConfig;
use registry_testkit::{Answer, Client};
use serde_json::json;

use crate::{
    fixture::{assert_refused, push},
    registry, writer,
};

async fn tagged(tags: &[&str]) -> Client {
    let client = writer();
    for tag in tags {
        push(&client, "a/b", tag, tag).await;
    }
    client
}

/// The tags of an answer, and what follows them.
fn page(answer: &Answer) -> (Vec<String>, Option<String>) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let tags = serde_json::from_value(answer.json()["tags"].clone()).unwrap();
    let link = answer.headers.get("link").map(|link| {
        let link = link.to_str().unwrap();
        let link = link.strip_suffix(">; rel=\"next\"").unwrap();
        link.strip_prefix('<').unwrap().to_owned()
    });
    (tags, link)
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_in_order_and_in_parts() {
    let client = tagged(&["b", "a", "C", "1.10", "1.9", "_x"]).await;
    let all = ["1.10", "1.9", "C", "_x", "a", "b"];
    let whole = client.get("/v2/a/b/tags/list").await;
    assert_eq!(whole.json(), json!({ "name": "a/b", "tags": all }));
    assert!(!whole.headers.contains_key("link"));
    let mut path = Some("/oci/a/b/tags/list?n=4".to_owned());
    let mut seen = Vec::new();
    let mut pages = 0;
    while let Some(next) = path {
        assert!(next.starts_with("/oci/a/b/tags/list?"), "{next}");
        let (tags, link) = page(&client.get(&next).await);
        seen.extend(tags);
        path = link;
        pages += 1;
    }
    assert_eq!((seen, pages), (all.map(str::to_owned).to_vec(), 2));
    for (query, expected, more) in [
        ("n=6", &all[..], false),
        ("n=5", &all[..5], true),
        ("n=0", &[], false),
        ("n=1000000000000000000000000", &all[..], false),
        ("last=C", &all[3..], false),
        ("last=B", &all[2..], false),
        ("last=zzz&n=3", &[], false),
        ("n=1&last=1.10", &all[1..2], true),
    ] {
        let (tags, link) = page(&client.get(&format!("/v2/a/b/tags/list?{query}")).await);
        assert_eq!(
            (&*tags, link.is_some()),
            (
                &expected.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()[..],
                more
            ),
            "{query}"
        );
    }
    for query in ["n=-1", "n=x", "n=1.5"] {
        let refused = client.get(&format!("/v2/a/b/tags/list?{query}")).await;
        assert_refused(&refused, 400, "UNSUPPORTED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_not_listed() {
    let client = tagged(&["one", "two"]).await;
    client.delete("/v2/a/b/manifests/one").await;
    let (tags, _) = page(&client.get("/v2/a/b/tags/list").await);
    assert_eq!(tags, ["two"]);
    let two = client.get("/v2/a/b/manifests/two").await;
    let two = two.header("docker-content-digest");
    client.delete(&format!("/v2/a/b/manifests/{two}")).await;
    let (tags, _) = page(&client.get("/v2/a/b/tags/list").await);
    assert_eq!(tags, Vec::<String>::new());
    assert_refused(&client.get("/v2/a/tags/list").await, 404, "NAME_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog() {
    let storage = Arc::new(Memory::default());
    let client = registry(storage, OciConfig::default()).token("writer");
    for name in ["b", "a/z", "a", "c/d/e"] {
        push(&client, name, "latest", name).await;
    }
    let names = |answer: Answer| answer.json()["repositories"].clone();
    let all = names(client.get("/v2/_catalog").await);
    assert_eq!(all, json!(["a", "a/z", "b", "c/d/e"]));
    let part = client.get("/v2/_catalog?n=3").await;
    let link = "</v2/_catalog?last=b&n=3>; rel=\"next\"";
    assert_eq!(part.header("link"), link);
    assert_eq!(names(part), json!(["a", "a/z", "b"]));
    let rest = client.get("/v2/_catalog?last=b&n=3").await;
    assert!(!rest.headers.contains_key("link"));
    assert_eq!(names(rest), json!(["c/d/e"]));
    assert_eq!(names(client.get("/v2/_catalog?n=0").await), json!([]));
    assert_eq!(
        names(client.get("/v2/_catalog?last=a/a&n=1").await),
        json!(["a/z"])
    );
    // A repository that has nothing left is not listed.
    let digest = client.get("/v2/b/manifests/latest").await;
    let digest = digest.header("docker-content-digest").to_owned();
    client.delete("/v2/b/manifests/latest").await;
    assert_eq!(
        names(client.get("/v2/_catalog?last=a/z&n=1").await),
        json!(["b"])
    );
    client.delete(&format!("/v2/b/manifests/{digest}")).await;
    assert_eq!(
        names(client.get("/v2/_catalog").await),
        json!(["a", "a/z", "c/d/e"])
    );
}
