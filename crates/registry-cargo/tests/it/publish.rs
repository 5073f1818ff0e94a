use expect_test::expect;
use registry_core::auth::Action;
use serde_json::json;

use crate::{
    NEW, detail,
    fixture::{Crate, body, cksum},
    index, publish, published, registry, writer,
};

/// The bodies that cargo sent for two crates, the second of which depends on the first under
/// another name, optionally, and for unix on a third.
const BASE: &[u8] = include_bytes!("captured/ws-base.publish");
const MIDDLE: &[u8] = include_bytes!("captured/ws_middle.publish");

#[tokio::test]
async fn what_cargo_sent_becomes_what_cargo_reads() {
    let client = writer();
    for body in [BASE, MIDDLE] {
        let answer = client.put(NEW, body.to_vec()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let none = r#"{"warnings":{"invalid_categories":[],"invalid_badges":[],"other":[]}}"#;
        assert_eq!(answer.text(), none);
    }
    let index = client.get("/cargo/ws/_m/ws_middle").await;
    assert_eq!(index.header("content-type"), "text/plain; charset=utf-8");
    expect![[r#"
        {"name":"ws_middle","vers":"1.0.0","deps":[{"name":"renamed","req":"^1","features":["std"],"optional":true,"default_features":false,"target":null,"kind":"normal","registry":null,"package":"ws-base"},{"name":"ws-leaf","req":">=0.1, <0.2","features":[],"optional":false,"default_features":true,"target":"cfg(unix)","kind":"normal","registry":null,"package":null},{"name":"renamed","req":"^1.0","features":[],"optional":false,"default_features":true,"target":null,"kind":"dev","registry":null,"package":"ws-base"}],"cksum":"5a1a27f2bbc91e7b4373fe6705e841c3d880032aa321dfd084c73bfd48b4ab36","features":{"plain":[]},"features2":{"extra":["dep:renamed"],"more":["extra"]},"links":null,"pubtime":"2026-01-02T03:04:05Z","v":2,"yanked":false}
    "#]].assert_eq(&index.text());
    expect![[r#"
        {"name":"ws-base","vers":"1.0.0","deps":[],"cksum":"ad3a05a32bcd383ece5de785e03d7fa6e608557da69bc81ba09819c59f7c2375","features":{"default":["std"],"std":[]},"links":null,"rust_version":"1.70","pubtime":"2026-01-02T03:04:05Z","yanked":false}
    "#]].assert_eq(&client.get("/cargo/ws/-b/ws-base").await.text());
    let file = client
        .get("/cargo/api/v1/crates/ws_middle/1.0.0/download")
        .await;
    assert_eq!(cksum(&file.body), index.json()["cksum"]);
    assert!(MIDDLE.ends_with(&file.body));
}

#[tokio::test]
async fn features_that_old_cargos_do_not_understand_stand_apart() {
    let client = writer();
    let features = json!({
        "default": ["plain"], "plain": [], "new": ["dep:a"], "weak": ["a?/x"],
        "over": ["new"], "far": ["over"], "strong": ["a/x"],
    });
    let dep = json!({ "name": "a", "version_req": "^1", "optional": true });
    let toml = "[dependencies]\na = { version = \"1\", optional = true }\n[features]\n\
        default = [\"plain\"]\nplain = []\nnew = [\"dep:a\"]\nweak = [\"a?/x\"]\n\
        over = [\"new\"]\nfar = [\"over\"]\nstrong = [\"a/x\"]\n";
    let more = json!({ "features": features, "deps": [dep] });
    published(&client, &Crate::with("foo", "1.0.0", more, toml)).await;
    let line = index(&client, "/cargo/3/f/foo").await.remove(0);
    assert_eq!(
        line["features"],
        json!({ "default": ["plain"], "plain": [], "strong": ["a/x"] })
    );
    assert_eq!(
        line["features2"],
        json!({ "new": ["dep:a"], "weak": ["a?/x"], "over": ["new"], "far": ["over"] })
    );
    assert_eq!(line["v"], 2);
}

#[tokio::test]
async fn what_is_not_known_is_kept_and_what_is_ours_is_not_overwritten() {
    let client = writer();
    let more = json!({
        "future": { "deep": [1, "x"] }, "cksum": "theirs", "yanked": true, "v": 9,
        "pubtime": "theirs", "features2": { "x": [] },
        "deps": [{
            "name": "b", "version_req": "1", "public": true, "req": "theirs", "package": "theirs",
            "registry": "sparse+https://other.example/index/", "lib": false,
        }],
    });
    let new = Crate::with("foo", "1.0.0", more, "[dependencies]\nb = \"1\"\n");
    published(&client, &new).await;
    let line = index(&client, "/cargo/3/f/foo").await.remove(0);
    assert_eq!(line["future"], json!({ "deep": [1, "x"] }));
    assert_eq!(line["cksum"], new.cksum());
    assert_eq!((&line["yanked"], &line["v"]), (&json!(false), &json!(null)));
    assert_eq!(line["pubtime"], "2026-01-02T03:04:05Z");
    assert_eq!(line["features2"], json!(null));
    expect![[r#"[{"default_features":true,"features":[],"kind":"normal","name":"b","optional":false,"package":null,"public":true,"registry":"sparse+https://other.example/index/","req":"1","target":null}]"#]].assert_eq(&line["deps"].to_string());
    for absent in [
        "authors",
        "description",
        "readme",
        "license",
        "badges",
        "keywords",
    ] {
        assert!(line.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn whatever_is_sent_a_version_is_one_line() {
    let client = writer();
    let new = Crate::with("foo", "1.0.0", json!({ "future": { "a": [1] } }), "");
    let pretty = serde_json::to_string_pretty(&new.metadata).unwrap();
    let answer = client.put(NEW, body(pretty.as_bytes(), &new.file)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        index(&client, "/cargo/3/f/foo").await[0]["future"],
        json!({ "a": [1] })
    );
}

#[tokio::test]
async fn a_line_with_an_artifact_is_for_cargos_that_know_of_them() {
    let client = writer();
    let b = json!({ "name": "b", "version_req": "^1", "artifact": ["bin"], "lib": true });
    let c = json!({ "name": "c", "version_req": "^1", "optional": true });
    let artifact = "[dependencies]\nb = { version = \"1\", artifact = \"bin\", lib = true }\n";
    let more = json!({ "deps": [b] });
    published(&client, &Crate::with("foo", "1.0.0", more, artifact)).await;
    let both = "c = { version = \"1\", optional = true }\n[features]\nf = [\"dep:c\"]\n";
    let more = json!({ "deps": [b, c], "features": { "f": ["dep:c"] } });
    published(
        &client,
        &Crate::with("foo", "1.1.0", more, &format!("{artifact}{both}")),
    )
    .await;
    let lines = index(&client, "/cargo/3/f/foo").await;
    assert_eq!((&lines[0]["v"], &lines[1]["v"]), (&json!(3), &json!(3)));
    assert_eq!(lines[0]["deps"][0]["artifact"], json!(["bin"]));
    assert_eq!(lines[0]["deps"][0]["lib"], json!(true));
    assert_eq!(lines[1]["features2"], json!({ "f": ["dep:c"] }));
}

#[tokio::test]
async fn versions_stand_in_order() {
    let client = writer();
    for version in ["1.10.0", "1.9.0", "1.0.0-rc.1", "1.0.0+build.5"] {
        published(&client, &Crate::new("foo", version)).await;
    }
    let lines = index(&client, "/cargo/3/f/foo").await;
    let versions: Vec<_> = lines
        .iter()
        .map(|line| line["vers"].as_str().unwrap())
        .collect();
    assert_eq!(versions, ["1.0.0-rc.1", "1.0.0+build.5", "1.9.0", "1.10.0"]);
    for version in ["1.0.0+build.5", "1.0.0%2Bbuild.5"] {
        let path = format!("/cargo/api/v1/crates/foo/{version}/download");
        assert_eq!(client.get(&path).await.status, 200, "{version}");
    }
    for version in ["1.0.0", "1.0.0+build.6", "1.0.0%20build.5", "9.0.0"] {
        let path = format!("/cargo/api/v1/crates/foo/{version}/download");
        assert!(
            client.get(&path).await.status.is_client_error(),
            "{version}"
        );
    }
}

#[tokio::test]
async fn the_same_again_is_fine_and_anything_else_is_not() {
    let client = writer();
    let new = Crate::new("foo", "1.0.0");
    published(&client, &new).await;
    let before = client.get("/cargo/3/f/foo").await.text();
    let again = publish(&client, &new).await;
    assert_eq!(again.status, 200);
    expect![[r#"{"warnings":{"invalid_categories":[],"invalid_badges":[],"other":["crate version `1.0.0` was uploaded before with the same content"]}}"#]].assert_eq(&again.text());
    for (version, taken) in [("1.0.0", "1.0.0"), ("1.0.0+b", "1.0.0")] {
        let other = Crate::with("foo", version, json!({}), "# other\n");
        let answer = publish(&client, &other).await;
        assert_eq!(answer.status, 400);
        let expected = format!("crate version `{taken}` is already uploaded");
        assert_eq!(detail(&answer), expected);
    }
    assert_eq!(client.get("/cargo/3/f/foo").await.text(), before);

    published(&client, &Crate::new("foo", "2.0.0+a")).await;
    let answer = publish(&client, &Crate::new("foo", "2.0.0")).await;
    assert_eq!(
        detail(&answer),
        "crate version `2.0.0+a` is already uploaded"
    );
    published(&client, &Crate::new("foo", "2.0.0-a")).await;
}

#[tokio::test]
async fn names_that_are_too_much_alike() {
    let client = writer();
    published(&client, &Crate::new("Foo-bar", "1.0.0")).await;
    for other in ["foo-bar", "Foo_bar", "FOO-BAR", "foo_bar"] {
        let answer = publish(&client, &Crate::new(other, "1.0.1")).await;
        assert_eq!(answer.status, 400);
        assert_eq!(detail(&answer), "crate was previously named `Foo-bar`");
    }
    assert_eq!(index(&client, "/cargo/fo/o-/foo-bar").await.len(), 1);
    for path in [
        "/cargo/fo/o_/foo_bar",
        "/cargo/fo/o-/Foo-bar",
        "/cargo/Fo/o-/Foo-bar",
        "/cargo/api/v1/crates/foo_bar/1.0.0/download",
        "/cargo/api/v1/crates/foo_bar/owners",
    ] {
        // Twice: what is rendered is remembered.
        for _ in 0..2 {
            assert_eq!(client.get(path).await.status, 404, "{path}");
        }
    }
    for path in ["Foo-bar", "foo-bar"] {
        let path = format!("/cargo/api/v1/crates/{path}/1.0.0/download");
        assert_eq!(client.get(&path).await.status, 200, "{path}");
    }
    let yank = client
        .delete("/cargo/api/v1/crates/foo_bar/1.0.0/yank")
        .await;
    assert_eq!(yank.status, 404);
    let owners = json!({ "users": ["reader"] }).to_string();
    let owners = client
        .put("/cargo/api/v1/crates/foo_bar/owners", owners)
        .await;
    assert_eq!(owners.status, 404);
}

#[tokio::test]
async fn the_index_is_asked_for_again_only_when_it_changed() {
    let client = writer();
    published(&client, &Crate::new("foo", "1.0.0")).await;
    let path = "/cargo/3/f/foo";
    let first = client.get(path).await;
    assert!(!first.header("etag").is_empty());
    let known = client.header("if-none-match", first.header("etag"));
    let answer = known.get(path).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0));
    // By a date nobody can ask before its second is over.
    assert_eq!(first.header("last-modified"), "");
    for version in 1..9 {
        published(&client, &Crate::new("foo", &format!("1.0.{version}"))).await;
    }
    let answer = known.get(path).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().lines().count()),
        (200, 9)
    );
    let packed = client
        .header("accept-encoding", "deflate, gzip")
        .get(path)
        .await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_ne!(packed.header("etag"), answer.header("etag"));
    assert_eq!(packed.header("cache-control"), "no-cache");
    let mut text = String::new();
    let mut gzip = flate2::read::GzDecoder::new(&packed.body[..]);
    std::io::Read::read_to_string(&mut gzip, &mut text).unwrap();
    assert_eq!(text, answer.text());
}

#[tokio::test]
async fn files_are_served_in_part_and_for_good() {
    let client = writer();
    let new = Crate::new("foo", "1.0.0");
    published(&client, &new).await;
    let whole = client.get(&new.path()).await;
    assert_eq!(whole.body, new.file);
    assert_eq!(whole.header("etag"), format!("\"{}\"", new.cksum()));
    assert_eq!(
        whole.header("cache-control"),
        "private, max-age=31536000, immutable"
    );
    let part = client.header("range", "bytes=2-5").get(&new.path()).await;
    assert_eq!(
        (part.status.as_u16(), &part.body[..]),
        (206, &new.file[2..6])
    );
}

#[tokio::test]
async fn where_everything_is() {
    let open = writer();
    for client in [open.clone(), open.header("authorization", "writer")] {
        let config = client.get("/cargo/config.json").await.text();
        let expected = r#"{"dl":"http://test/cargo/api/v1/crates","api":"http://test/cargo"}"#;
        assert_eq!(config, expected);
    }
    let storage = std::sync::Arc::new(registry_core::storage::Memory::default());
    let closed = registry(storage, Default::default(), None);
    for path in [
        "/cargo/config.json",
        "/cargo/3/f/foo",
        "/cargo/api/v1/crates?q=x",
    ] {
        let answer = closed.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(
            answer.header("www-authenticate"),
            "Cargo login_url=\"http://test/cargo/me\""
        );
    }
    // cargo sends its token bare, others as Bearer.
    for token in ["reader", "Bearer reader", "bearer reader"] {
        let client = closed.header("authorization", token);
        let config = client.get("/cargo/config.json").await.text();
        let expected = "\"api\":\"http://test/cargo\",\"auth-required\":true}";
        assert!(config.ends_with(expected), "{config}");
        assert_eq!(client.get("/cargo/3/f/foo").await.status, 404, "{token}");
    }
    let stranger = closed.token("stranger");
    assert_eq!(stranger.get("/cargo/config.json").await.status, 200);
    assert_eq!(stranger.get("/cargo/3/f/foo").await.status, 403);
    assert_eq!(
        closed.token("wrong").get("/cargo/config.json").await.status,
        401
    );
    // Where everybody may do everything, no token is asked for.
    let storage = std::sync::Arc::new(registry_core::storage::Memory::default());
    let free = registry(storage, Default::default(), Some(Action::Delete));
    published(&free, &Crate::new("foo", "1.0.0")).await;
    let owners = free.get("/cargo/api/v1/crates/foo/owners").await.json();
    assert_eq!(owners, json!({ "users": [] }));
}

#[tokio::test]
async fn who_may_publish() {
    let client = writer();
    for (token, status) in [
        ("reader", 403),
        ("looker", 403),
        ("stranger", 403),
        ("nobody", 401),
    ] {
        let answer = publish(&client.token(token), &Crate::new("foo", "1.0.0")).await;
        assert_eq!(answer.status, status, "{token}");
    }
    let answer = publish(
        &client.header("authorization", ""),
        &Crate::new("foo", "1.0.0"),
    )
    .await;
    assert_eq!(answer.status, 401);
    assert_eq!(client.get("/cargo/3/f/foo").await.status, 404);
    // Who may not is told so before more than the name is read.
    for metadata in [
        &b"{\"name\":\"foo\",\"vers\":\"1.0.0\"}"[..],
        b"{\"name\":\"foo\",\"vers\":1,\"deps\":2}",
    ] {
        let answer = client.token("reader").put(NEW, body(metadata, b"")).await;
        assert_eq!(
            detail(&answer),
            "reader may not write the crate foo with these credentials"
        );
    }
}

#[test]
fn the_example_serves() {
    let example = registry_testkit::Example::start("cargo_in_axum");
    let published = example.send("PUT", NEW, "", Crate::new("foo", "1.0.0").body());
    assert!(published.starts_with("HTTP/1.1 200"), "{published}");
    let index = example.send("GET", "/cargo/3/f/foo", "", "");
    assert!(index.contains("\"vers\":\"1.0.0\""), "{index}");
}
