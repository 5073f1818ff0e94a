use serde_json::json;

use super::*;

fn features(value: serde_json::Value) -> Features {
    serde_json::from_value(value).unwrap()
}

#[test]
fn features_are_divided() {
    for (all, plain, later) in [
        (json!({}), json!({}), json!({})),
        (
            json!({ "a": ["b", "c/d"] }),
            json!({ "a": ["b", "c/d"] }),
            json!({}),
        ),
        (
            json!({ "a": ["dep:b"] }),
            json!({}),
            json!({ "a": ["dep:b"] }),
        ),
        (
            json!({ "a": ["c?/d"], "b": ["a"], "c": ["b"], "d": [] }),
            json!({ "d": [] }),
            json!({ "a": ["c?/d"], "b": ["a"], "c": ["b"] }),
        ),
        (
            json!({ "a": ["b"], "b": ["c", "b"], "c": ["d"], "d": ["e", "a"], "e": ["dep:e"] }),
            json!({}),
            json!({ "a": ["b"], "b": ["c", "b"], "c": ["d"], "d": ["e", "a"], "e": ["dep:e"] }),
        ),
        (
            json!({ "a": ["b"], "b": ["a"] }),
            json!({ "a": ["b"], "b": ["a"] }),
            json!({}),
        ),
    ] {
        assert_eq!(split(features(all)), (features(plain), features(later)));
    }
}

#[test]
fn long_descriptions_are_cut() {
    let long = "ü".repeat(MAX_DESCRIPTION);
    let new = json!({ "name": "a", "vers": "1.0.0", "description": long });
    let new = parse(new.to_string().as_bytes()).unwrap();
    let manifest = Manifest::parse(b"[package]\nname = \"a\"\nversion = \"1.0.0\"\n").unwrap();
    let stored = StoredBytes {
        file: "a-1.0.0.0.crate".to_owned(),
        size: 1,
        algorithm: Algorithm::Sha256,
        digest: "00".to_owned(),
    };
    let publication = Publication::check(new, &Limits::default()).unwrap();
    let release = publication
        .release(&manifest, &stored, None, "now")
        .unwrap();
    assert_eq!(release.description.unwrap().len(), MAX_DESCRIPTION);
}
