use registry_core::ErrorKind;

use super::*;

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn upload(of: Option<&str>, version: Option<&str>) -> Route {
    Route::Upload(Upload {
        name: of.map(name),
        version: version.map(str::to_owned),
    })
}

fn metadata(of: &str, branches: bool) -> Route {
    let name = name(of);
    Route::Metadata { name, branches }
}

fn delete(of: &str, version: Option<&str>, purge: bool) -> Route {
    Route::Delete {
        name: name(of),
        version: version.map(str::to_owned),
        purge,
    }
}

fn search(text: &str, kind: Option<&str>, tags: &[&str], page: usize, per_page: usize) -> Route {
    Route::Search(SearchQuery {
        text: text.to_owned(),
        kind: kind.map(str::to_owned),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        page,
        per_page,
    })
}

fn about(packages: &[&str], updated_since: Option<i64>) -> Route {
    Route::Advisories(AdvisoryQuery {
        packages: packages.iter().map(|name| (*name).to_owned()).collect(),
        updated_since,
    })
}

fn parse(method: &str, address: &str) -> Result<Route> {
    let (path, query) = match address.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (address, None),
    };
    Route::parse(&method.parse().unwrap(), path, query)
}

const REFERENCE: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

#[test]
fn what_is_read() {
    let list = |vendor: Option<&str>, kind: Option<&str>, filter: Option<&str>| {
        Route::List(ListQuery {
            vendor: vendor.map(str::to_owned),
            kind: kind.map(str::to_owned),
            filter: filter.map(str::to_owned),
        })
    };
    let dist = format!("/dists/acme/lib/{REFERENCE}.zip");
    for (address, expected) in [
        ("/packages.json", Route::Root),
        ("/packages.json?x=1", Route::Root),
        ("/p2/acme/lib.json", metadata("acme/lib", false)),
        ("/p2/acme/lib~dev.json", metadata("acme/lib", true)),
        ("/p2/acme/lib%7Edev.json", metadata("acme/lib", true)),
        ("/p2/upload/list.json", metadata("upload/list", false)),
        ("/packages/acme/lib.json", Route::Page(name("acme/lib"))),
        ("/packages/list.json", list(None, None, None)),
        (
            "/packages/list.json?vendor=acme&type=library&filter=acme%2F*",
            list(Some("acme"), Some("library"), Some("acme/*")),
        ),
        ("/search.json?q=a+b&type=", search("a b", None, &[], 1, 15)),
        (
            "/search.json?type=x&tags[]=a&tags=b&page=3&per_page=1000",
            search("", Some("x"), &["a", "b"], 3, 100),
        ),
        (
            "/search.json?page=0&per_page=0",
            search("", None, &[], 1, 1),
        ),
        (
            "/providers/psr/log-implementation.json",
            Route::Providers(name("psr/log-implementation")),
        ),
        (&dist, Route::Dist(name("acme/lib"), REFERENCE.to_owned())),
        ("/api/security-advisories", about(&[], None)),
        (
            "/api/security-advisories/?packages[]=a/b&packages[7]=c/d&x=1&updatedSince=12",
            about(&["a/b", "c/d"], Some(12)),
        ),
    ] {
        assert_eq!(parse("GET", address).unwrap(), expected, "{address}");
        assert_eq!(parse("HEAD", address).unwrap(), expected, "{address}");
        let error = parse("PATCH", address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MethodNotAllowed, "{address}");
    }
    assert_eq!(
        parse("POST", "/api/security-advisories/").unwrap(),
        about(&[], None)
    );
}

