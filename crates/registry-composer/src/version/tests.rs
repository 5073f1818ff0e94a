use super::*;

/// Examples of the parser's own tests, and what it makes of them.
const NORMAL: &[(&str, &str)] = &[
    ("1.0.0", "1.0.0.0"),
    ("1.2.3.4", "1.2.3.4"),
    ("1.0.0RC1dev", "1.0.0.0-RC1-dev"),
    ("1.0.0-rC15-dev", "1.0.0.0-RC15-dev"),
    ("1.0.0.RC.15-dev", "1.0.0.0-RC15-dev"),
    ("1.0.0-rc1", "1.0.0.0-RC1"),
    ("1.0.0.pl3-dev", "1.0.0.0-patch3-dev"),
    ("1.0-dev", "1.0.0.0-dev"),
    ("0", "0.0.0.0"),
    ("99999", "99999.0.0.0"),
    ("10.4.13-beta", "10.4.13.0-beta"),
    ("10.4.13beta2", "10.4.13.0-beta2"),
    ("10.4.13beta.2", "10.4.13.0-beta2"),
    ("v1.13.11-beta.0", "1.13.11.0-beta0"),
    ("1.13.11.0-beta0", "1.13.11.0-beta0"),
    ("10.4.13-b", "10.4.13.0-beta"),
    ("10.4.13-b5", "10.4.13.0-beta5"),
    ("v1.0.0", "1.0.0.0"),
    ("2010.01", "2010.01.0.0"),
    ("2010.01.02", "2010.01.02.0"),
    ("2010.1.555", "2010.1.555.0"),
    ("2010.10.200", "2010.10.200.0"),
    ("v20100102", "20100102"),
    ("20100102", "20100102"),
    ("20100102.0", "20100102.0"),
    ("100000", "100000"),
    ("2010-01-02-10-20-30.5", "2010.01.02.10.20.30.5"),
    ("2010-01-02", "2010.01.02"),
    ("2012.06.07", "2012.06.07.0"),
    ("2010-01-02.5", "2010.01.02.5"),
    ("20100102-203040", "20100102.203040"),
    ("20100102.x-dev", "20100102.9999999.9999999.9999999-dev"),
    (
        "20100102.203040.x-dev",
        "20100102.203040.9999999.9999999-dev",
    ),
    ("20100102203040-10", "20100102203040.10"),
    ("20100102-203040-p1", "20100102.203040-patch1"),
    ("201903.0", "201903.0"),
    ("201903.x-dev", "201903.9999999.9999999.9999999-dev"),
    ("201903.0-p2", "201903.0-patch2"),
    ("dev-master", "dev-master"),
    ("master", "dev-master"),
    ("dev-trunk", "dev-trunk"),
    ("1.x-dev", "1.9999999.9999999.9999999-dev"),
    ("dev-feature-foo", "dev-feature-foo"),
    ("DEV-FOOBAR", "dev-FOOBAR"),
    ("dev-feature/foo", "dev-feature/foo"),
    ("dev-feature+issue-1", "dev-feature+issue-1"),
    ("dev-master as 1.0.0", "dev-master"),
    ("dev-used as ^2.0", "dev-used"),
    ("dev-used@dev as ^2.0@dev", "dev-used"),
    ("1.0.0+foo@dev", "1.0.0.0"),
    ("dev-used@stable", "dev-used"),
    ("1.0.0-beta.5+foo", "1.0.0.0-beta5"),
    ("1.0.0+foo", "1.0.0.0"),
    ("1.0.0-alpha.3.1+foo", "1.0.0.0-alpha3.1"),
    ("1.0.0-alpha2.1+foo", "1.0.0.0-alpha2.1"),
    ("1.0.0-alpha-2.1-3+foo", "1.0.0.0-alpha2.1-3"),
    ("1.0.0+foo as 2.0", "1.0.0.0"),
    ("00.01.03.04", "00.01.03.04"),
    ("000.001.003.004", "000.001.003.004"),
    ("0.000.103.204", "0.000.103.204"),
    ("0700", "0700.0.0.0"),
    ("041.x-dev", "041.9999999.9999999.9999999-dev"),
    ("dev-041.003", "dev-041.003"),
    ("dev-1.0.0-dev<1.0.5-dev", "dev-1.0.0-dev<1.0.5-dev"),
    ("dev-foo bar", "dev-foo bar"),
    (" 1.0.0", "1.0.0.0"),
    ("1.0.0 ", "1.0.0.0"),
    // And more, each tried with the parser itself.
    ("1.a.3", "1.0.0.0-alpha3"),
    ("1.0.", "1.0.0.0"),
    ("1.0_", "1.0.0.0"),
    ("1..dev", "1.0.0.0-dev"),
    ("1.0-stable5-dev", "1.0.0.0"),
    ("1.0-Stable5", "1.0.0.0-stable5"),
    ("1.0adev", "1.0.0.0-alpha-dev"),
    ("1.0p-1.2", "1.0.0.0-patch1.2"),
    ("V1.2.X-DEV", "1.2.9999999.9999999-dev"),
    ("1.x.3dev", "1.9999999.3.9999999-dev"),
    ("1.*-dev", "1.9999999.9999999.9999999-dev"),
    ("2010:01:02:03", "2010.01.02.03"),
    ("dev-größe", "dev-größe"),
    ("dev-", "dev-"),
];

