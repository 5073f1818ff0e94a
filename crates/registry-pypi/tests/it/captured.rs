//! Requests as clients send them.

use http::StatusCode;

use crate::{
    fixture::{form, sha256},
    writer,
};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// What pip sends when it looks for a project.
const PIP: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, \
                   text/html; q=0.01";

#[tokio::test(flavor = "multi_thread")]
async fn twine_and_uv_publish_and_pip_installs() {
    let client = writer();
    for (path, boundary, body) in [
        (
            "/legacy/",
            "00c6b43eb0e645f291bbf7c4b52df88e",
            &include_bytes!("fixtures/twine-wheel.form")[..],
        ),
        (
            "/legacy/",
            "a4e8b9cbdf5c411fa98c8376248ff875",
            include_bytes!("fixtures/twine-sdist.form"),
        ),
        (
            "/pypi/legacy/",
            "296e380a9f277570-01160bbd0395731a-b38ccc3bcf23f88e-de4a5d9495915afe",
            include_bytes!("fixtures/uv-wheel.form"),
        ),
        (
            "/pypi/legacy/",
            "da86117ee5aa11eb-797f327862a19158-48f8d4ed50ba76cc-386fe0b088093063",
            include_bytes!("fixtures/uv-sdist.form"),
        ),
    ] {
        // The second time is a repetition of what went well.
        for _ in 0..2 {
            let answer = form(&client, boundary).post(path, body.to_vec()).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        }
    }
    let reader = writer().token("reader");
    assert_eq!(reader.get("/pypi/simple/beta-pkg/").await.status, 404);
    let reader = client.token("reader").header("accept", PIP);
    let page = reader.get("/pypi/simple/alpha-pkg/").await;
    assert_eq!(page.header("content-type"), JSON);
    let page = page.json();
    assert_eq!(page["name"], "alpha-pkg");
    assert_eq!(page["files"].as_array().unwrap().len(), 2);
    let wheel = &page["files"][0];
    assert_eq!(wheel["filename"], "alpha_pkg-1.0.0-py3-none-any.whl");
    assert_eq!(wheel["requires-python"], ">=3.8");
    let path = wheel["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://test")
        .unwrap();
    let metadata = reader.get(&format!("{path}.metadata")).await;
    assert!(
        metadata.text().contains("Requires-Dist: beta-pkg>=1"),
        "{}",
        metadata.text()
    );
    assert_eq!(wheel["core-metadata"]["sha256"], *sha256(&metadata.body));
    assert_eq!(
        wheel["hashes"]["sha256"],
        *sha256(&reader.get(path).await.body)
    );
}

#[test]
fn the_example_takes_an_upload() {
    let example = registry_testkit::Example::start("pypi_in_axum");
    let boundary = "a4e8b9cbdf5c411fa98c8376248ff875";
    let kind = format!("content-type: multipart/form-data; boundary={boundary}\r\n");
    let form = include_bytes!("fixtures/twine-sdist.form");
    let answer = example.send("POST", "/pypi/legacy/", &kind, form);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let page = example.send("GET", "/pypi/simple/beta-pkg/", "", "");
    assert!(
        page.contains("/pypi/packages/beta-pkg/beta_pkg-1.2.tar.gz#sha256="),
        "{page}"
    );
}
