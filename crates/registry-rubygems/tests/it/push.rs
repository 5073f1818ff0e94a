use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use expect_test::expect;
use futures_util::StreamExt;
use http::Method;
use registry_core::{
    auth::Action,
    digest::{Algorithm, Digest},
    storage::{Get, GetOptions, Key, Memory, PutMode, Storage},
};
use registry_rubygems::RubygemsConfig;
use registry_testkit::Client;

use crate::{
    PUSH, UNYANK, YANK,
    fixture::{Gem, gzip, noise, tar},
    push, pushed, registry, service, text, writer, yanked,
};

const CHECKSUMS: &str = "checksums.yaml.gz";

#[tokio::test]
async fn what_is_pushed_is_what_is_read() {
    let client = writer();
    let gem = Gem::new("Foo-bar", "1.0.0").with(
        "dependencies: []",
        "dependencies:\n- !ruby/object:Gem::Dependency\n  name: zed\n  requirement: \
         !ruby/object:Gem::Requirement\n    requirements:\n    - - \"~>\"\n      \
         - !ruby/object:Gem::Version\n        version: '1.2'\n    - - \">=\"\n      \
         - !ruby/object:Gem::Version\n        version: 1.2.3\n  type: :runtime\n  \
         prerelease: false\n  version_requirements: !ruby/object:Gem::Requirement\n    \
         requirements:\n    - - \"~>\"\n      - !ruby/object:Gem::Version\n        \
         version: '1.2'\n    - - \">=\"\n      - !ruby/object:Gem::Version\n        \
         version: 1.2.3",
    );
    let answer = push(&client, &gem).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        answer.text(),
        "Successfully registered gem: Foo-bar (1.0.0)"
    );
    let file = client.get("/rubygems/gems/Foo-bar-1.0.0.gem").await;
    assert!(file.body == gem.file());
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("etag"), format!("\"{}\"", gem.sha256()));
    let info = text(&client, "/info/Foo-bar").await;
    let expected = format!(
        "---\n1.0.0 zed:>= 1.2.3&~> 1.2|checksum:{},created_at:2026-01-02T03:04:05Z\n",
        gem.sha256()
    );
    assert_eq!(info, expected);
    let quick = client
        .get("/rubygems/quick/Marshal.4.8/Foo-bar-1.0.0.gemspec.rz")
        .await;
    assert_eq!(quick.status, 200);
    let mut spec = Vec::new();
    let mut decoder = flate2::read::ZlibDecoder::new(&*quick.body);
    std::io::Read::read_to_end(&mut decoder, &mut spec).unwrap();
    assert!(spec.starts_with(b"\x04\x08u:\x17Gem::Specification"));
    assert!(client.get("/rubygems/").await.text().contains("gems"));
}

