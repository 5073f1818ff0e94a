//! Bundles of which something was lost, of which a replica knows too little, that a hook keeps, or that
//! nobody ends.

use std::time::Duration;

use futures_util::StreamExt;
use registry_core::storage::Key;
use registry_testkit::{Fault, Faulty, Keeper};

use super::{
    bundle::{borrowed, files, state, upload},
    *,
};

const CORE: &str = "org/acme/core/1.0/core-1.0.jar";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn document(artifact: &str, version: &str) -> String {
    format!("artifacts/org.acme/{artifact}/{version}/index.jsonl")
}

/// Deletes what has a text in its key; how many that were.
async fn lose(storage: &Memory, part: &str) -> usize {
    let mut listed = storage.list(None, None);
    let mut lost = Vec::new();
    while let Some(entry) = listed.next().await {
        let key: Key = entry.unwrap().key;
        lost.extend(Some(key).filter(|key| key.as_str().contains(part)));
    }
    for key in &lost {
        storage.delete(key).await.unwrap();
    }
    lost.len()
}

fn readable(storage: Arc<dyn Storage>) -> (Client, Clock) {
    let (client, clock) = registry(storage, MavenConfig::default(), Some(Action::Read));
    (client.token("writer"), clock)
}

/// A replica that trusts what it has read for a day.
fn trusting(storage: Arc<dyn Storage>) -> Client {
    let options = Options {
        metadata_max_age: DAY,
        ..Options::default()
    };
    let anonymous = Some(Action::Read);
    with_options(storage, MavenConfig::default(), anonymous, options).token("writer")
}

