use expect_test::expect;
use serde_json::{Value, json, value::to_raw_value};

use super::{
    change::{Published, Put, Release, publish, put, remove_tag, set_tag, unpublish},
    render::View,
    *,
};
use crate::{Error as NpmError, PackageName};

const NOW: &str = "2026-01-02T03:04:05.678Z";

#[derive(Clone, Default)]
struct Package {
    head: Head,
    entries: Entries,
}

impl Package {
    fn of(versions: &[&str]) -> Self {
        let mut package = Self::default();
        for version in versions {
            package.publish(version, "latest").unwrap();
        }
        package
    }

    fn publish(&mut self, version: &str, tag: &str) -> Result<Published, NpmError> {
        self.publish_bytes(version, tag, "same")
    }

    fn publish_bytes(
        &mut self,
        version: &str,
        tag: &str,
        bytes: &str,
    ) -> Result<Published, NpmError> {
        let install = json!({"name": "@s/n", "version": version, "dependencies": {"x": "1"}});
        let entry = Entry {
            time: NOW,
            file: &format!("n-{version}.u.tgz"),
            size: 1,
            deprecated: None,
            provenance: None,
            dist: &to_raw_value(&json!({"integrity": bytes, "shasum": "s"})).unwrap(),
            install: &to_raw_value(&install).unwrap(),
            rest: &to_raw_value(&json!({"description": "words", "scripts": {}, "n": 1})).unwrap(),
        };
        let release = Release {
            version: version.parse().unwrap(),
            entry: entry.to_bytes().unwrap(),
            integrity: bytes.into(),
            tags: vec![tag.parse().unwrap()],
            publisher: Person {
                name: "u".into(),
                email: None,
            },
            time: NOW.into(),
            readme: Some(format!("readme of {version}")),
            access: None,
        };
        publish(&mut self.head, &mut self.entries, &release)
    }

