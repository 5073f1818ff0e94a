use expect_test::expect;

use crate::{fixture::Gem, pushed, text, writer, yanked};

#[tokio::test]
async fn pages_of_gems_and_versions() {
    let client = writer();
    pushed(&client, &Gem::new("foo", "1.9")).await;
    let gem = Gem::new("foo", "1.10").with(
        "metadata: {}",
        "metadata:\n  source_code_uri: https://example.com/source",
    );
    pushed(&client, &gem).await;
    pushed(&client, &Gem::new("foo", "1.10").on("java")).await;
    pushed(&client, &Gem::new("foo", "2.0.rc1")).await;
    let mut page = client.get("/rubygems/api/v1/gems/foo.json").await.json();
    assert_eq!(page["sha"], gem.sha256());
    page["sha"] = "…".into();
    page["spec_sha"] = "…".into();
    expect![[r#"
        {
          "authors": "Ann",
          "bug_tracker_uri": null,
          "changelog_uri": null,
          "dependencies": {
            "development": [],
            "runtime": []
          },
          "documentation_uri": null,
          "funding_uri": null,
          "gem_uri": "http://test/rubygems/gems/foo-1.10.gem",
          "homepage_uri": "https://example.com/it",
          "info": "What it is, in more words.",
          "licenses": [
            "MIT"
          ],
          "mailing_list_uri": null,
          "metadata": {
            "source_code_uri": "https://example.com/source"
          },
          "name": "foo",
          "platform": "ruby",
          "project_uri": "http://test/rubygems/api/v1/gems/foo.json",
          "sha": "…",
          "source_code_uri": "https://example.com/source",
          "spec_sha": "…",
          "version": "1.10",
          "version_created_at": "2026-01-02T03:04:05Z",
          "wiki_uri": null,
          "yanked": false
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&page).unwrap());
    let rows = client
        .get("/rubygems/api/v1/versions/foo.json")
        .await
        .json();
    let shown: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let [number, platform, prerelease, created] =
                ["number", "platform", "prerelease", "created_at"].map(|key| row[key].to_string());
            assert_eq!(row["sha"].as_str().unwrap().len(), 64);
            format!("{number} {platform} {prerelease} {created}")
        })
        .collect();
    expect![[r#"
        [
            "\"2.0.rc1\" \"ruby\" true \"2026-01-02T03:04:05Z\"",
            "\"1.10\" \"ruby\" false \"2026-01-02T03:04:05Z\"",
            "\"1.10\" \"java\" false \"2026-01-02T03:04:05Z\"",
            "\"1.9\" \"ruby\" false \"2026-01-02T03:04:05Z\"",
        ]"#]]
    .assert_eq(&format!("{shown:#?}"));
    let latest = text(&client, "/api/v1/versions/foo/latest.json").await;
    assert_eq!(latest, r#"{"version":"1.10"}"#);
    let version = client
        .get("/rubygems/api/v2/rubygems/foo/versions/1.10.json?platform=java")
        .await
        .json();
    assert_eq!(version["platform"], "java");
    assert_eq!(
        version["gem_uri"],
        "http://test/rubygems/gems/foo-1.10-java.gem"
    );
    yanked(&client, "gem_name=foo&version=1.9").await;
    let path = "/rubygems/api/v2/rubygems/foo/versions/1.9.json";
    assert_eq!(client.get(path).await.status, 404);
    assert_eq!(
        client.get("/rubygems/api/v1/gems/FOO.json").await.status,
        404
    );
}

#[tokio::test]
async fn search() {
    let client = writer();
    pushed(&client, &Gem::new("Foo-bar", "1.0")).await;
    pushed(&client, &Gem::new("other", "1.0")).await;
    let found = async |query: &str| {
        let path = format!("/rubygems/api/v1/search.json?query={query}");
        let found = client.get(&path).await.json();
        let names = found.as_array().unwrap().iter();
        let names: Vec<_> = names
            .map(|gem| gem["name"].as_str().unwrap().to_owned())
            .collect();
        names
    };
    assert_eq!(found("FOO").await, ["Foo-bar"]);
    assert_eq!(found("more%20words").await.len(), 2);
    assert_eq!(found("nothing").await.len(), 0);
    yanked(&client, "gem_name=Foo-bar&version=1.0").await;
    assert_eq!(found("foo").await.len(), 0);
}

#[tokio::test]
async fn a_search_shows_a_little_of_each() {
    let client = writer();
    let many = |what: &str| format!("- {what}\n").repeat(5000);
    let gem = Gem::new("foo", "1.0")
        .with("- Ann\n", &many("Ann"))
        .with("- MIT\n", &many("MIT"))
        .with("- MIT\n", "- ''\n")
        .with("/it\n", &format!("/{}\n", "i".repeat(5000)))
        .with(
            "description: What",
            &format!("description: {} What", "x".repeat(5000)),
        );
    pushed(&client, &gem).await;
    let found = client.get("/rubygems/api/v1/search.json?query=foo").await;
    assert!(found.text().contains("Ann, Ann") && found.text().contains("MIT"));
    assert!(found.body.len() < 2000, "{}", found.text());
}

#[tokio::test]
async fn what_has_gone_away() {
    let client = writer();
    let answer = client.get("/rubygems/api/v1/dependencies?gems=foo").await;
    assert_eq!(answer.status, 404);
    assert!(
        answer
            .text()
            .starts_with("The dependency API has gone away.")
    );
}
