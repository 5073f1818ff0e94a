use expect_test::{Expect, expect};
use http::Method;

use super::Route;

fn shown(method: &Method, target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    match Route::parse(method, path, query) {
        Ok(Route::Elsewhere { location }) => format!("-> {location}"),
        Ok(route) => {
            let mut text = route.label().to_owned();
            let values = match &route {
                Route::Index { format } => vec![format.clone().unwrap_or_default()],
                Route::Project { project, format } => {
                    vec![project.to_string(), format.clone().unwrap_or_default()]
                }
                Route::File { project, file } | Route::Metadata { project, file } => {
                    vec![project.to_string(), file.clone()]
                }
                Route::Provenance {
                    project,
                    version,
                    file,
                } => vec![project.to_string(), version.to_string(), file.clone()],
                Route::ProjectJson { project }
                | Route::SetStatus { project }
                | Route::ClearStatus { project } => vec![project.to_string()],
                Route::ReleaseJson { project, version } => {
                    vec![project.to_string(), version.to_string()]
                }
                Route::Yank(target) | Route::Unyank(target) | Route::Delete(target) => vec![
                    target.project.to_string(),
                    target.version.to_string(),
                    target.file.clone().unwrap_or_default(),
                ],
                Route::Upload | Route::Elsewhere { .. } => Vec::new(),
            };
            for value in values.into_iter().filter(|value| !value.is_empty()) {
                text += " ";
                text += &value;
            }
            text
        }
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn check(method: Method, targets: &[&str], expected: &Expect) {
    let lines = targets
        .iter()
        .map(|target| format!("{target} {}\n", shown(&method, target)));
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn what_is_read() {
    let targets = [
        "/simple/",
        "/simple",
        "/simple?format=x",
        "/simple/?format=application/vnd.pypi.simple.v1+json",
        "/simple/?a=b&format=application%2Fvnd.pypi.simple.v1%2Bhtml",
        "/simple/foo/",
        "/simple/foo",
        "/simple/Foo.Bar/?x",
        "/simple/Foo.Bar",
        "/simple/json/",
        "/simple/%66oo/",
        "/simple//",
        "/simple/a%2Fb/",
        "/simple/foo/bar",
        "/packages/foo/foo-1.0.tar.gz",
        "/packages/Foo/foo-1.0-py3-none-any.whl.metadata",
        "/packages/foo/",
        "/packages/foo",
        "/packages/foo/a/b",
        "/integrity/foo/1.0/foo-1.0.tar.gz/provenance",
        "/integrity/foo/x/foo-1.0.tar.gz/provenance",
        "/foo/json",
        "/foo/json/",
        "/foo/1.0/json",
        "/Foo/json",
        "/Foo/json/",
        "/pypi/Foo/1.0/json/",
        "/Foo/v1.0/json",
        "/pypi/foo/json",
        "/pypi/foo/1.0/json",
        "/pypi/simple/json",
        "/pypi/json",
        "/pypi/pypi/json",
        "/pypi/pypi/1.0/json",
        "/foo/x/json",
        "/foo",
        "/foo/",
        "/favicon.ico",
        "/api/yank/foo/1.0",
        "/",
        "/legacy/",
        "/pypi",
    ];
    check(
        Method::GET,
        &targets,
        &expect![[r#"
            /simple/ index
            /simple -> simple/
            /simple?format=x -> simple/?format=x
            /simple/?format=application/vnd.pypi.simple.v1+json index application/vnd.pypi.simple.v1+json
            /simple/?a=b&format=application%2Fvnd.pypi.simple.v1%2Bhtml index application/vnd.pypi.simple.v1+html
            /simple/foo/ project foo
            /simple/foo -> foo/
            /simple/Foo.Bar/?x -> ../foo-bar/?x
            /simple/Foo.Bar -> foo-bar/
            /simple/json/ project json
            /simple/%66oo/ project foo
            /simple// NotFound
            /simple/a%2Fb/ NotFound
            /simple/foo/bar NotFound
            /packages/foo/foo-1.0.tar.gz file foo foo-1.0.tar.gz
            /packages/Foo/foo-1.0-py3-none-any.whl.metadata metadata foo foo-1.0-py3-none-any.whl
            /packages/foo/ file foo
            /packages/foo NotFound
            /packages/foo/a/b NotFound
            /integrity/foo/1.0/foo-1.0.tar.gz/provenance provenance foo 1.0 foo-1.0.tar.gz
            /integrity/foo/x/foo-1.0.tar.gz/provenance NotFound
            /foo/json project_json foo
            /foo/json/ project_json foo
            /foo/1.0/json release_json foo 1.0
            /Foo/json -> ../foo/json
            /Foo/json/ -> ../../foo/json
            /pypi/Foo/1.0/json/ -> ../../../foo/1.0/json
            /Foo/v1.0/json -> ../../foo/1.0/json
            /pypi/foo/json project_json foo
            /pypi/foo/1.0/json release_json foo 1.0
            /pypi/simple/json project_json simple
            /pypi/json project_json pypi
            /pypi/pypi/json project_json pypi
            /pypi/pypi/1.0/json release_json pypi 1.0
            /foo/x/json NotFound
            /foo NotFound
            /foo/ NotFound
            /favicon.ico NotFound
            /api/yank/foo/1.0 MethodNotAllowed
            / MethodNotAllowed
            /legacy/ MethodNotAllowed
            /pypi MethodNotAllowed
        "#]],
    );
    for target in targets {
        let (get, head) = (shown(&Method::GET, target), shown(&Method::HEAD, target));
        assert_eq!(get, head);
    }
}

#[test]
fn what_is_written() {
    let targets = [
        "/",
        "/legacy",
        "/legacy/",
        "/pypi",
        "/pypi/",
        "/simple/",
        "/simple",
        "/simple/foo/",
        "/packages/foo/foo-1.0.tar.gz",
        "/foo/json",
        "/api/yank/foo/1.0",
        "/api/status/foo",
        "/legacy/x",
    ];
    check(
        Method::POST,
        &targets,
        &expect![[r#"
        / upload
        /legacy upload
        /legacy/ upload
        /pypi upload
        /pypi/ upload
        /simple/ MethodNotAllowed
        /simple MethodNotAllowed
        /simple/foo/ MethodNotAllowed
        /packages/foo/foo-1.0.tar.gz MethodNotAllowed
        /foo/json MethodNotAllowed
        /api/yank/foo/1.0 MethodNotAllowed
        /api/status/foo MethodNotAllowed
        /legacy/x NotFound
    "#]],
    );
    let targets = [
        "/api/yank/Foo/v1.0",
        "/api/yank/foo/1.0/foo-1.0.tar.gz",
        "/api/yank/foo/1.0/",
        "/api/yank/foo/x",
        "/api/yank/foo",
        "/api/files/foo/1.0",
        "/api/status/foo",
        "/legacy/",
    ];
    check(
        Method::PUT,
        &targets,
        &expect![[r#"
        /api/yank/Foo/v1.0 yank foo 1.0
        /api/yank/foo/1.0/foo-1.0.tar.gz yank foo 1.0 foo-1.0.tar.gz
        /api/yank/foo/1.0/ NotFound
        /api/yank/foo/x InvalidName
        /api/yank/foo NotFound
        /api/files/foo/1.0 MethodNotAllowed
        /api/status/foo set_status foo
        /legacy/ MethodNotAllowed
    "#]],
    );
    let targets = [
        "/api/yank/foo/1.0/foo-1.0.tar.gz",
        "/api/files/foo/1.0",
        "/api/files/foo/1.0/foo-1.0.tar.gz",
        "/api/status/foo",
        "/simple/foo/",
    ];
    check(
        Method::DELETE,
        &targets,
        &expect![[r#"
        /api/yank/foo/1.0/foo-1.0.tar.gz unyank foo 1.0 foo-1.0.tar.gz
        /api/files/foo/1.0 delete foo 1.0
        /api/files/foo/1.0/foo-1.0.tar.gz delete foo 1.0 foo-1.0.tar.gz
        /api/status/foo clear_status foo
        /simple/foo/ MethodNotAllowed
    "#]],
    );
}
