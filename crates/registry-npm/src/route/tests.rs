use http::Method;

use super::*;

/// The route of `"METHOD /path?query"`, or the kind of its error.
fn route(request: &str) -> String {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(p, q)| (p, Some(q)));
    match Route::parse(&method.parse::<Method>().unwrap(), path, query) {
        Ok(route) => format!("{route:?}").replace("PackageName", ""),
        Err(error) if error.headers().count() > 0 => {
            format!("405 {:?}", error.headers().next().unwrap().1)
        }
        Err(error) => error.kind().status().as_u16().to_string(),
    }
}

#[track_caller]
fn check(table: &[(&str, &str)]) {
    for (request, expected) in table {
        assert_eq!(route(request), *expected, "{request}");
    }
}

#[test]
fn packages() {
    check(&[
        ("GET /a", r#"Packument { name: ("a"), write: false }"#),
        ("HEAD /a", r#"Packument { name: ("a"), write: false }"#),
        ("GET /a/", r#"Packument { name: ("a"), write: false }"#),
        (
            "GET /a?write=true",
            r#"Packument { name: ("a"), write: true }"#,
        ),
        (
            "GET /a?x&write=true&y=",
            r#"Packument { name: ("a"), write: true }"#,
        ),
        (
            "GET /constructor",
            r#"Packument { name: ("constructor"), write: false }"#,
        ),
        ("PUT /a", r#"Put { name: ("a"), rev: None }"#),
        (
            "PUT /a/-rev/3-x",
            r#"Put { name: ("a"), rev: Some("3-x") }"#,
        ),
        (
            "DELETE /a/-rev/3-x",
            r#"Unpublish { name: ("a"), rev: "3-x" }"#,
        ),
        (
            "GET /a/1.0.0",
            r#"Manifest { name: ("a"), selector: "1.0.0" }"#,
        ),
        (
            "GET /a/1.0.0%2Bb",
            r#"Manifest { name: ("a"), selector: "1.0.0+b" }"#,
        ),
        (
            "GET /a/latest",
            r#"Manifest { name: ("a"), selector: "latest" }"#,
        ),
        (
            "GET /a/-/a-1.0.0.tgz",
            r#"Tarball { name: ("a"), file: "a-1.0.0.tgz" }"#,
        ),
        (
            "HEAD /a/-/a-1.0.0.tgz",
            r#"Tarball { name: ("a"), file: "a-1.0.0.tgz" }"#,
        ),
        (
            "GET /a/-/..%2f..%2fetc",
            r#"Tarball { name: ("a"), file: "etc" }"#,
        ),
        (
            "DELETE /a/-/a-1.0.0.tgz/-rev/4",
            r#"DeleteTarball { name: ("a"), file: "a-1.0.0.tgz", rev: "4" }"#,
        ),
    ]);
}

#[test]
fn scoped_names() {
    for spelling in ["@s%2fn", "@s%2Fn", "@s/n", "%40s%2fn", "%40s/n"] {
        let packument = r#"Packument { name: ("@s/n"), write: false }"#;
        assert_eq!(route(&format!("GET /{spelling}")), packument);
        assert_eq!(route(&format!("GET /{spelling}/")), packument);
        let put = r#"Put { name: ("@s/n"), rev: None }"#;
        assert_eq!(route(&format!("PUT /{spelling}")), put);
        let manifest = r#"Manifest { name: ("@s/n"), selector: "1.0.0" }"#;
        assert_eq!(route(&format!("GET /{spelling}/1.0.0")), manifest);
        let tarball = r#"Tarball { name: ("@s/n"), file: "n-1.0.0.tgz" }"#;
        assert_eq!(route(&format!("GET /{spelling}/-/n-1.0.0.tgz")), tarball);
        assert_eq!(route(&format!("GET /{spelling}/-/@s/n-1.0.0.tgz")), tarball);
        assert_eq!(
            route(&format!("GET /{spelling}/-/@s%2fn-1.0.0.tgz")),
            tarball
        );
        let deletion = r#"DeleteTarball { name: ("@s/n"), file: "n-1.0.0.tgz", rev: "4" }"#;
        assert_eq!(
            route(&format!("DELETE /{spelling}/-/n-1.0.0.tgz/-rev/4")),
            deletion
        );
        let tags = r#"Tags(("@s/n"))"#;
        assert_eq!(route(&format!("GET /-/package/{spelling}/dist-tags")), tags);
        let version = route(&format!("GET /-/npm/v1/attestations/{spelling}@1.0.0"));
        assert!(
            version.starts_with(r#"Attestations { name: ("@s/n"), version: "#),
            "{version}"
        );
    }
}

#[test]
fn packages_aside() {
    check(&[
        ("GET /-/package/a/dist-tags", r#"Tags(("a"))"#),
        ("PUT /-/package/a/dist-tags", r#"SetTags(("a"))"#),
        ("POST /-/package/a/dist-tags", r#"SetTags(("a"))"#),
        (
            "GET /-/package/a/dist-tags/beta",
            r#"Tag(("a"), Tag("beta"))"#,
        ),
        (
            "PUT /-/package/a/dist-tags/beta",
            r#"SetTag(("a"), Tag("beta"))"#,
        ),
        (
            "POST /-/package/a/dist-tags/beta",
            r#"SetTag(("a"), Tag("beta"))"#,
        ),
        (
            "DELETE /-/package/a/dist-tags/beta",
            r#"RemoveTag(("a"), Tag("beta"))"#,
        ),
        ("PUT /-/package/a/dist-tags/1.x", "400"),
        ("GET /-/package/a/access", r#"Access(("a"))"#),
        ("POST /-/package/a/access", r#"SetAccess(("a"))"#),
        ("GET /-/package/a/visibility", r#"Visibility(("a"))"#),
        ("GET /-/package/a/collaborators", r#"Collaborators(("a"))"#),
        ("GET /-/package/a/trust", "404"),
        ("POST /-/stage/package/a", "404"),
        ("GET /-/team/s/t/user", "404"),
        ("GET /-/org/o/user", "404"),
        ("GET /-/npm/v1/keys", "Keys"),
        ("POST /-/npm/v1/security/advisories/bulk", "BulkAdvisories"),
        ("POST /-/npm/v1/security/audits", "Audit"),
        ("POST /-/npm/v1/security/audits/quick", "Audit"),
        ("GET /-/npm/v1/attestations/a", "404"),
        ("GET /-/npm/v1/attestations/a@1", "400"),
        (
            "GET /-/_view/starredByUser?key=%22u%22",
            r#"StarredByUser { user: "u" }"#,
        ),
        (
            "GET /-/v1/search?text=a+b%20c&size=1000&from=7",
            r#"Search(SearchQuery { text: "a b c", from: 7, size: 250 })"#,
        ),
        (
            "GET /-/v1/search?size=-1",
            r#"Search(SearchQuery { text: "", from: 0, size: 20 })"#,
        ),
    ]);
}

#[test]
fn users() {
    check(&[
        ("GET /-/ping", "Ping"),
        ("GET /-/ping/?write=true", "Ping"),
        ("GET /-/whoami", "Whoami"),
        ("GET /-/user/org.couchdb.user:u", r#"User { user: "u" }"#),
        ("PUT /-/user/org.couchdb.user:u", r#"Login { user: "u" }"#),
        ("PUT /-/user/org.couchdb.user%3Au", r#"Login { user: "u" }"#),
        (
            "PUT /-/user/org.couchdb.user:u/-rev/1",
            r#"Login { user: "u" }"#,
        ),
        ("DELETE /-/user/token/reg_x", r#"Logout { token: "reg_x" }"#),
        ("GET /-/user/u/package", r#"UserPackages { user: "u" }"#),
        ("POST /-/v1/login", "WebLogin"),
        ("GET /-/v1/login/page/i", r#"WebLoginPage { id: "i" }"#),
        ("POST /-/v1/login/page/i", r#"WebLoginSubmit { id: "i" }"#),
        ("GET /-/v1/done/s", r#"WebLoginDone { secret: "s" }"#),
        ("GET /-/npm/v1/tokens", "Tokens"),
        ("POST /-/npm/v1/tokens", "CreateToken"),
        (
            "DELETE /-/npm/v1/tokens/token/k",
            r#"RevokeToken { key: "k" }"#,
        ),
        ("GET /-/npm/v1/user", "Profile"),
        ("POST /-/npm/v1/user", "SetProfile"),
    ]);
}

#[test]
fn wrong_methods() {
    check(&[
        ("POST /a", r#"405 "GET, HEAD, PUT""#),
        ("DELETE /a", r#"405 "GET, HEAD, PUT""#),
        ("GET /a/-rev/1", r#"405 "PUT, DELETE""#),
        ("PUT /a/1.0.0", r#"405 "GET, HEAD""#),
        ("PUT /a/-/a-1.0.0.tgz", r#"405 "GET, HEAD""#),
        ("GET /a/-/a-1.0.0.tgz/-rev/1", r#"405 "DELETE""#),
        ("POST /-/ping", r#"405 "GET, HEAD""#),
        ("GET /-/v1/login", r#"405 "POST""#),
        ("PATCH /-/npm/v1/tokens", r#"405 "GET, HEAD, POST""#),
        ("DELETE /-/package/a/access", r#"405 "GET, HEAD, POST""#),
        ("PUT /-/npm/v1/tokens/token/k", r#"405 "DELETE""#),
        (
            "PATCH /-/package/a/dist-tags/beta",
            r#"405 "GET, HEAD, PUT, POST, DELETE""#,
        ),
        ("POST /-/user/org.couchdb.user:u/-rev/1", r#"405 "PUT""#),
    ]);
}

#[test]
fn names_that_nothing_has() {
    check(&[
        ("GET /", "404"),
        ("PUT /", "400"),
        ("GET /favicon.ico", "404"),
        ("PUT /favicon.ico", "400"),
        ("GET /.env", "404"),
        ("GET /__proto__", "404"),
        ("PUT /__proto__", "400"),
        ("PUT /node_modules", "400"),
        ("GET /@s%252fn", "400"),
        ("GET /a%2fb", "400"),
        ("GET /%ff", "400"),
        ("PUT /-x", "400"),
        ("GET /@s", "400"),
        ("GET /a/b/c", "404"),
        ("GET /a//", "404"),
        ("GET /a/-/", "404"),
        ("GET /a/-", "404"),
        ("GET /-/nothing", "404"),
        ("GET /-", "404"),
        ("GET //a", "404"),
    ]);
    assert_eq!(route(&format!("GET /{}", "a".repeat(215))), "400");
    assert_eq!(route(&format!("GET /@s%2f{}", "a".repeat(300))), "400");
}
