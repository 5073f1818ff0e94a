use expect_test::{Expect, expect};
use registry_core::store::search::SearchIndex;
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

fn add(index: &mut SearchIndex, revision: u64, package: &SearchPackage) {
    let shown = to_raw_value(package).unwrap();
    let parts = Parts::of(&shown).unwrap();
    let write = |card: &mut Card<'_>| parts.write(card);
    index
        .insert(revision, &package.name, &shown, write)
        .unwrap();
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
        add(&mut index, n as u64 + 1, package);
    }
    index
}

fn names(index: &SearchIndex, text: &str, from: usize, size: usize) -> String {
    let (total, hits) = index.query(&query(text), from, size, |name| name != "hidden");
    let names: Vec<_> = hits.iter().map(|hit| hit.name).collect();
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
