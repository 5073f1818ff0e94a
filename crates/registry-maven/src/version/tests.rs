use super::*;

fn version(text: &str) -> VersionName {
    text.parse().unwrap()
}

/// Checks that each is less than all that follow.
fn ascending(versions: &[&str]) {
    for (at, low) in versions.iter().enumerate() {
        assert_eq!(Order::of(low), Order::of(low), "{low}");
        for high in &versions[at + 1..] {
            assert!(Order::of(low) < Order::of(high), "{low} < {high}");
            assert!(Order::of(high) > Order::of(low), "{high} > {low}");
        }
    }
}

/// Checks that each is the same as all others.
fn same(versions: &[&str]) {
    for one in versions {
        for other in versions {
            assert_eq!(Order::of(one), Order::of(other), "{one} = {other}");
        }
    }
}

#[test]
fn qualifiers_and_numbers() {
    ascending(&[
        "1-alpha2snapshot",
        "1-alpha2",
        "1-alpha-123",
        "1-beta-2",
        "1-beta123",
        "1-m2",
        "1-m11",
        "1-rc",
        "1-cr2",
        "1-rc123",
        "1-SNAPSHOT",
        "1",
        "1-sp",
        "1-sp2",
        "1-sp123",
        "1-abc",
        "1-def",
        "1-pom-1",
        "1-1-snapshot",
        "1-1",
        "1-2",
        "1-123",
    ]);
    ascending(&[
        "2.0", "2.0.a", "2-1", "2.0.2", "2.0.123", "2.1.0", "2.1-a", "2.1b", "2.1-c", "2.1-1",
        "2.1.0.1", "2.2", "2.123", "11.a2", "11.a11", "11.b2", "11.b11", "11.m2", "11.m11", "11",
        "11.a", "11b", "11c", "11m",
    ]);
    ascending(&["1-foo2", "1-foo10", "1-1", "1.1"]);
    ascending(&["1-ga", "1-sp"]);
    ascending(&["1-ga.1", "1-sp.1"]);
    // A long number is a number.
    ascending(&[
        "20190126.230843",
        "1234567890.12345",
        "123456789012345.1H.5-beta",
    ]);
    ascending(&[
        "123456789012345.1H.5-beta",
        "12345678901234567890.1H.5-beta",
    ]);
    ascending(&["c", "j", "7"]);
    ascending(&["aardvark", "zebra", "ζέβρα", "1"]);
}

#[test]
fn compared() {
    for (low, high) in [
        ("1", "2"),
        ("1.5", "2"),
        ("1", "2.5"),
        ("1.0.0", "1.1"),
        ("1.0.1", "1.1"),
        ("1.1", "1.2.0"),
        ("1.0-alpha-1", "1.0"),
        ("1.0-alpha-1", "1.0-alpha-2"),
        ("1.0-alpha-1", "1.0-beta-1"),
        ("1.0-beta-1", "1.0-SNAPSHOT"),
        ("1.0-SNAPSHOT", "1.0"),
        ("1.0-alpha-1-SNAPSHOT", "1.0-alpha-1"),
        ("1.0", "1.0-1"),
        ("1.0-1", "1.0-2"),
        ("2.0-1", "2.0.1"),
        ("2.0.1-klm", "2.0.1-lmn"),
        ("2.0.1", "2.0.1-xyz"),
        ("2.0.1-xyz", "2.0.1-123"),
        ("0.7", "2"),
        ("0.2", "1.0.7"),
        ("6.1.0rc3", "6.1.0"),
        ("6.1.0rc3", "6.1H.5-beta"),
        ("6.1.0", "6.1H.5-beta"),
        ("1-0.alpha", "1"),
        ("1-0.beta", "1"),
        ("1-0.alpha", "1-0.beta"),
        ("1.0.final-redhat", "1.0-sp1-redhat"),
        ("1.0.final-redhat", "1.0-sp-1-redhat"),
        ("1.0.final-redhat", "1.0-sp.1-redhat"),
        ("1.0.0.RC1", "1.0.0-RC2"),
        ("1.0.0.def1", "1.0.0-def2"),
        ("1", "1.1"),
        ("9", "10"),
        ("1", "1.0.0.0.1"),
        // What follows a release's qualifier counts.
        ("1.0-SNAPSHOT", "1.0-Final-SNAPSHOT"),
        ("1.0", "1.0-Final-1"),
        ("1.0-Final-1", "1.0-jre"),
    ] {
        ascending(&[low, high]);
    }
}

