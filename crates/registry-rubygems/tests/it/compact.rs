//! The compact index, as Bundler reads it.

use std::{io::Read, sync::Arc};

use expect_test::expect;
use futures_util::StreamExt;
use registry_core::{
    auth::Action,
    digest::{Algorithm, Digest},
    storage::{Get, GetOptions, Key, Memory, PutMode, Storage},
};
use registry_rubygems::RubygemsConfig;
use registry_testkit::{Answer, Client};

use crate::{fixture::Gem, pushed, registry, service, text, writer, yanked};

/// The `Digest` of a text.
fn digest(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(registry_core::digest::sha256(bytes))
}

/// Checks what comes with every answer, of which `whole` is the whole.
fn check_headers(answer: &Answer, whole: &[u8]) {
    let md5 = Digest::of(Algorithm::Md5, whole);
    assert_eq!(answer.header("etag"), format!("\"{}\"", md5.hex()));
    let hash = digest(whole);
    assert_eq!(answer.header("repr-digest"), format!("sha-256=:{hash}:"));
    assert_eq!(answer.header("digest"), format!("sha-256={hash}"));
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("vary"), "accept-encoding");
}

/// A client that has `old` and updates it, as Bundler does, which checks the digest of the whole.
async fn update(client: &Client, path: &str, old: &Answer) -> Answer {
    let range = format!("bytes={}-", old.body.len() - 1);
    let client = client.header("range", &range);
    client
        .header("if-none-match", old.header("etag"))
        .get(path)
        .await
}

