//! What clients read.

use std::sync::Arc;

use expect_test::expect;
use http::{Method, StatusCode};
use registry_core::{
    Body,
    protocol::{Builder, Mount, Options},
    storage::Memory,
};
use registry_pypi::Pypi;
use registry_testkit::{Client, TestAuth};
use serde_json::json;

use crate::{
    fixture::{Upload, sha256},
    writer,
};

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const HTML: &str = "application/vnd.pypi.simple.v1+html";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_its_forms() {
    let client = writer();
    let wheel = Upload::wheel("Foo.Bar", "1.0", "Requires-Python: >=3.8,<4\n");
    wheel.publish(&client).await;
    let newer = Upload::sdist("foo_bar", "2.0rc1", "");
    newer.publish(&client).await;
    let get = async |accept: &str| {
        let client = client.header("accept", accept);
        client.get("/pypi/simple/foo-bar/").await
    };
    let page = get(JSON).await;
    assert_eq!(page.header("content-type"), JSON);
    assert_eq!(page.header("cache-control"), "no-cache");
    assert!(page.header("vary").contains("accept"));
    let metadata =
        "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\nRequires-Python: >=3.8,<4\n";
    let core = json!({ "sha256": sha256(metadata.as_bytes()) });
    let files = "http://test/pypi/packages/foo-bar";
    assert_eq!(
        page.json(),
        json!({
            "meta": { "api-version": "1.4" },
            "name": "foo-bar",
            "project-status": { "status": "active" },
            "versions": ["1.0", "2.0rc1"],
            "files": [
                {
                    "filename": "foo_bar-1.0-py3-none-any.whl",
                    "url": format!("{files}/foo_bar-1.0-py3-none-any.whl"),
                    "hashes": { "sha256": sha256(&wheel.content) },
                    "requires-python": ">=3.8,<4",
                    "size": wheel.content.len(),
                    "upload-time": "2026-01-02T03:04:05.678000Z",
                    "yanked": false,
                    "core-metadata": core,
                    "provenance": null,
                },
                {
                    "filename": "foo_bar-2.0rc1.tar.gz",
                    "url": format!("{files}/foo_bar-2.0rc1.tar.gz"),
                    "hashes": { "sha256": sha256(&newer.content) },
                    "size": newer.content.len(),
                    "upload-time": "2026-01-02T03:04:05.678000Z",
                    "yanked": false,
                    "core-metadata": false,
                    "provenance": null,
                },
            ],
        })
    );
    let mut tags = vec![page.header("etag").to_owned()];
    for (accept, kind) in [(HTML, HTML), ("*/*", "text/html; charset=utf-8")] {
        let page = get(accept).await;
        assert_eq!(page.header("content-type"), kind);
        assert!(!tags.contains(&page.header("etag").to_owned()));
        tags.push(page.header("etag").to_owned());
        let text = page.text();
        let link = format!(
            "<a href=\"{files}/foo_bar-1.0-py3-none-any.whl#sha256={}\" \
             data-requires-python=\"&gt;=3.8,&lt;4\"",
            sha256(&wheel.content)
        );
        assert!(text.contains(&link), "{text}");
        let metadata = format!(
            "data-core-metadata=\"sha256={}\"",
            core["sha256"].as_str().unwrap()
        );
        assert_eq!(text.matches(&metadata).count(), 1, "{text}");
        assert!(
            text.contains("name=\"pypi:repository-version\" content=\"1.4\""),
            "{text}"
        );
    }
    assert_eq!(
        get("application/json").await.status,
        StatusCode::NOT_ACCEPTABLE
    );
    let asked = client
        .get(&format!("/pypi/simple/foo-bar/?format={JSON}"))
        .await;
    assert_eq!(asked.header("content-type"), JSON);
    let known = client
        .header("accept", JSON)
        .header("if-none-match", &tags[0]);
    let answer = known.get("/pypi/simple/foo-bar/").await;
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
    Upload::wheel("foo-bar", "3.0", "").publish(&client).await;
    let answer = known.get("/pypi/simple/foo-bar/").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_page_at_the_root() {
    let client = writer();
    Upload::wheel("foo", "1.0", "").publish(&client).await;
    let client = client.header("accept", JSON);
    let (root, mount) = (
        client.get("/simple/foo/").await,
        client.get("/pypi/simple/foo/").await,
    );
    assert_eq!(root.status, StatusCode::OK);
    assert_eq!(root.body, mount.body);
    for (path, location) in [
        ("/simple/Foo/", "../foo/"),
        ("/simple/foo", "foo/"),
        ("/pypi/simple/FOO", "foo/"),
        ("/pypi/simple/Absent/", "../absent/"),
        ("/pypi/Foo/json", "../foo/json"),
        ("/simple", "simple/"),
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY, "{path}");
        assert_eq!(answer.header("location"), location);
    }
    assert_eq!(
        client.get("/simple/absent/").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_whole_and_in_part() {
    let client = writer();
    let wheel = Upload::wheel("foo", "1.0+local.1", "");
    wheel.publish(&client).await;
    let sdist = Upload::sdist("foo", "1.0+local.1", "");
    sdist.publish(&client).await;
    let path = "/pypi/packages/foo/foo-1.0+local.1-py3-none-any.whl";
    let whole = client.get(path).await;
    assert_eq!(whole.body, wheel.content);
    assert_eq!(
        whole.header("cache-control"),
        "private, max-age=31536000, immutable"
    );
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-encoding"), "");
    let size = wheel.content.len();
    let head = client.send(Method::HEAD, path, Body::empty()).await;
    assert_eq!(head.header("content-length"), size.to_string());
    let etag = whole.header("etag").to_owned();
    let tail = client.header("range", "bytes=-100");
    for (if_range, status) in [(&*etag, 206), ("\"other\"", 200)] {
        let answer = tail.header("if-range", if_range).get(path).await;
        assert_eq!(answer.status, status);
        let expected = if status == 206 {
            &wheel.content[size - 100..]
        } else {
            &wheel.content
        };
        assert_eq!(answer.body, expected);
    }
    let beyond = client.header("range", &format!("bytes={size}-"));
    assert_eq!(
        beyond.get(path).await.status,
        StatusCode::RANGE_NOT_SATISFIABLE
    );
    let encoded = client.get(&path.replace('+', "%2B")).await;
    assert_eq!(encoded.body, wheel.content);
    let metadata = client.get(&format!("{path}.metadata")).await;
    assert!(metadata.text().contains("Version: 1.0+local.1"));
    for absent in [
        "/pypi/packages/foo/foo-1.0+local.1.tar.gz.metadata",
        "/pypi/packages/foo/foo-2.0.tar.gz",
        "/pypi/packages/bar/bar-1.0.tar.gz",
        "/pypi/packages/bar/bar-1.0-py3-none-any.whl.metadata",
    ] {
        let answer = client.get(absent).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{absent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_projects() {
    let client = writer();
    let reader = client.token("reader");
    let names = async || {
        let page = reader.header("accept", JSON).get("/pypi/simple/").await;
        let page = page.json();
        let projects = page["projects"].as_array().unwrap().clone();
        let names = projects.into_iter().map(|project| project["name"].clone());
        names.collect::<Vec<_>>()
    };
    assert!(names().await.is_empty());
    for name in ["zoo", "Foo.Bar"] {
        Upload::wheel(name, "1.0", "").publish(&client).await;
    }
    assert_eq!(names().await, ["Foo.Bar", "zoo"]);
    let page = reader.get("/simple/").await;
    expect![[r#"
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta name="pypi:repository-version" content="1.4">
        <title>Simple index</title>
        </head>
        <body>
        <h1>Simple index</h1>
        <a href="foo-bar/">Foo.Bar</a><br>
        <a href="zoo/">zoo</a><br>
        </body>
        </html>
    "#]]
    .assert_eq(&page.text());
    assert_eq!(page.header("cache-control"), "no-cache");
    let again = reader.header("if-none-match", page.header("etag"));
    assert_eq!(again.get("/simple/").await.status, StatusCode::NOT_MODIFIED);
    client.delete("/pypi/api/files/zoo/1.0").await;
    assert_eq!(names().await, ["Foo.Bar"]);
    assert_eq!(again.get("/simple/").await.status, StatusCode::OK);
    assert_eq!(
        client.get("/pypi/simple/zoo/").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_not_there() {
    let storage = Arc::new(Memory::default());
    let auth = TestAuth::new(None);
    let service = Builder::new(storage, auth, Options::default())
        .mount(Mount::new(Pypi::default()))
        .build()
        .unwrap();
    let client = Client::new(service);
    Upload::wheel("foo", "1.0", "")
        .publish(&client.token("writer"))
        .await;
    let page = client.get("/pypi/simple/foo/").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert_eq!(page.header("www-authenticate"), "Basic realm=\"registry\"");
    assert_eq!(
        client.get("/pypi/simple/").await.status,
        StatusCode::UNAUTHORIZED
    );
    // uv stops its search at a 403.
    let stranger = client.token("stranger");
    let mut told = Vec::new();
    for path in ["/pypi/simple/foo/", "/pypi/simple/bar/", "/pypi/foo/json"] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        told.push(answer.body);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]));
    let all = stranger.header("accept", JSON).get("/pypi/simple/").await;
    assert_eq!(all.json()["projects"], json!([]));
}
