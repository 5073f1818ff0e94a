use expect_test::{Expect, expect};

use serde_json::value::to_raw_value;

use super::*;
use crate::wire::{SearchPackage, Username};

fn package(name: &str, description: &str, keywords: &[&str], people: &[&str]) -> SearchPackage {
    let user = |name: &&str| Username {
        username: (*name).to_owned(),
    };
    SearchPackage {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        description: Some(description.to_owned()),
        keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
        date: "2026-01-02T03:04:05.678Z".to_owned(),
        publisher: user(&people[0]),
        maintainers: people.iter().map(user).collect(),
        ..SearchPackage::default()
    }
}

impl SearchIndex {
    fn add(&mut self, revision: u64, package: &SearchPackage) {
        let shown = to_raw_value(package).unwrap();
        self.insert(revision, &package.name, &shown).unwrap();
    }
}

fn index() -> SearchIndex {
    let mut index = SearchIndex::default();
    for (n, package) in [
        package("left-pad", "Pads\tstrings", &["pad", "left"], &["ann"]),
        package("pad", "the pad", &[], &["bob"]),
        package("padding", "more", &["Space"], &["ann", "bob"]),
        package("@acme/pad", "ours", &[], &["ann"]),
        package("@acme/other", "a pad of paper", &[], &["ann"]),
        package("@acme/padder", "x", &[], &["ann"]),
        package("zebra", "nothing of the kind", &["paddock"], &["annie"]),
        package("Legacy", "UPPER case", &[], &["bob"]),
    ]
    .iter()
    .enumerate()
    {
        index.add(n as u64 + 1, package);
    }
    index
}

fn names(index: &SearchIndex, text: &str, from: usize, size: usize) -> String {
    let (total, hits) = index.query(text, from, size, |name| name != "hidden");
    let name = |raw: &&RawValue| {
        serde_json::from_str::<SearchPackage>(raw.get())
            .unwrap()
            .name
    };
    let names: Vec<_> = hits.iter().map(name).collect();
    format!("{total}: {}", names.join(" "))
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&names(&index(), text, 0, 20));
}

#[test]
fn the_best_come_first() {
    check(
        "pad",
        expect!["7: pad @acme/pad @acme/padder padding left-pad @acme/other zebra"],
    );
    check(
        "PAD",
        expect!["7: pad @acme/pad @acme/padder padding left-pad @acme/other zebra"],
    );
    check("pad left", expect!["1: left-pad"]);
    check("legacy", expect!["1: Legacy"]);
    check("upper", expect!["1: Legacy"]);
    check("@acme/pad", expect!["2: @acme/pad @acme/padder"]);
    check("pads strings", expect!["1: left-pad"]);
    check("absent", expect!["0: "]);
    check(
        "",
        expect!["8: @acme/other @acme/pad @acme/padder Legacy left-pad pad padding zebra"],
    );
}

#[test]
fn qualifiers() {
    check(
        "author:ann",
        expect!["5: @acme/other @acme/pad @acme/padder left-pad padding"],
    );
    check("maintainer:bob pad", expect!["2: pad padding"]);
    check("keywords:pad,left", expect!["1: left-pad"]);
    check("keywords:space", expect!["1: padding"]);
    check(
        "scope:acme",
        expect!["3: @acme/other @acme/pad @acme/padder"],
    );
    check(
        "scope:@acme pad not:unstable",
        expect!["3: @acme/pad @acme/padder @acme/other"],
    );
}

#[test]
fn pages() {
    let index = index();
    expect!["7: pad @acme/pad"].assert_eq(&names(&index, "pad", 0, 2));
    expect!["7: @acme/padder padding left-pad"].assert_eq(&names(&index, "pad", 2, 3));
    assert_eq!(names(&index, "pad", 100, 3), "7: ");
    assert_eq!(names(&index, "pad", 0, 0), "7: ");
    assert_eq!(
        index.query("pad", usize::MAX, usize::MAX, |_| true).1.len(),
        0
    );
    assert_eq!(index.query("pad", 0, 20, |name| name.starts_with('@')).0, 3);
}

#[test]
fn changes() {
    let mut index = index();
    index.add(20, &package("pad", "changed wholly", &[], &["eve"]));
    assert_eq!((index.revision("pad"), index.len()), (Some(20), 8));
    assert_eq!(names(&index, "wholly", 0, 9), "1: pad");
    assert_eq!(names(&index, "maintainer:eve", 0, 9), "1: pad");
    index.remove(21, "pad").unwrap();
    assert_eq!((index.revision("pad"), index.len()), (Some(21), 7));
    assert_eq!(names(&index, "wholly", 0, 9), "0: ");
    index.add(22, &package("pad", "again", &[], &["eve"]));
    assert_eq!((index.revision("pad"), index.len()), (Some(22), 8));
    assert_eq!(index.revision("never"), None);
    index.remove(23, "padding").unwrap();
}

#[test]
fn stays_compact() {
    let mut index = index();
    let long = "word ".repeat(1000);
    for revision in 100..2100 {
        index.add(revision, &package("pad", &long, &[], &["eve"]));
    }
    assert!(index.cards.len() < 4 << 20, "{}", index.cards.len());
    assert_eq!((index.revision("pad"), index.len()), (Some(2099), 8));
    assert_eq!(names(&index, "word", 0, 20), "1: pad");
}

#[test]
fn looks_for_no_more_than_somebody_would_ask() {
    let many: String = (0..20_000).map(|n| format!("{n} ")).collect();
    let again = "pad ".repeat(20_000);
    let start = std::time::Instant::now();
    let mut index = SearchIndex::default();
    for n in 0..2000 {
        index.add(1, &package(&format!("p{n}"), &many, &[], &["ann"]));
    }
    let indexed = start.elapsed();
    let start = std::time::Instant::now();
    for text in [&many, &again] {
        index.query(text, 0, 9, |_| true);
    }
    assert!(start.elapsed() < indexed.max(std::time::Duration::from_secs(1)));
}
