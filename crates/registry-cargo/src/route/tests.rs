use registry_core::ErrorKind;

use super::*;

fn parse(request: &str) -> Result<Route> {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Route::parse(&method.parse().unwrap(), path, query)
}

fn name(text: &str) -> CrateName {
    text.parse().unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn paths() {
    let yank = |crate_name, of, yanked| Route::Yank {
        name: name(crate_name),
        version: version(of),
        yanked,
    };
    let change = |add| Route::ChangeOwners {
        name: name("Foo"),
        add,
    };
    let search = |text: &str, from, size| {
        Route::Search(SearchQuery {
            text: text.to_owned(),
            from,
            size,
        })
    };
    for (request, expected) in [
        ("GET /config.json", Route::Config),
        ("HEAD /config.json", Route::Config),
        ("GET /1/a", Route::Index(name("a"))),
        ("GET /2/ab", Route::Index(name("ab"))),
        ("GET /3/a/abc", Route::Index(name("abc"))),
        ("HEAD /ab/cd/abcd", Route::Index(name("abcd"))),
        ("GET /fo/o-/foo-bar", Route::Index(name("foo-bar"))),
        ("GET /2/me", Route::Index(name("me"))),
        (
            "GET /api/v1/crates/foo_bar/1.0.0+a/download",
            Route::Download(name("foo_bar"), version("1.0.0+a")),
        ),
        (
            "GET /api/v1/crates/foo_bar/1.0.0%2Ba/download",
            Route::Download(name("foo_bar"), version("1.0.0+a")),
        ),
        ("PUT /api/v1/crates/new", Route::Publish),
        (
            "DELETE /api/v1/crates/Foo/1.0.0/yank",
            yank("Foo", "1.0.0", true),
        ),
        (
            "PUT /api/v1/crates/foo/1.0.0/unyank",
            yank("foo", "1.0.0", false),
        ),
        ("GET /api/v1/crates/Foo/owners", Route::Owners(name("Foo"))),
        ("PUT /api/v1/crates/Foo/owners", change(true)),
        ("DELETE /api/v1/crates/Foo/owners", change(false)),
        (
            "GET /api/v1/crates?q=a%20b&per_page=20",
            search("a b", 0, 20),
        ),
        (
            "GET /api/v1/crates?q=x&per_page=1000&page=3",
            search("x", 200, 100),
        ),
        ("GET /api/v1/crates?per_page=0&page=0", search("", 0, 1)),
        ("GET /api/v1/crates?per_page=x", search("", 0, 10)),
        ("GET /me", Route::Me),
        ("POST /me", Route::MakeToken),
    ] {
        assert_eq!(parse(request).unwrap(), expected, "{request}");
    }
}

#[test]
fn what_is_not_there() {
    for request in [
        "GET /",
        "GET /a",
        "GET /1/ab",
        "GET /1/A",
        "GET /ab/cd/ABCD",
        "GET /AB/CD/abcd",
        "GET /ab/cd/abce",
        "GET /3/b/abc",
        "GET /fo/o/foo-bar",
        "GET /1%2Fa",
        "GET /ab/cd/abcd.json",
        "GET /1/ä",
        "GET /api",
        "GET /api/v1",
        "GET /api/v1/crates/foo/1.0.0",
        "GET /api/v1/crates/foo/1.0.0/readme",
        "GET /api/v1/crates/foo",
        "GET /api/v2/crates",
    ] {
        let kind = parse(request).map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::NotFound), "{request}");
    }
    for request in [
        "POST /config.json",
        "PUT /1/a",
        "GET /api/v1/crates/new",
        "POST /api/v1/crates/new",
        "PUT /api/v1/crates/foo/1.0.0/yank",
        "DELETE /api/v1/crates/foo/1.0.0/unyank",
        "POST /api/v1/crates/foo/owners",
        "PUT /api/v1/crates/foo/1.0.0/download",
        "PUT /me",
    ] {
        let kind = parse(request).map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::MethodNotAllowed), "{request}");
    }
    for request in [
        "GET /api/v1/crates/foo/1.0/download",
        "GET /api/v1/crates/f%2Fo/1.0.0/download",
        "DELETE /api/v1/crates/1x/1.0.0/yank",
        "DELETE /api/v1/crates/x/latest/yank",
        "GET /api/v1/crates/../owners",
        "GET /%ff",
    ] {
        let kind = parse(request).map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::InvalidName), "{request}");
    }
}

#[test]
fn every_route_has_a_label() {
    for (request, label) in [
        ("DELETE /api/v1/crates/a/1.0.0/yank", "yank"),
        ("PUT /api/v1/crates/a/1.0.0/unyank", "unyank"),
        ("DELETE /api/v1/crates/a/owners", "remove-owners"),
    ] {
        assert_eq!(parse(request).unwrap().label(), label);
    }
}
