//! Search in the form of Solr.

use super::*;

async fn found(client: &Client, query: &str) -> (u64, Vec<String>) {
    let answer = client
        .get(&format!("/maven/solrsearch/select?wt=json&{query}"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let response = &answer.json()["response"];
    let docs = response["docs"].as_array().unwrap();
    let ids = docs
        .iter()
        .map(|doc| doc["id"].as_str().unwrap().to_owned());
    (response["numFound"].as_u64().unwrap(), ids.collect())
}

#[tokio::test]
async fn artifacts_and_versions() {
    let client = writer();
    for version in ["1.0", "1.1"] {
        deploy(&client, version).await;
    }
    put(&client, "org/acme/lib/1.1/lib-1.1-sources.jar", "x").await;
    put(&client, "com/other/lib-extra/1/lib-extra-1.war", "x").await;
    for (query, expected) in [
        ("q=lib", "org.acme:lib com.other:lib-extra"),
        ("q=acme", "org.acme:lib"),
        ("q=a:lib", "org.acme:lib"),
        ("q=a:lib*", "org.acme:lib com.other:lib-extra"),
        ("q=g:org.acme+AND+a:lib", "org.acme:lib"),
        ("q=g:%22org.acme%22+AND+a:%22lib%22", "org.acme:lib"),
        ("q=g:org.acm", ""),
        ("q=g:org.*", "org.acme:lib"),
        ("q=l:sources", "org.acme:lib"),
        ("q=p:war", ""),
        ("q=fc:some.Class", ""),
        ("q=none", ""),
    ] {
        let (total, mut ids) = found(&client, query).await;
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        ids.sort();
        expected.sort_unstable();
        assert_eq!(ids, expected, "{query}");
        assert_eq!(total, expected.len() as u64);
    }
    for (query, total, expected) in [
        (
            "q=g:org.acme&core=gav",
            2,
            "org.acme:lib:1.1 org.acme:lib:1.0",
        ),
        ("q=g:org.acme+AND+v:1.0&core=gav", 1, "org.acme:lib:1.0"),
        ("q=lib&core=gav&start=1&rows=1", 3, "org.acme:lib:1.1"),
        (
            "q=lib&core=gav&rows=2",
            3,
            "com.other:lib-extra:1 org.acme:lib:1.1",
        ),
        ("q=lib&core=gav&start=2&rows=5", 3, "org.acme:lib:1.0"),
        ("q=lib&core=gav&start=3", 3, ""),
        ("q=*:*&rows=1", 2, "com.other:lib-extra"),
        ("q=*:*&rows=0", 2, ""),
    ] {
        let (count, ids) = found(&client, query).await;
        assert_eq!(
            (count, ids.join(" ")),
            (total, expected.to_owned()),
            "{query}"
        );
    }
    let answer = client
        .get("/maven/solrsearch/select?q=a:lib&wt=json")
        .await
        .json();
    let doc = &answer["response"]["docs"][0];
    assert_eq!(doc["latestVersion"], "1.1");
    assert_eq!(doc["versionCount"], 2);
    assert_eq!(doc["p"], "jar");
    assert_eq!(doc["timestamp"], 1767323045678_u64);
    assert_eq!(
        doc["ec"],
        serde_json::json!(["-sources.jar", ".jar", ".pom"])
    );
    // Nobody finds what they may not read.
    let stranger = registry(Arc::new(Memory::default()), MavenConfig::default(), None).0;
    deploy(&stranger.token("writer"), "1.0").await;
    assert_eq!(found(&stranger.token("stranger"), "q=lib").await.0, 0);
    assert_eq!(
        found(&stranger.token("stranger"), "q=lib&core=gav").await.0,
        0
    );
    assert_eq!(found(&stranger.token("reader"), "q=lib").await.0, 1);
}