#[test]
fn alike() {
    same(&[
        "1",
        "1.0",
        "1.0.0",
        "1-0",
        "1.0-0",
        "1.",
        "1-",
        "01",
        "0000000000000000000001",
    ]);
    same(&[
        "1",
        "1ga",
        "1-GA",
        "1.final",
        "1FINAL",
        "1.release",
        "1-Release",
    ]);
    same(&["0", "000000000000000000000", "0.0", ""]);
    same(&[
        "1a", "1-a", "1.0-a", "1.0.0-a", "1.0a", "1.a", "1.0.a", "1A",
    ]);
    same(&["1rc", "1cr", "1Cr", "1-cR"]);
    same(&["1a1", "1-alpha-1", "1.0.alpha-1"]);
    same(&["1b2", "1-beta-2"]);
    same(&["1m3", "1-milestone-3", "1MILESTONE3"]);
    same(&["1.0.0-foo.0.0", "1-foo"]);
    same(&["1.é", "1.É"]);
}

#[test]
fn names_are_ordered_and_distinct() {
    let mut versions = ["1.10", "1.0", "1.9", "1", "1.0-SNAPSHOT", "2.0-rc-1"].map(version);
    versions.sort();
    let sorted: Vec<_> = versions.iter().map(VersionName::as_str).collect();
    assert_eq!(
        sorted,
        ["1.0-SNAPSHOT", "1", "1.0", "1.9", "1.10", "2.0-rc-1"]
    );
    assert_ne!(version("1"), version("1.0"));
}

#[test]
fn spellings() {
    for good in [
        "1",
        "1.0",
        "1.0+build.5",
        "1.0~rc1",
        "2.0-SNAPSHOT",
        "SNAPSHOT",
        "v1_2",
        "r09",
        "LATEST",
        "20261123.001855",
        &"1".repeat(200),
    ] {
        assert_eq!(version(good).to_string(), good);
    }
    for bad in [
        "",
        ".",
        "..",
        ".1",
        "-SNAPSHOT",
        "1..2",
        "1 beta",
        "1/2",
        "1\\2",
        "1:2",
        "${revision}",
        "1%2f",
        "ü",
        "1\n",
        "2.0-20261123.001855-1",
        "20261123.001855-1",
        &"1".repeat(201),
    ] {
        let error = bad.parse::<VersionName>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{bad}");
    }
}

#[test]
fn snapshots() {
    for (text, snapshot) in [
        ("1.0-SNAPSHOT", true),
        ("SNAPSHOT", true),
        ("1.0", false),
        ("1.0-snapshot", false),
        ("1.0-SNAPSHOT-1", false),
    ] {
        assert_eq!(version(text).is_snapshot(), snapshot, "{text}");
    }
    let build: Build = "20261123.001855-12".parse().unwrap();
    assert_eq!(build.timestamp(), "20261123.001855");
    assert_eq!(build.updated(), "20261123001855");
    assert_eq!(build.number(), 12);
    assert_eq!(build.to_string(), "20261123.001855-12");
    for (version_, built) in [
        ("1.0-SNAPSHOT", "1.0-20261123.001855-12"),
        ("SNAPSHOT", "20261123.001855-12"),
        ("1.0", "1.0"),
    ] {
        assert_eq!(version(version_).of_build(&build), built);
    }
    let sorted = [
        "20261123.001855-2",
        "20261123.001855-10",
        "20261123.001856-1",
        "20270101.000000-1",
    ];
    assert!(
        sorted
            .map(|text| text.parse::<Build>().unwrap())
            .is_sorted()
    );
    for bad in [
        "",
        "20261123.001855",
        "20261123.001855-",
        "20261123.001855-0",
        "20261123.001855-01",
        "20261123.001855-1a",
        "20261123.001855-4294967296",
        "20261123-001855-1",
        "2026112.3001855-1",
        "2026112é001855-1",
    ] {
        assert!(bad.parse::<Build>().is_err(), "{bad}");
    }
}
