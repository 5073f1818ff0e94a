use expect_test::expect;
use registry_core::{ErrorKind, Result};

use super::*;

/// The gemspec of a gem `a` in its version 1.0, with more lines.
pub(crate) fn yaml(more: &str) -> String {
    let start = "--- !ruby/object:Gem::Specification\nname: a\nversion: \
                 !ruby/object:Gem::Version\n  version: '1.0'\nauthors:\n- Ann\nsummary: A gem\n";
    format!("{start}{more}")
}

pub(crate) fn spec(more: &str) -> Spec {
    read(&yaml(more)).unwrap().spec
}

fn read(text: &str) -> Result<Gemspec> {
    Gemspec::read(&mut text.as_bytes())
}

fn refused(more: &str, kind: ErrorKind, why: &str) {
    let error = read(&yaml(more)).unwrap_err();
    assert_eq!(error.kind(), kind, "{more}: {error}");
    assert!(error.to_string().contains(why), "{more}: {error}");
}

fn dependency(lines: &str) -> String {
    format!("dependencies:\n- !ruby/object:Gem::Dependency\n{lines}")
}

#[test]
fn what_gem_build_writes() {
    let gemspec = read(include_str!("tests/demo-a.yaml")).unwrap();
    assert!(!gemspec.signed);
    let json = serde_json::to_string_pretty(&gemspec.spec).unwrap();
    expect![[r#"
        {
          "name": "demo-a",
          "version": "1.10",
          "platform": "x86_64-linux",
          "authors": [
            "Ann O. Nym",
            "Bö"
          ],
          "email": [
            "a@b.c"
          ],
          "summary": "An: example \"é\" #x",
          "description": "line one\n\n  line two\ttab\n",
          "homepage": "https://example.com/x",
          "licenses": [
            "MIT"
          ],
          "metadata": {
            "rubygems_mfa_required": "true",
            "source_code_uri": "https://example.com/y"
          },
          "dependencies": [
            {
              "name": "rake",
              "requirement": "~> 13.0, >= 13.0.1",
              "kind": "runtime"
            },
            {
              "name": "abc",
              "requirement": ">= 0",
              "kind": "runtime"
            },
            {
              "name": "minitest",
              "requirement": "= 5.0",
              "kind": "development"
            }
          ],
          "required_ruby_version": ">= 2.5, < 4",
          "required_rubygems_version": ">= 3.0",
          "rubygems_version": "3.3.15",
          "date": "2026-11-28"
        }"#]]
    .assert_eq(&json);
    assert_eq!(serde_json::from_str::<Spec>(&json).unwrap(), gemspec.spec);
    assert_eq!(gemspec.spec.full_name(), "demo-a-1.10-x86_64-linux");
    assert_eq!(gemspec.spec.info(), "line one\n\n  line two\ttab\n");
    let runtime = gemspec.spec.runtime_dependencies();
    let runtime: Vec<_> = runtime.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(runtime, ["abc", "rake"]);
}

#[test]
fn the_least() {
    let spec = spec("");
    assert_eq!(spec.full_name(), "a-1.0");
    assert!(spec.platform.is_ruby() && spec.date.is_none());
    assert!(spec.required_ruby_version.is_any() && spec.required_rubygems_version.is_any());
    assert_eq!(spec.info(), "A gem");
    for (without, key) in [
        ("name: a\n", "name"),
        (
            "version: !ruby/object:Gem::Version\n  version: '1.0'\n",
            "version",
        ),
        ("- Ann\n", "authors"),
        ("summary: A gem\n", "summary"),
    ] {
        let text = yaml("").replace(without, "");
        let error = read(&text).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("gemspec validation failed: missing value for attribute {key}")
        );
    }
}

#[test]
fn forms_that_mean_the_same() {
    let expected = "rake >= 2 runtime";
    let requirement = "!ruby/object:Gem::Requirement\n    requirements:\n    - - '>='\n      - \
                       !ruby/object:Gem::Version\n        version: '2'\n";
    let old = requirement.replace("Gem::Requirement", "Gem::Version::Requirement");
    for lines in [
        format!("  name: rake\n  type: :runtime\n  requirement: {requirement}"),
        format!(
            "  name: rake\n  type: !ruby/sym runtime\n  prerelease: true\n  version_requirements: {old}"
        ),
        format!(
            "  name: rake\n  version_requirement:\n  version_requirements: {old}  requirement: {requirement}"
        ),
    ] {
        let spec = spec(&dependency(&lines));
        let Dependency {
            name,
            requirement,
            kind,
            ..
        } = &spec.dependencies[0];
        assert_eq!(format!("{name} {requirement} {}", kind.as_str()), expected);
    }
    for (more, expected) in [
        ("description: !binary |-\n  QsO2\n", "Bö"),
        ("description: !binary QsP/\n", "B\u{fffd}\u{fffd}"),
        ("description: !str 1\n", "1"),
        ("description: ! 'x'\n", "x"),
        ("description: !!null \nhomepage: ''\n", "A gem"),
        ("description: |-\n  1\n", "1"),
    ] {
        assert_eq!(spec(more).info(), expected, "{more}");
    }
    assert_eq!(spec("email: a@b.c\n").email, ["a@b.c"]);
    assert_eq!(
        spec("email:\n- a@b.c\n-\n- d@e.f\n").email,
        ["a@b.c", "d@e.f"]
    );
    assert!(spec("email:\nlicenses:\ndependencies:\n").email.is_empty());
    for date in [
        "2026-11-28",
        "2026-11-28 00:00:00.000000000 Z",
        "'2026-11-28'",
        "2026-11-28 23:59:59 +02:00",
    ] {
        let found = spec(&format!("date: {date}\n")).date.unwrap();
        assert_eq!(found.to_string(), "2026-11-28", "{date}");
    }
    let more = "new_field: [a, {b: c}]\nfiles:\n- 1.0\n- ~\nrequirements: []\nsigning_key:\n";
    assert_eq!(spec(more), spec(""));
}

#[test]
fn platforms() {
    for (more, platform) in [
        ("platform: ruby\n", "ruby"),
        ("platform:\n", "ruby"),
        ("platform: ''\noriginal_platform: ''\n", "ruby"),
        ("platform: java\n", "java"),
        (
            "platform: x86-linux\noriginal_platform: i686-linux\n",
            "i686-linux",
        ),
    ] {
        assert_eq!(spec(more).platform.as_str(), platform, "{more}");
    }
    refused(
        "platform: java\noriginal_platform: i686-linux\n",
        ErrorKind::Conflict,
        "malformed platform",
    );
    refused(
        "original_platform: java\n",
        ErrorKind::Conflict,
        "malformed platform",
    );
    refused(
        "platform: a/b\n",
        ErrorKind::InvalidName,
        "Platform 'a/b' can only include",
    );
    refused(
        "platform: !ruby/object:Gem::Platform {}\n",
        ErrorKind::Invalid,
        "must be a text",
    );
}

#[test]
fn names_and_versions() {
    for (from, to, why) in [
        ("name: a\n", "name: '1'\n", "at least one letter"),
        ("name: a\n", "name: a/b\n", "can only include"),
        (
            "version: '1.0'",
            "version: 1.0-java",
            "cannot contain a dash",
        ),
        ("version: '1.0'", "version: ''", "can't be blank"),
        ("version: '1.0'", "version: v1", "is invalid"),
    ] {
        let error = read(&yaml("").replace(from, to)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{to}: {error}");
        assert!(error.to_string().contains(why), "{to}: {error}");
    }
    for (from, to) in [
        ("name: a\n", "name: true\n"),
        ("name: a\n", "name: 1\n"),
        ("name: a\n", "name: []\n"),
        ("name: a\n", "name:\n"),
        ("version: '1.0'", "version: 1.10"),
        ("version: '1.0'", "version: 1"),
        ("version: '1.0'", "version:"),
        ("version: '1.0'", "segments: []"),
        (
            "version: !ruby/object:Gem::Version\n  version: '1.0'\n",
            "version: '1.0'\n",
        ),
        ("!ruby/object:Gem::Version", "!ruby/object:Gem::Versions"),
        (
            "--- !ruby/object:Gem::Specification",
            "--- !ruby/object:Object",
        ),
        ("--- !ruby/object:Gem::Specification", "---"),
        ("- Ann\n", "- - Ann\n"),
        ("- Ann\n", "- :a\n"),
        ("authors:\n- Ann\n", "authors: Ann\n"),
        ("authors:\n- Ann\n", "authors:\n-\n"),
    ] {
        let error = read(&yaml("").replace(from, to)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{to}: {error}");
    }
}

#[test]
fn what_is_no_plain_data_is_refused() {
    for tag in [
        "!ruby/object:Object",
        "!ruby/hash:X",
        "!ruby/regexp",
        "!ruby/class",
        "!x",
        "!!python/x",
        "!<a>",
    ] {
        for more in [
            format!("x: {tag} y\n"),
            format!("x: {tag} {{}}\n"),
            format!("files:\n- {tag} []\n"),
            format!("metadata: {tag} {{}}\n"),
            format!("metadata:\n  a: {tag} b\n"),
            format!("description: {tag} b\n"),
            format!("date: {tag} 2026-11-28\n"),
            format!("authors: {tag} []\n"),
            format!("required_ruby_version: {tag} {{}}\n"),
            dependency(&format!("  name: {tag} rake\n")),
            dependency(&format!("  x: {tag} rake\n")),
        ] {
            assert_eq!(
                read(&yaml(&more)).unwrap_err().kind(),
                ErrorKind::Invalid,
                "{more}"
            );
        }
    }
    refused("files:\n- &1 a\n- *1\n", ErrorKind::Invalid, "aliases");
    refused("name: b\n", ErrorKind::Invalid, "twice");
}

#[test]
fn dependencies() {
    let requirement = "  requirement:\n";
    for (lines, why) in [
        (requirement.to_owned(), "no name"),
        ("  name: rake\n".to_owned(), "no requirement"),
        (
            format!("  name: rake\n  type: runtime\n{requirement}"),
            "a symbol",
        ),
        (
            format!("  name: rake\n  type: :other\n{requirement}"),
            "unknown type",
        ),
        (
            format!("  name: rake\n  prerelease: 1\n{requirement}"),
            "true or false",
        ),
        (
            "  name: rake\n  requirement: '>= 0'\n".to_owned(),
            "Gem::Requirement",
        ),
    ] {
        refused(&dependency(&lines), ErrorKind::Invalid, why);
    }
    refused(
        &dependency(&format!("  name: a b\n{requirement}")),
        ErrorKind::InvalidName,
        "only include",
    );
    let one = format!("- !ruby/object:Gem::Dependency\n  name: rake\n{requirement}");
    refused(
        &format!("dependencies:\n{one}{one}"),
        ErrorKind::Invalid,
        "duplicate dependency on rake",
    );
    // No index tells of these, and clients do not mind.
    let one = one.replace("name: rake\n", "name: rake\n  type: :development\n");
    let twice = spec(&format!("dependencies:\n{one}{one}"));
    assert_eq!(twice.dependencies.len(), 2);
    refused(
        "dependencies:\n- rake\n",
        ErrorKind::Invalid,
        "list of dependencies",
    );
    for (pair, why) in [
        (
            "- - '=>'\n    - !ruby/object:Gem::Version\n      version: '1'\n",
            "Illformed",
        ),
        (
            "- - '>='\n    - !ruby/object:Gem::Version\n      version: 'a'\n",
            "Illformed",
        ),
        ("- - '>='\n    - '1'\n", "Gem::Version"),
        ("- - '>='\n", "Gem::Version"),
        (
            "- - '>='\n    - !ruby/object:Gem::Version\n      version: '1'\n    - x\n",
            "pairs",
        ),
        ("- '>= 1'\n", "bounds"),
    ] {
        let more = format!(
            "required_ruby_version: !ruby/object:Gem::Requirement\n  requirements:\n  {pair}"
        );
        refused(&more, ErrorKind::Invalid, why);
    }
}

#[test]
fn bounds() {
    let long = |length: usize| "x".repeat(length);
    for (more, why) in [
        (
            format!("description: {}\n", long(64_001)),
            "64000 characters",
        ),
        (format!("licenses:\n- {}\n", long(65)), "64 characters"),
        (
            format!("metadata:\n  {}: x\n", long(129)),
            "too large (129 > 128)",
        ),
        (
            format!("metadata:\n  x: {}\n", long(1025)),
            "too large (1025 > 1024)",
        ),
        ("metadata:\n  '': x\n".to_owned(), "empty"),
        ("metadata:\n  x: 1\n".to_owned(), "must be a text"),
        ("metadata: []\n".to_owned(), "mapping of texts"),
        (
            "metadata:\n  wiki_uri: ftp://example.com\n".to_owned(),
            "invalid link",
        ),
        (
            "metadata:\n  homepage_uri: https://\n".to_owned(),
            "invalid link",
        ),
        ("homepage: javascript:alert(1)\n".to_owned(), "HTTP URI"),
        ("homepage: https://a b\n".to_owned(), "HTTP URI"),
        ("date: 2026-13-01\n".to_owned(), "a date"),
        ("date: yesterday\n".to_owned(), "a date"),
        ("date: 1066-10-14\n".to_owned(), "a date"),
    ] {
        refused(&more, ErrorKind::Invalid, why);
    }
    assert!(
        read(&yaml(&format!(
            "description: {}\nlicenses:\n- {}\n",
            long(64_000),
            long(64)
        )))
        .is_ok()
    );
    assert!(read(&yaml("homepage: HTTP://example.com\nmetadata:\n  wiki_uri: https://u:p@h.example:8080/x?y#z\n")).is_ok());
    let many: String = (0..14_000)
        .map(|n| format!("- n{n}@example.com\n"))
        .collect();
    refused(
        &format!("email:\n{many}"),
        ErrorKind::TooLarge,
        "beside its files",
    );
    assert!(read(&yaml(&format!("files:\n{many}"))).is_ok());
}
