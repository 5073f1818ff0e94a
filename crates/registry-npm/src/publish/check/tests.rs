use expect_test::{Expect, expect};
use registry_core::digest::MultiHasher;
use serde_json::{Value, json};

use super::*;
use crate::document::Entry;

const NOW: &str = "2026-01-02T03:04:05.678Z";

fn base() -> Value {
    json!({
        "_id": "@s/n", "name": "@s/n", "description": "d", "readme": "# n",
        "dist-tags": {"beta": "1.0.0"},
        "versions": {"1.0.0": {
            "name": "@s/n", "version": "1.0.0", "description": "d", "custom": {"b": 1, "a": [1.0]},
            "dependencies": {"x": "^1"}, "scripts": {"test": "t"}, "bin": {"n": "n.js"},
            "_id": "@s/n@1.0.0", "readme": "# n", "hasInstallScript": true,
            "dist": {"tarball": "http://else/where.tgz"},
        }},
        "access": null,
        "_attachments": {"../@s/n+.tgz": {"content_type": "x", "data": "", "length": 5}},
    })
}

/// Publishes `document` as `@s/n` with a tarball of `hello`.
fn publish(document: &Value) -> Result<Release> {
    let text = serde_json::to_string_pretty(document).unwrap();
    let document = parse(text.as_bytes())?;
    assert!(is_publish(&document));
    let publication = Publication::check(&"@s/n".parse()?, &document)?;
    let mut hasher = MultiHasher::new(&[Algorithm::Sha512, Algorithm::Sha1]);
    hasher.update(b"hello");
    let inspected = Inspected {
        name: "@s/n".into(),
        version: "1.0.0".parse()?,
        has_install_script: false,
        has_shrinkwrap: true,
        file_count: 2,
        unpacked_size: 9,
    };
    let bundle = StoredBytes {
        file: "n-1.0.0.u1.sigstore".into(),
        size: 9,
        algorithm: Algorithm::Sha512,
        digest: "00".into(),
    };
    let stored = Stored {
        file: "n-1.0.0.u1.tgz",
        size: 5,
        digests: &hasher.finish(),
        inspected: &inspected,
        provenance: publication.provenance.is_some().then_some(&bundle),
    };
    let publisher = Person {
        name: "u".into(),
        email: None,
    };
    publication.release(&stored, publisher, NOW)
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: Expect) {
    let mut document = base();
    change(&mut document);
    let text = match publish(&document) {
        Ok(release) => String::from_utf8(release.entry.to_vec()).unwrap(),
        Err(error) => format!("{:?}: {error}", error.kind()),
    };
    expected.assert_eq(&text);
}

fn manifest(document: &mut Value) -> &mut Value {
    &mut document["versions"]["1.0.0"]
}

#[test]
fn an_entry() {
    check(
        |_| (),
        expect![[
            r#"{"time":"2026-01-02T03:04:05.678Z","file":"n-1.0.0.u1.tgz","size":5,"dist":{"integrity":"sha512-m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==","shasum":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d","fileCount":2,"unpackedSize":9},"install":{"bin":{"n": "n.js"},"dependencies":{"x": "^1"},"name":"@s/n","version":"1.0.0","_hasShrinkwrap":true,"_npmUser":{"name":"u"}},"rest":{"custom":{"a": [1.0],"b": 1},"description":"d","scripts":{"test": "t"},"_id":"@s/n@1.0.0"}}"#
        ]],
    );
    check(
        |d| manifest(d)["deprecated"] = json!("old \"one\""),
        expect![[
            r#"{"time":"2026-01-02T03:04:05.678Z","file":"n-1.0.0.u1.tgz","size":5,"deprecated":"old \"one\"","dist":{"integrity":"sha512-m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==","shasum":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d","fileCount":2,"unpackedSize":9},"install":{"bin":{"n": "n.js"},"dependencies":{"x": "^1"},"name":"@s/n","version":"1.0.0","_hasShrinkwrap":true,"_npmUser":{"name":"u"}},"rest":{"custom":{"a": [1.0],"b": 1},"description":"d","scripts":{"test": "t"},"_id":"@s/n@1.0.0"}}"#
        ]],
    );
    let release = publish(&base()).unwrap();
    assert_eq!(release.readme.as_deref(), Some("# n"));
    assert_eq!(release.tags, ["beta".parse().unwrap()]);
    let entry = Entry::parse(&release.entry).unwrap();
    assert_eq!(entry.dist().unwrap().integrity, release.integrity);
}

