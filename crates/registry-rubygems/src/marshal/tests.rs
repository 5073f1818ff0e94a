use std::io::Read;

use expect_test::{Expect, expect};
use flate2::read::ZlibDecoder;

use super::*;
use crate::spec::tests::spec;

fn check(bytes: &[u8], expected: Expect) {
    // A line for each symbol makes it readable.
    let shown = bytes.escape_ascii().to_string();
    expected.assert_eq(&shown.replace(":\\x06E", ":\\x06E\n"));
}

// What stands here was read by `Marshal.load` and `Gem::SafeMarshal.safe_load`.

#[test]
fn lists() {
    check(&index(vec![]), expect![[r#"\x04\x08[\x00"#]]);
    check(
        &index(vec![("a", "1.0", "ruby"), ("b", "2.a", "java")]),
        expect![[r#"
            \x04\x08[\x07[\x08I\"\x06a\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x081.0\x06:\x06E
            TI\"\truby\x06:\x06E
            T[\x08I\"\x06b\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x082.a\x06:\x06E
            TI\"\tjava\x06:\x06E
            T"#]],
    );
    let rows = vec![("a", "1", "ruby"); 300];
    assert!(index(rows).starts_with(b"\x04\x08[\x02\x2c\x01[\x08"));
}

#[test]
fn numbers() {
    for (number, bytes) in [
        (0, &b"\0"[..]),
        (1, b"\x06"),
        (122, b"\x7f"),
        (123, b"\x01\x7b"),
        (255, b"\x01\xff"),
        (256, b"\x02\0\x01"),
        (65_535, b"\x02\xff\xff"),
        (65_536, b"\x03\0\0\x01"),
        (i32::MAX, b"\x04\xff\xff\xff\x7f"),
    ] {
        let mut stream = Stream(Vec::new());
        stream.packed(number);
        assert_eq!(stream.0, bytes, "{number}");
    }
}

#[test]
fn the_least_gemspec() {
    check(
        &whole_gemspec(&spec("")).0,
        expect![[r#"
        \x04\x08u:\x17Gem::Specification\x01\xf4\x04\x08[\x18I\"\x060\x06:\x06E
        Ti\tI\"\x06a\x06:\x06E
        TU:\x11Gem::Version[\x06I\"\x081.0\x06:\x06E
        T0I\"\nA gem\x06:\x06E
        TU:\x15Gem::Requirement[\x06[\x06[\x07I\"\x07>=\x06:\x06E
        TU:\x11Gem::Version[\x06I\"\x060\x06:\x06E
        TU:\x15Gem::Requirement[\x06[\x06[\x07I\"\x07>=\x06:\x06E
        TU:\x11Gem::Version[\x06I\"\x060\x06:\x06E
        TI\"\truby\x06:\x06E
        T[\x00I\"\x00\x06:\x06E
        T[\x00[\x06I\"\x08Ann\x06:\x06E
        T00TI\"\truby\x06:\x06E
        T[\x00{\x00"#]],
    );
}

#[test]
fn a_whole_gemspec() {
    let gemspec = include_str!("../spec/tests/demo-a.yaml");
    let gemspec = crate::spec::Gemspec::read(&mut gemspec.as_bytes()).unwrap();
    let packed = gemspec_rz(&gemspec.spec).unwrap();
    let mut bytes = Vec::new();
    ZlibDecoder::new(&*packed).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, whole_gemspec(&gemspec.spec).0);
    check(
        &bytes,
        expect![[r#"
            \x04\x08u:\x17Gem::Specification\x02g\x05\x04\x08[\x18I\"\x0b3.3.15\x06:\x06E
            Ti\tI\"\x0bdemo-a\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\t1.10\x06:\x06E
            TIu:\tTime\r\x80\xab\x1f\xc0\x00\x00\x00\x00\x06:\tzoneI\"\x08UTC\x06:\x06E
            TI\"\x18An: example \"\xc3\xa9\" #x\x06:\x06E
            TU:\x15Gem::Requirement[\x06[\x07[\x07I\"\x07>=\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x082.5\x06:\x06E
            T[\x07I\"\x06<\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x064\x06:\x06E
            TU:\x15Gem::Requirement[\x06[\x06[\x07I\"\x07>=\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x083.0\x06:\x06E
            TI\"\x11x86_64-linux\x06:\x06E
            T[\x08o:\x14Gem::Dependency\n:\n@nameI\"\trake\x06:\x06E
            T:\x11@requirementU:\x15Gem::Requirement[\x06[\x07[\x07I\"\x07~>\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\t13.0\x06:\x06E
            T[\x07I\"\x07>=\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x0b13.0.1\x06:\x06E
            T:\n@type:\x0cruntime:\x10@prereleaseF:\x1a@version_requirementsU:\x15Gem::Requirement[\x06[\x07[\x07I\"\x07~>\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\t13.0\x06:\x06E
            T[\x07I\"\x07>=\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x0b13.0.1\x06:\x06E
            To:\x14Gem::Dependency\n:\n@nameI\"\x08abc\x06:\x06E
            T:\x11@requirementU:\x15Gem::Requirement[\x06[\x06[\x07I\"\x07>=\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x060\x06:\x06E
            T:\n@type:\x0cruntime:\x10@prereleaseF:\x1a@version_requirementsU:\x15Gem::Requirement[\x06[\x06[\x07I\"\x07>=\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x060\x06:\x06E
            To:\x14Gem::Dependency\n:\n@nameI\"\rminitest\x06:\x06E
            T:\x11@requirementU:\x15Gem::Requirement[\x06[\x06[\x07I\"\x06=\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x085.0\x06:\x06E
            T:\n@type:\x10development:\x10@prereleaseF:\x1a@version_requirementsU:\x15Gem::Requirement[\x06[\x06[\x07I\"\x06=\x06:\x06E
            TU:\x11Gem::Version[\x06I\"\x085.0\x06:\x06E
            TI\"\x00\x06:\x06E
            T[\x06I\"\na@b.c\x06:\x06E
            T[\x07I\"\x0fAnn O. Nym\x06:\x06E
            TI\"\x08B\xc3\xb6\x06:\x06E
            TI\"\x1eline one\n\n  line two\ttab\n\x06:\x06E
            TI\"\x1ahttps://example.com/x\x06:\x06E
            TTo:\x12Gem::Platform\x08:\t@cpuI\"\x0bx86_64\x06:\x06E
            T:\x08@osI\"\nlinux\x06:\x06E
            T:\r@version0[\x06I\"\x08MIT\x06:\x06E
            T{\x07I\"\x1arubygems_mfa_required\x06:\x06E
            TI\"\ttrue\x06:\x06E
            TI\"\x14source_code_uri\x06:\x06E
            TI\"\x1ahttps://example.com/y\x06:\x06E
            T"#]],
    );
}
