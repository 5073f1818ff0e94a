//! What is refused: by the status and the words that cargo shows, and nothing of it is stored.

use std::sync::Arc;

use futures_util::StreamExt;
use registry_cargo::{CargoConfig, publish, tarball};
use registry_core::{
    auth::Action,
    storage::{Memory, Storage},
};
use registry_testkit::Client;
use serde_json::{Value, json};

use crate::{
    NEW, detail,
    fixture::{Crate, archive, body},
    registry,
};

/// A registry whose limits are small, and its storage.
fn small() -> (Client, Arc<Memory>) {
    let storage = Arc::new(Memory::default());
    let mut unpacked = tarball::Limits::default();
    unpacked.archive.unpacked = 1 << 20;
    unpacked.archive.entries = 20;
    unpacked.manifest = 10_000;
    let config = CargoConfig {
        max_crate: 100_000,
        metadata: publish::Limits {
            size: 10_000,
            features: 3,
            dependencies: 4,
        },
        unpacked,
        ..CargoConfig::default()
    };
    let client = registry(storage.clone(), config, Some(Action::Read));
    (client.token("writer"), storage)
}

/// Waits until nothing is stored; what is refused is deleted in the background.
async fn nothing_is_left(storage: &Memory) {
    while storage.list(None, None).next().await.is_some() {
        tokio::task::yield_now().await;
    }
}

async fn refused(put: impl Into<registry_core::Body>, status: u16, words: &str) {
    let (client, storage) = small();
    let answer = client.put(NEW, put).await;
    let text = answer.text();
    assert_eq!(answer.status.as_u16(), status, "{words}: {text}");
    assert!(detail(&answer).contains(words), "{words}: {text}");
    nothing_is_left(&storage).await;
}

#[tokio::test]
async fn bodies() {
    let good = Crate::new("foo", "1.0.0").body();
    for cut in [0, 3, 10, good.len() / 2, good.len() - 1] {
        refused(good[..cut].to_vec(), 400, "do not add up").await;
    }
    refused([&good[..], b"x"].concat(), 400, "do not add up").await;
    let large = body(&[b' '; 10_001], b"");
    refused(
        large,
        413,
        "the metadata has 10001 bytes, and may have 10000 at most",
    )
    .await;
    let metadata = Crate::new("foo", "1.0.0").metadata.to_string();
    let large = body(metadata.as_bytes(), &[0; 100_001]);
    refused(
        large,
        413,
        "the crate file has 100001 bytes, and may have 100000 at most",
    )
    .await;
    for metadata in [
        &b"{"[..],
        b"[]",
        b"\xff",
        b"",
        b"null",
        b"{\"name\":\"foo\"}",
    ] {
        refused(body(metadata, b""), 400, "the metadata cannot be read").await;
    }
    refused(b"not a publish at all".to_vec(), 413, "the metadata has").await;
}