#[test]
fn names_differ() {
    check(
        |d| d["name"] = json!("n"),
        expect![[r#"Invalid: the document's name is "n", but the address says @s/n"#]],
    );
    check(
        |d| d["_id"] = json!("n"),
        expect![[r#"Invalid: the document's _id is "n", but the address says @s/n"#]],
    );
    check(
        |d| manifest(d)["name"] = json!("n"),
        expect![[r#"Invalid: the manifest's name is "n", but the address says @s/n"#]],
    );
    check(
        |d| manifest(d)["name"] = json!(7),
        expect!["Invalid: the manifest's name is missing"],
    );
    check(
        |d| manifest(d)["version"] = json!("1.0.1"),
        expect![[r#"Invalid: the manifest's version is not 1.0.0, as the document says"#]],
    );
    check(
        |d| d["versions"] = json!({"v1": manifest(&mut d.clone())}),
        expect![[r#"InvalidName: "v1" is no version; write one like 1.0.0 (https://semver.org)"#]],
    );
    check(
        |d| d["versions"]["1.0.1"] = json!({}),
        expect!["Invalid: a publish holds exactly one version"],
    );
    check(
        |d| d["versions"] = json!([]),
        expect![
            "Invalid: the document cannot be read: invalid type: sequence, expected a map at line 17 column 14"
        ],
    );
    check(
        |d| d["dist-tags"] = json!({"a": "1.0.1"}),
        expect!["Invalid: the tag a names 1.0.1, which is not the version published"],
    );
    check(
        |d| d["dist-tags"] = json!({"1.x": "1.0.0"}),
        expect!["InvalidName: Tag name must not be a valid SemVer range: 1.x"],
    );
    check(
        |d| manifest(d)["private"] = json!(true),
        expect![
            "Invalid: This package has been marked as private; remove the 'private' field from the package.json to publish it."
        ],
    );
    check(
        |d| d["access"] = json!("all"),
        expect!["Invalid: access is either public or restricted"],
    );
}

#[test]
fn bytes_differ() {
    let files = "_attachments";
    check(
        |d| d[files]["../@s/n+.tgz"]["length"] = json!(6),
        expect![
            "DigestMismatch: the tarball's length is 5, but the document says 6; publish again"
        ],
    );
    check(
        |d| manifest(d)["dist"] = json!({"integrity": "sha512-AA=="}),
        expect![
            "DigestMismatch: the tarball's integrity is sha512-m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==, but the document says sha512-AA==; publish again"
        ],
    );
    check(
        |d| manifest(d)["dist"] = json!({"shasum": "00"}),
        expect![
            "DigestMismatch: the tarball's shasum is aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d, but the document says 00; publish again"
        ],
    );
    check(
        |d| manifest(d)["dist"] = json!({"shasum": 1}),
        expect![
            "Invalid: the manifest's dist cannot be read: invalid type: integer `1`, expected a string at line 2 column 19"
        ],
    );
    check(
        |d| d[files]["b.tgz"] = json!({}),
        expect!["Invalid: a publish holds exactly one tarball, and one provenance bundle at most"],
    );
    check(
        |d| d[files] = json!({"a.sigstore": {"data": "{}"}}),
        expect!["Invalid: a publish holds exactly one tarball, and one provenance bundle at most"],
    );
    let mut right = base();
    manifest(&mut right)["dist"] = json!({
        "integrity": format!("sha1-x {}", publish(&base()).unwrap().integrity),
        "shasum": "AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D",
    });
    assert!(publish(&right).is_ok());
}

#[test]
fn provenance() {
    let bundle = |name: &str, sha512: &str| {
        let statement = json!({
            "predicateType": "https://slsa.dev/provenance/v1",
            "subject": [{"name": name, "digest": {"sha512": sha512}}],
        });
        let payload = STANDARD.encode(statement.to_string());
        json!({"data": json!({"dsseEnvelope": {"payload": payload}}).to_string()})
    };
    let integrity = publish(&base()).unwrap().integrity;
    let sha512 = STANDARD
        .decode(integrity.strip_prefix("sha512-").unwrap())
        .unwrap();
    let right = registry_core::digest::hex(&sha512);
    let mut document = base();
    document["_attachments"]["n.sigstore"] = bundle("pkg:npm/%40s/n@1.0.0", &right);
    let release = publish(&document).unwrap();
    let provenance = Entry::parse(&release.entry).unwrap().provenance.unwrap();
    assert_eq!(provenance.file, "n-1.0.0.u1.sigstore");
    for wrong in [
        bundle("pkg:npm/%40s/n@1.0.1", &right),
        bundle("pkg:npm/%40s/n@1.0.0", "00"),
        json!({"data": "nonsense"}),
        json!({"data": ""}),
    ] {
        document["_attachments"]["n.sigstore"] = wrong;
        assert!(publish(&document).is_err());
    }
}
