//! The JSON API.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use http::StatusCode;
use registry_core::{
    auth::Action,
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::{Operation, StorageHook, Veto},
};
use registry_pypi::Pypi;
use registry_testkit::{Client, TestAuth, faults::Faulty};
use serde_json::json;

use crate::{
    fixture::{Upload, digests, sha256},
    writer,
};
use registry_core::digest::Algorithm;

#[tokio::test(flavor = "multi_thread")]
async fn a_project_and_its_releases() {
    let client = writer();
    let about = "Summary: A package\nRequires-Dist: bar>=1\nProject-URL: Docs, https://docs.example\n\
                 Home-page: https://home.example\nClassifier: A\nRequires-Python: >=3.8\n\n# Foo\n";
    Upload::sdist("Foo", "1.0", "Summary: Of the source\n")
        .publish(&client)
        .await;
    let wheel = Upload::wheel("Foo", "1.0", about);
    wheel.publish(&client).await;
    Upload::wheel("Foo", "0.9", "").publish(&client).await;
    Upload::wheel("Foo", "2.0rc1", "").publish(&client).await;
    let page = client.get("/pypi/foo/json").await;
    assert_eq!(page.header("content-type"), "application/json");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(client.get("/pypi/pypi/foo/json").await.body, page.body);
    let page = page.json();
    let info = &page["info"];
    // The highest final release, told of by its wheel.
    assert_eq!(info["version"], "1.0");
    assert_eq!(info["name"], "Foo");
    assert_eq!(info["summary"], "A package");
    assert_eq!(info["description"], "# Foo\n");
    assert_eq!(info["requires_dist"], json!(["bar>=1"]));
    assert_eq!(info["requires_python"], ">=3.8");
    assert_eq!(info["classifiers"], json!(["A"]));
    assert_eq!(info["yanked"], false);
    let urls = json!({ "Docs": "https://docs.example", "Homepage": "https://home.example" });
    assert_eq!(info["project_urls"], urls);
    let releases = page["releases"].as_object().unwrap();
    assert_eq!(
        releases.keys().collect::<Vec<_>>(),
        ["0.9", "1.0", "2.0rc1"]
    );
    assert_eq!(page["urls"], releases["1.0"]);
    let digests = digests(&wheel.content);
    let file = &page["urls"][0];
    assert_eq!(file["filename"], "foo-1.0-py3-none-any.whl");
    assert_eq!(file["packagetype"], "bdist_wheel");
    assert_eq!(file["python_version"], "py3");
    assert_eq!(file["upload_time"], "2026-01-02T03:04:05");
    assert_eq!(file["upload_time_iso_8601"], "2026-01-02T03:04:05.678000Z");
    assert_eq!(file["requires_python"], ">=3.8");
    assert_eq!(file["size"], wheel.content.len());
    let expected = json!({
        "md5": digests.hex(Algorithm::Md5),
        "sha256": sha256(&wheel.content),
        "blake2b_256": digests.hex(Algorithm::Blake2b256),
    });
    assert_eq!(file["digests"], expected);
    assert_eq!(page["urls"][1]["python_version"], "source");
    assert_eq!(page["vulnerabilities"], json!([]));
    let release = client.get("/pypi/foo/2.0.RC1/json").await.json();
    assert_eq!(release["info"]["version"], "2.0rc1");
    assert!(release.get("releases").is_none());
    assert_eq!(release["urls"].as_array().unwrap().len(), 1);
    for absent in ["/pypi/foo/3.0/json", "/pypi/bar/json", "/pypi/bar/1.0/json"] {
        assert_eq!(
            client.get(absent).await.status,
            StatusCode::NOT_FOUND,
            "{absent}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_final_release_it_is_the_last_one() {
    let client = writer();
    for version in ["1.0a1", "1.0rc1"] {
        Upload::wheel("foo", version, "").publish(&client).await;
    }
    let version = async || client.get("/pypi/foo/json").await.json()["info"]["version"].clone();
    assert_eq!(version().await, "1.0rc1");
    Upload::wheel("foo", "0.1", "").publish(&client).await;
    assert_eq!(version().await, "0.1");
    client.put("/pypi/api/yank/foo/0.1", "").await;
    assert_eq!(version().await, "1.0rc1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_may_have_the_name_of_a_part_of_the_index() {
    let client = writer();
    for name in ["simple", "pypi", "json"] {
        Upload::wheel(name, "1.0", "").publish(&client).await;
        for path in [
            format!("/pypi/pypi/{name}/json"),
            format!("/pypi/pypi/{name}/1.0/json"),
        ] {
            let answer = client.get(&path).await;
            assert_eq!(answer.json()["info"]["name"], name, "{path}");
        }
    }
    assert_eq!(
        client.get("/pypi/pypi/json").await.json()["info"]["name"],
        "pypi"
    );
    assert_eq!(client.get("/pypi/simple/json").await.status, 301);
}

/// Counts who gets something, and refuses it once it was told to.
#[derive(Clone, Default)]
struct Guard(Arc<(AtomicUsize, AtomicBool)>);

#[async_trait]
impl StorageHook for Guard {
    async fn before_get(&self, operation: &Operation) -> Result<(), Veto> {
        assert!(operation.key.as_str().ends_with(".metadata"));
        self.0.0.fetch_add(1, Ordering::SeqCst);
        match self.0.1.load(Ordering::SeqCst) {
            true => Err(Veto("not this one".into())),
            false => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_made_once_and_hooks_are_asked_each_time() {
    let guard = Guard::default();
    let storage = Arc::new(Faulty::new(Arc::new(Memory::default())));
    let auth = TestAuth::new(Some(Action::Read));
    let service = Builder::new(storage.clone(), auth, Options::default())
        .hook(Arc::new(guard.clone()))
        .mount(Mount::new(Pypi::default()))
        .build()
        .unwrap();
    let client = Client::new(service).token("writer");
    Upload::wheel("foo", "1.0", "").publish(&client).await;
    let reads = || {
        let calls = storage.calls();
        let read = |call: &&String| call.starts_with("get") && call.contains(".metadata");
        calls.iter().filter(read).count()
    };
    for (asked, read) in [(1, 1), (2, 0), (3, 0)] {
        let page = client.get("/pypi/foo/json").await;
        assert_eq!(page.json()["info"]["version"], "1.0");
        assert_eq!(guard.0.0.load(Ordering::SeqCst), asked);
        assert_eq!(reads(), read);
    }
    Upload::wheel("foo", "1.1", "").publish(&client).await;
    let page = client.get("/pypi/foo/json").await;
    assert_eq!(page.json()["info"]["version"], "1.1");
    let old = client.get("/pypi/foo/1.0/json").await;
    assert_eq!(old.json()["info"]["version"], "1.0");
    reads();
    for spelled in ["1", "1.0.0", "v1.00", "0!1.0"] {
        let same = client.get(&format!("/pypi/foo/{spelled}/json")).await;
        assert_eq!(same.body, old.body, "{spelled}");
    }
    assert_eq!(reads(), 0);
    guard.0.1.store(true, Ordering::SeqCst);
    for path in ["/pypi/foo/json", "/pypi/foo/1.0/json"] {
        let refused = client.get(path).await;
        assert!(!refused.status.is_success(), "{path}: {}", refused.text());
    }
}