#[tokio::test]
async fn metadata() {
    let deps = |dep: Value| {
        let mut all = json!({ "name": "a", "version_req": "1" });
        all.as_object_mut()
            .unwrap()
            .extend(dep.as_object().unwrap().clone());
        json!({ "deps": [all] })
    };
    let many: serde_json::Map<_, _> = (0..101).map(|n| (format!("x{n}"), json!(n))).collect();
    for (more, words) in [
        (json!({ "name": "1foo" }), "must begin with a letter"),
        (
            json!({ "name": "fo o" }),
            "letters, digits, hyphens and underscores",
        ),
        (
            json!({ "name": "fö" }),
            "letters, digits, hyphens and underscores",
        ),
        (json!({ "name": "../foo" }), "must begin with a letter"),
        (json!({ "name": "" }), "1 to 64 characters"),
        (json!({ "name": "f".repeat(65) }), "1 to 64 characters"),
        (json!({ "vers": "1.0" }), "is no version"),
        (json!({ "vers": "v1.0.0" }), "is no version"),
        (
            json!({ "vers": format!("1.0.0-{}", "a".repeat(150)) }),
            "150 characters",
        ),
        (
            json!({ "keywords": ["a", "b", "c", "d", "e", "f"] }),
            "6 keywords, and may have 5",
        ),
        (json!({ "keywords": ["a b"] }), "invalid keyword"),
        (json!({ "keywords": ["k".repeat(21)] }), "invalid keyword"),
        (json!({ "features": { "a b": [] } }), "no name of a feature"),
        (
            json!({ "features": { "a": ["dep:b/c"] } }),
            "no name of a crate",
        ),
        (
            json!({ "features": { "a": ["b c"] } }),
            "no name of a feature",
        ),
        (
            json!({ "features": { "a": [], "b": [], "c": [], "d": [] } }),
            "4 features",
        ),
        (
            json!({ "rust_version": "nightly" }),
            "rust_version \"nightly\" does not parse",
        ),
        (json!({ "links": "a\nb" }), "links may be one line"),
        (
            json!({ "deps": vec![json!({ "name": "a", "version_req": "1" }); 5] }),
            "5 dependencies",
        ),
        (
            deps(json!({ "version_req": "one" })),
            "requirement \"one\" of the dependency a",
        ),
        (deps(json!({ "name": "a/b" })), "no name of a crate"),
        (
            deps(json!({ "explicit_name_in_toml": "-" })),
            "no name of a crate",
        ),
        (deps(json!({ "kind": "other" })), "unknown variant `other`"),
        (deps(json!({ "features": ["a b"] })), "no name of a feature"),
        (deps(json!({ "target": "a\nb" })), "target may be one line"),
        (
            deps(json!({ "registry": "elsewhere" })),
            "no address of an index",
        ),
        (json!({ "deps": 1 }), "the metadata cannot be read"),
        (Value::Object(many.clone()), "of fields that are not known"),
        (deps(Value::Object(many)), "of fields that are not known"),
        (
            deps(json!({ "registry": "ftp://host/index" })),
            "no address of an index",
        ),
    ] {
        let new = Crate::with("foo", "1.0.0", more, "");
        refused(new.body(), 400, words).await;
    }
}

#[tokio::test]
async fn reserved_names() {
    for name in ["nul", "CON", "com1", "std", "proc-macro"] {
        refused(Crate::new(name, "1.0.0").body(), 400, "is reserved").await;
    }
}

#[tokio::test]
async fn metadata_of_something_else() {
    let toml = "rust-version = \"1.70\"\nlinks = \"z\"\n[dependencies]\n\
        a = \"1\"\nb = { package = \"c\", version = \"2\", optional = true }\n\
        [target.'cfg( unix )'.dev-dependencies]\nd = { version = \"3\", features = [\"x\"] }\n\
        [features]\nf = [\"a/y\"]\n";
    let a = json!({ "name": "a", "version_req": "^1" });
    let b = json!({
        "name": "c", "explicit_name_in_toml": "b", "version_req": "^2", "optional": true,
    });
    let d = json!({
        "name": "d", "version_req": "^3", "features": ["x"], "kind": "dev", "target": "cfg(unix)",
    });
    let features = json!({ "f": ["a/y"] });
    let good = json!({
        "rust_version": "1.70", "links": "z", "deps": [d, b, a], "features": features,
    });
    let (client, _) = small();
    let new = Crate::with("foo", "1.0.0", good.clone(), toml);
    assert_eq!(client.put(NEW, new.body()).await.status, 200);
    // Old cargos do not send it; the index has it all the same.
    let mut old = good.clone();
    old["rust_version"] = json!(null);
    let new = Crate::with("foo", "1.0.1", old, toml);
    assert_eq!(client.put(NEW, new.body()).await.status, 200);
    let index = client.get("/cargo/3/f/foo").await.text();
    assert_eq!(
        index.matches("\"rust_version\":\"1.70\"").count(),
        2,
        "{index}"
    );

    let change = |key: &str, value: Value| {
        let mut changed = good.clone();
        changed[key] = value;
        changed
    };
    let dep = |at: usize, key: &str, value: Value| {
        let mut changed = good.clone();
        changed["deps"][at][key] = value;
        changed
    };
    for (more, words) in [
        (change("name", json!("bar")), "does not lie in bar-1.0.0/"),
        (change("vers", json!("1.0.1")), "does not lie in foo-1.0.1/"),
        (
            change("rust_version", json!("1.71")),
            "rust-version is \"1.71\"",
        ),
        (change("links", json!(null)), "links is \"\""),
        (
            change("features", json!({})),
            "the features in the metadata",
        ),
        (
            change("features", json!({ "f": ["a/z"] })),
            "the features in the metadata",
        ),
        (
            change("deps", json!([d, a])),
            "the dependencies (b is the first)",
        ),
        (
            change("deps", json!([a])),
            "the dependencies (b is the first)",
        ),
        (
            change("deps", json!([d, b, a, a])),
            "the dependencies (a is the first)",
        ),
        (
            dep(0, "version_req", json!("3.1")),
            "the dependencies (d is the first)",
        ),
        (
            dep(0, "target", json!("cfg(windows)")),
            "the dependencies (d is the first)",
        ),
        (
            dep(0, "kind", json!("normal")),
            "the dependencies (d is the first)",
        ),
        (
            dep(0, "features", json!([])),
            "the dependencies (d is the first)",
        ),
        (
            dep(1, "optional", json!(false)),
            "the dependencies (b is the first)",
        ),
        (
            dep(1, "name", json!("e")),
            "the dependencies (b is the first)",
        ),
        (
            dep(1, "default_features", json!(false)),
            "the dependencies (b is the first)",
        ),
    ] {
        let mut new = Crate::with("foo", "1.0.0", more, toml);
        new.file = Crate::with("foo", "1.0.0", json!({}), toml).file;
        refused(new.body(), 400, words).await;
    }
}