async fn waiting(client: &Client, version: &str) -> String {
    let answer = upload(client, "", &borrowed(&files(version))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.text()
}

fn at(id: &str) -> String {
    format!("/maven/api/v1/publisher/deployment/{id}")
}

#[tokio::test]
async fn a_bundle_without_a_part_is_not_published() {
    let storage = Arc::new(Memory::default());
    let (client, _) = readable(storage.clone());
    let id = waiting(&client, "1.0").await;
    assert_eq!(lose(&storage, &document("core", "1.0")).await, 1);
    let answer = client.post(&at(&id), "").await;
    assert!(refusal(&answer).starts_with("409 a part of the deployment is gone"));
    let state = state(&client, &id).await;
    assert_eq!(state["deploymentState"], "FAILED");
    assert_eq!(status(&client, "org/acme/app/1.0/app-1.0.jar").await, 404);
    // Nothing of it is in the way of another.
    let answer = upload(
        &client,
        "publishingType=AUTOMATIC",
        &borrowed(&files("1.0")),
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(text(&client, CORE).await, "core 1.0");
}

#[tokio::test]
async fn a_bundle_outlives_the_log() {
    let storage = Arc::new(Memory::default());
    let id = waiting(&readable(storage.clone()).0, "1.0").await;
    assert!(lose(&storage, "maven/log").await > 0);
    let (client, _) = readable(storage.clone());
    for artifact in ["core", "app"] {
        let sources = format!("org/acme/{artifact}/1.0/{artifact}-1.0-sources.jar");
        put(&client, &sources, "sources").await;
    }
    assert_eq!(state(&client, &id).await["deploymentState"], "VALIDATED");
    assert_eq!(client.post(&at(&id), "").await.status, 204);
    assert_eq!(text(&client, CORE).await, "core 1.0");
}

#[tokio::test]
async fn a_replica_that_knows_an_older_record_publishes() {
    let storage = Arc::new(Memory::default());
    let faulty = Faulty::new(storage.clone());
    let (client, _) = readable(Arc::new(faulty.clone()));
    let late = trusting(storage.clone());
    let record = document("app", "1.0");
    let arrives = faulty.gate(&record);
    let uploading = tokio::spawn(async move { waiting(&client, "1.0").await });
    arrives.reached().await;
    let waits = faulty.gate(&record);
    arrives.open();
    waits.reached().await;
    // The other looks at it while it arrives.
    let key = Key::new(format!("maven/{record}")).unwrap();
    let registry_core::storage::Get::Found(object) =
        storage.get(&key, Default::default()).await.unwrap()
    else {
        panic!("{key}")
    };
    let bytes = object.body.collect(1 << 20).await.unwrap();
    let text_of = String::from_utf8(bytes.to_vec()).unwrap();
    let (_, id) = text_of.split_once(r#""bundles":{""#).unwrap();
    let id = id[..36].to_owned();
    assert_eq!(state(&late, &id).await["deploymentState"], "VALIDATING");
    let early = late.post(&at(&id), "").await;
    assert_eq!(early.status, 409, "{}", early.text());
    waits.open();
    assert_eq!(uploading.await.unwrap(), id);
    assert_eq!(late.post(&at(&id), "").await.status, 204);
    let (client, _) = readable(storage);
    assert_eq!(text(&client, CORE).await, "core 1.0");
    assert_eq!(state(&late, &id).await["deploymentState"], "PUBLISHED");
}

#[tokio::test]
async fn one_that_waits_for_long_is_dropped_whatever_becomes_of_others() {
    let storage = Arc::new(Memory::default());
    let faulty = Faulty::new(storage.clone());
    let (client, clock) = readable(Arc::new(faulty.clone()));
    let mut ids = Vec::new();
    for version in ["1.0", "2.0"] {
        ids.push((waiting(&client, version).await, version));
    }
    ids.sort();
    clock.advance(29 * DAY);
    let young = waiting(&client, "3.0").await;
    for (id, _) in &ids {
        assert_eq!(state(&client, id).await["deploymentState"], "VALIDATED");
    }
    clock.advance(2 * DAY);
    // The first cannot be dropped now.
    faulty.tell(&document("app", ids[0].1), Fault::Full);
    waiting(&client, "4.0").await;
    let gone = |id: String| {
        let client = client.clone();
        async move {
            let status = format!("/maven/api/v1/publisher/status?id={id}");
            client.post(&status, "").await.status == 404
        }
    };
    while !gone(ids[1].0.clone()).await {
        tokio::task::yield_now().await;
    }
    assert!(!gone(ids[0].0.clone()).await);
    // Until one finds nobody at it.
    while !gone(ids[0].0.clone()).await {
        waiting(&client, "5.0").await;
    }
    assert!(!gone(young).await);
}

#[tokio::test]
async fn a_hook_that_keeps_bytes_keeps_no_places() {
    let auth = TestAuth::new(Some(Action::Read));
    let service = Builder::new(Arc::new(Memory::default()), auth, Options::default())
        .hook(Arc::new(Keeper))
        .mount(Mount::new(Maven::default()))
        .build()
        .unwrap();
    let client = Client::new(service).token("writer");
    let id = waiting(&client, "1.0").await;
    assert_eq!(client.delete(&at(&id)).await.status, 204);
    assert_eq!(client.delete(&at(&id)).await.status, 404);
    // One that fails, and one whose file is there already.
    let id = waiting(&client, "1.0").await;
    let app = "org/acme/app/1.0/app-1.0.jar";
    put(&client, app, "other").await;
    assert_eq!(client.post(&at(&id), "").await.status, 409);
    assert_eq!(state(&client, &id).await["deploymentState"], "FAILED");
    put(&client, CORE, "other").await;
    let id = waiting(&client, "2.0").await;
    put(&client, "org/acme/core/2.0/core-2.0.jar", "core 2.0").await;
    assert_eq!(client.post(&at(&id), "").await.status, 204);
    assert_eq!(
        text(&client, "org/acme/app/2.0/app-2.0.jar").await,
        "app 2.0"
    );
}

#[tokio::test]
async fn nobody_waits_for_the_end_of_what_others_left() {
    let storage = Arc::new(Memory::default());
    let faulty = Faulty::new(storage.clone());
    let (client, clock) = readable(Arc::new(faulty.clone()));
    let old = waiting(&client, "1.0").await;
    clock.advance(31 * DAY);
    let dropping = faulty.gate(&document("app", "1.0"));
    waiting(&client, "2.0").await;
    dropping.reached().await;
    dropping.open();
    let status = format!("/maven/api/v1/publisher/status?id={old}");
    while client.post(&status, "").await.status != 404 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_left_makes_room() {
    let storage = Arc::new(Memory::default());
    let (client, clock) = readable(storage.clone());
    for _ in 0..20 {
        waiting(&client, "1.0").await;
    }
    let more = upload(&client, "", &borrowed(&files("1.0"))).await;
    assert_eq!(more.status, 409, "{}", more.text());
    clock.advance(31 * DAY);
    waiting(&client, "1.0").await;
}

#[tokio::test]
async fn a_store_that_fails_is_not_taken_for_one_without_a_bundle() {
    let storage = Arc::new(Memory::default());
    let (client, _) = readable(storage.clone());
    for _ in 0..20 {
        waiting(&client, "1.0").await;
    }
    let any = format!("api/v1/publisher/deployments/download/{CORE}");
    assert_eq!(status(&client, &any).await, 200);
    let mut core = files("1.0");
    core.retain(|(name, _)| name.contains("/core/"));
    let record = Key::new(format!("maven/{}", document("app", "1.0"))).unwrap();
    let mode = registry_core::storage::PutMode::Replace;
    storage
        .put(&record, "no document".into(), mode)
        .await
        .unwrap();
    assert_eq!(status(&client, &any).await, 500);
    let answer = upload(&client, "", &borrowed(&core)).await;
    assert_eq!(answer.status, 500, "{}", answer.text());
}

#[tokio::test]
async fn a_replica_that_knows_an_older_version_deletes_all_of_it() {
    let storage = Arc::new(Memory::default());
    let faulty = Faulty::new(storage.clone());
    let (client, _) = readable(Arc::new(faulty.clone()));
    let late = trusting(storage);
    put(&client, "org/acme/core/1.0/core-1.0-sources.jar", "sources").await;
    assert_eq!(
        text(&late, "org/acme/core/1.0/core-1.0-sources.jar").await,
        "sources"
    );
    // It arrives, its places are promised, and then it breaks off.
    let core = document("core", "1.0");
    let mut step = faulty.gate(&core);
    let uploading = tokio::spawn(async move {
        upload(
            &client,
            "publishingType=AUTOMATIC",
            &borrowed(&files("1.0")),
        )
        .await
    });
    for _ in 0..2 {
        step.reached().await;
        let next = faulty.gate(&core);
        step.open();
        step = next;
    }
    step.reached().await;
    assert_eq!(late.delete("/maven/org/acme/core/1.0/").await.status, 204);
    assert_eq!(status(&late, CORE).await, 404);
    step.open();
    assert_eq!(uploading.await.unwrap().status, 201);
    assert_eq!(status(&late, CORE).await, 404);
}
