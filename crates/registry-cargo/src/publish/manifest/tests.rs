use serde_json::json;

use super::*;

fn new(more: serde_json::Value) -> NewCrate {
    let mut all = json!({ "name": "a", "vers": "1.0.0" });
    all.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

fn check(toml: &str, more: serde_json::Value) -> Result<()> {
    Manifest::parse(toml.as_bytes()).unwrap().check(&new(more))
}

#[test]
fn every_way_to_write_it() {
    let deps = json!({ "deps": [
        { "name": "x", "version_req": "^1.2" },
        { "name": "x", "version_req": "*", "kind": "build", "default_features": false },
        { "name": "x", "version_req": ">=1, <2", "kind": "dev", "target": "cfg(any(unix, windows))" },
    ] });
    for toml in [
        "[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies]\nx = \"1.2\"\n\
         [build-dependencies]\nx = { default-features = false }\n\
         [badges]\nsince = 1979-05-27T07:32:00Z\nlist = [{ a = 07:32:00 }]\n\
         [package.metadata]\nday = 1979-05-27\n\
         [target.'cfg(any(unix, windows))'.dev-dependencies]\nx = \">=1,<2\"\n",
        "\u{feff}[project]\nname = \"a\"\nversion = \"1.0.0\"\n\
         [dependencies.x]\nversion = \"^1.2\"\nregistry-index = \"sparse+https://x.example/\"\n\
         [build_dependencies.x]\nversion = \"*\"\ndefault_features = false\n\
         [target.'cfg( any( unix,windows ) )'.dev_dependencies.x]\nversion = \">=1, <2\"\n",
    ] {
        check(toml, deps.clone()).unwrap();
    }
}

const PACKAGE: &str = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n";

#[test]
fn a_target_is_what_cargo_reads_in_it() {
    let announced =
        |target: &str| json!({ "deps": [{ "name": "x", "version_req": "^1", "target": target }] });
    for (own, new, same) in [
        ("cfg(all(unix,))", "cfg(all(unix))", true),
        (
            "cfg( any( unix,windows ) )",
            "cfg(any(unix, windows))",
            true,
        ),
        (
            "cfg(target_os=\"linux\")",
            "cfg(target_os = \"linux\")",
            true,
        ),
        ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu", true),
        ("cfg(k = \"a b\")", "cfg(k = \"ab\")", false),
        ("cfg(unix)", "cfg(all(unix))", false),
    ] {
        let toml = format!("{PACKAGE}[target.'{own}'.dependencies]\nx = \"1\"\n");
        assert_eq!(check(&toml, announced(new)).is_ok(), same, "{own} {new}");
    }
}

#[test]
fn what_is_built_of_a_dependency_is_compared() {
    let dep = |toml: &str, more: serde_json::Value| {
        let mut dep = json!({ "name": "x", "version_req": "^1" });
        let fields = dep.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let toml = format!("{PACKAGE}[dependencies.x]\nversion = \"1\"\n{toml}");
        check(&toml, json!({ "deps": [dep] })).is_ok()
    };
    let bin = || json!({ "artifact": ["bin"] });
    assert!(dep("artifact = \"bin\"", bin()));
    assert!(dep("artifact = [\"bin\"]", bin()));
    let two = json!({ "artifact": ["cdylib", "bin:b"], "lib": true, "bindep_target": "target" });
    let toml = "artifact = [\"bin:b\", \"cdylib\"]\nlib = true\ntarget = \"target\"";
    assert!(dep(toml, two.clone()));
    for other in [json!({}), bin(), json!({ "lib": true })] {
        assert!(!dep(toml, other.clone()), "{other}");
    }
    for (field, value) in [
        ("artifact", json!(null)),
        ("lib", json!(false)),
        ("bindep_target", json!(null)),
    ] {
        let mut other = two.clone();
        other[field] = value;
        assert!(!dep(toml, other), "{field}");
    }
    assert!(!dep("", bin()));
    assert!(!dep("artifact = \"bin\"", json!({})));
    assert!(!dep(
        "artifact = \"bin\"",
        json!({ "artifact": ["bin"], "lib": true })
    ));
}

#[test]
fn of_two_spellings_of_default_features_the_one_with_a_hyphen_counts() {
    let announced = |on: bool| json!({ "deps": [{ "name": "x", "version_req": "^1", "default_features": on }] });
    let toml = |hyphen: bool, underscore: bool| {
        format!(
            "{PACKAGE}[dependencies.x]\nversion = \"1\"\ndefault_features = {underscore}\n\
             default-features = {hyphen}\n"
        )
    };
    check(&toml(false, true), announced(false)).unwrap();
    check(&toml(true, false), announced(true)).unwrap();
    assert!(check(&toml(false, true), announced(true)).is_err());
}

#[test]
fn what_cannot_be_read() {
    for toml in [
        "",
        "x",
        "[package]",
        "[package]\nname = \"a\"",
        "[package]\nname = 1\nversion = \"1.0.0\"",
        "[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies]\nx = 1",
        &"[".repeat(10_000),
        &format!("x = {}", "[".repeat(10_000)),
    ] {
        assert!(Manifest::parse(toml.as_bytes()).is_err(), "{toml}");
    }
    assert!(Manifest::parse(b"\xff").is_err());
    let toml = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n";
    for more in ["rust-version = \"x\"", "[dependencies]\nx = \"one\""] {
        let error = check(&format!("{toml}{more}"), json!({})).unwrap_err();
        assert!(error.to_string().contains("does not parse"), "{error}");
    }
}
