use std::fmt::Write as _;

use super::*;

/// Attachments: their names, and what is in them.
type Files = Vec<(String, Vec<u8>)>;

/// What a scanner makes of a body in pieces: the document, and each attachment.
fn scan(pieces: &[&[u8]]) -> Result<(String, Files)> {
    let mut scanner = PublishScanner::new(1 << 16);
    let mut files: Files = Vec::new();
    let (mut started, mut ended) = (0, 0);
    for piece in pieces {
        for event in scanner.feed(piece)? {
            match event {
                Event::Start { file } => {
                    assert_eq!(started, ended);
                    started += 1;
                    files.push((file, Vec::new()));
                }
                Event::Data(bytes) => files.last_mut().unwrap().1.extend_from_slice(&bytes),
                Event::End => ended += 1,
            }
        }
    }
    let document = scanner.finish()?;
    assert_eq!(started, ended);
    Ok((String::from_utf8(document).unwrap(), files))
}

/// Scans whole, byte by byte, and split at every place; all must agree.
#[track_caller]
fn check(body: &str, expected: Option<(&str, &[(&str, &str)])>) {
    let bytes = body.as_bytes();
    let expected = expected.map(|(document, files)| {
        let files = files
            .iter()
            .map(|(name, data)| ((*name).into(), (*data).into()));
        (document.to_owned(), files.collect::<Files>())
    });
    assert_eq!(scan(&[bytes]).ok(), expected, "{body}");
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(scan(&single).ok(), expected, "{body}");
    for at in 0..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(scan(&[first, second]).ok(), expected, "{body} at {at}");
    }
}

#[test]
fn finds_the_data() {
    check(
        r#"{"name":"a","_attachments":{"a.tgz":{"content_type":"x","data":"aGVsbG8=","length":5}}}"#,
        Some((
            r#"{"name":"a","_attachments":{"a.tgz":{"content_type":"x","data":"","length":5}}}"#,
            &[("a.tgz", "hello")],
        )),
    );
    check(
        r#" { "_attach\u006dents" : { "a\"b" : { "d\u0061ta" : "aGk\u003d" } , "c":{"data":""} } , "z":[1,{"k":"\\"}] } "#,
        Some((
            r#" { "_attach\u006dents" : { "a\"b" : { "d\u0061ta" : "" } , "c":{"data":""} } , "z":[1,{"k":"\\"}] } "#,
            &[("a\"b", "hi"), ("c", "")],
        )),
    );
    check(
        r#"{"_attachments":{"a":{"data":"aGk\/","x":{"data":"kept"}}},"data":"kept"}"#,
        Some((
            r#"{"_attachments":{"a":{"data":"","x":{"data":"kept"}}},"data":"kept"}"#,
            &[("a", "hi?")],
        )),
    );
}

#[test]
fn leaves_everything_else() {
    for body in [
        r#"{"x":{"_attachments":{"a":{"data":"kept"}}}}"#,
        r#"{"x":"_attachments","y":{"data":"kept"},"data":"kept"}"#,
        r#"["_attachments",{"a":{"data":"kept"}}]"#,
        r#"{"_attachments":{"a":{"x":["data","kept",{"data":"kept"}]}}}"#,
        r#"{"_attachments":{"a.sigstore":{"data":"{\"kept\":1}","length":10}}}"#,
        r#"{"_attachments":{}}"#,
        r#"{"x":"__proto__","y":["__proto__"],"z":{"constructor":1,"\n":2}}"#,
        "{}",
    ] {
        check(body, Some((body, &[])));
    }
}

#[test]
fn refuses() {
    for body in [
        "",
        "{",
        r#"{"a"#,
        r#"{"a":"\"}"#,
        r#"{"a":[{"__proto__":1}]}"#,
        r#"{"a":{"__prot\u006f__" :1}}"#,
        r#"{"_attachments":{"__proto__":{}}}"#,
        r#"{"_attachments":[]}"#,
        r#"{"_attachments":"a"}"#,
        r#"{"_attachments":null}"#,
        r#"{"_attachments":{"a":[]}}"#,
        r#"{"_attachments":{"a":{"data":{}}}}"#,
        r#"{"_attachments":{"a":{"data":null}}}"#,
        r#"{"_attachments":{"a":{"data":1}}}"#,
        r#"{"_attachments":{},"_attachments":{}}"#,
        r#"{"_attachments":{},"_attach\u006dents":{}}"#,
        r#"{"_attachments":{"a":{"data":"","data":""}}}"#,
        r#"{"_attachments":{"a":{},"a":{}}}"#,
        r#"{"_attachments":{"a":{"data":"aGVsbG8="#,
    ] {
        check(body, None);
    }
    for data in [
        "aGVsbG8",
        "aGVsbG8 =",
        "aGVs\nbG8=",
        "a",
        "====",
        "aGk=aGk=",
        "aGl=",
        "-_--",
        "aGVsbG8=x",
        "aG\\nk=",
        "aG\\u00e4k=",
        "aGk\\u003",
        "aG\\u+03d",
        "aGk=====",
        "ä",
    ] {
        check(
            &format!(r#"{{"_attachments":{{"a":{{"data":"{data}"}}}}}}"#),
            None,
        );
    }
}

#[test]
fn bounds() {
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(scan(&[deep(64).as_bytes()]).is_ok());
    let error = scan(&[deep(10_000).as_bytes()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 16));
    assert_eq!(
        scan(&[long.as_bytes()]).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    let mut many = String::new();
    for n in 0..9 {
        write!(many, r#""{n}":{{}},"#).unwrap();
    }
    let many = format!(r#"{{"_attachments":{{{}}}}}"#, many.trim_end_matches(','));
    assert!(scan(&[many.as_bytes()]).is_err());
}

#[test]
fn is_binary_safe() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let data: Vec<u8> = (0..200_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
    for length in [0, 1, 2, 3, 4, 5, 199_999, 200_000] {
        let encoded = STANDARD.encode(&data[..length]);
        let body = format!(r#"{{"_attachments":{{"a":{{"data":"{encoded}"}}}}}}"#);
        for size in [3, 5, 4096, 65_536, 1 << 20] {
            let pieces: Vec<_> = body.as_bytes().chunks(size).collect();
            assert_eq!(scan(&pieces).unwrap().1[0].1, &data[..length]);
        }
    }
}
