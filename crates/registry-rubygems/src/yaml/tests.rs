use expect_test::{Expect, expect};
use registry_core::ErrorKind;

use super::*;

/// Everything in a document, or why it is refused.
fn read(text: impl AsRef<[u8]>) -> Result<String> {
    fn show(yaml: &mut Yaml<'_>, piece: Piece, out: &mut String) -> Result<()> {
        match piece {
            Piece::Scalar(scalar) => {
                let mark = if scalar.plain { "" } else { "'" };
                let tag = scalar.tag.map(|tag| tag + " ").unwrap_or_default();
                *out += &format!("{tag}{mark}{}{mark}", scalar.text);
            }
            Piece::List(tag) => {
                *out += &format!("{}[", tag.unwrap_or_default());
                yaml.list(|yaml, piece| {
                    show(yaml, piece, out)?;
                    *out += ",";
                    Ok(())
                })?;
                *out += "]";
            }
            Piece::Mapping(tag) => {
                *out += &format!("{}{{", tag.unwrap_or_default());
                yaml.mapping(|yaml, key, piece| {
                    *out += &format!("{key}:");
                    show(yaml, piece, out)?;
                    *out += ",";
                    Ok(())
                })?;
                *out += "}";
            }
            Piece::End => unreachable!("mapping and list take it"),
        }
        Ok(())
    }
    let mut text = text.as_ref();
    let (mut yaml, first) = Yaml::start(&mut text)?;
    let mut out = String::new();
    show(&mut yaml, first, &mut out)?;
    yaml.finish()?;
    Ok(out)
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&read(text).unwrap());
}

fn refused(text: impl AsRef<[u8]>, why: &str) {
    let text = text.as_ref();
    let error = read(text).unwrap_err();
    let shown = String::from_utf8_lossy(&text[..text.len().min(80)]);
    assert!(error.to_string().contains(why), "{shown:?}: {error}");
}

#[test]
fn documents() {
    check(
        "--- !ruby/object:Gem::Version\nversion: '1.0'\nnone: \nlist: []\n",
        expect!["!ruby/object:Gem::Version{version:'1.0',none:,list:[],}"],
    );
    check(
        "---\n- - \"~>\"\n  - ! 'x'\n- !binary |-\n  YQ==\n- !!str 1\n...\n",
        expect!["[['~>','x',],!binary 'YQ==',tag:yaml.org,2002:str 1,]"],
    );
    check(
        "---\na: |-\n  x\u{2028}  y\u{85}b: c\n",
        expect![[r#"{a:'x
y',b:c,}"#]],
    );
    check(
        "---\ntext: |-\n  one\n\n    two\nfolded: >\n  a\n  b\n\"\\x41\\u00e9\": Bö\n",
        expect![[r#"
            {text:'one

              two',folded:'a b
            ',Aé:Bö,}"#]],
    );
}

#[test]
fn texts_that_end_at_the_beginning_of_a_line() {
    check(
        "---\na: ! 'b\n\n\n  c\n\n'\nd: \"e\n  '\n'\n  f\"\n",
        expect![[r#"
            {a:'b

            c
            ',d:'e ' ' f',}"#]],
    );
    refused("---\n'\na: b\n", "");
}

#[test]
fn what_is_not_read_alike_by_all_is_refused() {
    for early in [
        "",
        "a: b\n",
        " ---\na: b\n",
        "%TAG ! !x\n---\na: b\n",
        "\u{feff}---\na: b\n",
    ] {
        refused(early, "must begin");
    }
    for alias in ["---\na: &1 b\n", "---\na: &1 []\nb: *1\n", "--- &x {}\n"] {
        refused(alias, "aliases");
    }
    refused("--- a\n--- b\n", "more than one document");
    refused("---\na: b\na: c\n", "twice");
    refused("---\n? [a]\n: c\n", "no text");
    refused("---\n? !x a\n: c\n", "no text");
    refused("---\n1: c\n", "no text");
    for control in ["\0", "\u{1}", "\u{7f}", "\u{81}", "\u{feff}"] {
        refused(format!("---\na: x{control}y\n"), "must be escaped");
    }
    for broken in [
        &b"---\na: \xff\n"[..],
        b"---\na: \xc3",
        b"---\na: \xe9a\n",
        b"---\na: \xc0\x80\n",
    ] {
        refused(broken, "UTF-8");
    }
    for broken in [
        "---\na: b\n d: 1\n",
        "---\n- \"a\n",
        "---\n[a\n",
        "---\na: *x\n",
        "---\n@x\n",
    ] {
        refused(broken, "invalid YAML");
    }
}

#[test]
fn bounds() {
    let deep = |depth: usize| format!("--- {}{}\n", "[".repeat(depth), "]".repeat(depth));
    assert!(read(deep(MAX_DEPTH)).is_ok());
    refused(deep(MAX_DEPTH + 1), "deep");
    refused(deep(100_000), "invalid YAML");
    let long = |length: usize| format!("---\n- \"{}\"\n", "a".repeat(length));
    assert!(read(long(200 << 10)).is_ok());
    let error = read(long(300 << 10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(read(format!("---\n{}", "- a\n".repeat(70_000))).is_ok());
    let keys: String = (0..6_000).map(|n| format!("key{n}: x\n")).collect();
    refused(format!("---\n{keys}"), "too many keys");
}

#[test]
fn texts_without_quotation_marks() {
    for text in [
        "a",
        "1.0.0",
        "yesterday",
        "nullify",
        "~>",
        "1.2.a",
        "1a",
        "0x",
        "08x",
        "-",
        "--",
        ".",
        "+.",
        "a:b",
        "1:2:3:4",
        "1:60",
        "12-1-1",
        "2012-1-1x",
        "1e3",
        "1_",
        "1,,2",
        "09",
        "ä",
        "N/A",
        "lib/a.rb",
        ":",
        "./a",
        "0.1.x",
        "1.5e3",
        "0b2",
        "nan",
        "inf",
        "+1a",
        "-a",
    ] {
        assert!(is_text(text), "{text}");
    }
    for other in [
        "",
        "~",
        "null",
        "NULL",
        "Yes",
        "true",
        "on",
        "no",
        "False",
        "off",
        ":runtime",
        ":a b",
        "1",
        "+1",
        "-1",
        "0",
        "007",
        "1_000",
        "1,000",
        "0x1F",
        "0b1",
        "1.0",
        "1.",
        ".5",
        "-1.5e+3",
        ".inf",
        "-.INF",
        ".nan",
        "1:30",
        "1:30:05",
        "1:30.5",
        "2012-01-01",
        "2012-1-1 00:00:00 Z",
        "2012-01-01T00:00:00Z",
        "2012-01-01\t00:00:00",
    ] {
        assert!(!is_text(other), "{other}");
    }
}

#[test]
fn there_are_not_too_many_of_anything() {
    let list = |items: usize| format!("---\n{}", "- a\n".repeat(items));
    // The list itself and its end count, too.
    assert!(read(list(MAX_PIECES - 2)).is_ok());
    refused(list(MAX_PIECES - 1), "more than 300000 texts and lists");
}

#[test]
fn keys_of_bytes() {
    check(
        "---\n!binary \"U0hBMQ==\": a\n!str b: c\n",
        expect!["{SHA1:a,b:c,}"],
    );
    refused("---\n!binary \"U0hBMQ\": a\n", "no text");
    refused("---\n!binary \"U0hBMQ==\": a\nSHA1: b\n", "twice");
}
