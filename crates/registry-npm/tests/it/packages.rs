//! What becomes of packages after they are published.

use std::sync::Arc;

use http::StatusCode;
use registry_core::storage::Memory;
use registry_npm::NpmConfig;
use registry_testkit::Client;
use serde_json::{Value, json};

use crate::{fixture::Package, registry, writer};

async fn with(versions: &[&str]) -> Client {
    let client = writer();
    for version in versions {
        client
            .put("/npm/a", Package::new("a", version).body())
            .await;
    }
    client
}

async fn packument(client: &Client) -> Value {
    client.get("/npm/a?write=true").await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn deprecate_and_undeprecate() {
    let client = with(&["1.0.0", "1.0.1"]).await;
    for (message, expected) in [("old", json!("old")), ("", Value::Null)] {
        let mut document = packument(&client).await;
        document["versions"]["1.0.0"]["deprecated"] = json!(message);
        let answer = client.put("/npm/a", document.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let read = packument(&client).await;
        assert_eq!(read["versions"]["1.0.0"]["deprecated"], expected);
        assert_eq!(read["versions"]["1.0.1"]["deprecated"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_put_back_adds_and_alters_nothing() {
    let client = with(&["1.0.0"]).await;
    let before = packument(&client).await;
    for change in [
        (|d| d["versions"]["2.0.0"] = d["versions"]["1.0.0"].clone()) as fn(&mut Value),
        |d| d["versions"]["1.0.0"]["dist"]["integrity"] = json!("sha512-AAAA"),
        |d| d["versions"]["1.0.0"]["dist"]["tarball"] = json!("http://evil/a.tgz"),
        |d| d["versions"]["1.0.0"]["scripts"] = json!({ "postinstall": "evil" }),
        |d| d["versions"]["1.0.0"]["dependencies"] = json!({ "evil": "*" }),
    ] {
        let mut document = before.clone();
        change(&mut document);
        let answer = client.put("/npm/a", document.to_string()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(packument(&client).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_document_takes_nothing_back() {
    let client = with(&["1.0.0"]).await;
    let old = packument(&client).await;
    client
        .put("/npm/a", Package::new("a", "1.0.1").body())
        .await;
    let mut deprecated = old.clone();
    deprecated["versions"]["1.0.0"]["deprecated"] = json!("old");
    assert_eq!(
        client.put("/npm/a", deprecated.to_string()).await.status,
        StatusCode::OK
    );
    let now = packument(&client).await;
    assert_eq!(now["dist-tags"]["latest"], "1.0.1");
    assert_eq!(now["versions"].as_object().unwrap().len(), 2);
    let rev = old["_rev"].as_str().unwrap();
    let removal = client
        .put(&format!("/npm/a/-rev/{rev}"), old.to_string())
        .await;
    assert_eq!(removal.status, StatusCode::CONFLICT);
    assert_eq!(client.get("/npm/a/1.0.1").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags() {
    let client = with(&["1.0.0", "1.0.1"]).await;
    let set = client
        .put("/npm/-/package/a/dist-tags/old", "\"1.0.0\"")
        .await;
    assert_eq!(set.status, StatusCode::CREATED);
    assert_eq!(client.get("/npm/a/old").await.json()["version"], "1.0.0");
    for (path, body, status) in [
        ("old", "\"9.9.9\"", StatusCode::NOT_FOUND),
        ("1.x", "\"1.0.0\"", StatusCode::BAD_REQUEST),
        ("old", "nonsense", StatusCode::BAD_REQUEST),
    ] {
        let answer = client
            .put(&format!("/npm/-/package/a/dist-tags/{path}"), body)
            .await;
        assert_eq!(answer.status, status, "{path} {body}");
    }
    assert_eq!(
        client.delete("/npm/-/package/a/dist-tags/old").await.status,
        StatusCode::OK
    );
    assert_eq!(
        client.delete("/npm/-/package/a/dist-tags/old").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        client
            .delete("/npm/-/package/a/dist-tags/latest")
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_unpublished_in_three_steps_and_never_comes_back() {
    let client = with(&["1.0.0", "1.1.0-beta", "1.0.1"]).await;
    let mut document = packument(&client).await;
    document["versions"]
        .as_object_mut()
        .unwrap()
        .remove("1.0.1");
    let rev = document["_rev"].as_str().unwrap().to_owned();
    let put = client
        .put(&format!("/npm/a/-rev/{rev}"), document.to_string())
        .await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.text());
    let after = packument(&client).await;
    assert_eq!(after["dist-tags"], json!({ "latest": "1.0.0" }));
    let rev = after["_rev"].as_str().unwrap();
    let tarball = client
        .delete(&format!("/npm/a/-/a-1.0.1.tgz/-rev/{rev}"))
        .await;
    assert_eq!(tarball.status, StatusCode::OK);
    assert_eq!(
        client.get("/npm/a/-/a-1.0.1.tgz").await.status,
        StatusCode::NOT_FOUND
    );
    let again = client
        .put("/npm/a", Package::new("a", "1.0.1").body())
        .await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_unpublished_and_may_come_back_with_new_versions() {
    let client = with(&["1.0.0", "1.0.1"]).await;
    let rev = packument(&client).await["_rev"]
        .as_str()
        .unwrap()
        .to_owned();
    let stale = client.delete("/npm/a/-rev/1-0").await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert_eq!(
        client.delete(&format!("/npm/a/-rev/{rev}")).await.status,
        StatusCode::OK
    );
    for path in [
        "/npm/a",
        "/npm/a/latest",
        "/npm/a/-/a-1.0.0.tgz",
        "/npm/-/package/a/dist-tags",
    ] {
        assert_eq!(
            client.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(
        client.get("/npm/-/v1/search?text=a").await.json()["total"],
        0
    );
    let again = client
        .put("/npm/a", Package::new("a", "1.0.0").body())
        .await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    let newer = client
        .put("/npm/a", Package::new("a", "2.0.0").body())
        .await;
    assert_eq!(newer.status, StatusCode::CREATED);
    assert_eq!(
        packument(&client).await["versions"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stars_are_anyones_to_give() {
    let nobody = registry(Arc::new(Memory::default()), NpmConfig::default());
    let client = nobody.token("writer");
    client
        .put("/npm/a", Package::new("a", "1.0.0").body())
        .await;
    let reader = nobody.token("reader");
    let star = json!({ "_id": "a", "_rev": "1-0", "users": { "writer": true, "reader": true } });
    assert_eq!(
        nobody.put("/npm/a", star.to_string()).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        reader.put("/npm/a", star.to_string()).await.status,
        StatusCode::OK
    );
    let starred = client
        .get("/npm/-/_view/starredByUser?key=%22reader%22")
        .await
        .json();
    assert_eq!(starred, json!({ "rows": [{ "value": "a" }] }));
    let looker = nobody.token("looker");
    assert_eq!(
        looker.put("/npm/a", star.to_string()).await.status,
        StatusCode::FORBIDDEN
    );
    let star = looker.put("/npm/-/user/v1/star", "{\"name\":\"a\"}").await;
    assert_eq!(star.status, StatusCode::FORBIDDEN);
    let unstar = json!({ "_id": "a", "_rev": "2-0", "users": {} });
    reader.put("/npm/a", unstar.to_string()).await;
    let starred = client
        .get("/npm/-/_view/starredByUser?key=%22reader%22")
        .await
        .json();
    assert_eq!(starred, json!({ "rows": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn access_is_recorded() {
    let client = with(&["1.0.0"]).await;
    let set = client
        .post("/npm/-/package/a/access", "{\"access\":\"restricted\"}")
        .await;
    assert_eq!(set.status, StatusCode::OK);
    let visible = client.get("/npm/-/package/a/visibility").await;
    assert_eq!(visible.json(), json!({ "public": false }));
    let factor = "{\"publish_requires_tfa\":true}";
    let factor = client.post("/npm/-/package/a/access", factor).await;
    assert_eq!(factor.status, StatusCode::NOT_IMPLEMENTED);
    let wrong = client
        .post("/npm/-/package/a/access", "{\"access\":\"secret\"}")
        .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_stars_by_routes_of_their_own() {
    let client = with(&["1.0.0"]).await;
    let add = client
        .put("/npm/-/package/a/owners", "{\"user\":\"reader\"}")
        .await;
    assert_eq!(add.status, StatusCode::OK, "{}", add.text());
    let owners = client.get("/npm/-/package/a/collaborators").await.json();
    assert_eq!(owners.as_object().unwrap().len(), 2);
    for (user, status) in [
        ("writer", StatusCode::OK),
        ("writer", StatusCode::NOT_FOUND),
        ("reader", StatusCode::BAD_REQUEST),
    ] {
        let path = format!("/npm/-/package/a/owners/{user}");
        assert_eq!(client.delete(&path).await.status, status, "{user}");
    }
    let star = "{\"name\":\"a\",\"package\":\"a\"}";
    assert_eq!(
        client.put("/npm/-/user/v1/star", star).await.status,
        StatusCode::OK
    );
    assert_eq!(client.get("/npm/-/user/v1/star").await.json(), json!(["a"]));
    let unstar = client
        .send(http::Method::DELETE, "/npm/-/user/v1/star", star)
        .await;
    assert_eq!(unstar.status, StatusCode::OK);
    assert_eq!(client.get("/npm/-/user/v1/star").await.json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maintainer_has_a_name_that_the_log_can_hold() {
    let client = with(&["1.0.0"]).await;
    let rev = packument(&client).await["_rev"].clone();
    let owners =
        |name: String| json!({ "_id": "a", "_rev": rev, "maintainers": [{ "name": name }] });
    let path = format!("/npm/a/-rev/{}", rev.as_str().unwrap());
    let long = client
        .put(&path, owners("x".repeat(5 << 20)).to_string())
        .await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST);
    let short = client.put(&path, owners("x".repeat(64)).to_string()).await;
    assert_eq!(short.status, StatusCode::OK);
    let found = client.get("/npm/-/v1/search?text=a").await.json();
    assert_eq!(found["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_whose_tail_begins_with_a_dot_works() {
    let client = writer();
    let name = format!("{}.{}", "n".repeat(199), "n".repeat(14));
    let package = Package::new(&name, "1.0.0");
    let answer = client.put(&package.path(), package.body()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(client.get(&package.path()).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_access_to_packages_is_none_with_it() {
    let asked = json!({
        "password": "writer",
        "packages_all": true,
        "packages_and_scopes_permission": "no-access",
    });
    let answer = writer()
        .post("/npm/-/npm/v1/tokens", asked.to_string())
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