#[tokio::test]
async fn versions_only_grow_and_clients_fetch_what_is_new() {
    let client = writer();
    let path = "/rubygems/versions";
    let empty = client.get(path).await;
    assert_eq!(empty.text(), "created_at: 2026-01-01T00:00:00Z\n---\n");
    check_headers(&empty, &empty.body);
    let mut old = empty;
    for change in 0..4 {
        match change {
            0 => pushed(&client, &Gem::new("foo", "1.0")).await,
            1 => pushed(&client, &Gem::new("bar", "0.1").on("java")).await,
            2 => yanked(&client, "gem_name=foo&version=1.0").await,
            _ => {
                let form = "gem_name=foo&version=1.0";
                let answer = client.put(crate::UNYANK, form).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
        let new = update(&client, path, &old).await;
        assert_eq!(new.status, 206, "{}", new.text());
        let mut joined = old.body.to_vec();
        joined.extend_from_slice(&new.body[1..]);
        check_headers(&new, &joined);
        let size = joined.len();
        let expected = format!("bytes {}-{}/{size}", old.body.len() - 1, size - 1);
        assert_eq!(new.header("content-range"), expected);
        let whole = client.get(path).await;
        assert!(whole.body == joined);
        check_headers(&whole, &joined);
        let same = update(&client, path, &whole).await;
        assert_eq!((same.status.as_u16(), same.body.len()), (304, 0));
        assert_eq!(same.header("etag"), whole.header("etag"));
        old = whole;
    }
    let md5 = |text: String| Digest::of(Algorithm::Md5, text.as_bytes()).hex().to_owned();
    let foo = md5(text(&client, "/info/foo").await);
    let bar = md5(text(&client, "/info/bar").await);
    let none = md5("---\n".to_owned());
    let expected = format!(
        "created_at: 2026-01-01T00:00:00Z\n---\nfoo 1.0 {foo}\nbar 0.1-java {bar}\n\
         foo -1.0 {none}\nfoo 1.0 {foo}\n"
    );
    assert_eq!(old.text(), expected);
    // A copy that is longer than the file, as of another registry, is replaced; by what is not
    // compressed, since Bundler would not unpack it.
    let client = client.header("accept-encoding", "gzip");
    for path in [path, "/rubygems/info/foo", "/rubygems/names"] {
        let whole = client.get(path).await.body.len();
        let range = format!("bytes={}-", old.body.len().max(whole));
        let longer = client.header("range", &range).get(path).await;
        assert_eq!(longer.status, 200, "{path}");
        assert_eq!(longer.header("content-encoding"), "");
        check_headers(&longer, &longer.body);
    }
}

#[tokio::test]
async fn texts_are_compressed_whole_and_sent_in_parts_as_they_are() {
    let client = writer();
    for n in 0..40 {
        pushed(&client, &Gem::new("foo", &format!("1.{n}"))).await;
    }
    pushed(&client, &Gem::new("bar", "1.0")).await;
    for path in [
        "/rubygems/versions",
        "/rubygems/info/foo",
        "/rubygems/names",
    ] {
        let plain = client.get(path).await;
        assert_eq!(plain.header("content-encoding"), "");
        let takes = client.header("accept-encoding", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3");
        let packed = takes.get(path).await;
        assert_eq!(packed.status, 200);
        check_headers(&packed, &plain.body);
        if !path.ends_with("names") {
            assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
            let mut unpacked = Vec::new();
            let mut decoder = flate2::read::GzDecoder::new(&*packed.body);
            decoder.read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == plain.body);
        }
        let etag = plain.header("etag").to_owned();
        let has = takes.header("if-none-match", &etag).get(path).await;
        assert_eq!(has.status, 304);
        let weak = format!("W/{etag}");
        assert_eq!(
            takes.header("if-none-match", &weak).get(path).await.status,
            304
        );
        let part = takes.header("range", "bytes=3-5").get(path).await;
        assert_eq!(part.status, 206);
        assert_eq!(part.header("content-encoding"), "");
        check_headers(&part, &plain.body);
        assert_eq!(part.body, plain.body[3..6]);
        let head = client.send(http::Method::HEAD, path, "").await;
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-length"), plain.body.len().to_string());
    }
}

#[tokio::test]
async fn what_there_is_of_a_gem_whose_versions_are_all_yanked() {
    let client = writer();
    assert_eq!(client.get("/rubygems/info/foo").await.status, 404);
    assert_eq!(
        client.get("/rubygems/info/foo").await.text(),
        "This gem could not be found"
    );
    assert_eq!(text(&client, "/names").await, "---\n\n");
    pushed(&client, &Gem::new("foo", "1.0")).await;
    assert_eq!(text(&client, "/names").await, "---\nfoo\n");
    assert_eq!(client.get("/rubygems/info/FOO").await.status, 404);
    yanked(&client, "gem_name=foo&version=1.0").await;
    assert_eq!(text(&client, "/names").await, "---\n\n");
    assert_eq!(text(&client, "/info/foo").await, "---\n");
    for path in [
        "gems/foo-1.0.gem",
        "quick/Marshal.4.8/foo-1.0.gemspec.rz",
        "api/v1/gems/foo.json",
        "api/v1/versions/foo.json",
    ] {
        let path = format!("/rubygems/{path}");
        assert_eq!(client.get(&path).await.status, 404, "{path}");
    }
}

/// The last line of every gem, but for its digest, which has to be right.
async fn last_lines(client: &Client) -> Vec<String> {
    let mut last = std::collections::BTreeMap::new();
    for line in text(client, "/versions").await.lines().skip(2) {
        let (rest, digest) = line.rsplit_once(' ').unwrap();
        let name = rest.split(' ').next().unwrap();
        last.insert(name.to_owned(), (rest.to_owned(), digest.to_owned()));
    }
    let mut lines = Vec::new();
    for (name, (line, digest)) in last {
        let info = text(client, &format!("/info/{name}")).await;
        assert_eq!(digest, Digest::of(Algorithm::Md5, info.as_bytes()).hex());
        lines.push(line);
    }
    lines
}

#[tokio::test]
async fn a_log_that_was_lost_is_made_again() {
    let storage = Arc::new(Memory::default());
    let start = || {
        service(
            storage.clone(),
            RubygemsConfig::default(),
            Some(Action::Read),
        )
    };
    let client = Client::new(start()).token("writer");
    for version in ["1.0", "1.1", "1.2"] {
        pushed(&client, &Gem::new("Foo", version)).await;
        pushed(&client, &Gem::new("bar", version).on("java")).await;
    }
    yanked(&client, "gem_name=Foo&version=1.1").await;
    let before = strings(&client.get("/rubygems/specs.4.8.gz").await);
    let log: Vec<_> = storage
        .list(Some(&Key::new("rubygems/log").unwrap()), None)
        .collect()
        .await;
    for chunk in log {
        storage.delete(&chunk.unwrap().key).await.unwrap();
    }
    let registry = start();
    assert!(registry.verify(true).await.unwrap().is_sound());
    assert!(registry.verify(false).await.unwrap().problems.is_empty());
    let client = Client::new(registry).token("writer");
    assert_eq!(strings(&client.get("/rubygems/specs.4.8.gz").await), before);
    let lines = last_lines(&client).await;
    assert_eq!(lines, ["Foo 1.0,1.2", "bar 1.0-java,1.1-java,1.2-java"]);
    pushed(&client, &Gem::new("Foo", "1.3")).await;
    assert_eq!(last_lines(&client).await[0], "Foo 1.3");
}

#[tokio::test]
async fn a_gem_that_was_put_back_from_a_backup_is_told_as_it_is() {
    let document = Key::new("rubygems/gems/foo/index.jsonl").unwrap();
    let gem = Gem::new("foo", "1.1");
    for (next, versions, line) in [
        (Gem::new("foo", "1.2"), ["1.0", "1.2"], "foo -1.1"),
        (gem.clone().holding("It = 2\n"), ["1.0", "1.1"], "foo 1.1"),
    ] {
        let storage = Arc::new(Memory::default());
        let start = || {
            service(
                storage.clone(),
                RubygemsConfig::default(),
                Some(Action::Read),
            )
        };
        let client = Client::new(start()).token("writer");
        pushed(&client, &Gem::new("foo", "1.0")).await;
        let found = storage.get(&document, GetOptions::default()).await;
        let Get::Found(backup) = found.unwrap() else {
            panic!("there is no document");
        };
        let backup = backup.body.collect(1 << 20).await.unwrap();
        pushed(&client, &gem).await;
        let put = storage.put(&document, backup, PutMode::Replace).await;
        put.unwrap();
        let registry = start();
        let client = Client::new(registry.clone()).token("writer");
        pushed(&client, &next).await;
        assert_eq!(last_lines(&client).await, [format!("foo {}", next.version)]);
        assert!(registry.verify(true).await.unwrap().is_sound());
        assert!(registry.verify(false).await.unwrap().problems.is_empty());
        assert_eq!(last_lines(&client).await, [line]);
        let specs = strings(&client.get("/rubygems/specs.4.8.gz").await);
        let specs: Vec<_> = specs.chunks(3).map(|spec| &*spec[1]).collect();
        assert_eq!(specs, versions);
    }
}

#[tokio::test]
async fn info_is_in_the_order_of_publishing() {
    let client = writer();
    for version in ["2.0", "1.0", "10.0.rc1", "1.5"] {
        pushed(&client, &Gem::new("foo", version)).await;
    }
    let info = text(&client, "/info/foo").await;
    let versions: Vec<_> = info
        .lines()
        .skip(1)
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(versions, ["2.0", "1.0", "10.0.rc1", "1.5"]);
}

/// The names and versions in a list of Ruby's own format, as far as plain texts stand in it.
fn strings(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-encoding"), "");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let mut list = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(&*answer.body);
    decoder.read_to_end(&mut list).unwrap();
    let mut found = Vec::new();
    for part in list.split(|byte| *byte == b'"').skip(1) {
        let length = usize::from(part[0]) - 5;
        found.push(String::from_utf8(part[1..=length].to_vec()).unwrap());
    }
    found
}

#[tokio::test]
async fn lists_in_rubys_own_format() {
    let client = writer();
    for (version, platform) in [
        ("1.10", "ruby"),
        ("1.9", "ruby"),
        ("1.9", "java"),
        ("2.0.rc1", "ruby"),
        ("3.0", "ruby"),
    ] {
        pushed(&client, &Gem::new("foo", version).on(platform)).await;
    }
    yanked(&client, "gem_name=foo&version=3.0").await;
    let client = client.header("accept-encoding", "gzip");
    let all = client.get("/rubygems/specs.4.8.gz").await;
    expect![[r#"["foo", "1.10", "ruby", "foo", "1.9", "java", "foo", "1.9", "ruby"]"#]]
        .assert_eq(&format!("{:?}", strings(&all)));
    let latest = client.get("/rubygems/latest_specs.4.8.gz").await;
    expect![[r#"["foo", "1.10", "ruby", "foo", "1.9", "java"]"#]]
        .assert_eq(&format!("{:?}", strings(&latest)));
    let prerelease = client.get("/rubygems/prerelease_specs.4.8.gz").await;
    expect![[r#"["foo", "2.0.rc1", "ruby"]"#]].assert_eq(&format!("{:?}", strings(&prerelease)));
    let etag = all.header("etag").to_owned();
    let again = client.header("if-none-match", &etag);
    assert_eq!(again.get("/rubygems/specs.4.8.gz").await.status, 304);
}

#[tokio::test]
async fn who_may_read_nothing_sees_nothing() {
    let storage = Arc::new(Memory::default());
    let client = registry(storage, RubygemsConfig::default(), None::<Action>);
    pushed(&client.token("writer"), &Gem::new("foo", "1.0")).await;
    for path in [
        "versions",
        "names",
        "info/foo",
        "specs.4.8.gz",
        "gems/foo-1.0.gem",
        "api/v1/search.json?query=foo",
    ] {
        let path = format!("/rubygems/{path}");
        assert_eq!(client.get(&path).await.status, 401, "{path}");
        let reader = client.header("authorization", "reader").get(&path).await;
        assert_eq!(reader.status, 200, "{path}");
        let stranger = client.token("stranger").get(&path).await;
        if stranger.status != 403 {
            assert!(!stranger.text().contains("foo"), "{path}");
            assert_eq!(stranger.status, 200, "{path}");
        }
    }
    let versions = client.token("stranger").get("/rubygems/versions").await;
    assert_eq!(versions.text(), "created_at: 2026-01-01T00:00:00Z\n---\n");
    check_headers(&versions, &versions.body);
    let file = client
        .token("stranger")
        .get("/rubygems/gems/foo-1.0.gem")
        .await;
    assert_eq!(file.status, 403);
    assert_eq!(client.get("/rubygems/").await.status, 200);
}
