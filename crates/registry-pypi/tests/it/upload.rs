//! Uploads that go well, or nearly.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use http::StatusCode;
use registry_core::{
    Body, Error,
    storage::{Memory, Storage},
};
use registry_pypi::{PypiConfig, Rules};
use serde_json::{Value, json};

use crate::{
    fixture::{Upload, form, sha256},
    registry, writer,
};

/// Every key of a storage.
pub(crate) async fn keys(storage: &dyn Storage) -> Vec<String> {
    let all = storage.list(None, None);
    all.map(|entry| entry.unwrap().key.to_string())
        .collect()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_it_is_sent() {
    for path in [
        "/pypi",
        "/pypi/",
        "/pypi/legacy",
        "/pypi/legacy/",
        "/legacy",
        "/legacy/",
        "/pypi/pypi/",
    ] {
        let client = writer();
        let answer = Upload::wheel("foo", "1.0", "").send_to(&client, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        assert_eq!(client.get("/simple/foo/").await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_may_come_in_any_order_and_bytes_in_any_pieces() {
    let upload = Upload::sdist("Foo.Bar", "1.0", "");
    for at in 0..=upload.fields.len() {
        let client = writer();
        let upload = Upload {
            at: Some(at),
            ..upload.clone()
        };
        upload.publish(&client).await;
    }
    for size in [1, 7, 1000] {
        let client = writer();
        let body = upload.body();
        let pieces: Vec<Result<_, Error>> = body
            .chunks(size)
            .map(|piece| Ok(piece.to_vec().into()))
            .collect();
        let length = Some(body.len() as u64);
        let body = Body::from_stream(futures_util::stream::iter(pieces), length);
        let answer = form(&client, "0123456789abcdef").post("/pypi/", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let file = client
            .get("/pypi/packages/foo-bar/foo_bar-1.0.tar.gz")
            .await;
        assert_eq!(file.body, upload.content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_digest_will_do_and_every_one_has_to_hold() {
    let upload = Upload::wheel("foo", "1.0", "");
    let digests = ["md5_digest", "sha256_digest", "blake2_256_digest"];
    for kept in digests {
        let client = writer();
        let others = digests.iter().filter(|digest| **digest != kept);
        let alone = others.fold(upload.clone(), |upload, digest| upload.without(digest));
        let value = &upload
            .fields
            .iter()
            .find(|(name, _)| name == kept)
            .unwrap()
            .1;
        let wrong = format!("0{}", &value[1..]);
        let wrong = if wrong == *value {
            format!("1{}", &value[1..])
        } else {
            wrong
        };
        for refused in [
            alone.clone().with(kept, &wrong),
            upload.clone().with(kept, &wrong),
        ] {
            let answer = refused.send(&client).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{kept}");
            assert!(
                answer.text().contains("digest supplied does not match"),
                "{}",
                answer.text()
            );
        }
        alone
            .with(kept, &value.to_uppercase())
            .publish(&client)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_cannot_be_changed() {
    let storage = Arc::new(Memory::default());
    let client = registry(storage.clone(), PypiConfig::default()).token("writer");
    let upload = Upload::wheel("foo", "1.0", "");
    upload.publish(&client).await;
    let before = keys(&*storage).await;
    upload.publish(&client).await;
    let changed = Upload::wheel("foo", "1.0", "Summary: changed\n");
    let renamed = upload.clone().called("foo-1.0.0-py3-none-any.whl");
    for refused in [changed, renamed] {
        let answer = refused.send(&client).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let text = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(
            text.starts_with("File already exists ('foo-1.0-py3-none-any.whl'"),
            "{text}"
        );
    }
    // What did not become part of the project goes, in the background.
    let mut after = keys(&*storage).await;
    while after.iter().filter(|key| !key.contains("/log/")).count() > 3 {
        tokio::task::yield_now().await;
        after = keys(&*storage).await;
    }
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_may_set() {
    let with = |config| registry(Arc::new(Memory::default()), config).token("writer");
    let small = with(PypiConfig {
        max_file: 100,
        ..PypiConfig::default()
    });
    let answer = Upload::wheel("foo", "1.0", "").send(&small).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        answer.text().contains("100 bytes at most"),
        "{}",
        answer.text()
    );
    let full = with(PypiConfig {
        rules: Rules {
            max_project: Some(1000),
            ..Rules::default()
        },
        ..PypiConfig::default()
    });
    Upload::wheel("foo", "1.0", "").publish(&full).await;
    let answer = Upload::wheel("foo", "2.0", "").send(&full).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        answer.text().contains("Project size too large"),
        "{}",
        answer.text()
    );
    let strict = writer();
    let lenient = with(PypiConfig {
        lenient_names: true,
        ..PypiConfig::default()
    });
    let sdist = Upload::sdist("Foo.Bar", "1.0", "");
    for (upload, name) in [
        (
            Upload::wheel("Foo.Bar", "1.0", ""),
            "Foo.Bar-1.0-py3-none-any.whl",
        ),
        (sdist, "Foo-Bar-1.0.tar.gz"),
    ] {
        let upload = upload.called(name);
        let answer = upload.send(&strict).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.text().contains("foo_bar"), "{}", answer.text());
        upload.publish(&lenient).await;
        let file = lenient.get(&format!("/pypi/packages/foo-bar/{name}")).await;
        assert_eq!(file.body, upload.content);
    }
    let zipped = registry_testkit::zip(
        &[(
            "Foo-2.0/PKG-INFO",
            b"Metadata-Version: 2.1\nName: Foo\nVersion: 2.0\n",
        )],
        true,
    );
    let zipped = Upload::sdist("Foo", "2.0", "")
        .holding(zipped)
        .called("Foo-2.0.zip");
    zipped.publish(&lenient).await;
    let answer = zipped.send(&strict).await;
    assert!(
        answer.text().contains("should be 'foo-2.0.tar.gz'"),
        "{}",
        answer.text()
    );
}

fn attestation(predicate: &str, file: &str, sha256: &str) -> Value {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": file, "digest": { "sha256": sha256 } }],
        "predicateType": predicate,
        "predicate": null,
    });
    json!({
        "version": 1,
        "verification_material": { "certificate": "MIIC", "transparency_entries": [{}] },
        "envelope": { "statement": STANDARD.encode(statement.to_string()), "signature": "MEUC" },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn attestations_are_kept_and_given_out() {
    let client = writer();
    let wheel = Upload::wheel("foo", "1.0", "");
    let publish = "https://docs.example/attestations/publish/v1";
    let one = attestation(publish, &wheel.file, &sha256(&wheel.content));
    let sent = json!([
        one,
        attestation(
            "https://slsa.dev/provenance/v1",
            &wheel.file,
            &sha256(&wheel.content)
        )
    ]);
    let answer = wheel
        .clone()
        .with("attestations", &sent.to_string())
        .send(&client)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let page = client.header("accept", "application/vnd.pypi.simple.v1+json");
    let page = page.get("/pypi/simple/foo/").await.json();
    let address = page["files"][0]["provenance"].as_str().unwrap().to_owned();
    let path = "/pypi/integrity/foo/1.0/foo-1.0-py3-none-any.whl/provenance";
    assert_eq!(address, format!("http://test{path}"));
    let html = client.get("/pypi/simple/foo/").await.text();
    assert!(
        html.contains(&format!("data-provenance=\"{address}\"")),
        "{html}"
    );
    let provenance = client.get(path).await;
    let kind = "application/vnd.pypi.integrity.v1+json";
    assert_eq!(provenance.header("content-type"), kind);
    let provenance = provenance.json();
    assert_eq!(provenance["version"], 1);
    let bundle = &provenance["attestation_bundles"][0];
    assert_eq!(bundle["attestations"], sent);
    assert_eq!(bundle["publisher"]["claims"]["user"], "writer");
    for (accept, status) in [(kind, 200), ("application/json", 200), ("text/html", 406)] {
        assert_eq!(
            client.header("accept", accept).get(path).await.status,
            status
        );
    }
    for absent in [
        path.replace("1.0/", "2.0/"),
        path.replace("py3-none-any.whl", "x.whl"),
    ] {
        assert_eq!(client.get(&absent).await.status, StatusCode::NOT_FOUND);
    }
    let sdist = Upload::sdist("foo", "1.0", "");
    let digest = sha256(&sdist.content);
    let good = attestation(publish, &sdist.file, &digest);
    for (bad, told) in [
        (json!([]), "empty"),
        (json!({}), "Malformed"),
        (json!([{}]), "Malformed"),
        (json!([good, good]), "same predicate type"),
        (
            json!([attestation(publish, "foo-1.1.tar.gz", &digest)]),
            "is about",
        ),
        (
            json!([attestation(publish, &sdist.file, &sha256(b""))]),
            "another SHA-256",
        ),
        (json!(vec![&good; 9]), "maximum of 8"),
    ] {
        let answer = sdist
            .clone()
            .with("attestations", &bad.to_string())
            .send(&client)
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(answer.text().contains(told), "{told}: {}", answer.text());
    }
    sdist
        .with("attestations", &json!([good]).to_string())
        .publish(&client)
        .await;
}
