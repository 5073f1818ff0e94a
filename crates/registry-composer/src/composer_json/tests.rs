use expect_test::expect;
use registry_core::ErrorKind;

use super::*;

fn parse(json: &str) -> Result<ComposerJson> {
    ComposerJson::parse(json.as_bytes())
}

/// A package that says this too.
fn with(fields: &str) -> Result<ComposerJson> {
    parse(&format!("{{\"name\": \"acme/tool\", {fields}}}"))
}

#[test]
fn what_a_package_says_is_kept() {
    let said = parse(
        r#"{
            "name": "acme/tool",
            "version": "v1.2.0",
            "type": "Library",
            "description": "A \"tool\"  of \\ ours.",
            "keywords": ["cli", "tool", 7],
            "license": ["MIT", "GPL-2.0-or-later"],
            "time": "2026-11-28 10:20:30",
            "require": { "php": ">=8.1", "ext-json": "*", "psr/log": "^1 || ^2" },
            "replace": { "acme/old": "self.version" },
            "provide": { "Psr/Log-Implementation": "1.0", "ext-tool": "*" },
            "extra": { "branch-alias": { "dev-main": "1.x-dev" }, "z": 1, "a": [ 1.50, 1e2 ] },
            "x-unknown": { "keep":  [ null, true, "a  b" ] },
            "homepage": null,
            "dist": { "url": "https://elsewhere.example/x.zip", "type": "zip" },
            "version_normalized": "9",
            "published-time": "2001-01-01",
            "transport-options": {},
            "installation-source": "dist",
            "notification-url": "https://elsewhere.example/",
            "abandoned": "acme/other",
            "source": [],
            "config": { "http-basic": { "a.example": { "username": "a", "password": "secret" } } },
            "repositories": [ { "type": "composer", "url": "https://token:secret@a.example" } ],
            "scripts": { "test": "phpunit" },
            "autoload-dev": { "psr-4": { "Tests\\": "tests/" } },
            "minimum-stability": "dev"
        }"#,
    )
    .unwrap();
    let fields: String = said
        .fields
        .iter()
        .map(|(key, value)| format!("{key} {value}\n"))
        .collect();
    expect![[r#"
        abandoned "acme/other"
        description "A \"tool\"  of \\ ours."
        extra {"branch-alias":{"dev-main":"1.x-dev"},"z":1,"a":[1.50,1e2]}
        keywords ["cli","tool",7]
        license ["MIT","GPL-2.0-or-later"]
        provide {"Psr/Log-Implementation":"1.0","ext-tool":"*"}
        replace {"acme/old":"self.version"}
        require {"php":">=8.1","ext-json":"*","psr/log":"^1 || ^2"}
        type "Library"
        x-unknown {"keep":[null,true,"a  b"]}
    "#]]
    .assert_eq(&fields);
    assert_eq!(said.name.as_str(), "acme/tool");
    assert_eq!(said.version.unwrap().normalized(), "1.2.0.0");
    assert_eq!(said.time.as_deref(), Some("2026-11-28 10:20:30"));
    assert_eq!(said.kind, "library");
    assert_eq!(said.description.as_deref(), Some("A \"tool\"  of \\ ours."));
    assert_eq!(said.keywords, ["cli", "tool"]);
    assert_eq!(said.provides, ["acme/old", "psr/log-implementation"]);

    let bare = parse(r#"{"name":"a/b"}"#).unwrap();
    assert!(bare.version.is_none() && bare.fields.is_empty() && bare.kind == "library");
}

#[test]
fn what_composer_can_read_is_taken() {
    for good in [
        r#""bin": "bin/tool""#,
        r#""bin": ["bin/tool", "bin/..tool"]"#,
        r#""license": "proprietary""#,
        r#""license": []"#,
        r#""require": []"#,
        r#""require": {"Acme/Other": "dev-main#abc as 1.0"}"#,
        r#""require": {"composer-plugin-api": "^2.0", "lib-icu-uc": ">=60"}"#,
        r#""autoload": {"psr-4": {"Acme\\": "src/", "": ["a", "b"]}, "files": ["f.php"]}"#,
        r#""autoload": {"psr-0": {"Acme_": "src"}, "classmap": [], "exclude-from-classmap": ["/t/"]}"#,
        r#""autoload": {"files": "f.php"}"#,
        r#""target-dir": "Acme/Tool", "autoload": {"psr-0": {"Acme": ""}}"#,
        r#""authors": [{"name": "A", "email": "a@acme.example"}], "support": {"issues": "x"}"#,
        r#""funding": [{"type": "x", "url": "https://acme.example"}]"#,
        r#""source": {"type": "git", "url": "https://acme.example/t.git", "reference": "abc"}"#,
        r#""abandoned": true, "default-branch": true"#,
        r#""extra": {"branch-alias": {"dev-main": "nonsense"}}"#,
        r#""time": "2026-11-28T10:20:30.5Z", "version": "dev-feature/x""#,
        r#""type": " ", "scripts": {"test": ["a"]}, "config": {"x": 1}, "suggest": {"a/b": "why"}"#,
        r#""description": 5, "description": "the last counts""#,
    ] {
        with(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
}

#[test]
fn what_would_break_clients_is_refused() {
    let mut shown = String::new();
    for bad in [
        r#""version": "1.0.0.0.0""#,
        r#""version": 1.0"#,
        r#""type": ["library"]"#,
        r#""description": 1"#,
        r#""time": "yesterday""#,
        r#""time": "2026-13-01""#,
        r#""license": 1"#,
        r#""license": ["MIT", 1]"#,
        r#""keywords": "a""#,
        r#""keywords": [["a"]]"#,
        r#""bin": "/usr/bin/tool""#,
        r#""bin": ["a", "bin/../../tool"]"#,
        r#""bin": "..\\tool""#,
        r#""bin": "c:tool""#,
        r#""bin": [1]"#,
        r#""target-dir": "../x""#,
        r#""require": "acme/other""#,
        r#""require": ["acme/other"]"#,
        r#""require": {"acme/Tool": "1.0"}"#,
        r#""conflict": {"acme/tool": "1.0"}"#,
        r#""require": {"acme/other": ""}"#,
        r#""require": {"acme/other": "one"}"#,
        r#""require-dev": {"acme/other": "^1.*"}"#,
        r#""require": {"acme/other": 1}"#,
        r#""require": {"123": "*"}"#,
        r#""provide": {"acme other": "1.0"}"#,
        r#""replace": {"a/b": "1"}, "conflict": {"a/b": "2"}"#,
        r#""autoload": "src""#,
        r#""autoload": {"psr-5": {}}"#,
        r#""autoload": {"psr-4": {"Acme": "src"}}"#,
        r#""autoload": {"psr-4": ["src"]}"#,
        r#""autoload": {"psr-4": {"A\\": [["src"]]}}"#,
        r#""autoload": {"psr-4": "src"}"#,
        r#""autoload": {"psr-4": {"A\\": ""}}, "target-dir": "A""#,
        r#""authors": ["me"]"#,
        r#""authors": [{"name": 1}]"#,
        r#""support": {"issues": []}"#,
        r#""extra": "x""#,
        r#""extra": {"branch-alias": {"dev-main": 1}}"#,
        r#""suggest": {"a/b": 1}"#,
        r#""source": {"type": "git"}"#,
        r#""source": {"type": "git", "url": "--upload-pack=x", "reference": "a"}"#,
        r#""archive": {"exclude": [1]}"#,
        r#""abandoned": 1"#,
    ] {
        let error = with(bad).unwrap_err();
        shown += &format!("{error}\n");
    }
    expect![[r#"
        Invalid version string "1.0.0.0.0": write one like 1.0.0, 1.0.0-beta2 or dev-main, in 200 bytes at most
        composer.json: version must be a string
        composer.json: type must be a string
        composer.json: description must be a string
        composer.json: time must be a date such as 2026-11-28 or 2026-11-28T10:20:30+00:00
        composer.json: time must be a date such as 2026-11-28 or 2026-11-28T10:20:30+00:00
        composer.json: license must be a string or an array of strings
        composer.json: license.1 must be a string
        composer.json: keywords must be an array or an object
        composer.json: keywords.0 must be a string
        composer.json: bin must be a path within the package: neither absolute nor with a ".." in it
        composer.json: bin.1 must be a path within the package: neither absolute nor with a ".." in it
        composer.json: bin must be a path within the package: neither absolute nor with a ".." in it
        composer.json: bin must be a path within the package: neither absolute nor with a ".." in it
        composer.json: bin.0 must be a string
        composer.json: target-dir must be a path within the package: neither absolute nor with a ".." in it
        composer.json: require must be an object
        composer.json: require must be an object
        composer.json: require.acme/Tool is invalid: a package cannot set require on itself
        composer.json: conflict.acme/tool is invalid: a package cannot set conflict on itself
        composer.json: require.acme/other has an invalid version constraint: Could not parse version constraint "": write one like ^1.2 or >=1.0 <3.0
        composer.json: require.acme/other has an invalid version constraint: Could not parse version constraint "one": write one like ^1.2 or >=1.0 <3.0
        composer.json: require-dev.acme/other has an invalid version constraint: Could not parse version constraint "^1.*": write one like ^1.2 or >=1.0 <3.0
        composer.json: require.acme/other must be a string with a version constraint
        composer.json: require.123 is invalid: a package is called by its vendor, a slash, and its name
        composer.json: provide.acme other is invalid: a package is called by its vendor, a slash, and its name
        composer.json: conflict.a/b is invalid: what is replaced cannot be in conflict, since it cannot be there
        composer.json: autoload must be an object
        composer.json: autoload.psr-5 is none of psr-0, psr-4, classmap, files, exclude-from-classmap
        composer.json: autoload.psr-4.Acme must end with a namespace separator, \
        composer.json: autoload.psr-4 must be an object
        composer.json: autoload.psr-4.A\.0 must be a string
        composer.json: autoload.psr-4 must be an object
        composer.json: target-dir cannot be used together with autoload.psr-4; remove it
        composer.json: authors.0 must be an array or an object
        composer.json: authors.0.name must be a string
        composer.json: support.issues must be a string
        composer.json: extra must be an array or an object
        composer.json: extra.branch-alias.dev-main must be a string
        composer.json: suggest.a/b must be a string
        composer.json: source.url must be present
        composer.json: source.url must not start with a "-"
        composer.json: archive.exclude.0 must be a string
        composer.json: abandoned must be true, false, or the package to use instead
    "#]].assert_eq(&shown);
}

#[test]
fn what_is_no_composer_json_is_refused() {
    for (bad, kind) in [
        ("", ErrorKind::Invalid),
        ("[]", ErrorKind::Invalid),
        ("{}", ErrorKind::Invalid),
        ("\u{feff}{\"name\":\"a/b\"}", ErrorKind::Invalid),
        (r#"{"name":"a/b"} x"#, ErrorKind::Invalid),
        (r#"{"name":null}"#, ErrorKind::Invalid),
        (r#"{"name":["a/b"]}"#, ErrorKind::Invalid),
        (r#"{"name":"a/b","x":"\ud800"}"#, ErrorKind::Invalid),
        (r#"{"name":"A/b"}"#, ErrorKind::InvalidName),
        (r#"{"name":"ext-json"}"#, ErrorKind::InvalidName),
        (
            r#"{"name":"a/b","version":"feature-dev"}"#,
            ErrorKind::InvalidName,
        ),
    ] {
        assert_eq!(parse(bad).unwrap_err().kind(), kind, "{bad}");
    }
    let deep = format!(
        "{{\"name\":\"a/b\",\"x\":{}{}}}",
        "[".repeat(400),
        "]".repeat(400)
    );
    assert_eq!(parse(&deep).unwrap_err().kind(), ErrorKind::Invalid);
    let long = format!("{{\"name\":\"a/b\",\"x\":\"{}\"}}", "x".repeat(MAX_SIZE));
    assert_eq!(parse(&long).unwrap_err().kind(), ErrorKind::TooLarge);
}
