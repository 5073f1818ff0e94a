//! Bundles whose publication breaks off, or meets others, at any of its writes: all of one is there, or
//! nothing.

use std::time::Duration;

use futures_util::StreamExt;
use registry_core::{
    auth::Action,
    storage::{Memory, Storage},
};
use registry_testkit::Faulty;
use tokio::task::JoinHandle;

use super::{
    bundle::{borrowed, files, state, upload},
    *,
};

/// A registry in which a bundle's upload has come to the write of a number, which does not end.
struct Stuck {
    storage: Arc<Memory>,
    uploading: JoinHandle<Answer>,
    gate: registry_testkit::Gate,
    /// A replica that nothing holds up.
    client: Client,
    clock: Clock,
}

/// Uploads a bundle up to its write of that number; nothing when it has no such write.
async fn stuck_at(number: usize) -> Option<Stuck> {
    let storage = Arc::new(Memory::default());
    let faulty = Faulty::new(storage.clone());
    let shared: Arc<dyn Storage> = Arc::new(faulty.clone());
    let (client, _) = registry(shared, MavenConfig::default(), Some(Action::Read));
    let mut gate = faulty.gate("");
    let uploading = tokio::spawn(async move {
        let files = files("1.0");
        upload(
            &client.token("writer"),
            "publishingType=AUTOMATIC",
            &borrowed(&files),
        )
        .await
    });
    for _ in 0..number {
        gate.reached().await;
        let next = faulty.gate("");
        gate.open();
        gate = next;
    }
    let mut uploading = uploading;
    tokio::select! {
        answer = &mut uploading => {
            assert_eq!(answer.unwrap().status, 201);
            return None;
        }
        () = gate.reached() => {}
    }
    let (client, clock) = registry(storage.clone(), MavenConfig::default(), Some(Action::Read));
    let client = client.token("writer");
    Some(Stuck {
        storage,
        uploading,
        gate,
        client,
        clock,
    })
}

/// Which of a bundle's versions are there: by their files, the lists of their folders and of their
/// artifacts, and by a search, which all say the same.
async fn there(client: &Client, jar: &str) -> bool {
    let mut seen = Vec::new();
    for (name, bytes) in files("1.0") {
        let answer = get(client, &name).await;
        seen.push((name.clone(), answer.status == 200));
        let own = jar.is_empty() || !name.contains("app-1.0.jar");
        if answer.status == 200 && own {
            assert_eq!(answer.body, bytes, "{name}");
        }
    }
    for artifact in ["app", "core"] {
        for folder in [
            format!("{artifact}/maven-metadata.xml"),
            format!("{artifact}/1.0/"),
        ] {
            let answer = status(client, &format!("org/acme/{folder}")).await;
            seen.push((folder, answer == 200));
        }
        let query = format!("solrsearch/select?q=a:{artifact}");
        let found = get(client, &query).await.json()["response"]["numFound"] == 1;
        seen.push((query, found));
    }
    if !jar.is_empty() {
        seen.retain(|(name, _)| !name.contains("/app/") && !name.contains("app"));
    }
    let all = seen.iter().all(|(_, there)| *there);
    assert!(all || seen.iter().all(|(_, there)| !*there), "{seen:?}");
    all
}

