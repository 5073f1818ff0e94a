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

fn gem(text: &str) -> GemName {
    text.parse().unwrap()
}

#[test]
fn what_is_read() {
    let version_page = |platform: Option<&str>| Route::VersionPage {
        name: gem("a"),
        version: ("1.0".to_owned(), platform.map(str::to_owned)),
    };
    let search = |text: &str, from| {
        Route::Search(SearchQuery {
            text: text.to_owned(),
            from,
        })
    };
    for (request, expected) in [
        ("HEAD /", Route::Root),
        ("GET /versions", Route::Versions),
        ("GET //versions", Route::Versions),
        ("HEAD /versions", Route::Versions),
        ("GET /names", Route::Names),
        ("GET /info/Foo-Bar.rb", Route::Info(gem("Foo-Bar.rb"))),
        ("GET /specs.4.8.gz", Route::Specs(Specs::Released)),
        ("GET /latest_specs.4.8.gz", Route::Specs(Specs::Latest)),
        (
            "GET /prerelease_specs.4.8.gz",
            Route::Specs(Specs::Prerelease),
        ),
        (
            "GET /quick/Marshal.4.8/a-1.0-java.gemspec.rz",
            Route::Quick("a-1.0-java".to_owned()),
        ),
        ("GET /gems/a-1.0.gem", Route::Gem("a-1.0".to_owned())),
        ("GET /api/v1/gems/a.json", Route::Page(gem("a"))),
        ("GET /api/v1/gems/yank.json", Route::Page(gem("yank"))),
        ("GET /api/v1/versions/a.rb.json", Route::Rows(gem("a.rb"))),
        (
            "GET /api/v1/versions/a/latest.json",
            Route::Latest(gem("a")),
        ),
        (
            "GET /api/v2/rubygems/a/versions/1.0.json",
            version_page(None),
        ),
        (
            "GET /api/v2/rubygems/a/versions/1.0.json?platform=java",
            version_page(Some("java")),
        ),
        (
            "GET /api/v1/gems/a/owners",
            Route::Owners(gem("a"), Format::Json),
        ),
        (
            "GET /api/v1/gems/a/owners.yaml",
            Route::Owners(gem("a"), Format::Yaml),
        ),
        ("GET /api/v1/search.json?query=a%20b", search("a b", 0)),
        ("GET /api/v1/search.json?query=x&page=3", search("x", 60)),
        ("GET /api/v1/search.json?page=0", search("", 0)),
        ("GET /api/v1/profile/me.yaml", Route::Profile(Format::Yaml)),
        ("GET /api/v1/profile/me.json", Route::Profile(Format::Json)),
        ("GET /api/v1/dependencies?gems=a", Route::Dependencies),
        ("GET /api/v1/api_key", Route::OldKey),
    ] {
        assert_eq!(parse(request).unwrap(), expected, "{request}");
    }
}

#[test]
fn what_is_written() {
    let yank = |yanked, query: &str| Route::Yank {
        yanked,
        query: query.to_owned(),
    };
    let owners = |add| Route::ChangeOwners {
        name: gem("a"),
        add,
        query: "email=x".to_owned(),
    };
    for (request, expected, label) in [
        ("POST /api/v1/gems", Route::Push, "push"),
        ("DELETE /api/v1/gems/yank", yank(true, ""), "yank"),
        (
            "DELETE /api/v1/gems/yank?gem_name=a",
            yank(true, "gem_name=a"),
            "yank",
        ),
        ("PUT /api/v1/gems/unyank", yank(false, ""), "unyank"),
        (
            "POST /api/v1/gems/a/owners?email=x",
            owners(true),
            "add-owner",
        ),
        (
            "DELETE /api/v1/gems/a/owners?email=x",
            owners(false),
            "remove-owner",
        ),
        ("POST /api/v1/api_key", Route::NewKey, "new-key"),
        ("PUT /api/v1/api_key", Route::WidenKey, "widen-key"),
    ] {
        let route = parse(request).unwrap();
        assert_eq!((route.label(), route), (label, expected), "{request}");
    }
}

#[test]
fn what_is_not_there() {
    for request in [
        "GET /info",
        "GET /info/a/b",
        "GET /info/-a",
        "GET /info/a%2Fb",
        "GET /info/%C3%A4",
        "GET /specs.4.8",
        "GET /quick/Marshal.4.8/a-1.0",
        "GET /quick/a-1.0.gemspec.rz",
        "GET /gems/a-1.0",
        "GET /api",
        "GET /api/v1",
        "GET /api/v1/gems/a",
        "GET /api/v1/gems/..json",
        "GET /api/v1/versions/a",
        "GET /api/v1/web_hooks",
        "GET /api/v2/rubygems/a/versions/1.0",
    ] {
        let kind = parse(request).map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::NotFound), "{request}");
    }
    for request in [
        "POST /",
        "POST /versions",
        "PUT /info/a",
        "DELETE /gems/a-1.0.gem",
        "GET /api/v1/gems",
        "PUT /api/v1/gems/yank",
        "DELETE /api/v1/gems/unyank",
        "DELETE /api/v1/gems/a.json",
        "PATCH /api/v1/gems/a/owners",
        "POST /api/v1/gems/a/owners.json",
        "DELETE /api/v1/api_key",
        "HEAD /api/v1/api_key",
        "POST /api/v1/search.json",
    ] {
        let kind = parse(request).map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::MethodNotAllowed), "{request}");
    }
    let kind = parse("GET /info/%ff").map_err(|error| error.kind());
    assert_eq!(kind, Err(ErrorKind::InvalidName));
}