#[test]
fn what_is_written() {
    for (method, address, expected) in [
        ("PUT", "/packages/acme/lib", upload(Some("acme/lib"), None)),
        (
            "POST",
            "/packages/acme/lib/",
            upload(Some("acme/lib"), None),
        ),
        (
            "PUT",
            "/packages/acme/lib?version=v1.0",
            upload(Some("acme/lib"), Some("v1.0")),
        ),
        (
            "PUT",
            "/packages/acme/lib?version=",
            upload(Some("acme/lib"), None),
        ),
        (
            "PUT",
            "/packages/upload/acme/lib/1.0.0",
            upload(Some("acme/lib"), Some("1.0.0")),
        ),
        (
            "PUT",
            "/packages/upload/acme/lib/dev-a%2Fb",
            upload(Some("acme/lib"), Some("dev-a/b")),
        ),
        (
            "PUT",
            "/packages/upload/lib",
            upload(Some("upload/lib"), None),
        ),
        (
            "PUT",
            "/acme/lib/lib-1.2.zip?properties=composer.version=1.2.3",
            upload(Some("acme/lib"), Some("1.2.3")),
        ),
        (
            "PUT",
            "/acme/lib/lib-1.2.zip",
            upload(Some("acme/lib"), Some("1.2")),
        ),
        ("PUT", "/acme/lib/other.zip", upload(Some("acme/lib"), None)),
        ("PUT", "/", upload(None, None)),
        ("PUT", "/?version=1.0", upload(None, Some("1.0"))),
        (
            "POST",
            "/api/packages?version=1.0",
            upload(None, Some("1.0")),
        ),
        ("PUT", "/packages", upload(None, None)),
        ("PUT", "/a.zip?version=1.0", upload(None, Some("1.0"))),
        (
            "PUT",
            "/packages/acme/lib/a.zip?version=1.0",
            upload(Some("acme/lib"), Some("1.0")),
        ),
        (
            "DELETE",
            "/packages/acme/lib/dev-a.zip",
            delete("acme/lib", Some("dev-a.zip"), false),
        ),
        (
            "DELETE",
            "/packages/acme/lib",
            delete("acme/lib", None, false),
        ),
        (
            "DELETE",
            "/packages/acme/lib/1.0?purge=true",
            delete("acme/lib", Some("1.0"), true),
        ),
        (
            "DELETE",
            "/packages/acme/lib/dev-a/b?purge=false",
            delete("acme/lib", Some("dev-a/b"), false),
        ),
        (
            "DELETE",
            "/packages/upload/acme/lib",
            delete("upload/acme", Some("lib"), false),
        ),
        (
            "PUT",
            "/packages/acme/lib/abandoned",
            Route::Abandon {
                name: name("acme/lib"),
                abandoned: true,
            },
        ),
        (
            "DELETE",
            "/packages/acme/lib/abandoned",
            Route::Abandon {
                name: name("acme/lib"),
                abandoned: false,
            },
        ),
        (
            "PUT",
            "/api/security-advisories/acme/lib/CVE-1",
            Route::ChangeAdvisory {
                name: name("acme/lib"),
                id: "CVE-1".to_owned(),
                put: true,
            },
        ),
        ("POST", "/downloads/", Route::Downloads),
    ] {
        assert_eq!(parse(method, address).unwrap(), expected, "{address}");
    }
}

#[test]
fn what_is_not_there() {
    use ErrorKind::{Invalid, InvalidName, MethodNotAllowed, NotFound};
    for (method, address, kind) in [
        ("GET", "/", NotFound),
        ("DELETE", "/", MethodNotAllowed),
        ("GET", "/nothing", NotFound),
        ("GET", "/a.zip", NotFound),
        ("GET", "/packages/acme/lib/a.zip", MethodNotAllowed),
        ("GET", "/p2/acme/lib", NotFound),
        ("GET", "/p2/Acme/lib.json", NotFound),
        ("GET", "/p2/php.json", NotFound),
        ("GET", "/p2/acme/a%2Fb.json", NotFound),
        ("GET", "/packages/acme/lib", NotFound),
        ("GET", "/dists/acme/lib/1.zip", NotFound),
        (
            "GET",
            "/dists/acme/lib/DA39a3ee5e6b4b0d3255bfef95601890afd80709.zip",
            NotFound,
        ),
        ("GET", "/acme/lib/lib-1.0.zip", NotFound),
        ("GET", "/downloads/", MethodNotAllowed),
        ("GET", "/packages/acme/lib/1.0", MethodNotAllowed),
        ("GET", "/packages/acme/lib/abandoned", MethodNotAllowed),
        ("PUT", "/packages/acme/lib/1.0", MethodNotAllowed),
        ("PUT", "/packages/Acme/lib", InvalidName),
        ("PUT", "/packages/acme/nul", InvalidName),
        ("PUT", "/packages/upload/acme/lib", MethodNotAllowed),
        ("PUT", "/%ff", InvalidName),
        ("GET", "/api/security-advisories/?updatedSince=x", Invalid),
        ("GET", "/api/security-advisories/acme/lib", NotFound),
        (
            "GET",
            "/api/security-advisories/acme/lib/x",
            MethodNotAllowed,
        ),
    ] {
        let error = parse(method, address).unwrap_err();
        assert_eq!(error.kind(), kind, "{method} {address}: {error}");
    }
}

#[test]
fn what_is_needed() {
    for (method, address, expected) in [
        ("GET", "/p2/acme/lib~dev.json", Some(Action::Read)),
        ("GET", "/packages/acme/lib.json", Some(Action::Read)),
        ("PUT", "/packages/acme/lib", Some(Action::Write)),
        ("PUT", "/", None),
        ("DELETE", "/packages/acme/lib", Some(Action::Delete)),
        ("PUT", "/packages/acme/lib/abandoned", Some(Action::Write)),
        (
            "DELETE",
            "/api/security-advisories/acme/lib/x",
            Some(Action::Write),
        ),
        ("GET", "/packages.json", None),
        ("GET", "/providers/acme/lib.json", None),
    ] {
        let route = parse(method, address).unwrap();
        let about = route.about().map(|(action, of)| {
            assert_eq!(of.as_str(), "acme/lib");
            action
        });
        assert_eq!(about, expected, "{method} {address}");
        assert!(!route.label().is_empty());
    }
}
