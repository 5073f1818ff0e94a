use expect_test::expect;
use serde_json::json;
use serde_json::value::to_raw_value;

use super::*;

fn add(index: &mut SearchIndex, revision: u64, name: &str, text: &str, list: &[&str]) {
    let shown = to_raw_value(&json!({ "name": name, "revision": revision })).unwrap();
    let write = |card: &mut Card<'_>| {
        card.text(text);
        card.list(list.iter().copied());
    };
    index.insert(revision, name, &shown, write).unwrap();
}

fn index() -> SearchIndex {
    let mut index = SearchIndex::default();
    for (n, (name, text, list)) in [
        ("left-pad", "Pads\tstrings", &["pad"][..]),
        ("pad", "the pad", &[]),
        ("padding", "more", &["Space"]),
        ("acme/pad", "ours", &[]),
        ("acme/more/pad", "a pad of paper", &[]),
        ("acme/padder", "x", &["y"]),
        ("zebra", "nothing of the kind", &["paddock"]),
        ("Legacy", "UPPER case", &[]),
    ]
    .iter()
    .enumerate()
    {
        add(&mut index, n as u64 + 1, name, text, list);
    }
    index
}

fn query(text: &str) -> Query {
    let item = |word: &str| Some(vec![(2, format!(",{},", word.strip_prefix("item:")?))]);
    Query::new(text, item)
}

fn names(index: &SearchIndex, text: &str, from: usize, size: usize) -> String {
    let (total, hits) = index.query(&query(text), from, size, |name| name != "hidden");
    let names: Vec<_> = hits.iter().map(|hit| hit.name).collect();
    format!("{total}: {}", names.join(" "))
}

#[test]
fn the_best_come_first() {
    let all = |text: &str| names(&index(), text, 0, 20);
    expect!["7: pad acme/more/pad acme/pad acme/padder padding left-pad zebra"]
        .assert_eq(&all("pad"));
    expect!["1: acme/more/pad"].assert_eq(&all("paper acme"));
    expect!["1: left-pad"].assert_eq(&all("strings pads"));
    expect!["1: Legacy"].assert_eq(&all("UPPER"));
    expect!["1: padding"].assert_eq(&all("item:space"));
    expect!["1: zebra"].assert_eq(&all("kind item:paddock"));
    expect!["0: "].assert_eq(&all("absent"));
    let shown = index().query(&query("zebra"), 0, 1, |_| true).1[0]
        .shown
        .to_owned();
    assert_eq!(shown, r#"{"name":"zebra","revision":7}"#);
}

#[test]
fn pages() {
    let index = index();
    expect!["7: pad acme/more/pad"].assert_eq(&names(&index, "pad", 0, 2));
    expect!["7: acme/pad acme/padder padding"].assert_eq(&names(&index, "pad", 2, 3));
    assert_eq!(names(&index, "pad", 100, 3), "7: ");
    assert_eq!(names(&index, "pad", 0, 0), "7: ");
    let (pad, most) = (query("pad"), usize::MAX);
    assert_eq!(index.query(&pad, most, most, |_| true).1.len(), 0);
    assert_eq!(index.query(&pad, 0, 20, |name| name.contains('/')).0, 3);
    let mut all = index.matches(&pad, |hit| hit.name.len());
    all.sort_unstable();
    assert_eq!(all, [3, 5, 7, 8, 8, 11, 13]);
}

#[test]
fn changes() {
    let mut index = index();
    add(&mut index, 20, "pad", "changed wholly", &["eve"]);
    assert_eq!((index.revision("pad"), index.len()), (Some(20), 8));
    assert_eq!(names(&index, "wholly", 0, 9), "1: pad");
    assert_eq!(names(&index, "item:eve", 0, 9), "1: pad");
    index.remove(21, "pad").unwrap();
    assert_eq!((index.revision("pad"), index.len()), (Some(21), 7));
    assert_eq!(names(&index, "wholly", 0, 9), "0: ");
    add(&mut index, 22, "pad", "again", &["eve"]);
    assert_eq!((index.revision("pad"), index.len()), (Some(22), 8));
    assert_eq!(index.revision("never"), None);
    index.remove(23, "padding").unwrap();
}

#[test]
fn stays_compact() {
    let mut index = index();
    let long = "word ".repeat(1000);
    for revision in 100..2100 {
        add(&mut index, revision, "pad", &long, &["eve"]);
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
        add(&mut index, 1, &format!("p{n}"), &many, &["ann"]);
    }
    let indexed = start.elapsed();
    let start = std::time::Instant::now();
    for text in [&many, &again] {
        index.query(&query(text), 0, 9, |_| true);
    }
    assert!(start.elapsed() < indexed.max(std::time::Duration::from_secs(1)));
}
