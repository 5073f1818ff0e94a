//! Metadata, which is the registry's, and snapshots.

use registry_core::digest::Algorithm;

use super::*;

const METADATA: &str = "org/acme/lib/maven-metadata.xml";

/// The metadata at a path, once it was compared with its checksums.
async fn metadata(client: &Client, path: &str) -> String {
    let answer = get(client, path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for algorithm in SUMS {
        let expected = sum(algorithm, &answer.body);
        let name = algorithm.as_str();
        assert_eq!(text(client, &format!("{path}.{name}")).await, expected);
        let field = format!("x-checksum-{name}");
        assert_eq!(answer.header(&field), expected);
    }
    answer.text()
}

fn elements<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after = text.split(&*open).skip(1);
    after
        .map(|rest| rest.split(&*close).next().unwrap())
        .collect()
}

#[tokio::test]
async fn versions_are_listed_in_order() {
    let client = writer();
    assert_eq!(status(&client, METADATA).await, 404);
    for version in ["1.10", "1.9", "2.0-alpha", "1.9.1", "2.0-SNAPSHOT"] {
        deploy(&client, version).await;
    }
    let text = metadata(&client, METADATA).await;
    let versions = ["1.9", "1.9.1", "1.10", "2.0-alpha", "2.0-SNAPSHOT"];
    assert_eq!(elements(&text, "version"), versions);
    assert_eq!(elements(&text, "latest"), ["2.0-SNAPSHOT"]);
    assert_eq!(elements(&text, "release"), ["2.0-alpha"]);
    assert_eq!(elements(&text, "lastUpdated"), ["20260102030405"]);
}

#[tokio::test]
async fn what_clients_put_there_is_taken_and_not_believed() {
    let client = writer();
    deploy(&client, "1.0").await;
    let before = metadata(&client, METADATA).await;
    let body = "<metadata><groupId>org.acme</groupId><artifactId>lib</artifactId><versioning>\
                <versions><version>9.9</version></versions></versioning></metadata>";
    put(&client, METADATA, body).await;
    put(
        &client,
        &format!("{METADATA}.sha1"),
        sum(Algorithm::Sha1, body.as_bytes()),
    )
    .await;
    put(&client, &format!("{METADATA}.md5"), "whatever").await;
    assert_eq!(metadata(&client, METADATA).await, before);
    let answer = client
        .put(&format!("/maven/{METADATA}"), "<metadata>")
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn prefixes_of_plugins_are_kept() {
    let client = writer();
    let at = "org/acme/maven-metadata.xml";
    let plugin = |name: &str, artifact: &str| {
        format!(
            "<plugin><name>{name} &amp; more</name><prefix>{name}</prefix><artifactId>{artifact}</artifactId></plugin>"
        )
    };
    let body = |plugins: &str| format!("<metadata><plugins>{plugins}</plugins></metadata>");
    put(&client, at, body(&plugin("one", "one-maven-plugin"))).await;
    put(&client, at, body(&plugin("two", "two-maven-plugin"))).await;
    let text = metadata(&client, at).await;
    assert_eq!(elements(&text, "prefix"), ["one", "two"]);
    assert_eq!(
        elements(&text, "name"),
        ["one &amp; more", "two &amp; more"]
    );
    // A folder that is an artifact's too has the metadata of both.
    put(&client, "org/acme/1/acme-1.jar", "x").await;
    let text = metadata(&client, at).await;
    assert_eq!(elements(&text, "prefix"), ["one", "two"]);
    assert_eq!(elements(&text, "version"), ["1"]);
}

const SNAPSHOT: &str = "org/acme/lib/2.0-SNAPSHOT";

async fn build(client: &Client, build: &str) {
    let at = format!("{SNAPSHOT}/lib-2.0-{build}");
    put(client, &format!("{at}.jar"), format!("jar {build}")).await;
    put(
        client,
        &format!("{at}.pom"),
        pom("org.acme", "lib", "2.0-SNAPSHOT"),
    )
    .await;
}

#[tokio::test]
async fn builds_of_a_snapshot() {
    let client = writer();
    let at = format!("{SNAPSHOT}/maven-metadata.xml");
    assert_eq!(status(&client, &at).await, 404);
    build(&client, "20260101.101010-1").await;
    let sources = format!("{SNAPSHOT}/lib-2.0-20260101.101010-1-sources.jar");
    put(&client, &sources, "sources").await;
    build(&client, "20260102.101010-10").await;
    build(&client, "20260102.101010-9").await;
    let found = metadata(&client, &at).await;
    assert_eq!(elements(&found, "timestamp"), ["20260102.101010"]);
    assert_eq!(elements(&found, "buildNumber"), ["10"]);
    let values = elements(&found, "value");
    let newest = "2.0-20260102.101010-10";
    assert_eq!(values, [newest, "2.0-20260101.101010-1", newest]);
    // The name without a build is that of the newest.
    let plain = format!("{SNAPSHOT}/lib-2.0-SNAPSHOT");
    assert_eq!(
        text(&client, &format!("{plain}.jar")).await,
        "jar 20260102.101010-10"
    );
    assert_eq!(
        text(&client, &format!("{plain}-sources.jar")).await,
        "sources"
    );
    assert_eq!(
        text(&client, &format!("{plain}.jar.sha1")).await,
        sum(Algorithm::Sha1, b"jar 20260102.101010-10")
    );
    assert_eq!(status(&client, &format!("{plain}-javadoc.jar")).await, 404);
    // A build does not change.
    let path = format!("/maven/{SNAPSHOT}/lib-2.0-20260102.101010-9.jar");
    assert_eq!(client.put(&path, "other").await.status, 409);
}

#[tokio::test]
async fn snapshots_without_builds_are_replaced() {
    let client = writer();
    let jar = format!("{SNAPSHOT}/lib-2.0-SNAPSHOT.jar");
    assert_eq!(put(&client, &jar, "one").await, 201);
    assert_eq!(put(&client, &jar, "two").await, 200);
    assert_eq!(put(&client, &jar, "two").await, 200);
    assert_eq!(text(&client, &jar).await, "two");
    assert_eq!(
        status(&client, &format!("{SNAPSHOT}/maven-metadata.xml")).await,
        404
    );
    let found = metadata(&client, METADATA).await;
    assert_eq!(elements(&found, "version"), ["2.0-SNAPSHOT"]);
    assert_eq!(elements(&found, "release"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_deploys_at_once() {
    let client = writer();
    let deploys = (0..20).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            let version = format!("1.{n}");
            deploy(&client, &version).await;
            let found = text(&client, METADATA).await;
            assert!(elements(&found, "version").contains(&&*version));
        })
    });
    for deploy in deploys.collect::<Vec<_>>() {
        deploy.await.unwrap();
    }
    let found = metadata(&client, METADATA).await;
    let expected: Vec<_> = (0..20).map(|n| format!("1.{n}")).collect();
    assert_eq!(elements(&found, "version"), expected);
}
