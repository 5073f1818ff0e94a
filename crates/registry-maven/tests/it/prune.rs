//! The clean-up of snapshots.

use std::time::Duration;

use registry_core::{auth::Action, storage::Memory};

use super::*;

const DAY: u64 = 24 * 60 * 60;

/// A registry with a build of a snapshot for each of four days, the last of them today.
async fn four_days() -> Client {
    let storage = Arc::new(Memory::default());
    let (client, clock) = registry(storage, MavenConfig::default(), Some(Action::Read));
    let writer = client.token("writer");
    for day in 1..=4 {
        for file in [".jar", "-sources.jar"] {
            let path = format!("org/acme/lib/1-SNAPSHOT/lib-1-2026010{day}.101010-{day}{file}");
            put(&writer, &path, format!("{day}")).await;
        }
        if day < 4 {
            clock.advance(Duration::from_secs(DAY));
        }
    }
    put(&writer, "org/acme/lib/1-SNAPSHOT/lib-1-SNAPSHOT.war", "x").await;
    put(&writer, "org/acme/lib/1/lib-1.jar", "x").await;
    writer
}

async fn prune(client: &Client, query: &str) -> (Vec<String>, u64) {
    let admin = client.token("admin");
    let answer = admin
        .post(&format!("/maven/api/v1/prune?{query}"), "")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let report = answer.json();
    let builds = report["builds"].as_array().unwrap().clone();
    let bytes = builds
        .iter()
        .map(|build| build["bytes"].as_u64().unwrap())
        .sum();
    let builds = builds.iter().map(|build| {
        assert_eq!(
            (&build["artifact"], &build["files"]),
            (&"org.acme:lib".into(), &2.into())
        );
        build["version"].as_str().unwrap().to_owned()
    });
    (builds.collect(), bytes)
}

#[tokio::test]
async fn by_count_and_by_age() {
    let all = [
        "1-20260101.101010-1",
        "1-20260102.101010-2",
        "1-20260103.101010-3",
    ];
    for (query, gone) in [
        ("keep=1".to_owned(), 3),
        ("keep=0".to_owned(), 3),
        ("keep=3".to_owned(), 1),
        ("keep=9".to_owned(), 0),
        (format!("older-than={}", DAY + 1), 2),
        (format!("older-than={}", 9 * DAY), 0),
        ("older-than=0".to_owned(), 3),
        (format!("older-than={}&keep=3", DAY + 1), 1),
        (format!("older-than={}&keep=1", 2 * DAY + 1), 1),
    ] {
        let client = four_days().await;
        let dry = prune(&client, &format!("{query}&dry-run=true")).await;
        let path = |day| format!("org/acme/lib/1-SNAPSHOT/lib-1-2026010{day}.101010-{day}.jar");
        assert_eq!(status(&client, &path(1)).await, 200);
        let done = prune(&client, &query).await;
        assert_eq!(done, dry, "{query}");
        assert_eq!(done.0, all[..gone], "{query}");
        assert_eq!(done.1, gone as u64 * 2);
        for day in 1..=4 {
            let there = if day <= gone { 404 } else { 200 };
            assert_eq!(status(&client, &path(day)).await, there, "{query} {day}");
        }
        assert_eq!(
            text(&client, "org/acme/lib/1-SNAPSHOT/lib-1-SNAPSHOT.jar").await,
            "4"
        );
        assert_eq!(
            text(&client, "org/acme/lib/1-SNAPSHOT/lib-1-SNAPSHOT.war").await,
            "x"
        );
        assert_eq!(text(&client, "org/acme/lib/1/lib-1.jar").await, "x");
        assert_eq!(prune(&client, &query).await.0, [""; 0]);
    }
}

#[tokio::test]
async fn it_is_for_administrators() {
    let client = four_days().await;
    let answer = client.post("/maven/api/v1/prune?keep=1", "").await;
    assert_eq!(refusal(&answer), "403 only an administrator may clean up");
}
