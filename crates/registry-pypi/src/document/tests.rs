use std::time::Duration;

use registry_core::ErrorKind;

use super::{
    Entries, Entry, Head, Part,
    change::{Added, Rules, Upload, add, delete, set_status, unyank, yank},
};
use crate::{
    Error, Version,
    file_name::Kind,
    wire::{State, Status},
};

/// A project in the making.
#[derive(Default)]
struct Project {
    head: Head,
    entries: Entries,
    rules: Rules,
}

fn part(name: &str) -> Part {
    Part {
        file: name.to_owned(),
        size: 1,
        sha256: "00".to_owned(),
    }
}

/// An upload of a file whose digests are `content`.
fn upload(file: &str, version: &str, content: &str) -> Upload {
    let kind = if file.ends_with(".whl") {
        Kind::Wheel
    } else {
        Kind::Sdist
    };
    Upload {
        project: "Foo".to_owned(),
        file: file.to_owned(),
        version: version.parse().unwrap(),
        entry: Entry {
            version: version.to_owned(),
            kind,
            python: "py3".to_owned(),
            time: "2026-01-02T00:00:00.000000Z".to_owned(),
            uploader: "ann".to_owned(),
            file: format!("{file}.stored"),
            size: 10,
            md5: content.to_owned(),
            sha256: content.to_owned(),
            blake2: content.to_owned(),
            requires_python: None,
            yanked: None,
            metadata: part("metadata"),
            provenance: None,
        },
    }
}

impl Project {
    fn add(&mut self, upload: &Upload) -> Result<Added, Error> {
        add(&mut self.head, &mut self.entries, upload, self.rules)
    }

    fn put(&mut self, file: &str, version: &str, content: &str) -> Result<Added, Error> {
        self.add(&upload(file, version, content))
    }

    /// The files that are yanked, with the reason.
    fn yanked(&self) -> Vec<(String, String)> {
        let entries = self
            .entries
            .iter()
            .map(|(name, bytes)| (name, Entry::parse(bytes).unwrap()));
        let yanked = entries.filter_map(|(name, entry)| {
            let reason = self.head.yanked(&entry)?.to_owned();
            Some((name.to_string(), reason))
        });
        yanked.collect()
    }

    fn yank(&mut self, file: Option<&str>, reason: &str) -> Result<bool, Error> {
        yank(
            &mut self.head,
            &mut self.entries,
            &one(),
            file,
            Some(reason),
        )
    }

    fn unyank(&mut self, file: Option<&str>) -> Result<bool, Error> {
        unyank(&mut self.head, &mut self.entries, &one(), file)
    }

    fn delete(&mut self, file: Option<&str>) -> Result<usize, Error> {
        let bytes = delete(&mut self.head, &mut self.entries, &one(), file)?;
        Ok(bytes.len())
    }
}

fn one() -> Version {
    "1.0".parse().unwrap()
}

/// A project with two wheels and a source distribution of one release, and a wheel of another.
fn project() -> Project {
    let mut project = Project::default();
    for (file, version, content) in [
        ("a.whl", "1.0", "01"),
        ("b.whl", "1.0.0", "02"),
        ("c.tar.gz", "1", "03"),
        ("d.whl", "2.0", "04"),
    ] {
        assert_eq!(project.put(file, version, content).unwrap(), Added::New);
    }
    project
}

#[test]
fn a_file_is_published_once() {
    let mut project = project();
    assert_eq!(project.put("a.whl", "1.0", "01").unwrap(), Added::Replay);
    for (file, content) in [("a.whl", "05"), ("e.whl", "01")] {
        let error = project.put(file, "1.0", content).unwrap_err();
        assert!(matches!(error, Error::Exists(_)), "{error}");
        assert!(
            error
                .to_string()
                .starts_with("File already exists ('a.whl'"),
            "{error}"
        );
    }
    let error = project.put("e.tar.gz", "1.0", "05").unwrap_err();
    assert!(error.to_string().contains("Only one sdist"), "{error}");
    assert_eq!(project.put("e.tar.gz", "2.0", "05").unwrap(), Added::New);
    // Equal versions are one release, spelled as in its first file.
    let versions = project
        .entries
        .values()
        .map(|bytes| Entry::parse(bytes).unwrap().version);
    assert_eq!(
        versions.collect::<Vec<_>>(),
        ["1.0", "1.0", "1.0", "2.0", "2.0"]
    );
}

#[test]
fn a_release_may_close_and_a_project_may_be_full() {
    let mut project = project();
    project.rules.open_for = Some(Duration::from_secs(14 * 86_400));
    let mut late = upload("e.whl", "1.0", "05");
    late.entry.time = "2026-01-17T00:00:00.000000Z".to_owned();
    let error = project.add(&late).unwrap_err();
    assert!(error.to_string().contains("older than 14 days"), "{error}");
    late.entry.time = "2026-01-15T00:00:00.000000Z".to_owned();
    assert_eq!(project.add(&late).unwrap(), Added::New);
    project.rules.max_project = Some(60);
    assert_eq!(project.put("f.whl", "3.0", "06").unwrap(), Added::New);
    let error = project.put("g.whl", "3.0", "07").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    // A replay takes no room.
    assert_eq!(project.put("f.whl", "3.0", "06").unwrap(), Added::Replay);
}

