use super::*;

/// Examples of the parser's own tests that it takes.
const GOOD: &[&str] = &[
    "1.0@dev",
    ">=1.0@beta",
    "dev-used as ^2.0@dev",
    "dev-used@dev as ^2.0@dev",
    "1.0.x-dev#abcd123",
    "1.0.x-dev#trunk/@123",
    "*",
    "v*",
    "*.*",
    "v*.*",
    "*.x.*",
    "x.X.x.*",
    "<>1.0.0",
    "!=1.0.0",
    ">1.0.0",
    "<1.2.3.4",
    "<=1.2.3",
    ">=1.2.3",
    "=1.2.3",
    "==1.2.3",
    "1.2.3",
    "1.2.3b5",
    "1.2.3pl1234",
    ">= 1.2.3",
    "< 1.2.3",
    ">=dev-master",
    "dev-master",
    "dev-feature-a",
    "dev-CAPS",
    "dev-master as 1.0.0",
    "<1.2.3.4-stable",
    "v2.*",
    "2.*.*",
    "20.*",
    "2.0.*",
    "2.x",
    "2.x.x",
    "2.10.X",
    "2.1.3.*",
    "0.*",
    "~v1",
    "~1.2.3.4",
    "~1.2-beta",
    "~1.2-BETA2",
    "~1.2.2-dev",
    "~1.2.2-stable",
    "~201903.0",
    "~201903.205830.1-stable",
    "~2.x-dev",
    "~2.0.3.x-dev",
    "^v1",
    "^0.0",
    "^1.2.3-beta.2",
    "^2.0.*-dev",
    "^0.0.3-alpha",
    "v1 - v2",
    "1.2.3 - 2.3.4.5",
    "1.2-beta - 2.3-dev",
    "2.0.3.x-dev - 3.0.3.x-dev",
    "3.x-dev",
    "3-dev",
    "dev-3.x",
    "xsd2php-dev",
    "3.next-dev",
    "dev-1.0.0-dev<1.0.5-dev",
    "foobar-dev as 2.1.0",
    "foobar-dev as 2.1.0 || 3.5 as 1.5",
    "1.0 - 2.0.x-dev",
    "^1.",
    "~1.",
    "1.2.",
    "1.2..dev",
    "1.2-.dev",
    "1.2_-dev",
    "~2.5.9|~2.6,>=2.6.2",
    ">2.0,<=3.0",
    ">2.0 <=3.0",
    ">2.0 ,<=3.0",
    ">2.0   , <=3.0",
    "> 2.0  ,  <=  3.0",
    "  > 2.0  ,  <=  3.0 ",
    ">=1.1.0-alpha4,<1.2.x-dev",
    ">2.0,<2.0.5 | >2.0.6",
    ">2.0@stable,<=3.0@dev",
    ">2.0@stable,@dev",
    ">2.0@stable || 0@dev",
    "~0.1 || ~1.0 !=1.0.1",
    // And more, each tried with the parser itself.
    "@dev",
    "100000.x",
    "dev-##x",
    "^1.0\t||\n^2.0",
    ">=main-dev",
    "1.0.0-20200101-dev",
    "~1.0+build",
    "1.0+build - 2.0",
    "dev-a - b",
    "1.0 as x",
    "1.x as 2",
    "^100000.0.0",
];

/// Likewise, those that it does not take.
const BAD: &[&str] = &[
    "",
    "1.0.0-meh",
    ">2.0,,<=3.0",
    ">2.0 ,, <=3.0",
    ">2.0 ||| <=3.0",
    ",^1@dev || ^4@dev",
    ",^1@dev",
    "|| ^1@dev",
    "^1@dev ||",
    "^1@dev ,",
    "^2.0.*",
    "^2.0.x",
    "^2.0.x-beta",
    "^2.*",
    "^2.x",
    "^2.x-beta",
    "^2.1.2.*",
    "~2.0.*",
    "~2.0.x-beta",
    "~2.x",
    "~2.1.2.x",
    "1.x - 2.*",
    "2.x.x.x-dev - 3.x.x.x-dev",
    "^1.*-beta-dev",
    "^1. *-dev",
    "~1.*-beta-dev",
    "1.0.0-dev<1.0.5-dev",
    "*-dev",
    "^",
    "^8 || ^",
    "~",
    "~1 ~",
    "1.0#abcd123",
    "1.0#trunk/@123",
    "~>1.2",
    "self.version",
    "1.0  -  2.0",
    "1.0#abc-dev as 2.0 1.0",
    ">=",
    "latest",
    "1.2.3.4.*",
    "größe-dev",
    "1.0\n2.0",
];

#[test]
fn constraints_are_judged_as_composer_judges_them() {
    for text in GOOD {
        assert!(check(text).is_ok(), "{text}");
    }
    for text in BAD {
        let error = check(text).unwrap_err();
        assert_eq!(error.kind(), registry_core::ErrorKind::Invalid, "{text}");
    }
    // Longer than an advisory of many versions, and still quick.
    assert!(check("1.0 || ".repeat(2000).trim_end_matches(" || ")).is_ok());
    assert!(check(&format!("1.0{}2.0", " ".repeat(60000))).is_ok());
    assert!(check(&"1.0 || ".repeat(20000)).is_err());
}

/// If each mark had all that is before it looked at, this would take minutes.
#[test]
fn what_is_long_is_judged_in_one_go() {
    let marks = "#".repeat(30_000);
    let word = format!("dev-{}@{marks}", "a".repeat(30_000));
    for _ in 0..20 {
        assert!(check(&word).is_ok());
        assert!(check(&format!("x{marks}{marks}")).is_err());
    }
}
