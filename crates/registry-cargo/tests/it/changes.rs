use std::sync::Arc;

use expect_test::expect;
use http::Method;
use registry_cargo::CargoConfig;
use registry_core::{auth::Action, storage::Memory};
use registry_testkit::Client;
use serde_json::json;

use crate::{detail, fixture::Crate, index, publish, published, registry, status, writer};

const FOO: &str = "/cargo/3/f/foo";

async fn yanked(client: &Client) -> Vec<(String, bool)> {
    let lines = index(client, FOO).await;
    let of = |line: &serde_json::Value| {
        let vers = line["vers"].as_str().unwrap().to_owned();
        (vers, line["yanked"].as_bool().unwrap())
    };
    lines.iter().map(of).collect()
}

async fn max_version(client: &Client) -> String {
    let found = client
        .get("/cargo/api/v1/crates?q=foo&per_page=1")
        .await
        .json();
    found["crates"][0]["max_version"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn yank_and_unyank() {
    let client = writer();
    for version in ["1.0.0", "1.1.0", "1.2.0-rc.1"] {
        published(&client, &Crate::new("foo", version)).await;
    }
    let before = client.get(FOO).await;
    let path = |version: &str, what: &str| format!("/cargo/api/v1/crates/foo/{version}/{what}");
    // Idempotent, both ways.
    for _ in 0..2 {
        let answer = client.delete(&path("1.2.0-rc.1", "yank")).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.text()),
            (200, r#"{"ok":true}"#)
        );
    }
    let all = |last| [("1.0.0", false), ("1.1.0", false), ("1.2.0-rc.1", last)];
    let own = |(version, yanked): (&str, bool)| (version.to_owned(), yanked);
    assert_eq!(yanked(&client).await, all(true).map(own));
    assert_eq!(max_version(&client).await, "1.1.0");
    assert_ne!(client.get(FOO).await.header("etag"), before.header("etag"));
    // Whoever has it in a lock file still gets it.
    assert_eq!(
        client.get(&path("1.2.0-rc.1", "download")).await.status,
        200
    );
    for _ in 0..2 {
        assert_eq!(
            status(&client, Method::PUT, &path("1.2.0-rc.1", "unyank")).await,
            200
        );
    }
    assert_eq!(client.get(FOO).await.body, before.body);
    assert_eq!(max_version(&client).await, "1.2.0-rc.1");

    for (path, text) in [
        (
            path("9.0.0", "yank"),
            "crate `foo` does not have a version `9.0.0`",
        ),
        (
            path("1.0.0+x", "yank"),
            "crate `foo` does not have a version `1.0.0+x`",
        ),
        (
            "/cargo/api/v1/crates/bar/1.0.0/yank".to_owned(),
            "crate `bar` does not exist",
        ),
    ] {
        let answer = client.delete(&path).await;
        assert_eq!((answer.status.as_u16(), &*detail(&answer)), (404, text));
    }
    for (token, code) in [("reader", 403), ("looker", 403), ("wrong", 401)] {
        let path = path("1.0.0", "yank");
        assert_eq!(
            status(&client.token(token), Method::DELETE, &path).await,
            code,
            "{token}"
        );
    }
}

#[tokio::test]
async fn a_yanked_version_does_not_come_back_by_a_replay() {
    let client = writer();
    let new = Crate::new("foo", "1.0.0");
    published(&client, &new).await;
    assert_eq!(
        client
            .delete("/cargo/api/v1/crates/foo/1.0.0/yank")
            .await
            .status,
        200
    );
    published(&client, &new).await;
    assert_eq!(yanked(&client).await, [("1.0.0".to_owned(), true)]);
    // All are yanked: search shows the highest all the same, until there is one that is not.
    assert_eq!(max_version(&client).await, "1.0.0");
    published(&client, &Crate::new("foo", "0.9.0")).await;
    assert_eq!(max_version(&client).await, "0.9.0");
    published(&client, &Crate::new("foo", "0.8.0")).await;
    assert_eq!(max_version(&client).await, "0.9.0");
}

#[tokio::test]
async fn owners() {
    let client = writer();
    published(&client, &Crate::new("foo", "1.0.0")).await;
    let path = "/cargo/api/v1/crates/foo/owners";
    let users = |names: &[&str]| json!({ "users": names }).to_string();
    expect![[r#"{"users":[{"id":1996894393,"login":"writer","name":null}]}"#]]
        .assert_eq(&client.get(path).await.text());
    let added = client
        .put(path, users(&["reader", "writer", "admin"]))
        .await;
    expect![[r#"{"ok":true,"msg":"reader, writer, admin added to the owners of crate foo"}"#]]
        .assert_eq(&added.text());
    let remove = |names: &[&str]| client.send(Method::DELETE, path, users(names));
    expect![[r#"{"ok":true,"msg":"reader removed from the owners of crate foo"}"#]]
        .assert_eq(&remove(&["reader"]).await.text());
    let listed = client.get(path).await.json();
    let logins: Vec<_> = listed["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["login"])
        .collect();
    assert_eq!(logins, ["writer", "admin"]);

    for (answer, text) in [
        (
            remove(&["reader"]).await,
            "could not find owner with login `reader`",
        ),
        (
            remove(&["writer", "admin"]).await,
            "cannot remove all individual owners of a crate; add another one first",
        ),
        (
            client.put(path, users(&["github:a:b"])).await,
            "\"github:a:b\" is a team, and this registry has users only",
        ),
        (client.put(path, users(&[])).await, "name 1 to 100 users"),
        (client.put(path, "{").await, ""),
        (client.put(path, "{\"users\":\"x\"}").await, ""),
    ] {
        assert_eq!(answer.status, 400);
        assert!(detail(&answer).contains(text), "{}", answer.text());
    }
    assert_eq!(
        client
            .token("reader")
            .put(path, users(&["reader"]))
            .await
            .status,
        403
    );
    let absent = "/cargo/api/v1/crates/bar/owners";
    assert_eq!(client.get(absent).await.status, 404);
    assert_eq!(client.put(absent, users(&["reader"])).await.status, 404);
}

#[tokio::test]
async fn enforced_owners() {
    let config = CargoConfig {
        owners_enforced: true,
        ..CargoConfig::default()
    };
    let client = registry(Arc::new(Memory::default()), config, Some(Action::Read));
    let (writer, admin) = (client.token("writer"), client.token("admin"));
    published(&admin, &Crate::new("foo", "1.0.0")).await;
    let path = "/cargo/api/v1/crates/foo/owners";
    let refused = "this crate exists but you don't seem to be an owner";
    let me = json!({ "users": ["writer"] }).to_string();
    for answer in [
        publish(&writer, &Crate::new("foo", "1.1.0")).await,
        publish(&writer, &Crate::new("foo", "1.0.0")).await,
        writer.delete("/cargo/api/v1/crates/foo/1.0.0/yank").await,
        writer.put(path, me.clone()).await,
    ] {
        assert_eq!(answer.status, 403);
        assert!(detail(&answer).starts_with(refused), "{}", answer.text());
    }
    assert_eq!(index(&client, FOO).await.len(), 1);
    assert_eq!(admin.put(path, me).await.status, 200);
    published(&writer, &Crate::new("foo", "1.1.0")).await;
    // An administrator need not be one.
    published(&writer, &Crate::new("bar", "1.0.0")).await;
    published(&admin, &Crate::new("bar", "1.1.0")).await;
}

#[tokio::test]
async fn one_spelling_does_not_tell_of_another() {
    let config = CargoConfig {
        owners_enforced: true,
        ..CargoConfig::default()
    };
    let client = registry(Arc::new(Memory::default()), config, Some(Action::Read));
    let (writer, admin) = (client.token("writer"), client.token("admin"));
    published(&admin, &Crate::new("Foo-bar", "1.0.0")).await;
    let users = json!({ "users": ["writer"] }).to_string();
    // There is no ab_cd at all, and foo_bar is as little there.
    for (there, none) in [("foo_bar", "ab_cd"), ("FOO_BAR", "AB_CD")] {
        let asked = async |name: &str| {
            let crates = format!("/cargo/api/v1/crates/{name}");
            let mut all = Vec::new();
            for answer in [
                writer.get(&format!("{crates}/1.0.0/download")).await,
                writer.get(&format!("{crates}/9.0.0/download")).await,
                writer.get(&format!("{crates}/owners")).await,
                writer.delete(&format!("{crates}/1.0.0/yank")).await,
                writer.put(&format!("{crates}/owners"), users.clone()).await,
                writer
                    .send(Method::DELETE, &format!("{crates}/owners"), users.clone())
                    .await,
            ] {
                let told = detail(&answer).replace(name, "NAME");
                all.push((answer.status.as_u16(), told));
            }
            all
        };
        let asked_of_there = asked(there).await;
        assert!(asked_of_there.iter().all(|(status, _)| *status == 404));
        assert_eq!(asked_of_there, asked(none).await);
    }
    // Whoever publishes has to learn of it, but not who owns it.
    let answer = publish(&writer, &Crate::new("foo_bar", "1.0.0")).await;
    assert_eq!(detail(&answer), "crate was previously named `Foo-bar`");
}

#[tokio::test]
async fn search() {
    let client = writer();
    for (name, version, description) in [
        ("Json-Tool", "1.0.0", json!("Prints JSON.")),
        ("json", "0.1.0", json!(null)),
        ("my_json_lib", "1.9.0", json!("ä")),
        ("other", "1.0.0", json!("json is not in its name")),
    ] {
        let more = json!({ "description": description });
        published(&client, &Crate::with(name, version, more, "")).await;
    }
    published(&client, &Crate::new("my_json_lib", "1.10.0")).await;
    let nobody = client.header("authorization", "reader");
    let found = nobody.get("/cargo/api/v1/crates?q=JSON&per_page=10").await;
    expect![[r#"{"crates":[{"name":"json","max_version":"0.1.0","description":null},{"name":"Json-Tool","max_version":"1.0.0","description":"Prints JSON."},{"name":"my_json_lib","max_version":"1.10.0","description":"A crate."}],"meta":{"total":3}}"#]].assert_eq(&found.text());
    let total = async |query: &str| {
        let answer = client.get(&format!("/cargo/api/v1/crates?{query}")).await;
        let answer = answer.json();
        let names = answer["crates"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|found| found["name"].as_str().unwrap()).collect();
        format!("{} {}", answer["meta"]["total"], names.join(" "))
    };
    assert_eq!(total("q=json_tool").await, "1 Json-Tool");
    assert_eq!(total("q=json&per_page=1").await, "3 json");
    assert_eq!(total("q=json&per_page=1&page=3").await, "3 my_json_lib");
    assert_eq!(total("q=absent").await, "0 ");
    assert_eq!(total("").await, "4 json Json-Tool my_json_lib other");
    let stranger = client.token("stranger");
    assert_eq!(
        stranger.get("/cargo/api/v1/crates?q=json").await.json()["meta"]["total"],
        3
    );
}
