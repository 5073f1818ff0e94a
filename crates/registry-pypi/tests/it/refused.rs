//! Uploads that are refused: what is said, and that nothing is kept.

use std::sync::Arc;

use expect_test::expect;
use http::StatusCode;
use registry_core::{Body, Error, storage::Memory};
use registry_pypi::PypiConfig;

use crate::{
    fixture::{Upload, form},
    registry,
    upload::keys,
};

fn wheel() -> Upload {
    Upload::wheel("foo", "1.0", "")
}

fn sdist() -> Upload {
    Upload::sdist("foo", "1.0", "")
}

fn twice(name: &str) -> Upload {
    let mut upload = wheel();
    let field = upload.fields.iter().find(|(field, _)| field == name);
    upload.fields.push(field.unwrap().clone());
    upload
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_what_to_change() {
    let storage = Arc::new(Memory::default());
    let client = registry(storage.clone(), PypiConfig::default()).token("writer");
    let mut told = String::new();
    for upload in [
        wheel().without(":action"),
        wheel().with(":action", "submit"),
        wheel().with(":action", "doc_upload"),
        wheel().with("protocol_version", "2"),
        wheel().without("metadata_version"),
        wheel().with("metadata_version", "9.0"),
        wheel().without("name"),
        wheel().with("name", "-foo-"),
        wheel().with("name", "UNKNOWN"),
        wheel().with("name", "bar"),
        twice("name"),
        twice("version"),
        wheel().without("version"),
        wheel().with("version", "one"),
        wheel().with("version", "1.1"),
        wheel().with("summary", "two\nlines"),
        wheel().with("summary", &"x".repeat(513)),
        wheel().with("requires_python", "3"),
        wheel().with("filetype", "bdist_egg"),
        wheel().without("filetype"),
        wheel()
            .with("filetype", "sdist")
            .with("pyversion", "source"),
        wheel().without("pyversion"),
        sdist().with("pyversion", "3.8"),
        wheel()
            .without("md5_digest")
            .without("sha256_digest")
            .without("blake2_256_digest"),
        wheel().with("sha256_digest", "abc"),
        wheel().called(""),
        wheel().called("foo-1.0.exe"),
        wheel().called("a/foo-1.0-py3-none-any.whl"),
        wheel().called("foo-1.0-py3-none.whl"),
        wheel().called("foo-1.1-py3-none-any.whl"),
        sdist().called("foo-1.0.0.tar.gz"),
        sdist().called("foo-1.0.zip"),
        wheel().holding(b"no zip".to_vec()),
        sdist().holding(b"no gzip".to_vec()),
        wheel().holding(sdist().content),
        sdist().holding(wheel().content),
        wheel().holding(Upload::wheel("bar", "1.0", "").content),
        wheel().holding(Upload::wheel("foo", "1.1", "").content),
        sdist().holding(Upload::sdist("foo", "1.1", "").content),
        Upload::wheel("foo", "1.0", "Requires-Dist: foo bar\n"),
        Upload::wheel("foo", "1.0", "Summary: one\n two\n"),
    ] {
        let answer = upload.send(&client).await;
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        assert!(code.starts_with(answer.status.as_str()), "{code}");
        told += &format!("{code}\n");
    }
    expect![[r#"
        400 the field :action has to be file_upload
        410 Project pre-registration is no longer required or supported, upload your files instead.
        410 Uploading documentation is no longer supported.
        400 Unknown protocol version.
        400 '' is an invalid value for Metadata-Version. Error: This field is required.
        400 Invalid metadata: "9.0" is not a valid metadata version; it is 1.0 to 2.5
        400 '' is an invalid value for Name. Error: This field is required.
        400 "-foo-" is an invalid value for Name. Error: Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-', 200 characters at most.
        400 '' is an invalid value for Name. Error: This field is required.
        400 Start filename for 'bar' with 'bar'.
        400 the field name is there more than once; send it once
        400 the field version is there more than once; send it once
        400 '' is an invalid value for Version. Error: This field is required.
        400 "one" is an invalid value for Version. Error: expected version to start with a number, but no leading ASCII digits were found
        400 Version in filename should be '1.1' not '1.0'.
        400 Invalid metadata: 'summary' must be one line
        400 Invalid metadata: 'summary' field must be 512 characters or less
        400 '3' is an invalid value for Requires-Python.
        400 Invalid value for filetype. Error: Use a known file type: sdist or bdist_wheel.
        400 '' is an invalid value for filetype. Error: This field is required.
        400 Invalid file extension: Extension .whl is invalid for filetype sdist.
        400 Invalid value for pyversion. Error: Python version is required for binary distribution uploads.
        400 Invalid value for pyversion. Error: Use 'source' as Python version for an sdist.
        400 Error: Include at least one message digest.
        400 Invalid value for sha256_digest. Error: Use a valid, hex-encoded message digest.
        400 Invalid file extension: Use .tar.gz, .whl or .zip extension.
        400 Invalid file extension: Use .tar.gz, .whl or .zip extension.
        400 Cannot upload a file with '/' or '\' in the name.
        400 Invalid wheel filename (wrong number of parts): 'foo-1.0-py3-none.whl'
        400 Version in filename should be '1.0' not '1.1'.
        400 Filename 'foo-1.0.0.tar.gz' is invalid, should be 'foo-1.0.tar.gz'.
        400 Filename 'foo-1.0.zip' is invalid, should be 'foo-1.0.tar.gz'.
        400 Invalid distribution file. ZIP archive not accepted: it is not a zip
        400 Invalid distribution file. The sdist was refused: it is damaged, or not a gzipped tar
        400 Invalid distribution file. ZIP archive not accepted: it is not a zip
        400 Invalid distribution file. The sdist was refused: it is damaged, or not a gzipped tar
        400 the file's metadata is of bar 1.0, but the form is of foo 1.0; build and upload it again
        400 the file's metadata is of foo 1.1, but the form is of foo 1.0; build and upload it again
        400 the file's metadata is of foo 1.1, but the form is of foo 1.0; build and upload it again
        400 Invalid metadata: "foo bar" is invalid for 'requires-dist'
        400 Invalid metadata: 'summary' must be one line
    "#]].assert_eq(&told);
    // Bytes that were refused go in the background.
    while !keys(&*storage).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_upload() {
    let storage = Arc::new(Memory::default());
    let client = registry(storage.clone(), PypiConfig::default()).token("writer");
    let sender = form(&client, "0123456789abcdef");
    let whole = wheel().body();
    let cut = &whole[..whole.len() - 30];
    let mut without_file = String::from_utf8_lossy(&whole).into_owned();
    without_file = without_file.replace("name=\"content\"; filename", "name=\"other\"; file");
    let content = b"\r\nContent-Disposition: form-data; name=\"content\"";
    let content = whole
        .windows(content.len())
        .position(|window| window == content);
    let two = [&whole[..whole.len() - 4], &whole[content.unwrap()..]].concat();
    for (body, told) in [
        (cut.to_vec(), "ends before"),
        (Vec::new(), "ends before"),
        (b"what".to_vec(), "ends before"),
        (without_file.into_bytes(), "does not have a file"),
        (two, "more than one file"),
        (vec![b'x'; 100_000], "around"),
    ] {
        let answer = sender.post("/pypi/", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{told}");
        assert!(answer.text().contains(told), "{told}: {}", answer.text());
    }
    let long = wheel().with("description", &"x".repeat(9 << 20));
    let answer = long.send(&client).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        answer.text().contains("shorten the description"),
        "{}",
        answer.text()
    );
    for (kind, status) in [
        ("application/json", 400),
        ("multipart/form-data", 400),
        ("application/x-www-form-urlencoded", 400),
        ("text/xml", 410),
    ] {
        let answer = client
            .header("content-type", kind)
            .post("/pypi/", whole.clone())
            .await;
        assert_eq!(answer.status, status, "{kind}");
    }
    let broken = futures_util::stream::iter([
        Ok(whole[..500].to_vec().into()),
        Err(Error::invalid("gone")),
    ]);
    let answer = sender.post("/pypi/", Body::from_stream(broken, None)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    while !keys(&*storage).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_upload() {
    let client = registry(Arc::new(Memory::default()), PypiConfig::default());
    let search = client.header("content-type", "text/xml");
    let answer = search.post("/pypi/", "<methodCall/>").await;
    assert_eq!(answer.status, StatusCode::GONE, "nobody is asked to log in");
    let answer = wheel().send(&client).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.header("www-authenticate"),
        "Basic realm=\"registry\""
    );
    for who in ["reader", "stranger"] {
        let answer = wheel().send(&client.token(who)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let told = answer.json()["code"].as_str().unwrap().to_owned();
        assert_eq!(
            told,
            format!("403 {who} may not write the package foo with these credentials")
        );
    }
    let token = "X190b2tlbl9fOndyaXRlcg==";
    let answer = wheel()
        .send(&client.header("authorization", &format!("Basic {token}")))
        .await;
    assert_eq!(
        answer.status,
        StatusCode::UNAUTHORIZED,
        "no token of ours begins so"
    );
    for path in [
        "/simple/foo/",
        "/pypi/simple/",
        "/pypi/packages/foo/foo-1.0.tar.gz",
    ] {
        let answer = client.token("writer").post(path, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
    let answer = client.get("/legacy/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (405, "POST")
    );
}
