//! Yanks, deletions and how a project stands.

use std::sync::Arc;

use http::StatusCode;
use registry_core::storage::Memory;
use registry_pypi::PypiConfig;
use registry_testkit::Client;
use serde_json::{Value, json};

use crate::{fixture::Upload, registry, writer};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

async fn page(client: &Client) -> Value {
    let client = client.header("accept", JSON);
    client.get("/pypi/simple/foo/").await.json()
}

async fn published() -> Client {
    let client = writer();
    for version in ["1.0", "2.0"] {
        Upload::wheel("foo", version, "").publish(&client).await;
        Upload::sdist("foo", version, "").publish(&client).await;
    }
    client
}

async fn yanked(client: &Client) -> Vec<Value> {
    let page = page(client).await;
    let files = page["files"].as_array().unwrap().clone();
    files
        .into_iter()
        .map(|file| file["yanked"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn yanks() {
    let client = published().await;
    let reason = json!({ "reason": "a \"<bug>\"" }).to_string();
    let answer = client.put("/pypi/api/yank/foo/1", reason.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let because = json!("a \"<bug>\"");
    let no = json!(false);
    assert_eq!(
        yanked(&client).await,
        [&because, &because, &no, &no].map(Clone::clone)
    );
    let html = client.get("/pypi/simple/foo/").await.text();
    assert_eq!(
        html.matches("data-yanked=\"a &quot;&lt;bug&gt;&quot;\"")
            .count(),
        2,
        "{html}"
    );
    let info = client.get("/pypi/foo/1.0/json").await.json()["info"].clone();
    assert_eq!(
        (&info["yanked"], &info["yanked_reason"]),
        (&json!(true), &because)
    );
    client
        .put("/pypi/api/yank/foo/2.0/foo-2.0.tar.gz", "")
        .await;
    client.delete("/pypi/api/yank/foo/1.0/foo-1.0.tar.gz").await;
    assert_eq!(
        yanked(&client).await,
        [because, no.clone(), no.clone(), json!(true)]
    );
    let info = client.get("/pypi/foo/2.0/json").await.json()["info"].clone();
    assert_eq!(info["yanked"], false);
    client.delete("/pypi/api/yank/foo/1.0").await;
    client.delete("/pypi/api/yank/foo/2.0").await;
    assert!(yanked(&client).await.iter().all(|yanked| *yanked == no));
    // A yanked file is there for whoever names its version.
    client.put("/pypi/api/yank/foo/1.0", reason).await;
    let file = client.get("/pypi/packages/foo/foo-1.0.tar.gz").await;
    assert_eq!(file.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_yanked_is_told() {
    let client = published().await;
    for (path, body, status) in [
        ("/pypi/api/yank/foo/3.0", "", 404),
        ("/pypi/api/yank/foo/1.0/foo-2.0.tar.gz", "", 404),
        ("/pypi/api/yank/bar/1.0", "", 404),
        ("/pypi/api/yank/foo/x", "", 400),
        ("/pypi/api/yank/foo/1.0", "why", 400),
        ("/pypi/api/yank/foo/1.0", "{\"why\":\"\"}", 400),
        ("/pypi/api/yank/foo/1.0", "{\"reason\":\"a\\nb\"}", 400),
        ("/pypi/api/yank/foo/1.0", &"x".repeat(20_000), 413),
    ] {
        let answer = client.put(path, body.to_owned()).await;
        assert_eq!(answer.status, status, "{path} {}", answer.text());
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        assert!(code.starts_with(&format!("{status} ")), "{code}");
    }
    assert!(
        yanked(&client)
            .await
            .iter()
            .all(|yanked| *yanked == json!(false))
    );
    let answer = client
        .token("reader")
        .put("/pypi/api/yank/foo/1.0", "")
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions() {
    let storage = Arc::new(Memory::default());
    let client = registry(storage.clone(), PypiConfig::default()).token("writer");
    let wheel = Upload::wheel("foo", "1.0", "");
    wheel.publish(&client).await;
    Upload::sdist("foo", "1.0", "").publish(&client).await;
    let reader = client.token("reader");
    let path = "/pypi/api/files/foo/1.0/foo-1.0-py3-none-any.whl";
    assert_eq!(reader.delete(path).await.status, StatusCode::FORBIDDEN);
    let of_another = path.replace("/1.0/", "/1.1/");
    for _ in 0..2 {
        let wrong = client.delete(&of_another).await;
        assert_eq!(wrong.status, StatusCode::NOT_FOUND);
        assert_eq!(client.delete(path).await.status, StatusCode::OK);
    }
    assert_eq!(page(&client).await["files"].as_array().unwrap().len(), 1);
    for gone in [
        "foo-1.0-py3-none-any.whl",
        "foo-1.0-py3-none-any.whl.metadata",
    ] {
        let answer = client.get(&format!("/pypi/packages/foo/{gone}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    let answer = wheel.send(&client).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.text().contains("previously used"),
        "{}",
        answer.text()
    );
    assert_eq!(
        client.delete("/pypi/api/files/foo/1.0").await.status,
        StatusCode::OK
    );
    assert_eq!(
        client.get("/pypi/simple/foo/").await.status,
        StatusCode::NOT_FOUND
    );
    for (path, status) in [
        ("/pypi/api/files/foo/1.0", StatusCode::OK),
        (path, StatusCode::OK),
        ("/pypi/api/files/foo/1.1", StatusCode::NOT_FOUND),
        ("/pypi/api/files/bar/1.0", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(client.delete(path).await.status, status, "{path}");
    }
    // Of the files and what went with them nothing is left.
    let keys = crate::upload::keys(&*storage).await;
    let left = keys.iter().filter(|key| !key.contains("/log/"));
    assert_eq!(left.collect::<Vec<_>>(), ["pypi/packages/foo/index.jsonl"]);
    Upload::sdist("foo", "1.1", "").publish(&client).await;
    assert_eq!(page(&client).await["versions"], json!(["1.1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_without_files_can_be_opened_again() {
    let client = writer();
    Upload::wheel("foo", "1.0", "").publish(&client).await;
    let archived = json!({ "status": "archived" }).to_string();
    let set = client.put("/pypi/api/status/foo", archived.clone()).await;
    assert_eq!(set.status, StatusCode::OK);
    let deleted = client.delete("/pypi/api/files/foo/1.0").await;
    assert_eq!(deleted.status, StatusCode::OK);
    let next = Upload::wheel("foo", "2.0", "");
    assert_eq!(next.send(&client).await.status, StatusCode::FORBIDDEN);
    let cleared = client.delete("/pypi/api/status/foo").await;
    assert_eq!(cleared.status, StatusCode::OK, "{}", cleared.text());
    next.publish(&client).await;
    let never = client.put("/pypi/api/status/bar", archived).await;
    assert_eq!(never.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_project_stands() {
    let client = published().await;
    let set = async |body: Value| client.put("/pypi/api/status/foo", body.to_string()).await;
    let archived = json!({ "status": "archived", "reason": "see bar" });
    assert_eq!(set(archived.clone()).await.status, StatusCode::OK);
    assert_eq!(page(&client).await["project-status"], archived);
    let html = client.get("/pypi/simple/foo/").await.text();
    assert!(
        html.contains("name=\"pypi:project-status\" content=\"archived\""),
        "{html}"
    );
    let answer = Upload::wheel("foo", "3.0", "").send(&client).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("is archived"), "{}", answer.text());
    set(json!({ "status": "quarantined" })).await;
    let quarantined = page(&client).await;
    assert_eq!(
        quarantined["project-status"],
        json!({ "status": "quarantined" })
    );
    assert_eq!(
        (&quarantined["files"], &quarantined["versions"]),
        (&json!([]), &json!([]))
    );
    for path in [
        "/pypi/packages/foo/foo-1.0.tar.gz",
        "/pypi/packages/foo/foo-1.0-py3-none-any.whl.metadata",
        "/pypi/foo/json",
    ] {
        assert_eq!(
            client.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(
        client.delete("/pypi/api/status/foo").await.status,
        StatusCode::OK
    );
    assert_eq!(page(&client).await["files"].as_array().unwrap().len(), 4);
    for bad in [
        json!({ "status": "gone" }),
        json!({ "reason": "x" }),
        json!([]),
    ] {
        assert_eq!(
            set(bad.clone()).await.status,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
}