#[tokio::test]
async fn all_of_a_bundle_is_there_or_nothing() {
    let mut were_there = Vec::new();
    for number in 0.. {
        let Some(stuck) = stuck_at(number).await else {
            break;
        };
        were_there.push(there(&stuck.client, "").await);
        // Its client tries again, of which nothing is in the way.
        let files = files("1.0");
        let answer = upload(&stuck.client, "publishingType=AUTOMATIC", &borrowed(&files)).await;
        assert_eq!(answer.status, 201, "{number}: {}", answer.text());
        assert_eq!(
            state(&stuck.client, &answer.text()).await["deploymentState"],
            "PUBLISHED"
        );
        assert!(there(&stuck.client, "").await, "{number}");
        // What was only slow changes nothing any more.
        stuck.gate.open();
        let late = stuck.uploading.await.unwrap();
        assert_eq!(late.status, 201, "{number}: {}", late.text());
        assert!(there(&stuck.client, "").await, "{number}");
    }
    assert!(were_there.is_sorted(), "{were_there:?}");
    assert!(
        were_there.len() > 8 && were_there.contains(&true),
        "{were_there:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_put_meanwhile_is_first_or_too_late() {
    let jar = "org/acme/app/1.0/app-1.0.jar";
    let (mut first, mut late) = (0, 0);
    for number in 0.. {
        let Some(stuck) = stuck_at(number).await else {
            break;
        };
        let answer = stuck.client.put(&format!("/maven/{jar}"), "other").await;
        let answer = answer.status.as_u16();
        if answer == 201 {
            assert!(!there(&stuck.client, "other").await, "{number}");
        }
        stuck.gate.open();
        let uploaded = stuck.uploading.await.unwrap().status.as_u16();
        match (answer, uploaded) {
            (201, 409) => {
                first += 1;
                assert!(!there(&stuck.client, "other").await, "{number}");
                assert_eq!(text(&stuck.client, jar).await, "other");
            }
            (409, 201) => {
                late += 1;
                assert!(there(&stuck.client, "").await, "{number}");
            }
            both => panic!("{number}: {both:?}"),
        }
    }
    assert!(first > 2 && late > 2, "{first} {late}");
}

#[tokio::test]
async fn what_never_came_whole_is_cleaned_up() {
    for number in 0.. {
        let Some(stuck) = stuck_at(number).await else {
            break;
        };
        let Stuck {
            storage,
            client,
            clock,
            ..
        } = &stuck;
        clock.advance(Duration::from_secs(2 * 60 * 60));
        let was_there = there(client, "").await;
        // Which has the log know of it, as a read would after a while.
        let sources = "org/acme/app/1.0/app-1.0-sources.jar";
        put(client, sources, "sources").await;
        let other = files("2.0");
        assert_eq!(upload(client, "", &borrowed(&other)).await.status, 201);
        // Nobody waits for that.
        while parts(storage).await > 0 {
            tokio::task::yield_now().await;
        }
        if was_there {
            assert!(there(client, "").await, "{number}");
        }
    }
}

/// How many parts of the bundle are in the store.
async fn parts(storage: &Memory) -> usize {
    let mut listed = storage.list(None, None);
    let mut parts = 0;
    while let Some(entry) = listed.next().await {
        let key = entry.unwrap().key;
        if key.as_str().ends_with("/1.0/index.jsonl") {
            let text = document(storage, &key).await;
            parts += text.matches("\"files\"").count();
        }
    }
    parts
}

/// Of many that want the same places for other files, on two replicas, one is published whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_bundles_at_once_one_is_published() {
    for _ in 0..10 {
        let storage = Arc::new(Memory::default());
        let replicas: Vec<Client> = (0..2)
            .map(|_| {
                let (client, _) =
                    registry(storage.clone(), MavenConfig::default(), Some(Action::Read));
                client.token("writer")
            })
            .collect();
        let uploads = (0..6).map(|number: usize| {
            let client = replicas[number % 2].clone();
            tokio::spawn(async move {
                let mut files = files("1.0");
                for artifact in ["app", "core"] {
                    let name = format!("org/acme/{artifact}/1.0/{artifact}-1.0.txt");
                    files.push((name, number.to_string().into_bytes()));
                }
                upload(&client, "publishingType=AUTOMATIC", &borrowed(&files)).await
            })
        });
        let answers = futures_util::future::join_all(uploads.collect::<Vec<_>>()).await;
        let answers = answers
            .into_iter()
            .map(|answer| answer.unwrap().status.as_u16());
        let answers: Vec<u16> = answers.collect();
        let winners: Vec<usize> = (0..6).filter(|at| answers[*at] == 201).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert!(
            answers.iter().all(|answer| matches!(answer, 201 | 409)),
            "{answers:?}"
        );
        for client in &replicas {
            assert!(there(client, "").await);
            for artifact in ["app", "core"] {
                let name = format!("org/acme/{artifact}/1.0/{artifact}-1.0.txt");
                assert_eq!(text(client, &name).await, winners[0].to_string());
            }
        }
    }
}

async fn document(storage: &Memory, key: &registry_core::storage::Key) -> String {
    let got = storage.get(key, Default::default()).await.unwrap();
    let registry_core::storage::Get::Found(object) = got else {
        panic!("{key}")
    };
    let bytes = object.body.collect(1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
