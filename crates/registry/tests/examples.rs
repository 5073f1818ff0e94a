//! The examples run and do what they say.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "npm")]

use base64::{Engine, engine::general_purpose::STANDARD};
use registry_testkit::Example;

/// A publish of `name@1.0.0`, whose tarball is compressed or not.
fn publish_with(name: &str, compression: flate2::Compression) -> String {
    let manifest = format!(r#"{{"name":"{name}","version":"1.0.0"}}"#);
    let gzip = flate2::write::GzEncoder::new(Vec::new(), compression);
    let mut tar = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(manifest.len() as u64);
    header.set_cksum();
    tar.append_data(&mut header, "package/package.json", manifest.as_bytes())
        .unwrap();
    let tarball = tar.into_inner().unwrap().finish().unwrap();
    let (data, length) = (STANDARD.encode(&tarball), tarball.len());
    let attachment = format!(r#"{{"{name}-1.0.0.tgz":{{"data":"{data}","length":{length}}}}}"#);
    format!(
        r#"{{"_id":"{name}","name":"{name}","dist-tags":{{"latest":"1.0.0"}},"versions":{{"1.0.0":{manifest}}},"_attachments":{attachment}}}"#
    )
}

fn publish(name: &str) -> String {
    publish_with(name, flate2::Compression::fast())
}

#[test]
fn axum() {
    let example = Example::start("axum");
    assert!(
        example
            .send("GET", "/", "", "")
            .ends_with("the rest of the application\n")
    );
    let published = example.send("PUT", "/packages/npm/a", "", publish("a"));
    assert!(published.starts_with("HTTP/1.1 201"), "{published}");
    let packument = example.send("GET", "/packages/npm/a", "", "");
    assert!(
        packument.contains("/packages/npm/a/-/a-1.0.0.tgz"),
        "{packument}"
    );
}

#[test]
fn hyper() {
    let example = Example::start("hyper");
    assert!(
        example
            .send("PUT", "/npm/a", "", publish("a"))
            .starts_with("HTTP/1.1 201")
    );
    assert!(
        example
            .send("GET", "/npm/a/latest", "", "")
            .contains("\"version\":\"1.0.0\"")
    );
}

#[test]
fn custom_auth() {
    let example = Example::start("custom_auth");
    let body = publish("@a/x");
    let key = "authorization: Bearer key-of-team-a\r\n";
    assert!(
        example
            .send("PUT", "/npm/@a%2fx", "", &body)
            .starts_with("HTTP/1.1 401")
    );
    assert!(
        example
            .send("PUT", "/npm/b", key, publish("b"))
            .starts_with("HTTP/1.1 403")
    );
    assert!(
        example
            .send("PUT", "/npm/@a%2fx", key, &body)
            .starts_with("HTTP/1.1 201")
    );
    assert!(
        example
            .send("GET", "/npm/@a%2fx", "", "")
            .starts_with("HTTP/1.1 200")
    );
}

#[test]
fn hooks() {
    let mut example = Example::start("hooks");
    let large = publish_with("a", flate2::Compression::none());
    let refused = example.send("PUT", "/npm/a", "", &large);
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(refused.contains("2000 bytes at most"), "{refused}");
    let stored = example.send("PUT", "/npm/b", "", publish("b"));
    assert!(stored.starts_with("HTTP/1.1 201"), "{stored}");
    let line = example.line();
    assert!(
        line.starts_with("somebody stored npm/packages/b/b-1.0.0."),
        "{line}"
    );
}