/// Likewise, what is no version.
const NONE: &[&str] = &[
    "",
    "a",
    "foo",
    "1.0.0-meh",
    "1.0.0.0.0",
    "1.0.2.5.5",
    "feature-foo",
    "feature-dev",
    "1.0.0+foo bar",
    "1.0.1-SNAPSHOT",
    "1.0.0<1.0.5-dev",
    "1.0.0-dev<1.0.5-dev",
    "foo bar-dev",
    "1.0 .2",
    " as ",
    " as 1.2",
    "^",
    "^8 || ^",
    "~",
    "~1 ~",
    "~1",
    "^1",
    "1.*",
    "20100102.0.3.4",
    "100000.0.0.0",
    "2023013.0.0",
    "202301311.0.0",
    "20230131000.0.0",
    "2023013100000.0.0",
    "^2.0 as 1.0.0+foo",
    "1.0.0-20200101",
    "1.0.0-0.3.7",
    "1.0.0-x.7.z.92",
    "100000.0.0",
    "1.0._dev",
    "1.x",
    "1.*.-dev",
    "1.x.x.x.x-dev",
    "dev",
    "-dev",
    "größe-dev",
    "ödev",
    "1.0\n.0",
    "dev-a\nb",
];

#[test]
fn versions_have_the_normal_form_that_composer_gives_them() {
    for (text, normal) in NORMAL {
        let version = Version::parse(text).unwrap();
        assert_eq!(version.normalized(), *normal, "{text}");
        assert_eq!(version.pretty(), text.trim(), "{text}");
    }
    for text in NONE {
        let error = Version::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{text}");
        assert!(
            error.message().starts_with("Invalid version string"),
            "{error}"
        );
    }
    // Newer parsers take these, older ones do not.
    for text in [
        "20230131.0.0",
        "202301310000.0.0",
        "20100102.1.0",
        "2010-01-02-10-20-30.0.3",
    ] {
        assert!(Version::parse(text).is_err(), "{text}");
    }
    assert!(Version::parse("dev-a\tb").is_err());
    assert!(Version::parse(&format!("dev-{}", "a".repeat(196))).is_ok());
    assert!(Version::parse(&format!("dev-{}", "a".repeat(197))).is_err());
}

#[test]
fn stabilities() {
    use Stability::{Alpha, Beta, Dev, Rc, Stable};
    for (text, expected) in [
        ("1", Stable),
        ("1.0", Stable),
        ("3.2.1", Stable),
        ("v3.2.1", Stable),
        ("v2.0.x-dev", Dev),
        ("v2.0.x-dev#abc123", Dev),
        ("v2.0.x-dev#trunk/@123", Dev),
        ("3.0-RC2", Rc),
        ("dev-master", Dev),
        ("3.1.2-dev", Dev),
        ("dev-feature+issue-1", Dev),
        ("3.1.2-p1", Stable),
        ("3.1.2-pl2", Stable),
        ("3.1.2-patch", Stable),
        ("3.1.2-alpha5", Alpha),
        ("3.1.2-beta", Beta),
        ("2.0B1", Beta),
        ("1.2.0a1", Alpha),
        ("1.2_a1", Alpha),
        ("2.0.0rc1", Rc),
        ("1.0.0-alpha11+cs-1.1.0", Alpha),
        ("1-2_dev", Dev),
    ] {
        assert_eq!(stability(text), expected, "{text}");
    }
    for (text, expected) in [
        ("1.0-RC1-dev", Dev),
        ("1.0-stable-dev", Stable),
        ("1.x-dev", Dev),
        ("master", Dev),
        ("1.0-p2", Stable),
    ] {
        let version = Version::parse(text).unwrap();
        assert_eq!(version.stability(), expected, "{text}");
        assert_eq!(version.is_dev(), expected == Dev, "{text}");
    }
}

#[test]
fn versions_are_ordered_as_composer_orders_them() {
    let ascending = [
        "dev-feature",
        "dev-main",
        "0.9",
        "1.0-dev",
        "1.0-alpha-dev",
        "1.0-alpha",
        "1.0-alpha2",
        "1.0-beta",
        "1.0-beta2",
        "1.0-beta10",
        "1.0-RC1",
        "1.0",
        "1.0-patch1",
        "1.0.1-dev",
        "1.0.1",
        "1.0.x-dev",
        "1.2",
        "1.10",
        "1.x-dev",
        "2.0",
        "20100102",
    ];
    let versions: Vec<_> = ascending.map(|text| Version::parse(text).unwrap()).into();
    for (at, a) in versions.iter().enumerate() {
        for (other, b) in versions.iter().enumerate() {
            assert_eq!(a.cmp(b), at.cmp(&other), "{a} {b}");
        }
    }
    assert_eq!(
        Version::parse("1.0").unwrap(),
        Version::parse("v1.0.0").unwrap()
    );
    assert_ne!(
        Version::parse("dev-a").unwrap(),
        Version::parse("dev-A").unwrap()
    );
}

#[test]
fn what_may_be_a_branch_is_called_one() {
    for (text, branch) in [
        ("main", Some("dev-main")),
        ("feature/x", Some("dev-feature/x")),
        ("1.x", Some("1.x-dev")),
        ("v2.*", Some("v2.*-dev")),
        ("1.0.0.0.0", None),
        ("100000.0.0.0.0", None),
        ("a b", None),
        (&"x".repeat(198), None),
    ] {
        let told = Version::parse(text).unwrap_err().to_string();
        let wanted = branch.map_or("at most".into(), |b| format!("or {b} if it is a branch"));
        assert!(told.ends_with(&wanted), "{told}");
    }
}
