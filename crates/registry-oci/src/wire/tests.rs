use expect_test::{Expect, expect};

use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// What is understood of a manifest that comes with a `Content-Type`, or why it is refused. In
/// `text`, `A`, `B` and so on are digests, and `IMAGE` and `INDEX` types.
fn parse(content_type: Option<&str>, text: &str) -> String {
    let mut text = text.replace("IMAGE", IMAGE).replace("INDEX", INDEX);
    for digit in ["a", "b", "c", "d"] {
        let digest = A.replace("aa", &digit.repeat(2));
        text = text.replace(
            &format!("\"{}\"", digit.to_uppercase()),
            &format!("\"{digest}\""),
        );
    }
    match Manifest::parse(content_type, text.as_bytes()) {
        Ok(manifest) => {
            let named = manifest.named.iter();
            let named = named.map(|named| {
                let letter = named.digest.hex()[..1].to_uppercase();
                format!("{letter} {:?}", named.what)
            });
            let named = named.collect::<Vec<_>>().join(", ");
            let subject = manifest
                .subject
                .map(|subject| subject.hex()[..1].to_owned());
            format!(
                "{:?} {} [{named}] artifact {:?} subject {subject:?} annotations {:?}",
                manifest.kind, manifest.media_type, manifest.artifact_type, manifest.annotations,
            )
        }
        Err(error) => {
            assert_eq!(error.code(), Code::ManifestInvalid);
            error.to_string()
        }
    }
}

fn check(content_type: Option<&str>, text: &str, expected: Expect) {
    expected.assert_eq(&parse(content_type, text));
}

