use super::*;

fn text(gems: &Gems) -> String {
    String::from_utf8(gems.versions().read().pieces.concat()).unwrap()
}

fn tell(gems: &mut Gems, name: &str, revision: u64, changes: u64, recent: &[&str]) {
    let card = Card {
        name: name.to_owned(),
        version: recent.last().unwrap().to_string(),
        platform: "ruby".to_owned(),
        authors: "Ann".to_owned(),
        info: format!("What {name} is."),
        licenses: Vec::new(),
        sha: "00".to_owned(),
        homepage_uri: None,
    };
    let card = to_raw_value(&card).unwrap();
    let told = Told {
        name: name.into(),
        changes,
        recent: recent.iter().map(|change| (*change).into()).collect(),
        info: format!("{changes:032x}").into(),
        card: (!recent.last().unwrap().starts_with('-')).then_some(&card),
        ..Told::default()
    };
    apply(gems, revision, &told);
}

fn apply(gems: &mut Gems, revision: u64, told: &Told<'_>) {
    let data = to_raw_value(told).unwrap();
    let entry = LogEntry {
        name: told.name.to_ascii_lowercase().into(),
        revision,
        data: &data,
    };
    gems.apply(entry).unwrap();
}

/// Tells how it stands with all versions.
fn tell_all(gems: &mut Gems, name: &str, revision: u64, changes: u64, all: &[&str]) {
    let told = Told {
        name: name.into(),
        changes,
        all: Some(all.iter().map(|change| (*change).into()).collect()),
        info: format!("{changes:032x}").into(),
        ..Told::default()
    };
    apply(gems, revision, &told);
}

/// The versions of a gem that were taken back.
fn gone<'a>(gems: &'a Gems, name: &str) -> Vec<&'a str> {
    let gone = gems.all[name].gone.iter();
    gone.map(|version| &**version).collect()
}

fn again(gems: &Gems) -> Gems {
    let mut again = Gems::default();
    gems.save(&mut |entry| again.apply(entry)).unwrap();
    again
}

#[test]
fn each_change_is_told_once_and_what_is_saved_makes_the_same_view() {
    let mut gems = Gems::default();
    tell(&mut gems, "Foo", 1, 1, &["1.0.0"]);
    tell(&mut gems, "bar", 1, 1, &["0.1"]);
    // What the log may not know yet, and does.
    tell(&mut gems, "Foo", 2, 2, &["1.0.0", "1.0.0-java"]);
    // Two changes in one write, of which each brings an entry.
    tell(&mut gems, "Foo", 3, 4, &["2.0", "-1.0.0"]);
    tell(&mut gems, "Foo", 3, 4, &["2.0", "-1.0.0"]);
    // Owners changed.
    tell(&mut gems, "Foo", 4, 4, &["-1.0.0"]);
    tell(&mut gems, "bar", 2, 2, &["-0.1"]);
    tell(&mut gems, "Foo", 5, 5, &["1.0.0"]);
    let expected = "created_at: 2026-01-01T00:00:00Z\n---\n\
        Foo 1.0.0 00000000000000000000000000000001\n\
        bar 0.1 00000000000000000000000000000001\n\
        Foo 1.0.0-java 00000000000000000000000000000002\n\
        Foo 2.0,-1.0.0 00000000000000000000000000000004\n\
        bar -0.1 00000000000000000000000000000002\n\
        Foo 1.0.0 00000000000000000000000000000005\n";
    assert_eq!(text(&gems), expected);
    let mut again = again(&gems);
    for gems in [&gems, &again] {
        assert_eq!(text(gems), expected);
        let live = gems.live(None);
        let live: Vec<_> = live
            .iter()
            .map(|(name, live)| format!("{name} {}", live.join(",")))
            .collect();
        assert_eq!(live, ["Foo 1.0.0-java,2.0,1.0.0"]);
        assert!(gems.offers("Foo", "2.0") && !gems.offers("foo", "2.0"));
        assert!(!gems.offers("bar", "0.1"));
        assert_eq!((gems.changes("foo"), gems.changes("x")), (5, 0));
        assert_eq!(
            (gems.revision("foo"), gems.revision("bar")),
            (Some(5), Some(2))
        );
        assert_eq!(gems.search().len(), 1);
        assert_eq!(gems.search().query(&query("what FOO"), 0, 9, |_| true).0, 1);
        assert_eq!(gems.names(), ["bar", "foo"]);
        assert_eq!(gone(gems, "bar"), ["0.1"]);
        let some = ["bar".to_owned()];
        assert!(gems.live(Some(&some)).is_empty());
        let of = String::from_utf8(versions_of(&gems.versions().read(), &some)).unwrap();
        assert_eq!(of.lines().count(), 4, "{of}");
        assert!(!of.contains("Foo"));
    }
    // And both go on in the same way.
    for gems in [&mut gems, &mut again] {
        tell(gems, "bar", 3, 3, &["-0.1", "0.2"]);
        assert!(text(gems).ends_with("bar 0.2 00000000000000000000000000000003\n"));
    }
}

