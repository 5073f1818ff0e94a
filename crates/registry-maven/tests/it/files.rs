//! Files, their checksums, and what may be put where.

use registry_core::{digest::Algorithm, storage::Memory};
use registry_maven::{MavenConfig, Policy};

use super::*;

const JAR: &str = "org/acme/lib/1.0/lib-1.0.jar";

#[tokio::test]
async fn a_file_and_all_its_checksums() {
    let client = writer();
    assert_eq!(put(&client, JAR, "hello").await, 201);
    let answer = get(&client, JAR).await;
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.header("content-type"), "application/java-archive");
    assert_eq!(answer.header("content-length"), "5");
    assert_eq!(
        answer.header("last-modified"),
        "Fri, 02 Jan 2026 03:04:06 GMT"
    );
    for algorithm in SUMS {
        let name = algorithm.as_str();
        let expected = sum(algorithm, b"hello");
        assert_eq!(text(&client, &format!("{JAR}.{name}")).await, expected);
        let field = match algorithm {
            Algorithm::Md5 => "x-checksum-md5",
            Algorithm::Sha1 => "x-checksum-sha1",
            Algorithm::Sha256 => "x-checksum-sha256",
            _ => "x-checksum-sha512",
        };
        assert_eq!(answer.header(field), expected);
    }
    assert_eq!(status(&client, "org/acme/lib/1.0/lib-1.0.war").await, 404);
    assert_eq!(status(&client, "org/acme/lib/1.0/other-1.0.jar").await, 404);
}

#[tokio::test]
async fn downloads_go_on_where_they_broke_off() {
    let client = writer();
    put(&client, JAR, "0123456789").await;
    let path = format!("/maven/{JAR}");
    let since = client.get(&path).await.header("last-modified").to_owned();
    let resumed = client.header("range", "bytes=4-");
    let answer = resumed
        .header("if-unmodified-since", &since)
        .get(&path)
        .await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (206, "456789"));
    assert_eq!(answer.header("content-range"), "bytes 4-9/10");
    let before = "Fri, 02 Jan 2026 03:04:05 GMT";
    let answer = resumed
        .header("if-unmodified-since", before)
        .get(&path)
        .await;
    assert_eq!(answer.status, 412);
    let answer = client.header("if-modified-since", &since).get(&path).await;
    assert_eq!(answer.status, 304);
    let answer = client.header("range", "bytes=10-").get(&path).await;
    assert_eq!(answer.status, 416);
}

#[tokio::test]
async fn a_release_does_not_change() {
    let client = writer();
    deploy(&client, "1.0").await;
    let before = get(&client, JAR).await;
    assert_eq!(put(&client, JAR, "jar 1.0").await, 200);
    let after = get(&client, JAR).await;
    for field in ["etag", "last-modified"] {
        assert_eq!(before.header(field), after.header(field));
    }
    for other in ["jar 1.1", "jar", "jar 1.0 and more", ""] {
        let answer = client.put(&format!("/maven/{JAR}"), other).await;
        assert_eq!(
            refusal(&answer),
            "409 lib-1.0.jar is already there with other content, and cannot change; release \
             another version"
        );
    }
    let base = "org/acme/lib/1.0/lib-1.0";
    for more in [
        "-sources.jar",
        ".jar.asc",
        ".pom.sigstore.json",
        "-cli.tar.gz",
    ] {
        assert_eq!(put(&client, &format!("{base}{more}"), "more").await, 201);
    }
}

