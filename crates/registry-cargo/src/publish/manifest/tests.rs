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