#[tokio::test]
async fn files() {
    let manifest: &[u8] = b"[package]\nname = \"foo\"\nversion = \"1.0.0\"\n";
    let own = ("foo-1.0.0/Cargo.toml", manifest);
    let other = |text: &'static str| archive(&[("foo-1.0.0/Cargo.toml", text.as_bytes())]);
    let many: Vec<String> = (0..30).map(|n| format!("foo-1.0.0/{n}")).collect();
    let many: Vec<_> = many.iter().map(|path| (&**path, &b""[..])).collect();
    let zeros = vec![0; 2 << 20];
    for (file, status, words) in [
        (Vec::new(), 400, "damaged, or not a gzipped tar"),
        (b"not gzip".to_vec(), 400, "damaged, or not a gzipped tar"),
        (
            archive(&[own])[..100].to_vec(),
            400,
            "damaged, or not a gzipped tar",
        ),
        (
            [archive(&[own]), archive(&[own])].concat(),
            400,
            "goes on after its end",
        ),
        (archive(&[]), 400, "holds no foo-1.0.0/Cargo.toml"),
        (
            archive(&[("foo-1.0.0/src/lib.rs", b"")]),
            400,
            "holds no foo-1.0.0/Cargo.toml",
        ),
        (
            archive(&[("foo-1.0.0/cargo.toml", manifest)]),
            400,
            "of exactly that name",
        ),
        (archive(&[own, own]), 400, "more than one Cargo.toml"),
        (
            archive(&[own, ("foo-1.0.0/CARGO.TOML", b"")]),
            400,
            "of exactly that name",
        ),
        (
            archive(&[own, ("bar/x", b"")]),
            400,
            "does not lie in foo-1.0.0/",
        ),
        (
            archive(&[own, ("foo-1.0.0x/x", b"")]),
            400,
            "does not lie in foo-1.0.0/",
        ),
        (
            archive(&[own, ("x", b"")]),
            400,
            "does not lie in foo-1.0.0/",
        ),
        (
            archive(&[own, ("foo-1.0.0/a\\b", b"")]),
            400,
            "another one on Windows",
        ),
        (
            other("[package]\nname = \"bar\"\nversion = \"1.0.0\"\n"),
            400,
            "name is \"foo\"",
        ),
        (
            other("[package]\nname = \"foo\"\nversion = \"1.0.1\"\n"),
            400,
            "version is \"1.0.0\"",
        ),
        (
            other("[package]\nname = \"foo\"\n"),
            400,
            "its Cargo.toml cannot be read",
        ),
        (other("package ="), 400, "its Cargo.toml cannot be read"),
        (
            other("[package]\nname = \"foo\"\nversion.workspace = true\n"),
            400,
            "cannot be read",
        ),
        (
            archive(&[("foo-1.0.0/Cargo.toml", &[b'#'; 10_001])]),
            413,
            "longer than 10000",
        ),
        (
            archive(&[&[own], &many[..]].concat()),
            413,
            "more than 20 files",
        ),
        (
            archive(&[own, ("foo-1.0.0/x", &zeros)]),
            413,
            "unpacks to more than 1048576",
        ),
    ] {
        let mut new = Crate::new("foo", "1.0.0");
        new.file = file;
        refused(new.body(), status, words).await;
    }
}
