use bytes::Bytes;

use super::{Event, Limits, Multipart, Part, Result, boundary};
use crate::error::{Error, ErrorKind};

const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nfoo\r\n\
    --b\r\ncontent-disposition: form-data; name=\"content\"; filename=\"foo-1.0.tar.gz\"\r\n\
    Content-Type: application/octet-stream\r\n\r\n\r\n--\r\n\r--b\r\n\r\n--bat\r\n--b \r\n\
    Content-Disposition: form-data; name=empty\r\n\r\n\r\n--b--\r\n";

/// The parts of a form that comes in pieces of some size, or why it is none.
fn parts(form: &[u8], piece: usize) -> Result<Vec<(Part, Vec<u8>)>> {
    let mut parser = Multipart::new("b", Limits::default());
    let mut parts: Vec<(Part, Vec<u8>)> = Vec::new();
    let mut open = false;
    for piece in form.chunks(piece) {
        parser.feed(Bytes::copy_from_slice(piece));
        while let Some(event) = parser.next_event()? {
            match event {
                Event::Start(part) => {
                    assert!(!open);
                    open = true;
                    parts.push((part, Vec::new()));
                }
                Event::Data(data) => {
                    assert!(open && !data.is_empty());
                    parts.last_mut().unwrap().1.extend_from_slice(&data);
                }
                Event::End => open = false,
            }
        }
    }
    parser.finish()?;
    assert!(!open);
    Ok(parts)
}

#[test]
fn a_form_is_the_same_in_whatever_pieces_it_comes() {
    let whole = parts(FORM.as_bytes(), usize::MAX);
    // A line that goes on after a boundary is content where it is no delimiter, and a fault where it
    // is one.
    assert!(whole.unwrap_err().to_string().contains("goes on"));
    let form = FORM.replace("--bat", "--cat");
    for piece in 1..form.len() {
        let parts = parts(form.as_bytes(), piece).unwrap();
        let shown = parts.iter().map(|(part, data)| {
            let file = part.file.as_deref().unwrap_or_default();
            (&*part.name, file, std::str::from_utf8(data).unwrap())
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                ("name", "", "foo"),
                ("content", "foo-1.0.tar.gz", "\r\n--\r\n\r--b\r\n\r\n--cat"),
                ("empty", "", "")
            ]
        );
        let kind = parts[1].0.content_type.as_deref();
        assert_eq!(kind, Some("application/octet-stream"));
    }
}

#[test]
fn what_is_no_form_is_told() {
    let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx";
    for (form, told) in [
        ("", "ends before"),
        ("--b", "ends before"),
        (part, "ends before"),
        (&format!("{part}\r\n--b"), "ends before"),
        ("--b\r\n\r\nx\r\n--b--", "cannot be read"),
        (
            "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
            "cannot be read",
        ),
        (
            "--b\r\nContent-Disposition: inline; name=a\r\n\r\nx\r\n--b--",
            "cannot be read",
        ),
        (
            "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--",
            "cannot be read",
        ),
        (
            "--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n--b--",
            "cannot be read",
        ),
        ("--b\r\nwhat\r\n\r\nx\r\n--b--", "cannot be read"),
        (
            &part.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
            "encoded",
        ),
        (&format!("--b\r\n{}", "x".repeat(20_000)), "headers"),
        (&format!("{}{part}", "x".repeat(20_000)), "around"),
        (&format!("{part}\r\n--b--{}", "x".repeat(20_000)), "around"),
    ] {
        for piece in [1, 7, usize::MAX] {
            let error = parts(form.as_bytes(), piece).unwrap_err().to_string();
            assert!(error.contains(told), "{form:.80}: {error}");
        }
    }
    let around = format!("preamble\r\n{part}\r\n--b--\r\nepilogue");
    assert_eq!(parts(around.as_bytes(), 3).unwrap().len(), 1);
}

#[test]
fn names_are_read_as_clients_write_them() {
    for (value, name, file) in [
        (
            r#"form-data; name="content"; filename="a.whl""#,
            "content",
            Some("a.whl"),
        ),
        (
            "form-data; name=content; filename=a.whl",
            "content",
            Some("a.whl"),
        ),
        (
            r#"form-data; filename="a \"b\".whl"; name=":action""#,
            ":action",
            Some("a \"b\".whl"),
        ),
        (
            r#"Form-Data;name="x";filename="C:\dir\a.whl";"#,
            "x",
            Some(r"C:\dir\a.whl"),
        ),
        (r#"form-data; name="""#, "", None),
    ] {
        let part = Part::parse(format!("Content-Disposition: {value}").as_bytes()).unwrap();
        assert_eq!((&*part.name, part.file.as_deref()), (name, file), "{value}");
    }
}

#[test]
fn boundaries() {
    for (value, expected) in [
        ("multipart/form-data; boundary=abc", "abc"),
        (
            "Multipart/Form-Data; charset=utf-8; boundary=\"a b\"",
            "a b",
        ),
    ] {
        assert_eq!(boundary(Some(value)).unwrap(), expected);
    }
    for bad in [
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"a",
        "multipart/mixed; boundary=a",
        "application/x-www-form-urlencoded",
        &format!("multipart/form-data; boundary={}", "a".repeat(201)),
    ] {
        assert!(boundary(Some(bad)).is_err(), "{bad}");
    }
    assert!(boundary(None).is_err());
}

#[test]
fn bounds_are_the_callers() {
    let body = |limits: Limits| {
        let mut parser = Multipart::new("b", limits);
        parser.feed(Bytes::from_static(FORM.as_bytes()));
        parser.next_event()
    };
    let (headers, around) = (50, 2);
    assert!(body(Limits { headers, around }).is_ok());
    let fault = body(Limits {
        headers: 40,
        around,
    });
    let error = Error::from(fault.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.message().contains("40 bytes"), "{error}");
}