#[tokio::test]
async fn the_same_again_is_fine_and_anything_else_is_not() {
    let client = writer();
    let gem = Gem::new("foo", "1.0");
    pushed(&client, &gem).await;
    let before = text(&client, "/versions").await;
    let again = push(&client, &gem).await;
    assert_eq!(
        (again.status.as_u16(), &*again.text()),
        (200, "Gem was already pushed: foo (1.0)")
    );
    let other = push(&client, &gem.clone().holding("It = 2\n")).await;
    assert_eq!(other.status, 409);
    expect![[r#"
        Repushing of gem versions is not allowed.
        Please bump the version number and push a new different release.
        See also `gem yank` if you want to unpublish the bad release."#]]
    .assert_eq(&other.text());
    let same = push(&client, &Gem::new("foo", "1.0.0")).await;
    assert_eq!(same.status, 403);
    expect!["There was a problem saving your gem: Canonical number has already been taken. Existing version: 1.0"].assert_eq(&same.text());
    let cased = push(&client, &Gem::new("Foo", "2.0")).await;
    assert_eq!(cased.status, 409);
    assert!(
        cased
            .text()
            .starts_with("Unable to change case of gem name")
    );
    assert_eq!(text(&client, "/versions").await, before);

    yanked(&client, "gem_name=foo&version=1.0").await;
    let answer = push(&client, &gem).await;
    assert_eq!(answer.status, 409);
    expect![[r#"
        A yanked version already exists (foo-1.0).
        Repushing of gem versions is not allowed. Please use a new version and retry"#]]
    .assert_eq(&answer.text());
}

#[tokio::test]
async fn platforms_stand_beside_each_other() {
    let client = writer();
    for platform in ["ruby", "java", "x86_64-linux"] {
        let gem = Gem::new("foo", "1.0").on(platform);
        let answer = push(&client, &gem).await;
        let expected = format!("Successfully registered gem: foo ({})", gem.slug());
        assert_eq!(answer.text(), expected);
    }
    let twin = push(&client, &Gem::new("foo", "1.0.0").on("java")).await;
    assert_eq!(twin.status, 403, "{}", twin.text());
    for full in ["foo-1.0", "foo-1.0-java", "foo-1.0-x86_64-linux"] {
        let path = format!("/rubygems/gems/{full}.gem");
        assert_eq!(client.get(&path).await.status, 200, "{full}");
    }
    for full in [
        "foo-1.0-mingw32",
        "foo-1.0.0",
        "Foo-1.0",
        "foo",
        "foo-1.0-ruby",
    ] {
        let path = format!("/rubygems/gems/{full}.gem");
        assert_eq!(client.get(&path).await.status, 404, "{full}");
    }
    let versions = text(&client, "/versions").await;
    let lines: Vec<_> = versions.lines().skip(2).collect();
    assert!(lines[1].starts_with("foo 1.0-java "), "{versions}");
    let info = text(&client, "/info/foo").await;
    assert!(info.contains("\n1.0-x86_64-linux |checksum:"), "{info}");
}

#[tokio::test]
async fn a_file_is_of_the_gem_that_is_there() {
    let client = writer();
    let hyphens = Gem::new("a-1", "2");
    pushed(&client, &hyphens).await;
    let path = "/rubygems/gems/a-1-2.gem";
    assert!(client.get(path).await.body == hyphens.file());
    // No other gem takes its place, be it there or not.
    let platform = Gem::new("a", "1").on("2");
    for _ in 0..2 {
        let refused = push(&client, &platform).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        let words = "Full name a-1-2 has already been taken";
        assert!(refused.text().contains(words), "{}", refused.text());
        client
            .send(Method::DELETE, YANK, "gem_name=a-1&version=2")
            .await;
        assert_eq!(client.get(path).await.status, 404);
    }
    let other = Gem::new("b", "1").on("2");
    pushed(&client, &other).await;
    let again = push(&client, &other).await;
    assert_eq!(again.text(), "Gem was already pushed: b (1-2)");
    let path = "/rubygems/gems/b-1-2.gem";
    assert!(client.get(path).await.body == other.file());
    let refused = push(&client, &Gem::new("B-1", "2")).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
}

#[tokio::test]
async fn of_two_gems_that_come_at_once_with_a_file_of_one_name_one_has_it() {
    let client = writer();
    for n in 0..20 {
        let platform = Gem::new(&format!("g{n}x"), "1").on("2");
        let hyphens = Gem::new(&format!("g{n}x-1"), "2");
        let pushes = [push(&client, &platform), push(&client, &hyphens)];
        let answers = futures_util::future::join_all(pushes).await;
        let (gems, path) = ([platform, hyphens], format!("/rubygems/gems/g{n}x-1-2.gem"));
        let taken = answers.iter().filter(|answer| answer.status == 200);
        assert_eq!(taken.count(), 1, "{n}");
        for (gem, answer) in gems.iter().zip(answers) {
            let info = client.get(&format!("/rubygems/info/{}", gem.name)).await;
            let again = push(&client, gem).await;
            assert_eq!(again.status, answer.status, "{}", again.text());
            if answer.status == 200 {
                assert!(info.text().contains(&gem.slug()), "{}", info.text());
                assert!(client.get(&path).await.body == gem.file());
                continue;
            }
            let words = "has already been taken by another gem";
            assert!(answer.text().contains(words), "{}", answer.text());
            assert!(!info.text().contains("checksum"), "{}", info.text());
            let form = format!(
                "gem_name={}&version={}&platform={}",
                gem.name, gem.version, gem.platform
            );
            let back = client.put(UNYANK, form).await;
            assert!(
                [403, 404].contains(&back.status.as_u16()),
                "{}",
                back.text()
            );
            let info = client.get(&format!("/rubygems/info/{}", gem.name)).await;
            assert!(!info.text().contains("checksum"), "{}", info.text());
        }
    }
}

#[tokio::test]
async fn a_gem_that_came_second_with_a_file_of_a_name_goes_when_it_is_pushed_again() {
    let (storage, other) = (Arc::new(Memory::default()), Arc::new(Memory::default()));
    let start = |storage: &Arc<Memory>| {
        let config = RubygemsConfig {
            owners_enforced: true,
            ..RubygemsConfig::default()
        };
        service(storage.clone(), config, Some(Action::Read))
    };
    let (first, second) = (Gem::new("a", "1").on("2"), Gem::new("a-1", "2"));
    let registry = start(&storage);
    let client = Client::new(registry.clone()).token("admin");
    pushed(&client, &first).await;
    // As if a server had ended before it could look once more.
    pushed(&Client::new(start(&other)).token("admin"), &second).await;
    let mut objects = other.list(Some(&Key::new("rubygems/gems").unwrap()), None);
    while let Some(object) = objects.next().await {
        let key = object.unwrap().key;
        let found = other.get(&key, GetOptions::default()).await.unwrap();
        let Get::Found(object) = found else {
            panic!("{key} is not there");
        };
        let bytes = object.body.collect(1 << 20).await.unwrap();
        storage.put(&key, bytes, PutMode::Create).await.unwrap();
    }
    assert!(registry.verify(true).await.unwrap().is_sound());
    let path = "/rubygems/gems/a-1-2.gem";
    assert!(client.get(path).await.body == first.file());
    let info = async || text(&client, "/info/a-1").await;
    assert!(info().await.contains("2 |"));
    // Whose gem it is not does not take it back.
    for (user, words) in [
        ("writer", "You do not have permission"),
        ("admin", "already been taken by another gem"),
    ] {
        assert!(info().await.contains("2 |"));
        let answer = push(&client.token(user), &second).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    assert_eq!(info().await, "---\n");
    let again = push(&client, &first).await;
    assert_eq!(again.status, 200, "{}", again.text());
    assert!(client.get(path).await.body == first.file());
}

#[tokio::test]
async fn who_may_not_write() {
    let storage = Arc::new(Memory::default());
    let config = RubygemsConfig {
        owners_enforced: true,
        ..RubygemsConfig::default()
    };
    let client = registry(storage, config, Some(Action::Read));
    let gem = Gem::new("foo", "1.0");
    let answer = push(&client, &gem).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("www-authenticate"),
        "Basic realm=\"RubyGems\""
    );
    let answer = push(&client.token("reader"), &gem).await;
    assert_eq!(answer.status, 403);
    let expected = "reader may not write the gem foo with these credentials";
    assert_eq!(answer.text(), expected);
    pushed(&client.token("writer"), &gem).await;
    let raw = client.header("authorization", "writer");
    pushed(&raw, &Gem::new("foo", "1.1")).await;
    let otp = raw.header("otp", "123456");
    pushed(&otp, &Gem::new("foo", "1.2")).await;
    pushed(&client.token("admin"), &Gem::new("foo", "1.3")).await;
    // Whose gem it is alone.
    pushed(&client.token("admin"), &Gem::new("bar", "1.0")).await;
    let answer = client
        .token("writer")
        .post(PUSH, Gem::new("bar", "1.1").file())
        .await;
    assert_eq!(answer.status, 403);
    let expected = "You do not have permission to push to this gem. Ask an owner to add you \
        with: gem owner bar --add writer";
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn forms_with_attestations() {
    let client = writer();
    let gem = Gem::new("foo", "1.0");
    let part = |name: &str, content: &[u8]| {
        let head = format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        [head.as_bytes(), content, b"\r\n"].concat()
    };
    let form = client.header("content-type", "multipart/form-data; boundary=xyz");
    let attestations = part("attestations", b"[{}]");
    let file = part("gem", &gem.file());
    for (parts, status, words) in [
        (
            vec![&attestations],
            422,
            "Error:\nthe form has no part called gem",
        ),
        (vec![&file, &file], 400, "more than one gem"),
        (vec![&file, &attestations], 200, "registered gem: foo (1.0)"),
        (vec![&attestations, &file], 200, "already pushed: foo (1.0)"),
    ] {
        let mut body: Vec<u8> = parts.into_iter().flatten().copied().collect();
        body.extend_from_slice(b"--xyz--\r\n");
        let answer = form.post(PUSH, body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    let large = [
        &part("attestations", &vec![b'x'; (1 << 20) + 1])[..],
        b"--xyz--\r\n",
    ]
    .concat();
    assert_eq!(form.post(PUSH, large).await.status, 413);
    assert_eq!(form.post(PUSH, file.clone()).await.status, 400);
}

#[tokio::test]
async fn gems_as_they_were_built_once() {
    let client = writer();
    let sums = |key: fn(&str) -> String, value: fn(&str) -> String| {
        move |metadata: &[u8], data: &[u8]| {
            let mut yaml = "---\n".to_owned();
            for (name, algorithm) in [("SHA1", Algorithm::Sha1), ("SHA512", Algorithm::Sha512)] {
                yaml += &format!("{}:\n", key(name));
                for (file, bytes) in [("metadata.gz", metadata), ("data.tar.gz", data)] {
                    let digest = Digest::of(algorithm, bytes);
                    yaml += &format!("  {file}: {}\n", value(digest.hex()));
                }
            }
            gzip(yaml.as_bytes())
        }
    };
    let plain = sums(str::to_owned, |digest| format!("'{digest}'"));
    let binary = |text: &str| format!("!binary \"{}\"", STANDARD.encode(text));
    let packed = sums(binary, |digest| {
        format!("!binary |-\n    {}", STANDARD.encode(digest))
    });
    type Sums<'a> = &'a dyn Fn(&[u8], &[u8]) -> Vec<u8>;
    let all: [(&str, bool, Option<Sums<'_>>); 4] = [
        ("1.0", true, None),
        ("1.1", false, None),
        ("1.2", false, Some(&plain)),
        ("1.3", false, Some(&packed)),
    ];
    for (version, late, sums) in all {
        let metadata = gzip(Gem::new("foo", version).yaml().as_bytes());
        let data = gzip(&tar(&[("lib/it.rb", noise(400_000).as_bytes())]));
        let mut files = vec![("metadata.gz", &*metadata), ("data.tar.gz", &data)];
        if late {
            files.reverse();
        }
        if let Some(sums) = sums {
            let wrong = sums(&metadata, b"");
            let answer = client
                .post(PUSH, tar(&[files[0], files[1], (CHECKSUMS, &wrong)]))
                .await;
            let words = "SHA1 checksum mismatch for data.tar.gz";
            assert!(answer.text().contains(words), "{}", answer.text());
        }
        let right = sums.map(|sums| sums(&metadata, &data));
        files.extend(right.as_deref().map(|right| (CHECKSUMS, right)));
        let file = tar(&files);
        let answer = client.post(PUSH, file.clone()).await;
        let expected = format!("Successfully registered gem: foo ({version})");
        assert_eq!(answer.text(), expected);
        let path = format!("/rubygems/gems/foo-{version}.gem");
        assert!(client.get(&path).await.body == file);
    }
}