#[test]
fn what_the_log_lost_is_told_anew() {
    let mut gems = Gems::default();
    tell(&mut gems, "foo", 1, 1, &["1.0"]);
    // The third and fourth are lost: whoever reads the gem finds its document ahead.
    tell(&mut gems, "foo", 5, 5, &["2.0"]);
    assert_eq!(gems.revision("foo"), Some(0));
    tell_all(&mut gems, "foo", 5, 5, &["-1.0", "1.1", "-1.2", "2.0"]);
    assert_eq!(gems.revision("foo"), Some(5));
    tell_all(&mut gems, "foo", 5, 5, &["-1.0", "1.1", "-1.2", "2.0"]);
    // A log that was lost as a whole.
    tell_all(&mut gems, "gone", 2, 2, &["-1.0"]);
    tell_all(&mut gems, "bar", 9, 3, &["1.0", "1.1", "-1.2"]);
    tell(&mut gems, "bar", 10, 4, &["1.3"]);
    // A document that was put back from before 1.1 came.
    tell_all(&mut gems, "bar", 2, 1, &["1.0"]);
    tell(&mut gems, "bar", 3, 2, &["1.4"]);
    let expected = "created_at: 2026-01-01T00:00:00Z\n---\n\
        foo 1.0 00000000000000000000000000000001\n\
        foo 2.0 00000000000000000000000000000005\n\
        foo -1.0,1.1 00000000000000000000000000000005\n\
        bar 1.0,1.1 00000000000000000000000000000003\n\
        bar 1.3 00000000000000000000000000000004\n\
        bar -1.1,-1.3 00000000000000000000000000000001\n\
        bar 1.4 00000000000000000000000000000002\n";
    for gems in [&gems, &again(&gems)] {
        assert_eq!(text(gems), expected);
        let live = gems.live(None);
        let live: Vec<_> = live.iter().map(|(_, live)| live.join(",")).collect();
        assert_eq!(live, ["1.0,1.4", "1.1,2.0"]);
        assert_eq!(gone(gems, "foo"), ["1.0", "1.2"]);
        assert_eq!(gone(gems, "gone"), ["1.0"]);
        assert_eq!(gems.revision("bar"), Some(3));
    }
}