#[test]
fn yanks() {
    let reason = |files: &[&str], reason: &str| {
        let all = files
            .iter()
            .map(|file| ((*file).to_owned(), reason.to_owned()));
        all.collect::<Vec<_>>()
    };
    let mut project = project();
    assert!(project.yank(None, "broken").unwrap());
    assert!(!project.yank(None, "broken").unwrap());
    // Once more and without a reason: it has one.
    let again = yank(&mut project.head, &mut project.entries, &one(), None, None);
    assert!(!again.unwrap());
    project.put("e.whl", "1.0", "05").unwrap();
    let all = ["a.whl", "b.whl", "c.tar.gz", "e.whl"];
    assert_eq!(project.yanked(), reason(&all, "broken"));
    assert!(project.unyank(Some("b.whl")).unwrap());
    assert_eq!(
        project.yanked(),
        reason(&["a.whl", "c.tar.gz", "e.whl"], "broken")
    );
    // The release as a whole is yanked no more.
    project.put("f.whl", "1.0", "06").unwrap();
    assert_eq!(project.yanked().len(), 3);
    assert!(project.unyank(None).unwrap() && !project.unyank(None).unwrap());
    assert_eq!(project.yanked(), []);
    assert!(project.yank(Some("a.whl"), "").unwrap());
    assert_eq!(project.yanked(), reason(&["a.whl"], ""));
    for error in [
        project.yank(Some("d.whl"), "").unwrap_err(),
        project.unyank(Some("x")).unwrap_err(),
        yank(
            &mut project.head,
            &mut project.entries,
            &"3".parse().unwrap(),
            None,
            Some(""),
        )
        .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    for bad in [&"x".repeat(1001), "two\nlines"] {
        assert_eq!(
            project.yank(None, bad).unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }
}

#[test]
fn what_was_deleted_is_spent() {
    let mut project = project();
    // Another file, whose name says of which version it was.
    let wheel = "foo-1.0-py3-none-any.whl";
    project.put(wheel, "1.0", "06").unwrap();
    project.yank(None, "broken").unwrap();
    assert_eq!(project.delete(Some(wheel)).unwrap(), 2);
    assert_eq!(project.delete(Some(wheel)).unwrap(), 0);
    let (head, entries) = (&mut project.head, &mut project.entries);
    let other = "1.1".parse().unwrap();
    let error = delete(head, entries, &other, Some(wheel)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(project.delete(Some("a.whl")).unwrap(), 2);
    for content in ["01", "05"] {
        let error = project.put("a.whl", "1.0", content).unwrap_err();
        assert!(error.to_string().contains("previously used"), "{error}");
    }
    // The same bytes by another name are another file.
    assert_eq!(project.put("e.whl", "1.0", "01").unwrap(), Added::New);
    assert_eq!(project.delete(None).unwrap(), 6);
    assert_eq!(
        project
            .entries
            .keys()
            .map(|name| &**name)
            .collect::<Vec<_>>(),
        ["d.whl"]
    );
    assert!(project.head.yanked.is_empty());
    assert_eq!(project.delete(None).unwrap(), 0);
    let (head, entries) = (&mut project.head, &mut project.entries);
    let error = delete(head, entries, &other, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn how_a_project_stands() {
    let mut project = project();
    let status = |status, reason: &str| Status {
        status,
        reason: Some(reason.to_owned()),
    };
    let archived = status(State::Archived, "see bar");
    let set =
        |project: &mut Project, status: &Status, may| set_status(&mut project.head, status, may);
    assert!(set(&mut project, &archived, false).unwrap());
    assert!(!set(&mut project, &archived, false).unwrap());
    let error = project.put("e.whl", "1.0", "05").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("is archived"), "{error}");
    assert_eq!(project.put("a.whl", "1.0", "01").unwrap(), Added::Replay);
    let quarantined = status(State::Quarantined, "malware");
    for from in [&quarantined, &Status::default()] {
        let error = set(&mut project, &quarantined, false).map(drop);
        assert_eq!(error.is_err(), project.head.status != quarantined);
        set(&mut project, from, true).unwrap();
    }
    assert!(project.head.offers());
    let deprecated = status(State::Deprecated, "");
    assert!(set(&mut project, &deprecated, false).unwrap());
    assert_eq!(project.put("e.whl", "1.0", "05").unwrap(), Added::New);
    let error = set_status(&mut Head::default(), &archived, true);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
}
