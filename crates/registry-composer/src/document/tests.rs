use std::time::SystemTime;

use registry_core::{ErrorKind, store::Document};
use serde_json::value::RawValue;

use super::{
    change::{self, Published, Release},
    render::{self, Place},
    *,
};

fn name() -> PackageName {
    "acme/lib".parse().unwrap()
}

/// A version whose zip is told apart by `zip`.
fn release(version: &str, zip: &str) -> Release {
    let version = Version::parse(version).unwrap();
    let fields = RawValue::from_string(format!(r#"{{"extra":{{"zip":"{zip}"}}}}"#)).unwrap();
    let entry = Entry {
        version: version.pretty().into(),
        reference: zip.into(),
        published: "2026-01-02T03:04:05+00:00".into(),
        time: None,
        source: None,
        card: Card {
            description: version.pretty().to_owned(),
            kind: "library".to_owned(),
            ..Card::default()
        },
        fields: &fields,
    };
    Release {
        entry: entry.to_bytes().unwrap(),
        reference: zip.to_owned(),
        dist: Dist {
            file: format!("lib.{zip}.zip"),
            size: 1,
            sha256: format!("sha256 of {zip}"),
            version: version.normalized().to_owned(),
            left: None,
            branches: BTreeSet::new(),
        },
        version,
    }
}

/// For how many seconds zips are kept that branches moved on from.
const KEPT: u64 = 100;

/// A package, and what time it is.
#[derive(Default)]
struct Package {
    head: Head,
    entries: Entries,
    now: u64,
}

impl Package {
    fn publish(&mut self, version: &str, zip: &str) -> Result<Published> {
        let new = release(version, zip);
        let done = self.put(&new)?;
        Ok(done.0)
    }

    fn put(&mut self, new: &Release) -> Result<(Published, Option<StoredBytes>)> {
        change::publish(&mut self.head, &mut self.entries, new, self.now)
    }

    /// Which zips go when each is kept for [`KEPT`].
    fn forget(&mut self) -> Vec<String> {
        let since = self.now.saturating_sub(KEPT);
        let is_due = change::is_due(&self.entries, since).unwrap();
        let (_, removed) = change::forget(&mut self.head, &mut self.entries, since).unwrap();
        assert!(is_due || removed.is_empty());
        assert!(!change::is_due(&self.entries, since).unwrap());
        removed.into_iter().map(|bytes| bytes.file).collect()
    }

    fn delete(&mut self, version: Option<&str>, purge: bool) -> Result<Vec<String>> {
        let version = version.map(|version| Version::parse(version).unwrap());
        let (head, entries) = (&mut self.head, &mut self.entries);
        let done = change::delete(head, entries, &name(), version.as_ref(), purge, self.now);
        done.map(|(_, removed)| removed.into_iter().map(|bytes| bytes.file).collect())
    }

    fn leading(&self) -> Option<&str> {
        self.head.card.as_ref().map(|card| &*card.description)
    }
}

#[test]
fn the_highest_release_speaks_for_the_package() {
    let mut package = Package::default();
    for (version, leading) in [
        ("dev-main", "dev-main"),
        ("2.x-dev", "2.x-dev"),
        ("2.0.0-beta1", "2.0.0-beta1"),
        ("1.0.0", "1.0.0"),
        ("1.10.0", "1.10.0"),
        ("1.9.0", "1.10.0"),
    ] {
        package.publish(version, version).unwrap();
        assert_eq!(package.leading(), Some(leading), "{version}");
    }
    package.delete(Some("1.10"), false).unwrap();
    assert_eq!(package.leading(), Some("1.9.0"));
    package.delete(None, false).unwrap();
    assert_eq!(package.leading(), None);
}

#[test]
fn dates_grow_whatever_the_clock_says() {
    let mut package = Package {
        now: 100,
        ..Package::default()
    };
    let mut dates = |now: u64, version: &str| {
        package.now = now;
        package.publish(version, version).unwrap();
        (package.head.releases, package.head.branches)
    };
    assert_eq!(dates(100, "1.0"), (100, 100));
    assert_eq!(dates(100, "1.1"), (101, 100));
    assert_eq!(dates(100, "dev-a"), (101, 101));
    // One clock is behind another's.
    assert_eq!(dates(50, "1.2"), (102, 101));
    assert_eq!(dates(200, "1.3"), (200, 101));
    assert_eq!(dates(200, "1.3"), (200, 101));
    package.delete(None, false).unwrap();
    assert_eq!((package.head.releases, package.head.branches), (201, 200));
}

#[test]
fn a_release_never_changes() {
    let mut package = Package::default();
    assert_eq!(package.publish("1.0", "a").unwrap(), Published::New);
    assert_eq!(package.publish("v1.0.0", "a").unwrap(), Published::Replay);
    for (version, zip) in [("1.0", "b"), ("1.0.0.0", "b"), ("1.0.0+build", "b")] {
        let error = package.publish(version, zip).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{version}");
    }
    package.delete(Some("1.0"), true).unwrap();
    assert_eq!(
        package.publish("1.0", "b").unwrap_err().kind(),
        ErrorKind::Conflict
    );
    assert_eq!(package.publish("1.0", "a").unwrap(), Published::New);
    assert!(package.head.gone.is_empty());
    // Two zips of one SHA-1.
    let mut other = release("1.1", "a");
    other.dist.sha256 = "other".to_owned();
    let error = package.put(&other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn a_purge_takes_all_that_a_version_was() {
    let mut package = Package::default();
    for zip in ["a", "b", "c"] {
        package.publish("dev-main", zip).unwrap();
    }
    package.publish("1.0", "c").unwrap();
    package.publish("1.1", "d").unwrap();
    assert!(package.delete(Some("dev-main"), false).unwrap().is_empty());
    let mut removed = package.delete(Some("dev-main"), true).unwrap();
    removed.sort_unstable();
    // The third is 1.0 now.
    assert_eq!(removed, ["lib.a.zip", "lib.b.zip"]);
    assert_eq!(package.delete(Some("1.0"), true).unwrap(), ["lib.c.zip"]);
    assert_eq!(package.delete(None, true).unwrap(), ["lib.d.zip"]);
    assert!(package.entries.is_empty());
    assert!(package.delete(None, true).unwrap().is_empty());
    let error = package.delete(Some("3.0"), true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_purge_leaves_what_another_deleted_version_was() {
    let mut package = Package::default();
    for version in ["dev-main", "1.0", "dev-other"] {
        package.publish(version, "a").unwrap();
        package.delete(Some(version), false).unwrap();
    }
    assert!(package.delete(Some("dev-main"), true).unwrap().is_empty());
    assert!(package.delete(Some("1.0"), true).unwrap().is_empty());
    let removed = package.delete(Some("dev-other"), true).unwrap();
    assert_eq!(removed, ["lib.a.zip"]);
}

#[test]
fn a_purge_leaves_what_another_branch_was() {
    let mut package = Package::default();
    for zip in ["a", "b"] {
        package.publish("dev-main", zip).unwrap();
        package.publish("dev-other", zip).unwrap();
    }
    let mut purged = |version| package.delete(Some(version), true).unwrap();
    assert_eq!(purged("dev-main"), [""; 0]);
    assert_eq!(purged("dev-other"), ["lib.a.zip", "lib.b.zip"]);
}

#[test]
fn a_purge_takes_what_no_other_version_was_whoever_came_first() {
    let mut package = Package::default();
    package.publish("dev-a", "a").unwrap();
    package.publish("dev-b", "a").unwrap();
    package.publish("1.0", "b").unwrap();
    assert_eq!(package.delete(Some("dev-a"), true).unwrap(), [""; 0]);
    for zip in ["b", "c"] {
        package.publish("dev-b", zip).unwrap();
    }
    let removed = package.delete(Some("dev-b"), true).unwrap();
    assert_eq!(removed, ["lib.a.zip", "lib.c.zip"]);
    assert_eq!(package.delete(Some("1.0"), true).unwrap(), ["lib.b.zip"]);
    assert!(package.entries.is_empty());
}

#[test]
fn branches_that_moved_on_are_noted_up_to_a_bound() {
    let mut package = Package::default();
    for number in 0..=MAX_BRANCHES {
        for zip in ["a", "b"] {
            package.publish(&format!("dev-{number}"), zip).unwrap();
        }
    }
    let noted = |package: &Package| {
        let dist = Dist::parse(&package.entries[&*dist_key("a")]).unwrap();
        dist.branches.len()
    };
    // And that there are others, as no version is called.
    assert_eq!(noted(&package), MAX_BRANCHES + 1);
    Version::parse(OTHERS).unwrap_err();
    // One that is noted does so again.
    for zip in ["a", "b"] {
        package.publish("dev-0", zip).unwrap();
    }
    assert_eq!(noted(&package), MAX_BRANCHES + 1);
    let removed = package.delete(None, true).unwrap();
    assert_eq!(removed, ["lib.a.zip", "lib.b.zip"]);
}

#[test]
fn a_purge_leaves_what_a_branch_was_that_is_not_noted() {
    let mut package = Package::default();
    let branches: Vec<_> = (0..=MAX_BRANCHES).map(|of| format!("dev-{of}")).collect();
    for branch in &branches {
        for zip in ["a", "b"] {
            package.publish(branch, zip).unwrap();
        }
    }
    let (last, noted) = branches.split_last().unwrap();
    package.delete(Some(last), false).unwrap();
    for branch in noted {
        let removed = package.delete(Some(branch), true).unwrap();
        assert_eq!(removed, [""; 0], "{branch}");
    }
    package.now = KEPT;
    assert_eq!(package.forget(), [""; 0]);
    package.now = KEPT + 1;
    assert_eq!(package.forget(), ["lib.a.zip", "lib.b.zip"]);
    assert!(package.head.gone.is_empty());
}

#[test]
fn a_deleted_branch_that_is_not_noted_can_be_purged() {
    let mut package = Package::default();
    for number in 0..=MAX_BRANCHES {
        let branch = format!("dev-{number}");
        package.publish(&branch, "a").unwrap();
        package.delete(Some(&branch), false).unwrap();
    }
    package.now = KEPT;
    package.publish("dev-other", "b").unwrap();
    assert_eq!(package.forget(), [""; 0]);
    assert_eq!(package.head.gone.len(), MAX_BRANCHES + 1);
    let last = format!("dev-{MAX_BRANCHES}");
    assert_eq!(package.delete(Some(&last), true).unwrap(), [""; 0]);
    let removed = package.delete(None, true).unwrap();
    assert_eq!(removed, ["lib.a.zip", "lib.b.zip"]);
}

#[test]
fn a_purge_takes_what_another_branch_was_whose_time_is_over() {
    let mut package = Package::default();
    package.publish("dev-a", "old").unwrap();
    package.publish("dev-d", "old").unwrap();
    for branch in ["dev-a", "dev-b"] {
        package.publish(branch, "a").unwrap();
    }
    package.delete(Some("dev-a"), false).unwrap();
    package.now = KEPT + 1;
    package.publish("dev-d", "d").unwrap();
    assert_eq!(package.forget(), [""; 0]);
    assert_eq!(package.delete(Some("dev-b"), true).unwrap(), ["lib.a.zip"]);
    // What the deleted branch was before that is still there.
    assert_eq!(package.delete(Some("dev-d"), true).unwrap(), ["lib.d.zip"]);
    let removed = package.delete(Some("dev-a"), true).unwrap();
    assert_eq!(removed, ["lib.old.zip"]);
    assert!(package.entries.is_empty());
}

#[test]
fn a_deleted_branch_is_forgotten_once_its_time_is_over() {
    let mut package = Package::default();
    for branch in ["dev-a", "dev-b"] {
        package.publish(branch, "a").unwrap();
    }
    package.delete(Some("dev-a"), false).unwrap();
    package.now = KEPT + 1;
    assert_eq!(package.forget(), [""; 0]);
    assert!(package.head.gone.is_empty());
    assert_eq!(package.delete(Some("dev-b"), true).unwrap(), ["lib.a.zip"]);
}

#[test]
fn zips_that_branches_moved_on_from_are_kept_for_a_while() {
    let mut package = Package::default();
    let mut removed = |now: u64, version: &str, zip: &str| -> Vec<String> {
        package.now = now;
        package.publish(version, zip).unwrap();
        package.forget()
    };
    for (now, version, zip) in [
        (0, "dev-main", "a"),
        (0, "dev-main", "b"),
        (0, "1.0", "b"),
        (0, "1.1", "c"),
        (0, "dev-main", "c"),
        (0, "dev-main", "d"),
        // The other branch is what the first was.
        (0, "dev-other", "d"),
        (10, "dev-main", "e"),
        (100, "dev-main", "f"),
    ] {
        assert!(removed(now, version, zip).is_empty(), "{version} {zip}");
    }
    assert_eq!(removed(101, "1.2", "g"), ["lib.a.zip"]);
    assert_eq!(removed(101, "dev-main", "g"), [""; 0]);
    assert_eq!(removed(200, "dev-other", "h"), [""; 0]);
    assert_eq!(removed(202, "dev-other", "i"), ["lib.e.zip", "lib.f.zip"]);
    package.now = 300;
    for version in ["1.1", "dev-main", "dev-other"] {
        package.delete(Some(version), false).unwrap();
    }
    package.now = 401;
    package.publish("dev-new", "j").unwrap();
    assert_eq!(package.forget(), ["lib.d.zip", "lib.h.zip", "lib.i.zip"]);
    // What 1.0 is, what 1.1 was, what 1.2 is, and the branch itself.
    let left: Vec<_> = dists(&package.entries).map(|(zip, _)| zip).collect();
    assert_eq!(left, ["b", "c", "g", "j"]);
    let gone: Vec<_> = package.head.gone.keys().collect();
    assert_eq!(gone, ["1.1.0.0"]);
}

#[test]
fn a_list_of_versions() {
    let mut package = Package::default();
    for version in ["1.0", "dev-main", "1.1"] {
        package.publish(version, version).unwrap();
    }
    let document = Document {
        revision: 3,
        modified: SystemTime::UNIX_EPOCH,
        head: package.head,
        entries: package.entries,
    };
    let place = Place {
        base: "https://registry.example/composer".to_owned(),
        name: name(),
    };
    let list = |branches| {
        let list = render::metadata(&place, &document, branches).unwrap();
        String::from_utf8(list).unwrap()
    };
    expect_test::expect![[r#"{"minified":"composer/2.0","packages":{"acme/lib":[{"dist":{"type":"zip","url":"https://registry.example/composer/dists/acme/lib/1.1.zip","reference":"1.1","shasum":"1.1"},"extra":{"zip":"1.1"},"name":"acme/lib","published-time":"2026-01-02T03:04:05+00:00","time":"2026-01-02T03:04:05+00:00","version":"1.1","version_normalized":"1.1.0.0"},{"dist":{"type":"zip","url":"https://registry.example/composer/dists/acme/lib/1.0.zip","reference":"1.0","shasum":"1.0"},"extra":{"zip":"1.0"},"version":"1.0","version_normalized":"1.0.0.0"}]},"security-advisories":[]}"#]].assert_eq(&list(false));
    expect_test::expect![[r#"{"minified":"composer/2.0","packages":{"acme/lib":[{"dist":{"type":"zip","url":"https://registry.example/composer/dists/acme/lib/dev-main.zip","reference":"dev-main","shasum":"dev-main"},"extra":{"zip":"dev-main"},"name":"acme/lib","published-time":"2026-01-02T03:04:05+00:00","time":"2026-01-02T03:04:05+00:00","version":"dev-main","version_normalized":"dev-main"}]}}"#]].assert_eq(&list(true));
}

/// A change whose answer was lost is made again on what it wrote.
#[test]
fn a_zip_that_is_named_is_not_taken_away() {
    let mut package = Package::default();
    package.publish("dev-main", "a").unwrap();
    let mut moved = release("dev-main", "a");
    let written = moved.entry.clone();
    let mut entry = Entry::parse(&written).unwrap();
    entry.source =
        Some(serde_json::from_str(r#"{"type":"git","url":"u","reference":"r"}"#).unwrap());
    moved.entry = entry.to_bytes().unwrap();
    let (_, double) = package.put(&moved).unwrap();
    assert!(double.is_none(), "{double:?}");
    // The same zip in another file is one too many.
    moved.dist.file = "lib.other.zip".to_owned();
    entry.source = None;
    moved.entry = entry.to_bytes().unwrap();
    let (_, double) = package.put(&moved).unwrap();
    assert_eq!(double.unwrap().file, "lib.other.zip");
}
