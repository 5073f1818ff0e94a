//! Listing.

use std::time::{Duration, SystemTime};

use futures_util::{TryStreamExt, future::join_all};

use super::{Fixture, Key};
use crate::storage::Entry;

/// What is listed, as texts below the check's folder.
async fn list(at: &Fixture, prefix: Option<&str>, after: Option<&str>) -> Vec<String> {
    let prefix = prefix.map_or_else(|| at.folder.clone(), |prefix| at.key(prefix));
    let after = after.map(|after| at.key(after));
    let listed = at.storage.list(Some(&prefix), after.as_ref());
    let listed = listed.map_ok(|entry| below(at, &entry.key)).try_collect();
    let listed: Result<Vec<_>, _> = listed.await;
    listed.unwrap_or_else(|error| panic!("listing {prefix} after {after:?} failed: {error:?}"))
}

fn below(at: &Fixture, key: &Key) -> String {
    let below = key.below(&at.folder);
    below
        .unwrap_or_else(|| panic!("{key} was listed below {}", at.folder))
        .as_str()
        .to_owned()
}

async fn write_all(at: &Fixture, keys: &[&str]) {
    for key in keys {
        at.replace(&at.key(key), (*key).to_owned()).await;
    }
}

/// Listed in the order of bytes: `-` and `.` come before `/`, digits and letters after it.
const ORDERED: [&str; 13] = [
    "a!", "a-b", "a-b2/c", "a.b", "a/b", "a/c-d/x", "a/c/d", "a/c/e", "a/c0", "a0", "aB", "ab/c",
    "ü",
];

pub(super) async fn order(at: &Fixture) {
    let before = SystemTime::now() - Duration::from_secs(120);
    let mut shuffled = ORDERED;
    shuffled.reverse();
    shuffled.swap(2, 7);
    write_all(at, &shuffled).await;
    assert_eq!(list(at, None, None).await, ORDERED, "the order of a list");

    let entries = at.storage.list(Some(&at.folder), None);
    let entries: Vec<Entry> = entries.try_collect().await.expect("a list");
    for entry in entries {
        let size = below(at, &entry.key).len() as u64;
        assert_eq!(entry.size, size, "the size of {} as listed", entry.key);
        assert!(entry.modified > before, "{entry:?} is older than its test");
    }

    // From the top, whatever else the storage holds.
    let all = at.storage.list(None, Some(&at.folder));
    let all = all.map_ok(|entry| entry.key).try_collect::<Vec<_>>().await;
    let all = all.expect("a list of all");
    assert!(all.is_sorted(), "the order of a list of all");
    let ours = all.iter().filter(|key| key.below(&at.folder).is_some());
    assert_eq!(ours.count(), ORDERED.len(), "ours in a list of all");
}

/// A prefix is a folder's name, not the beginning of one; nor is it an object.
pub(super) async fn prefix_is_a_folder(at: &Fixture) {
    write_all(at, &["ab/1", "ab/2/3", "ab-c/4", "abc/5", "abd"]).await;
    assert_eq!(list(at, Some("ab"), None).await, ["ab/1", "ab/2/3"]);
    assert_eq!(list(at, Some("ab/2"), None).await, ["ab/2/3"]);
    assert_eq!(list(at, Some("abc"), None).await, ["abc/5"]);
    for none in ["a", "abd", "ab/1", "ab/1/x", "absent", "absent/too"] {
        let listed = list(at, Some(none), None).await;
        assert!(listed.is_empty(), "below {none} stands {listed:?}");
    }
}

pub(super) async fn after(at: &Fixture) {
    write_all(at, &ORDERED).await;
    let between = [
        "A", "a", "a-", "a/", "a/c", "a/c/", "a/c/dd", "a/z", "b", "zz", "üü",
    ];
    for after in ORDERED.iter().chain(&between) {
        let after = after.trim_end_matches('/');
        let expected: Vec<_> = ORDERED.iter().copied().filter(|key| *key > after).collect();
        let listed = list(at, None, Some(after)).await;
        assert_eq!(listed, expected, "listed after {after}");
    }
    assert_eq!(
        list(at, Some("a"), Some("a-b")).await.len(),
        5,
        "after a-b, below a"
    );
    assert_eq!(list(at, Some("a"), Some("a/c/d")).await, ["a/c/e", "a/c0"]);
    assert!(
        list(at, Some("a"), Some("a0")).await.is_empty(),
        "after a0, below a"
    );
}

/// More than fits into one page of S3 or GCS.
pub(super) async fn many(at: &Fixture) {
    let count = at.times(600, 1_100);
    let keys: Vec<_> = (0..count).map(|i| format!("{:02}/{i:05}", i % 7)).collect();
    for group in keys.chunks(16) {
        join_all(
            group
                .iter()
                .map(async |key| at.replace(&at.key(key), "").await),
        )
        .await;
    }
    let mut expected = keys;
    expected.sort();
    assert_eq!(list(at, None, None).await, expected, "many keys as listed");
    let middle = &expected[count / 2];
    assert_eq!(
        list(at, None, Some(middle)).await,
        expected[count / 2 + 1..]
    );
}
