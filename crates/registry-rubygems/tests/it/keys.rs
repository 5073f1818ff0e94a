//! API keys, as `gem signin` gets them.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use registry_core::{
    auth::{Anonymous, AuthOptions, DefaultAuth, MemoryTokens, Secret},
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::Documents,
};
use registry_rubygems::Rubygems;
use registry_testkit::Client;

use crate::{YANK, fixture::Gem, push, pushed};

const KEY: &str = "/rubygems/api/v1/api_key";

/// Nobody's client of a registry with the users `ann`, who may do everything, and `bob`, who may
/// write some gems.
async fn with_users() -> Client {
    let storage = Arc::new(Memory::default());
    let documents = Documents::new(storage.clone(), 1 << 20, Duration::ZERO);
    let options = AuthOptions {
        anonymous: Anonymous::None,
        ..AuthOptions::default()
    };
    let auth = DefaultAuth::new(documents, Arc::new(MemoryTokens::default()), options).unwrap();
    let bobs = ["rubygems:gem:bobs-*:write".to_owned()];
    for (name, scopes) in [("ann", &[][..]), ("bob", &bobs)] {
        let password = Secret::new("correct horse");
        auth.add_user(name, password, false, scopes).await.unwrap();
    }
    let service = Builder::new(storage, Arc::new(auth), Options::default())
        .mount(Mount::new(Rubygems::default()))
        .build()
        .unwrap();
    Client::new(service)
}

fn basic(client: &Client, user: &str) -> Client {
    let pair = STANDARD.encode(format!("{user}:correct horse"));
    client.header("authorization", &format!("Basic {pair}"))
}

/// The client with the key that a form gets.
async fn signed_in(client: &Client, user: &str, form: &str) -> Client {
    let answer = basic(client, user).post(KEY, form.to_owned()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().starts_with("reg_"), "{}", answer.text());
    client.header("authorization", &answer.text())
}

#[tokio::test]
async fn keys_are_good_for_what_was_asked() {
    let client = with_users().await;
    assert_eq!(client.get(KEY).await.status, 401);
    let ann = signed_in(
        &client,
        "ann",
        "name=laptop&push_rubygem=true&index_rubygems=true",
    )
    .await;
    pushed(&ann, &Gem::new("foo", "1.0")).await;
    let form = "gem_name=foo&version=1.0";
    let answer = ann.send(Method::DELETE, YANK, form).await;
    assert_eq!(answer.status, 403);
    let words = "The API key doesn't have access";
    assert!(answer.text().starts_with(words), "{}", answer.text());
    let owners = "/rubygems/api/v1/gems/foo/owners";
    assert_eq!(ann.post(owners, "email=bob").await.status, 403);
    let index = signed_in(&client, "ann", "index_rubygems=true").await;
    let answer = push(&index, &Gem::new("foo", "1.1")).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().starts_with(words), "{}", answer.text());
    assert_eq!(index.get("/rubygems/info/foo").await.status, 200);
    for (form, words) in [
        ("name=x", "Please enable at least one scope"),
        (
            "show_dashboard=true&push_rubygem=true",
            "Show dashboard scope must be enabled exclusively",
        ),
    ] {
        let answer = basic(&client, "ann").post(KEY, form).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (422, words));
    }
    // An old client's key is for everything, and no more than its user may do.
    let key = basic(&client, "bob").get(KEY).await.text();
    let bob = client.header("authorization", &key);
    pushed(&bob, &Gem::new("bobs-gem", "1.0")).await;
    let yank = bob.send(Method::DELETE, YANK, "gem_name=bobs-gem&version=1.0");
    assert_eq!(yank.await.status, 200);
    assert_eq!(push(&bob, &Gem::new("foo", "1.1")).await.status, 403);
    // Lists show what one may read.
    let versions = bob.get("/rubygems/versions").await.text();
    assert!(
        versions.contains("bobs-gem") && !versions.contains("foo"),
        "{versions}"
    );
    let names = bob.get("/rubygems/names").await.text();
    assert_eq!(names, "---\n\n");
}

#[tokio::test]
async fn a_key_gets_more_by_the_password_alone() {
    let client = with_users().await;
    let answer = basic(&client, "ann").post(KEY, "index_rubygems=true").await;
    let key = answer.text();
    let ann = client.header("authorization", &key);
    assert_eq!(push(&ann, &Gem::new("foo", "1.0")).await.status, 403);
    let form = format!("api_key={key}&push_rubygem=true");
    assert_eq!(ann.put(KEY, form.clone()).await.status, 403);
    assert_eq!(
        basic(&client, "bob").put(KEY, form.clone()).await.status,
        404
    );
    let answer = basic(&client, "ann").put(KEY, form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    pushed(&ann, &Gem::new("foo", "1.0")).await;
}

#[tokio::test]
async fn who_asks() {
    let client = with_users().await;
    let path = "/rubygems/api/v1/profile/me.yaml";
    assert_eq!(client.get(path).await.status, 401);
    let profile = basic(&client, "ann").get(path).await.text();
    assert!(
        profile.contains("\nhandle: \"ann\"\nmfa: disabled\n"),
        "{profile}"
    );
}