    fn view<T>(&self, with: impl FnOnce(View<'_>) -> Result<T>) -> Result<T> {
        let name: PackageName = "@s/n".parse().unwrap();
        let (head, entries) = (&self.head, &self.entries);
        with(View {
            name: &name,
            revision: 7,
            base: "https://r/npm",
            head,
            entries,
        })
    }

    fn full(&self) -> Value {
        serde_json::from_slice(&self.view(|view| view.full()).unwrap()).unwrap()
    }

    fn put(
        &mut self,
        document: &Value,
        stale: bool,
        removes: bool,
    ) -> Result<Vec<registry_core::store::StoredBytes>, NpmError> {
        let text = document.to_string();
        let document = serde_json::from_str(&text).unwrap();
        let how = Put {
            user: "u",
            now: NOW,
            stale,
            removes,
        };
        put(&mut self.head, &mut self.entries, &document, how)
    }

    fn versions(&self) -> String {
        self.entries
            .keys()
            .map(|v| &**v)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[track_caller]
fn refused<T>(result: Result<T, NpmError>, status: u16, words: &str) {
    let Err(error) = result else {
        panic!("accepted, not refused with {words}")
    };
    assert_eq!(error.status().as_u16(), status, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn forms() {
    let mut package = Package::of(&["1.10.0", "1.9.0"]);
    let mut provenance = Entry::parse(&package.entries["1.10.0"]).unwrap();
    provenance.provenance = Some(Provenance {
        file: "f",
        size: 1,
        sha512: "00",
        predicate_type: "https://p",
    });
    let bytes = provenance.to_bytes().unwrap();
    package.entries.insert("1.10.0".into(), bytes);
    package.head.stars.insert("u".into());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let full = text(package.view(|view| view.full()).unwrap());
    serde_json::from_str::<Value>(&full).unwrap();
    expect![[r#"
        {"name":"@s/n",
        "dist-tags":{"latest":"1.9.0"},
        "versions":{"1.9.0":{"dependencies":{"x":"1"},
        "name":"@s/n",
        "version":"1.9.0",
        "description":"words",
        "n":1,
        "scripts":{},
        "dist":{"integrity":"same",
        "shasum":"s",
        "tarball":"https://r/npm/@s/n/-/n-1.9.0.tgz"}},
        "1.10.0":{"dependencies":{"x":"1"},
        "name":"@s/n",
        "version":"1.10.0",
        "description":"words",
        "n":1,
        "scripts":{},
        "dist":{"integrity":"same",
        "shasum":"s",
        "attestations":{"url":"https://r/npm/-/npm/v1/attestations/@s%2fn@1.10.0",
        "provenance":{"predicateType":"https://p"}},
        "tarball":"https://r/npm/@s/n/-/n-1.10.0.tgz"}}},
        "_id":"@s/n",
        "_rev":"7-0",
        "time":{"created":"2026-01-02T03:04:05.678Z",
        "modified":"2026-01-02T03:04:05.678Z",
        "1.9.0":"2026-01-02T03:04:05.678Z",
        "1.10.0":"2026-01-02T03:04:05.678Z"},
        "maintainers":[{"name":"u"}],
        "users":{"u":true},
        "description":"words",
        "readme":"readme of 1.9.0"}"#]]
    .assert_eq(&full.replace(",\"", ",\n\""));
    let abbreviated = text(package.view(|view| view.abbreviated()).unwrap());
    serde_json::from_str::<Value>(&abbreviated).unwrap();
    expect![[r#"
        {"name":"@s/n",
        "dist-tags":{"latest":"1.9.0"},
        "versions":{"1.9.0":{"dependencies":{"x":"1"},
        "name":"@s/n",
        "version":"1.9.0",
        "dist":{"integrity":"same",
        "shasum":"s",
        "tarball":"https://r/npm/@s/n/-/n-1.9.0.tgz"}},
        "1.10.0":{"dependencies":{"x":"1"},
        "name":"@s/n",
        "version":"1.10.0",
        "dist":{"integrity":"same",
        "shasum":"s",
        "attestations":{"url":"https://r/npm/-/npm/v1/attestations/@s%2fn@1.10.0",
        "provenance":{"predicateType":"https://p"}},
        "tarball":"https://r/npm/@s/n/-/n-1.10.0.tgz"}}},
        "modified":"2026-01-02T03:04:05.678Z",
        "time":{"1.9.0":"2026-01-02T03:04:05.678Z",
        "1.10.0":"2026-01-02T03:04:05.678Z"}}"#]]
    .assert_eq(&abbreviated.replace(",\"", ",\n\""));
    let manifest = text(package.view(|view| view.manifest("latest")).unwrap());
    expect![[r#"{"dependencies":{"x":"1"},"name":"@s/n","version":"1.9.0","description":"words","n":1,"scripts":{},"dist":{"integrity":"same","shasum":"s","tarball":"https://r/npm/@s/n/-/n-1.9.0.tgz"}}"#]].assert_eq(&manifest);
    assert!(package.view(|view| view.manifest("2.0.0")).is_err());
    let empty = text(Package::default().view(|view| view.abbreviated()).unwrap());
    expect![[r#"{"name":"@s/n","dist-tags":{},"versions":{},"modified":"","time":{}}"#]]
        .assert_eq(&empty);
}

#[test]
fn publishing() {
    let mut package = Package::default();
    package.publish("1.0.0-rc.1", "next").unwrap();
    assert_eq!(package.head.latest(), Some("1.0.0-rc.1"));
    package.publish("1.0.0", "next").unwrap();
    assert_eq!(package.head.latest(), Some("1.0.0-rc.1"));
    assert_eq!(package.head.dist_tags["next"], "1.0.0");
    assert_eq!(package.head.readme.as_deref(), Some("readme of 1.0.0-rc.1"));
    assert_eq!(package.head.maintainers[0].name, "u");
    let before = package.head.clone();
    assert_eq!(
        package.publish("1.0.0", "latest").unwrap(),
        Published::Replay
    );
    assert_eq!(package.head, before);
    let words = "You cannot publish over the previously published versions: 1.0.0.";
    refused(
        package.publish_bytes("1.0.0", "latest", "other"),
        403,
        words,
    );
    refused(package.publish("1.0.0+b", "latest"), 403, words);
    package.publish("2.0.0+b", "latest").unwrap();
    refused(package.publish("2.0.0", "latest"), 403, "2.0.0+b");
    refused(package.publish("2.0.0+c", "latest"), 403, "2.0.0+b");
    package.publish("2.0.0-b", "latest").unwrap();
    package
        .publish("2.0.01-b".replace("01", "1").as_str(), "latest")
        .unwrap();
}

#[test]
fn deprecating() {
    let mut package = Package::of(&["1.0.0", "2.0.0"]);
    let mut document = package.full();
    document["versions"]["1.0.0"]["deprecated"] = json!("old");
    package.publish("3.0.0", "latest").unwrap();
    package.put(&document, true, false).unwrap();
    assert_eq!(package.full()["versions"]["1.0.0"]["deprecated"], "old");
    assert_eq!(package.head.latest(), Some("3.0.0"));
    assert_eq!(package.versions(), "1.0.0 2.0.0 3.0.0");
    document["versions"]["1.0.0"]["deprecated"] = json!("");
    document["versions"]["1.0.0"]["n"] = json!(1.0);
    document["versions"]["1.0.0"]["dist"]["tarball"] = json!("http://other/@s/n/-/n-1.0.0.tgz");
    package.put(&document, false, false).unwrap();
    assert_eq!(
        package.full()["versions"]["1.0.0"]["deprecated"],
        Value::Null
    );
}

#[test]
fn smuggling() {
    let mut package = Package::of(&["1.0.0"]);
    let document = package.full();
    for (path, value) in [
        ("/versions/1.0.0/dist/integrity", json!("x")),
        ("/versions/1.0.0/dist/tarball", json!("http://evil/x.tgz")),
        (
            "/versions/1.0.0/dependencies",
            json!({"x": "1", "evil": "1"}),
        ),
        ("/versions/1.0.0/dependencies/x", json!("2")),
        ("/versions/1.0.0/scripts", json!({"install": "evil"})),
        ("/versions/1.0.0/version", json!("2.0.0")),
        ("/versions/1.0.0", json!({"bin": "evil"})),
        ("/versions/1.0.0", json!({"deprecated": {}})),
        ("/versions/1.0.0", json!([])),
        ("/versions", json!({"2.0.0": {}})),
        ("/versions", json!({"__proto__": {}})),
    ] {
        let mut changed = document.clone();
        *changed.pointer_mut(path).unwrap() = value;
        let before = package.clone();
        refused(package.put(&changed, false, false), 400, "");
        assert_eq!(before.entries, package.entries);
        assert_eq!(before.head, package.head);
    }
}

#[test]
fn owners_and_stars() {
    let mut package = Package::of(&["1.0.0"]);
    let owners =
        json!({"_rev": "7-0", "maintainers": [{"name": "u"}, {"name": "v", "email": "e"}]});
    refused(package.put(&owners, true, true), 409, "again");
    package.put(&owners, false, true).unwrap();
    package.put(&owners, true, true).unwrap();
    assert_eq!(package.full()["maintainers"], owners["maintainers"]);
    refused(
        package.put(&json!({"maintainers": []}), false, true),
        400,
        "one maintainer",
    );
    package
        .put(&json!({"users": {"u": true, "other": true}}), true, false)
        .unwrap();
    assert_eq!(package.full()["users"], json!({"u": true}));
    package.put(&json!({"users": {}}), true, false).unwrap();
    assert_eq!(package.full()["users"], Value::Null);
    package
        .put(&json!({"access": "restricted"}), false, false)
        .unwrap();
    assert_eq!(package.head.access.as_deref(), Some("restricted"));
}

#[test]
fn unpublishing() {
    let mut package = Package::of(&["1.0.0", "1.1.0", "2.0.0-rc.1", "1.2.0"]);
    set_tag(
        &mut package.head,
        &package.entries,
        &"old".parse().unwrap(),
        "1.2.0",
        NOW,
    )
    .unwrap();
    let mut document = package.full();
    document["versions"]
        .as_object_mut()
        .unwrap()
        .remove("1.2.0");
    document["dist-tags"]["latest"] = json!("2.0.0-rc.1");
    let kept = package.clone();
    package.put(&document, false, false).unwrap();
    assert_eq!(package.entries, kept.entries);
    let mut package = kept;
    refused(package.put(&document, true, true), 409, "again");
    let files = package.put(&document, false, true).unwrap();
    let files: Vec<_> = files.into_iter().map(|bytes| bytes.file).collect();
    assert_eq!(files, ["n-1.2.0.u.tgz"]);
    assert_eq!(package.versions(), "1.0.0 1.1.0 2.0.0-rc.1");
    assert_eq!(package.full()["dist-tags"], json!({"latest": "1.1.0"}));
    assert!(package.put(&document, true, true).unwrap().is_empty());
    refused(package.publish("1.2.0", "latest"), 403, "1.2.0");
    refused(package.publish("1.2.0+b", "latest"), 403, "1.2.0+b");
    refused(
        package.put(&json!({"versions": {"1.2.0": {}}}), false, false),
        409,
        "",
    );
    document["versions"] = json!({});
    assert_eq!(package.put(&document, false, true).unwrap().len(), 3);
    assert!(package.head.deleted && package.entries.is_empty());
}

#[test]
fn unpublishing_all() {
    let mut package = Package::of(&["1.0.0", "2.0.0"]);
    refused(
        unpublish(&mut package.head, &mut package.entries, true, NOW),
        409,
        "",
    );
    let files = unpublish(&mut package.head, &mut package.entries, false, NOW).unwrap();
    assert_eq!(files.len(), 2);
    assert!(
        unpublish(&mut package.head, &mut package.entries, true, NOW)
            .unwrap()
            .is_empty()
    );
    refused(package.publish("1.0.0", "latest"), 403, "1.0.0");
    package.publish("3.0.0", "beta").unwrap();
    assert!(!package.head.deleted);
    assert_eq!(
        package.full()["dist-tags"],
        json!({"beta": "3.0.0", "latest": "3.0.0"})
    );
}

#[test]
fn tagging() {
    let mut package = Package::of(&["1.0.0", "2.0.0"]);
    let beta = "beta".parse().unwrap();
    let Package { head, entries } = &mut package;
    set_tag(head, entries, &beta, "1.0.0", NOW).unwrap();
    refused(
        set_tag(head, entries, &beta, "3.0.0", NOW),
        404,
        "version not found: 3.0.0",
    );
    remove_tag(head, &beta, NOW).unwrap();
    refused(remove_tag(head, &beta, NOW), 404, "tag not found");
    refused(
        remove_tag(head, &"latest".parse().unwrap(), NOW),
        400,
        "moved",
    );
}

#[test]
fn revisions() {
    assert_eq!(rev(7), "7-0");
    for (given, stale) in [
        (None, false),
        (Some("7-0"), false),
        (Some("7"), false),
        (Some("6-0"), true),
        (Some("undefined"), true),
        (Some(""), true),
    ] {
        assert_eq!(is_stale(given, 7), stale, "{given:?}");
    }
}

#[test]
fn found_by_search() {
    let package = Package::of(&["1.0.0"]);
    let found = search_package("@s/n", &package.head, &package.entries)
        .unwrap()
        .unwrap();
    expect![[r#"{"name":"@s/n","version":"1.0.0","description":"words","date":"2026-01-02T03:04:05.678Z","publisher":{"username":""},"maintainers":[{"username":"u"}],"links":{}}"#]].assert_eq(&serde_json::to_string(&found).unwrap());
    let nothing = search_package("n", &Head::default(), &Entries::new()).unwrap();
    assert!(nothing.is_none());
}