#[tokio::test]
async fn checksums_are_compared_whichever_comes_first() {
    let client = writer();
    put(&client, JAR, "hello").await;
    let right = sum(Algorithm::Sha1, b"hello");
    assert_eq!(
        put(&client, &format!("{JAR}.sha1"), right.to_uppercase()).await,
        200
    );
    let wrong = sum(Algorithm::Sha1, b"other");
    let answer = client
        .put(&format!("/maven/{JAR}.sha1"), wrong.clone())
        .await;
    assert_eq!(answer.status, 400);
    assert!(refusal(&answer).contains(&format!("its checksum file says {wrong}")));
    assert_eq!(text(&client, &format!("{JAR}.sha1")).await, right);

    let war = "org/acme/lib/1.0/lib-1.0.war";
    assert_eq!(put(&client, &format!("{war}.sha1"), wrong).await, 201);
    assert_eq!(status(&client, &format!("{war}.sha1")).await, 404);
    let answer = client.put(&format!("/maven/{war}"), "hello").await;
    assert_eq!(answer.status, 400);
    assert_eq!(status(&client, war).await, 404);
    put(
        &client,
        &format!("{war}.sha1"),
        format!("{right}  lib-1.0.war\n"),
    )
    .await;
    assert_eq!(put(&client, war, "hello").await, 201);
    let answer = client
        .put(&format!("/maven/{war}.md5"), "no checksum")
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_deleted_file_stays_burned() {
    let client = writer();
    deploy(&client, "1.0").await;
    let path = format!("/maven/{JAR}");
    assert_eq!(client.token("reader").delete(&path).await.status, 403);
    let admin = client.token("admin");
    let answer = admin.delete("/maven/org/acme/lib/1.0").await;
    assert!(refusal(&answer).ends_with("a version is removed by GROUP/ARTIFACT/VERSION/"));
    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(admin.delete(&path).await.status, 404);
    assert_eq!(status(&client, JAR).await, 404);
    assert_eq!(status(&client, &format!("{JAR}.sha1")).await, 404);
    for body in ["jar 1.0", "other"] {
        let answer = client.put(&path, body).await;
        assert!(refusal(&answer).starts_with("409 lib-1.0.jar was deleted"));
    }
    assert!(
        text(&client, "org/acme/lib/maven-metadata.xml")
            .await
            .contains("<version>1.0</version>")
    );
    assert_eq!(admin.delete("/maven/org/acme/lib/1.0/").await.status, 204);
    assert_eq!(
        status(&client, "org/acme/lib/maven-metadata.xml").await,
        404
    );
    assert_eq!(status(&client, "org/acme/lib/").await, 404);
    assert_eq!(admin.delete("/maven/org/acme/lib/1.0/").await.status, 404);
    assert_eq!(put(&admin, JAR, "other").await, 201);
}

#[tokio::test]
async fn what_a_mount_has_is_its_policy() {
    for (policy, version, name) in [
        (Policy::Release, "1-SNAPSHOT", "RELEASE"),
        (Policy::Snapshot, "1", "SNAPSHOT"),
    ] {
        let config = MavenConfig {
            policy,
            ..MavenConfig::default()
        };
        let client = writer_of(config);
        let path = format!("org/acme/lib/{version}/lib-{version}.jar");
        let answer = client.put(&format!("/maven/{path}"), "x").await;
        assert_eq!(
            refusal(&answer),
            format!("400 Repository version policy: {name} does not allow version: {version}")
        );
        assert_eq!(status(&client, &path).await, 404);
    }
}

#[tokio::test]
async fn a_pom_is_of_its_path() {
    let client = writer();
    let at = "/maven/org/acme/lib/1.0/lib-1.0.pom";
    for (body, said) in [
        (pom("org.acme", "lib", "1.1"), "version"),
        (pom("org.acme", "bil", "1.0"), "artifactId"),
        (pom("org.other", "lib", "1.0"), "groupId"),
        ("<html></html>".to_owned(), "no POM"),
        (
            format!("<!DOCTYPE project>{}", pom("org.acme", "lib", "1.0")),
            "DOCTYPE",
        ),
        ("<project>".to_owned(), "ends too early"),
        (String::new(), "empty"),
        ("{}".to_owned(), "POM"),
    ] {
        let answer = client.put(at, body).await;
        assert_eq!(answer.status, 400, "{said}");
        assert!(refusal(&answer).contains(said), "{said}: {}", answer.text());
    }
    assert_eq!(client.get(at).await.status, 404);
    assert_eq!(
        status(&client, "org/acme/lib/maven-metadata.xml").await,
        404
    );
    put(
        &client,
        "org/acme/lib/1.0/lib-1.0.pom",
        pom("org.acme", "lib", "${revision}"),
    )
    .await;
    let answer = client.put("/maven/org/acme/lib/1.0/lib-1.0.jar", "").await;
    assert!(refusal(&answer).starts_with("400 lib-1.0.jar is empty"));
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_comes() {
    let config = MavenConfig {
        max_file: 10,
        ..MavenConfig::default()
    };
    let client = writer_of(config);
    let answer = client.put(&format!("/maven/{JAR}"), "12345678901").await;
    assert!(refusal(&answer).starts_with("413 lib-1.0.jar is too large"));
}

#[tokio::test]
async fn who_may_what() {
    let (nobody, _) = registry(Arc::new(Memory::default()), MavenConfig::default(), None);
    let path = format!("/maven/{JAR}");
    let writer = nobody.token("writer");
    put(&writer, JAR, "hello").await;
    let metadata = "/maven/org/acme/lib/maven-metadata.xml";
    for at in [
        &*path,
        metadata,
        "/maven/org/acme/",
        "/maven/org/none/x/1/x-1.jar",
    ] {
        let answer = nobody.get(at).await;
        assert_eq!(answer.status, 401, "{at}");
        assert_eq!(
            answer.header("www-authenticate"),
            "Basic realm=\"registry\""
        );
        // What may not be read is not there.
        assert_eq!(nobody.token("stranger").get(at).await.status, 404, "{at}");
    }
    assert_eq!(nobody.token("reader").get(&path).await.text(), "hello");
    assert_eq!(nobody.put(&path, "hello").await.status, 401);
    for user in ["reader", "looker", "stranger"] {
        assert_eq!(
            nobody.token(user).put(&path, "hello").await.status,
            403,
            "{user}"
        );
        let body = "<metadata/>";
        assert_eq!(
            nobody.token(user).put(metadata, body).await.status,
            403,
            "{user}"
        );
    }
    let basic = nobody.header("authorization", "Basic d3JpdGVyOndyaXRlcg==");
    assert_eq!(basic.get(&path).await.status, 200);
}

#[tokio::test]
async fn folders_are_listed() {
    let client = writer();
    deploy(&client, "1.0").await;
    put(
        &client,
        "org/acme/other/2-SNAPSHOT/other-2-SNAPSHOT.jar",
        "x",
    )
    .await;
    for (folder, there) in [
        ("", &["org/"][..]),
        ("org/", &["../", "acme/"]),
        ("org/acme/", &["../", "lib/", "other/"]),
        (
            "org/acme/lib/",
            &[
                "../",
                "1.0/",
                "maven-metadata.xml",
                "maven-metadata.xml.sha1",
            ],
        ),
        (
            "org/acme/lib/1.0/",
            &[
                "../",
                "lib-1.0.jar",
                "lib-1.0.jar.md5",
                "lib-1.0.pom",
                "lib-1.0.pom.sha512",
            ],
        ),
        ("org/acme/other/2-SNAPSHOT/", &["other-2-SNAPSHOT.jar"]),
    ] {
        let page = text(&client, folder).await;
        for name in there {
            assert!(
                page.contains(&format!("<a href=\"{name}\">{name}</a>")),
                "{folder} {name}"
            );
        }
    }
    let answer = get(&client, "org/acme").await;
    assert!(answer.text().contains("a folder has a slash at its end"));
    let answer = client.put("/maven//org/acme/lib/1/lib-1.jar", "x").await;
    assert!(refusal(&answer).starts_with("400 the path has an empty part"));
    for none in [
        "com/",
        "org/acm/",
        "org/acme/lib/1.1/",
        "org/acme/lib/1.0/x/",
        "a%20b/",
    ] {
        assert_eq!(status(&client, none).await, 404, "{none}");
    }
}
