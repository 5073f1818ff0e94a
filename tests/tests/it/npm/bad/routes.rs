//! Addresses that are none, and methods that they do not take.

use http::Method;
use registry_tests::Request;
use serde_json::json;

use super::Table;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes() {
    let table = Table::start(&[]);
    table.publish("there", "1.0.0").await;
    let uuid = "00000000-0000-4000-8000-000000000000";
    let unknown = [
        "/npm/-/nothing",
        "/npm/-/v1/nothing",
        "/npm/-/npm/v1/nothing",
        "/npm/-/npm/v2/user",
        "/npm/-/package/there/nothing",
        "/npm/there/1.0.0/nothing",
        "/npm/there/-/there-1.0.0.tgz/nothing",
        "/npm/there/-/there-6.6.6.tgz",
        "/npm/there/-/other-1.0.0.tgz",
        "/npm/there/6.6.6",
        "/npm/there/nothing",
        "/npm/nowhere",
        "/npm/@scope%2fnowhere",
        "/npm/@scope/nowhere",
        "/npm/nowhere/-/nowhere-1.0.0.tgz",
        "/npm/-/stage",
        "/npm/-/stage/package/there",
        &format!("/npm/-/stage/{uuid}"),
        &format!("/npm/-/stage/{uuid}/tarball"),
        "/npm/-/package/there/trust",
        "/npm/-/team/scope/team/user",
        "/npm/-/team/scope/team/package",
        "/npm/-/org/scope/team",
        "/npm/-/org/scope/user",
        "/npm/-/org/scope/package",
        "/npm/-/npm/v1/attestations/there@1.0.0",
    ];
    for path in unknown {
        for site in [&table.site, &table.site.anonymous()] {
            let get = Request::get(path);
            table.refused(path, site, get, &[404]).await;
        }
    }
    for (method, path) in [
        (Method::POST, "/npm/-/stage/package/there".to_owned()),
        (Method::POST, format!("/npm/-/stage/{uuid}/approve")),
        (Method::DELETE, format!("/npm/-/stage/{uuid}")),
        (Method::POST, "/npm/-/package/there/trust".to_owned()),
        (Method::PUT, "/npm/-/org/scope/user".to_owned()),
        (Method::PUT, "/npm/-/team/scope/team/user".to_owned()),
        (Method::PUT, "/npm/-/nothing".to_owned()),
    ] {
        let what = format!("{method} {path}");
        let request = Request::new(method, path).json(&json!({}));
        table.refused(&what, &table.site, request, &[404]).await;
    }
    // Outside of all mounts there is nothing to show in npm's form.
    for path in ["/nothing", "/npmx", "/npmx/there", "//npm/there"] {
        let answer = table.site.get(path).await;
        if answer.status != 404 {
            table.fault(path, answer);
        }
    }

    let wrong = [
        ("PATCH", "/npm/there"),
        ("POST", "/npm/there"),
        ("DELETE", "/npm/there"),
        ("PUT", "/npm/there/1.0.0"),
        ("DELETE", "/npm/there/1.0.0"),
        ("PUT", "/npm/there/-/there-1.0.0.tgz"),
        ("POST", "/npm/there/-/there-1.0.0.tgz"),
        ("DELETE", "/npm/there/-/there-1.0.0.tgz"),
        ("GET", "/npm/there/-rev/1-0"),
        ("POST", "/npm/-/ping"),
        ("PUT", "/npm/-/whoami"),
        ("POST", "/npm/-/v1/search"),
        ("GET", "/npm/-/v1/login"),
        ("DELETE", "/npm/-/package/there/dist-tags"),
        ("PATCH", "/npm/-/package/there/dist-tags/latest"),
        ("DELETE", "/npm/-/package/there/access"),
        ("PUT", "/npm/-/npm/v1/tokens"),
        ("DELETE", "/npm/-/npm/v1/user"),
        ("GET", "/npm/-/npm/v1/security/advisories/bulk"),
        ("PROPFIND", "/npm/there"),
    ];
    for (method, path) in wrong {
        let what = format!("{method} {path}");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = Request::new(method, path).json(&json!({}));
        table.refused(&what, &table.site, request, &[405]).await;
    }
    table.finish();
}
