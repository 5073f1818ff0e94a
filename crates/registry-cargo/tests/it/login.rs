use std::{sync::Arc, time::Duration};

use registry_cargo::Cargo;
use registry_core::{
    auth::{Anonymous, AuthOptions, DefaultAuth, MemoryTokens, Secret},
    protocol::{Builder, Mount, Options},
    storage::Memory,
    store::Documents,
};
use registry_testkit::Client;

use crate::{detail, fixture::Crate, publish, published};

/// Nobody's client of a registry with the users `ann`, who may do everything, and `bob`, who may
/// write one crate.
async fn with_users() -> Client {
    let storage = Arc::new(Memory::default());
    let documents = Documents::new(storage.clone(), 1 << 20, Duration::ZERO);
    let options = AuthOptions {
        anonymous: Anonymous::None,
        ..AuthOptions::default()
    };
    let auth = DefaultAuth::new(documents, Arc::new(MemoryTokens::default()), options).unwrap();
    let bobs = ["cargo:crate:bobs-*:write".to_owned()];
    for (name, scopes) in [("ann", &[][..]), ("bob", &bobs)] {
        let password = Secret::new("correct horse");
        auth.add_user(name, password, false, scopes).await.unwrap();
    }
    let service = Builder::new(storage, Arc::new(auth), Options::default())
        .mount(Mount::new(Cargo::default()))
        .build()
        .unwrap();
    Client::new(service)
}

#[tokio::test]
async fn the_page_that_cargo_login_names() {
    let client = with_users().await;
    let config = client.get("/cargo/config.json").await;
    let challenge = config.header("www-authenticate");
    assert_eq!(challenge, "Cargo login_url=\"http://test/cargo/me\"");
    let page = client.get("/cargo/me").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-store");
    for part in [
        "<form method=\"post\">",
        "name=\"username\"",
        "name=\"password\"",
    ] {
        assert!(page.text().contains(part), "{}", page.text());
    }
    for form in [
        "",
        "username=ann&password=wrong",
        "username=eve&password=correct+horse",
    ] {
        let wrong = client.post("/cargo/me", form).await;
        assert_eq!(wrong.status, 401, "{form}");
        assert!(wrong.text().contains("class=\"error\""), "{}", wrong.text());
    }
}

/// What the page says that the token is.
async fn token(client: &Client, user: &str) -> String {
    let form = format!("username={user}&password=correct+horse");
    let page = client.post("/cargo/me", form).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let from = text.find("reg_").expect("the page shows a token");
    let token = text[from..].split('<').next().unwrap();
    token.to_owned()
}

#[tokio::test]
async fn tokens_of_that_page() {
    let client = with_users().await;
    let ann = client.header("authorization", &token(&client, "ann").await);
    published(&ann, &Crate::new("foo", "1.0.0")).await;
    let bob = client.header("authorization", &token(&client, "bob").await);
    published(&bob, &Crate::new("bobs-crate", "1.0.0")).await;
    let answer = publish(&bob, &Crate::new("foo", "1.1.0")).await;
    assert_eq!(answer.status, 403);
    let expected = "bob may not write the crate foo with these credentials";
    assert_eq!(detail(&answer), expected);
    // By another spelling it would be another crate, and there is none.
    let answer = publish(&bob, &Crate::new("bobs_crate", "1.1.0")).await;
    assert_eq!(answer.status, 403);
    let answer = bob.get("/cargo/bo/bs/bobs_crate").await;
    assert_eq!(answer.status, 403);
    // Of what is found, each sees what they may read.
    let total = async |client: &Client| {
        let found = client.get("/cargo/api/v1/crates?q=").await.json();
        found["meta"]["total"].as_u64()
    };
    assert_eq!((total(&ann).await, total(&bob).await), (Some(2), Some(1)));
    assert_eq!(bob.get("/cargo/config.json").await.status, 200);
    assert_eq!(bob.get("/cargo/bo/bs/bobs-crate").await.status, 200);
}