#[test]
fn a_document_that_was_put_back_is_told_anew() {
    let mut gems = Gems::default();
    tell(&mut gems, "foo", 1, 1, &["1.0"]);
    tell(&mut gems, "foo", 2, 2, &["1.1"]);
    let mut again = again(&gems);
    // As it was after 1.0, and then 1.2 came; or 1.1 did once more, with other bytes; or two came at
    // once; or it has had owners since, and only then 1.2.
    for (recent, revision, changes, all) in [
        ("1.2", 2, 2, &["1.0", "1.2"][..]),
        ("1.1", 2, 2, &["1.0", "1.1"]),
        ("1.3", 2, 3, &["1.0", "1.2", "1.3"]),
        ("1.2", 4, 2, &["1.0", "1.2"]),
        ("1.0", 1, 1, &["1.0"]),
    ] {
        for gems in [&mut gems, &mut again] {
            let info = format!("info-{recent}");
            let told = |all| Told {
                name: "foo".into(),
                changes,
                recent: vec![recent.into()],
                all,
                info: (&*info).into(),
                ..Told::default()
            };
            apply(gems, revision, &told(None));
            assert_eq!(gems.revision("foo"), Some(0));
            assert!(text(gems).ends_with(&format!("foo {recent} {info}\n")));
            assert!(gems.offers("foo", recent));
            let all: Vec<Cow<'_, str>> = all.iter().map(|change| (*change).into()).collect();
            apply(gems, revision, &told(Some(all.clone())));
            assert_eq!(gems.revision("foo"), Some(revision));
            assert_eq!(gems.live(None)[0].1.join(","), all.join(","));
            // As before, for what comes next.
            let before = ["1.0".into(), "1.1".into()];
            let told = Told {
                info: format!("{:032x}", 2).into(),
                ..told(Some(before.to_vec()))
            };
            apply(gems, 2, &Told { changes: 2, ..told });
            assert_eq!(gems.revision("foo"), Some(2));
        }
        assert_eq!(text(&gems), text(&again));
    }
}

#[test]
fn a_checksum_that_is_another_is_told_with_a_version() {
    let mut gems = Gems::default();
    tell_all(&mut gems, "foo", 3, 3, &["1.0", "1.1", "-1.2"]);
    tell_all(&mut gems, "foo", 4, 4, &["1.0", "1.1", "-1.2"]);
    tell_all(&mut gems, "foo", 4, 4, &["1.0", "1.1", "-1.2"]);
    let line = "foo 1.1 00000000000000000000000000000004\n";
    for gems in [&gems, &again(&gems)] {
        assert!(text(gems).ends_with(line));
        assert_eq!(text(gems).matches("foo").count(), 2);
    }
}

#[test]
fn the_first_gem_with_a_file_of_a_name_has_it() {
    let mut gems = Gems::default();
    tell(&mut gems, "a-1", 1, 1, &["2"]);
    tell(&mut gems, "A", 1, 1, &["1-2"]);
    tell(&mut gems, "A", 2, 2, &["-1-2"]);
    tell(&mut gems, "b", 1, 1, &["1-2"]);
    tell_all(&mut gems, "b-1", 1, 1, &["2"]);
    tell_all(&mut gems, "c-1", 2, 2, &["-2"]);
    for gems in [&gems, &again(&gems)] {
        let has = |full| gems.first(full).map(|first| first.to_string());
        assert_eq!(has("A-1-2").as_deref(), Some("a-1"));
        assert_eq!(has("b-1-2").as_deref(), Some("b"));
        assert_eq!(has("c-1-2").as_deref(), Some("c-1"));
        assert_eq!(has("a-1"), None);
    }
}

#[test]
fn that_something_was_lost_is_remembered_until_it_is_told() {
    let mut gems = Gems::default();
    tell(&mut gems, "foo", 1, 1, &["1.0"]);
    tell(&mut gems, "foo", 3, 3, &["1.2"]);
    tell(&mut gems, "foo", 4, 4, &["1.3"]);
    assert_eq!(gems.revision("foo"), Some(0));
    let mut gems = again(&gems);
    tell(&mut gems, "foo", 5, 5, &["1.4"]);
    assert_eq!(gems.revision("foo"), Some(0));
    tell_all(
        &mut gems,
        "foo",
        5,
        5,
        &["-1.0", "1.1", "1.2", "1.3", "1.4"],
    );
    tell(&mut gems, "foo", 6, 6, &["1.5"]);
    assert_eq!(gems.revision("foo"), Some(6));
    assert!(text(&gems).contains("-1.0,1.1 "));
}
