//! What users with few rights may do, and what operators hang in.

use std::time::Duration;

use async_trait::async_trait;
use registry_core::{
    auth::{Anonymous, AuthOptions, DefaultAuth, MemoryTokens, Secret},
    storage::Memory,
    store::{Documents, Operation, StorageHook, Veto},
};

use super::*;

/// Clients who may write `org.acme` (ann) and read one artifact (bob).
async fn users() -> (Client, Client) {
    let storage = Arc::new(Memory::default());
    let documents = Documents::new(storage.clone(), 1 << 20, Duration::ZERO);
    let options = AuthOptions {
        anonymous: Anonymous::None,
        ..AuthOptions::default()
    };
    let auth = DefaultAuth::new(documents, Arc::new(MemoryTokens::default()), options).unwrap();
    for (name, scope) in [
        ("ann", "maven:artifact:org.acme:*:delete"),
        ("bob", "maven:artifact:org.acme:lib:read"),
        ("eve", "maven:artifact:com.eve:*:write"),
    ] {
        let password = Secret::new("correct horse");
        auth.add_user(name, password, false, &[scope.to_owned()])
            .await
            .unwrap();
    }
    let service = Builder::new(storage, Arc::new(auth), Options::default())
        .mount(Mount::new(Maven::default()))
        .build()
        .unwrap();
    let client = Client::new(service);
    // ann:correct horse, bob:correct horse
    let ann = client.header("authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U=");
    let bob = client.header("authorization", "Basic Ym9iOmNvcnJlY3QgaG9yc2U=");
    (ann, bob)
}

#[tokio::test]
async fn scopes_are_groups_and_artifacts() {
    let (ann, bob) = users().await;
    deploy(&ann, "1.0").await;
    put(&ann, "org/acme/other/1/other-1.jar", "x").await;
    let plugins = "<metadata><plugins><plugin><name>o</name><prefix>o</prefix>\
                   <artifactId>o-maven-plugin</artifactId></plugin></plugins></metadata>";
    put(&ann, "org/acme/maven-metadata.xml", plugins).await;
    let refused = ann.put("/maven/com/eve/x/1/x-1.jar", "x").await;
    assert!(refusal(&refused).starts_with("403 ann may not write the artifact com.eve:x"));
    let answer = bob.put("/maven/org/acme/maven-metadata.xml", plugins).await;
    assert_eq!(answer.status, 403);
    for (path, seen) in [
        ("org/acme/lib/1.0/lib-1.0.jar", 200),
        ("org/acme/lib/maven-metadata.xml", 200),
        ("org/acme/lib/", 200),
        ("org/acme/other/1/other-1.jar", 404),
        ("org/acme/other/maven-metadata.xml", 404),
        ("org/acme/other/", 404),
        ("org/acme/maven-metadata.xml", 404),
    ] {
        assert_eq!(status(&ann, path).await, 200, "{path}");
        assert_eq!(status(&bob, path).await, seen, "{path}");
    }
    let page = text(&bob, "org/acme/").await;
    assert!(page.contains("lib/") && !page.contains("other/"), "{page}");
    let found = bob.get("/maven/solrsearch/select?q=acme").await.json();
    assert_eq!(found["response"]["numFound"], 1);
}

/// Lets no jar out.
struct NoJars;

#[async_trait]
impl StorageHook for NoJars {
    async fn before_get(&self, operation: &Operation) -> Result<(), Veto> {
        if operation.key.as_str().ends_with(".jar") {
            return Err(Veto("held back".to_owned()));
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_a_hook_does_not_let_out_is_not_there() {
    let options = Options::default();
    let service = Builder::new(Arc::new(Memory::default()), TestAuth::new(None), options)
        .hook(Arc::new(NoJars))
        .mount(Mount::new(Maven::default()))
        .build()
        .unwrap();
    let client = Client::new(service).token("writer");
    deploy(&client, "1.0").await;
    assert_eq!(status(&client, "org/acme/lib/1.0/lib-1.0.jar").await, 404);
    assert_eq!(status(&client, "org/acme/lib/1.0/lib-1.0.pom").await, 200);
}

#[test]
fn an_application_of_its_own() {
    let example = registry_testkit::Example::start("maven_in_axum");
    let path = "/maven/org/acme/lib/1/lib-1.jar";
    assert!(
        example
            .send("PUT", path, "", "x")
            .starts_with("HTTP/1.1 201")
    );
    assert!(example.send("GET", path, "", "").ends_with("\r\n\r\nx"));
}