fn of(digest: &str) -> String {
    format!(r#"{{"mediaType":"x/y","digest":"{digest}","size":1}}"#)
}

#[test]
fn an_image() {
    let (a, b, c) = (of("A"), of("B"), of("C"));
    check(
        Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        &format!(
            r#"{{"schemaVersion":2,"mediaType":"IMAGE","config":{a},"layers":[{b},{c},{b}],
                "annotations":{{"k":"v"}},"unknown":{{"manifests":[1]}}}}"#
        ),
        expect![[
            r#"Image application/vnd.oci.image.manifest.v1+json [A Blob, B Blob, C Blob] artifact Some("x/y") subject None annotations Some({"k": "v"})"#
        ]],
    );
    check(
        Some(DOCKER_IMAGE),
        &format!(r#"{{"schemaVersion":2,"config":{a},"layers":null}}"#),
        expect![[
            r#"Image application/vnd.docker.distribution.manifest.v2+json [A Blob] artifact Some("x/y") subject None annotations None"#
        ]],
    );
    check(
        None,
        &format!(
            r#"{{"schemaVersion":2,"config":{a},"layers":[],"artifactType":"t/t","subject":{b}}}"#
        ),
        expect![[
            r#"Image application/vnd.oci.image.manifest.v1+json [A Blob, B Subject] artifact Some("t/t") subject Some("b") annotations None"#
        ]],
    );
    let elsewhere = of("B").replace(
        "x/y",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    );
    check(
        None,
        &format!(r#"{{"schemaVersion":2,"config":{a},"layers":[{elsewhere}]}}"#),
        expect![[
            r#"Image application/vnd.oci.image.manifest.v1+json [A Blob, B Elsewhere] artifact Some("x/y") subject None annotations None"#
        ]],
    );
    check(
        None,
        &format!(r#"{{"schemaVersion":2,"config":{a},"layers":[{elsewhere},{b}]}}"#),
        expect![[
            r#"Image application/vnd.oci.image.manifest.v1+json [A Blob, B Blob] artifact Some("x/y") subject None annotations None"#
        ]],
    );
}

#[test]
fn an_index() {
    let (a, b) = (of("A").replace("x/y", IMAGE), of("B"));
    check(
        Some(INDEX),
        &format!(r#"{{"schemaVersion":2,"mediaType":"INDEX","manifests":[{a},{b}]}}"#),
        expect![
            "Index application/vnd.oci.image.index.v1+json [A Manifest, B Either] artifact None subject None annotations None"
        ],
    );
    check(
        None,
        r#"{"schemaVersion":2,"manifests":[]}"#,
        expect![
            "Index application/vnd.oci.image.index.v1+json [] artifact None subject None annotations None"
        ],
    );
    check(
        Some(DOCKER_LIST),
        r#"{"schemaVersion":2,"manifests":null}"#,
        expect![
            "Index application/vnd.docker.distribution.manifest.list.v2+json [] artifact None subject None annotations None"
        ],
    );
}

#[test]
fn an_artifact() {
    let (a, b) = (of("A"), of("B"));
    check(
        Some(ARTIFACT),
        &format!(
            r#"{{"schemaVersion":2,"mediaType":"{ARTIFACT}","artifactType":"t/t","blobs":[{a}],"subject":{b}}}"#
        ),
        expect![[
            r#"Artifact application/vnd.oci.artifact.manifest.v1+json [A Blob, B Subject] artifact Some("t/t") subject Some("b") annotations None"#
        ]],
    );
}

#[test]
fn what_is_no_manifest() {
    let a = of("A");
    check(
        None,
        "",
        expect![
            "the manifest is not what it should be: EOF while parsing a value at line 1 column 0"
        ],
    );
    check(
        None,
        "[]",
        expect![
            "the manifest is not what it should be: invalid type: sequence, expected an object at line 1 column 0"
        ],
    );
    check(
        None,
        "{}",
        expect!["the manifest's schemaVersion has to be 2"],
    );
    check(
        None,
        r#"{"schemaVersion":1,"fsLayers":[]}"#,
        expect![
            "docker's image manifest of schema 1 is not taken; push the image as schema 2 or as an OCI image"
        ],
    );
    check(
        Some("application/json"),
        &format!(r#"{{"schemaVersion":2,"config":{a},"layers":[]}}"#),
        expect![[
            r#""application/json" is no type of manifest that is taken here; use application/vnd.oci.image.manifest.v1+json or application/vnd.oci.image.index.v1+json"#
        ]],
    );
    check(
        Some(INDEX),
        &format!(r#"{{"schemaVersion":2,"mediaType":"IMAGE","config":{a},"layers":[]}}"#),
        expect![[
            r#"the manifest says that it is "application/vnd.oci.image.manifest.v1+json" and its Content-Type says "application/vnd.oci.image.index.v1+json"; make them the same"#
        ]],
    );
    check(
        Some(IMAGE),
        &format!(r#"{{"schemaVersion":2,"config":{a},"layers":[],"manifests":[{a}]}}"#),
        expect![
            "the manifest mixes kinds: an image has config and layers, an index has manifests, and neither has what the other has"
        ],
    );
    check(
        Some(INDEX),
        &format!(r#"{{"schemaVersion":2,"manifests":[],"layers":[{a}]}}"#),
        expect![
            "the manifest mixes kinds: an image has config and layers, an index has manifests, and neither has what the other has"
        ],
    );
    check(
        Some(IMAGE),
        r#"{"schemaVersion":2,"layers":[]}"#,
        expect!["the manifest has no config"],
    );
    check(
        Some(IMAGE),
        &format!(r#"{{"schemaVersion":2,"config":{a},"config":{a},"layers":[]}}"#),
        expect![
            "the manifest is not what it should be: duplicate field `config` at line 1 column 148"
        ],
    );
    check(
        Some(IMAGE),
        &format!(
            r#"{{"schemaVersion":2,"config":{a},"layers":[{}]}}"#,
            of("sha256:00")
        ),
        expect![[
            r#"the manifest is not what it should be: "sha256:00" is no digest: after the colon there should be 64 lower-case hexadecimal digits at line 1 column 189"#
        ]],
    );
    let md5 = of("md5:00000000000000000000000000000000");
    check(
        Some(IMAGE),
        &format!(r#"{{"schemaVersion":2,"config":{md5},"layers":[]}}"#),
        expect![
            "the manifest names md5:00000000000000000000000000000000, but content is named by sha256 or sha512 here"
        ],
    );
    check(
        Some(IMAGE),
        &format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[]}}"#,
            a.replace(":1}", ":-1}")
        ),
        expect![
            "the manifest is not what it should be: invalid value: integer `-1`, expected u64 at line 1 column 139"
        ],
    );
    check(
        Some(IMAGE),
        &format!(r#"{{"schemaVersion":2,"config":{a},"annotations":{{"k":1}}}}"#),
        expect![
            "the manifest is not what it should be: invalid type: integer `1`, expected a string at line 1 column 160"
        ],
    );
}

#[test]
fn bounds() {
    let deep = format!(r#"{{"x":{}}}"#, "[".repeat(1 << 20));
    assert!(Manifest::parse(None, deep.as_bytes()).is_err());
    assert!(Manifest::parse(None, b"{\"x\":\"\xff\"}").is_err());
    let many = (0..=MAX_NAMED).map(|n| of(&format!("sha256:{n:064x}")));
    let many = many.collect::<Vec<_>>().join(",");
    let many = format!(r#"{{"schemaVersion":2,"manifests":[{many}]}}"#);
    let error = Manifest::parse(None, many.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("10000"), "{error}");
}

#[test]
fn a_referrer_says_little_of_itself() {
    let manifest = |subject: &str, size: usize| {
        let (a, long) = (of(A), "x".repeat(size));
        format!(
            r#"{{"schemaVersion":2,"config":{a},"layers":[],"annotations":{{"k":"{long}"}}{subject}}}"#
        )
    };
    let parse = |text: String| Manifest::parse(None, text.as_bytes());
    let subject = format!(r#","subject":{}"#, of(A));
    assert!(parse(manifest(&subject, (256 << 10) - 1)).is_ok());
    let error = parse(manifest(&subject, 256 << 10)).unwrap_err();
    assert_eq!(error.code(), Code::ManifestInvalid);
    assert!(parse(manifest("", 1 << 20)).is_ok());
}

/// What readers in Go would take for something else than others do.
#[test]
fn objects_that_can_be_read_in_two_ways() {
    let (a, b) = (of("A"), of("B"));
    let array = r#"["x/y","A",1,null,null]"#;
    let image = |rest: &str| format!(r#"{{"schemaVersion":2,{rest}}}"#);
    for text in [
        format!(r#"[2,null,null,{a},[],null,null,null,null]"#),
        image(&format!(r#""config":{array}"#)),
        image(&format!(r#""config":{a},"layers":[{array}]"#)),
        image(&format!(r#""config":{a},"subject":{array}"#)),
        image(&format!(r#""config":{a},"layers":[],"Layers":[{b}]"#)),
        image(&format!(r#""config":{a},"layer\u017f":[{b}]"#)),
        image(&format!(r#""Config":{b},"config":{a}"#)),
        image(&format!(
            r#""config":{a},"layers":[{}]"#,
            b.replace("size", "Size")
        )),
        image(&format!(
            r#""config":{a},"subject":{}"#,
            b.replace("digest", "DIGEST")
        )),
    ] {
        let refused = parse(Some(IMAGE), &text);
        assert!(
            refused.starts_with("the manifest is not what it should be"),
            "{text}: {refused}"
        );
    }
    let long = "x".repeat(255);
    for text in [
        image(&format!(
            r#""config":{}"#,
            a.replace("x/y", &format!("x/{long}"))
        )),
        image(&format!(r#""config":{a},"artifactType":"x/{long}""#)),
    ] {
        let refused = parse(Some(IMAGE), &text);
        assert_eq!(refused, "a media type has 255 bytes at most");
    }
    // What means nothing may be called anything, and so may annotations.
    let known = r#""annotations":{"Size":"1","size":"2"},"Comment":"x","comment":"y""#;
    let text = image(&format!(r#""config":{a},{known}"#));
    assert!(parse(Some(IMAGE), &text).starts_with("Image "));
}
