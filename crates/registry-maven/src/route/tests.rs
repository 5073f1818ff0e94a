use super::*;

fn parsed(line: &str) -> String {
    let (method, address) = line.split_once(' ').unwrap();
    let (path, query) = match address.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (address, None),
    };
    match Route::parse(&method.parse().unwrap(), path, query) {
        Ok(route) => {
            let what = match &route {
                Route::File(path) | Route::PutFile(path) | Route::DeleteFile(path) => {
                    let sum = path.checksum.map(|sum| format!(" {}", sum.as_str()));
                    format!("{}{}", path.path(), sum.unwrap_or_default())
                }
                Route::Metadata(folder, sum) | Route::PutMetadata(folder, sum) => {
                    format!("{} {sum:?}", folder.join("/"))
                }
                Route::Folder(folder) => folder.join("/"),
                other => format!("{other:?}"),
            };
            format!("{}: {what}", route.label())
        }
        Err(error) => {
            let allow = error.headers().map(|(_, value)| format!(" {value:?}"));
            format!("{:?}{}", error.kind(), allow.collect::<String>())
        }
    }
}

#[test]
fn routes() {
    for (asked, expected) in [
        (
            "GET /org/acme/lib/1.0/lib-1.0.jar",
            "file: org/acme/lib/1.0/lib-1.0.jar",
        ),
        ("HEAD /a/b/1/b-1.pom.sha1", "file: a/b/1/b-1.pom sha1"),
        ("PUT /a/b/1+x/b-1+x.pom", "put-file: a/b/1+x/b-1+x.pom"),
        ("PUT /a/b/1%2Bx/b-1+x.pom", "put-file: a/b/1+x/b-1+x.pom"),
        ("PUT /a/b/1/b-1.pom.md5", "put-file: a/b/1/b-1.pom md5"),
        ("DELETE /a/b/1/b-1.pom", "delete-file: a/b/1/b-1.pom"),
        (
            "DELETE /a/b/1/b-1.pom.md5",
            "MethodNotAllowed \"GET, HEAD, PUT\"",
        ),
        (
            "POST /a/b/1/b-1.pom",
            "MethodNotAllowed \"GET, HEAD, PUT, DELETE\"",
        ),
        (
            "DELETE /a/b/1/",
            "delete-version: DeleteVersion(GroupId(\"a\"), ArtifactId(\"b\"), VersionName(\"1\"))",
        ),
        ("DELETE /a/b/", "MethodNotAllowed \"GET, HEAD\""),
        ("GET /a/b/maven-metadata.xml", "metadata: a/b None"),
        (
            "PUT /a/maven-metadata.xml.sha512",
            "put-metadata: a Some(Sha512)",
        ),
        (
            "DELETE /a/b/maven-metadata.xml",
            "MethodNotAllowed \"GET, HEAD, PUT\"",
        ),
        ("GET /", "folder: "),
        ("GET /a/b/", "folder: a/b"),
        ("GET /a/b", "NotFound"),
        ("GET /.meta/prefixes.txt", "NotFound"),
        ("GET /archetype-catalog.xml", "NotFound"),
        ("PUT /archetype-catalog.xml", "InvalidName"),
        ("PUT /a/b/1/c-1.pom", "InvalidName"),
        ("PUT /a/b/1/../1/b-1.pom", "InvalidName"),
        ("PUT /a//b/1/b-1.pom", "InvalidName"),
        ("PUT /a/b%2f/1/b-1.pom", "InvalidName"),
        ("PUT /a/b/1 0/b-1 0.pom", "InvalidName"),
        ("PUT /a/b/1%ff/b-1.pom", "InvalidName"),
        ("GET /a/b/1%200/b-1%200.pom", "NotFound"),
        (
            "GET /solrsearch/select?q=g:a+AND+a:b&rows=999&core=gav&start=3",
            "search: Search(SearchQuery { text: \"g:a AND a:b\", versions: true, from: 3, size: 200 })",
        ),
        (
            "POST /api/v1/publisher/upload?name=x&publishingType=AUTOMATIC",
            "bundle: Bundle(BundleQuery { name: \"x\", automatic: true })",
        ),
        ("POST /api/v1/publisher/upload?publishingType=X", "Invalid"),
        (
            "POST /api/v1/publisher/status?id=7",
            "bundle-status: BundleStatus(\"7\")",
        ),
        ("POST /api/v1/publisher/status", "Invalid"),
        (
            "POST /api/v1/publisher/deployment/7",
            "publish-bundle: PublishBundle(\"7\")",
        ),
        (
            "DELETE /api/v1/publisher/deployment/7",
            "drop-bundle: DropBundle(\"7\")",
        ),
        ("DELETE /a/b/c/1", "InvalidName"),
        (
            "GET /api/v1/publisher/published?namespace=a.b&name=c&version=1",
            "is-published: IsPublished(Component { group: GroupId(\"a.b\"), artifact: \
             ArtifactId(\"c\"), version: VersionName(\"1\") })",
        ),
        (
            "GET /api/v1/publisher/published?namespace=a.b&name=c",
            "Invalid",
        ),
        ("GET /api/v1/publisher/deployment/7/download/a", "NotFound"),
        (
            "GET /api/v1/publisher/deployments/download/a/b/1/",
            "NotFound",
        ),
        (
            "PUT /api/v1/publisher/deployments/download/a/b/1/b-1.pom",
            "MethodNotAllowed \"GET, HEAD\"",
        ),
        (
            "POST /api/v1/prune?keep=2&dry-run=true",
            "prune: Prune(PruneQuery { keep: Some(2), older_than: None, dry_run: true })",
        ),
        ("POST /api/v1/prune", "Invalid"),
        ("POST /api/v1/prune?keep=x", "Invalid"),
    ] {
        assert_eq!(parsed(asked), expected, "{asked}");
    }
}
