use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};
use registry_core::{Error, ErrorKind};

use super::*;

const MANIFEST: &str = r#"{"name":"a","version":"1.0.0"}"#;

fn header(size: usize, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    header
}

/// A tar of these files, whatever their paths; a path that ends in `>` is a link.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let kind = if path.ends_with('>') {
            tar::EntryType::Symlink
        } else {
            tar::EntryType::Regular
        };
        let mut header = header(content.len(), kind);
        let name = &mut header.as_mut_bytes()[..100];
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn of(files: &[(&str, &str)]) -> Result<Inspected> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (*path, text.as_bytes()))
        .collect();
    inspect(&gzip(&tar(&files))[..], &Limits::default())
}

#[track_caller]
fn refused(result: Result<Inspected>, words: &str) {
    let message = result.unwrap_err().to_string();
    assert!(message.contains(words), "{message}");
}

#[test]
fn says_what_is_there() {
    let manifest = r#"{"name":"@s/a","version":" =v1.0.0+x","scripts":{"postinstall":"x"},"z":1}"#;
    let inspected = of(&[
        ("package/index.js", "12345"),
        ("package/package.json", &format!("\u{feff}{manifest}")),
        ("package/npm-shrinkwrap.json", "{}"),
        ("package/dir/package.json", "not this one"),
        ("package.json", "nor this"),
        ("package/link>", ""),
    ])
    .unwrap();
    assert_eq!(
        (&*inspected.name, inspected.version.as_str()),
        ("@s/a", "1.0.0+x")
    );
    assert!(inspected.has_install_script && inspected.has_shrinkwrap);
    let size = 5 + 3 + manifest.len() as u64 + 2 + 12 + 8;
    assert_eq!((inspected.file_count, inspected.unpacked_size), (5, size));
}

#[test]
fn any_top_folder_will_do() {
    for path in ["x/package.json", "a b/package.json", "./package.json"] {
        let inspected = of(&[(path, MANIFEST)]).unwrap();
        assert!(!inspected.has_install_script && !inspected.has_shrinkwrap);
    }
    for path in ["package.json", "a/b/package.json", "package/Package.json"] {
        refused(of(&[(path, MANIFEST)]), "no package.json");
    }
    let twice = [("x/package.json", MANIFEST), ("y/package.json", MANIFEST)];
    refused(of(&twice), "more than one");
    // All of these are unpacked to the same place.
    for again in ["x/./package.json", "x//package.json", "x/.//./package.json"] {
        refused(
            of(&[("x/package.json", MANIFEST), (again, "{}")]),
            "more than one",
        );
    }
}

#[test]
fn paths_stay_inside() {
    for path in [
        "../x",
        "package/../../x",
        "/etc/passwd",
        "package\\..\\x",
        "\\x",
        "a/..",
        "..",
    ] {
        refused(
            of(&[("package/package.json", MANIFEST), (path, "")]),
            "outside",
        );
    }
    assert!(of(&[("package/package.json", MANIFEST), ("package/..a", "")]).is_ok());
}

#[test]
fn long_paths() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = format!("package/{}/package.json", "d/".repeat(100));
    for (path, content) in [(&*long, "x"), ("package/package.json", MANIFEST)] {
        let mut header = header(content.len(), tar::EntryType::Regular);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    let gnu = builder.into_inner().unwrap();
    assert_eq!(
        inspect(&gzip(&gnu)[..], &Limits::default())
            .unwrap()
            .file_count,
        2
    );

    let pax = |records: &[(&str, &[u8])]| {
        let mut builder = tar::Builder::new(Vec::new());
        builder
            .append_pax_extensions(records.iter().copied())
            .unwrap();
        let mut header = header(MANIFEST.len(), tar::EntryType::Regular);
        header.set_path("short").unwrap();
        header.set_cksum();
        builder.append(&header, MANIFEST.as_bytes()).unwrap();
        inspect(
            &gzip(&builder.into_inner().unwrap())[..],
            &Limits::default(),
        )
    };
    assert!(pax(&[("path", b"p/package.json"), ("mtime", b"1")]).is_ok());
    refused(pax(&[("path", b"../package.json")]), "outside");
    refused(
        pax(&[("path", b"p/package.json"), ("size", b"1")]),
        "two sizes",
    );
    refused(pax(&[("path", &[b'a'; 70_000])]), "longer");

    let global = |records: &[u8]| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = header(records.len(), tar::EntryType::XGlobalHeader);
        header.set_path("pax_global_header").unwrap();
        header.set_cksum();
        builder.append(&header, records).unwrap();
        let rest = tar(&[("package/package.json", MANIFEST.as_bytes())]);
        let all = [&builder.get_ref()[..], &rest].concat();
        inspect(&gzip(&all)[..], &Limits::default())
    };
    assert!(global(b"14 comment=ab\n").is_ok());
    refused(global(b"9 size=1\n"), "two sizes");
}

#[test]
fn damage_is_found() {
    let good = gzip(&tar(&[("package/package.json", MANIFEST.as_bytes())]));
    let limits = Limits::default();
    for length in 0..good.len() {
        assert!(
            inspect(&good[..length], &limits).is_err(),
            "{length} of {}",
            good.len()
        );
    }
    let whole = inspect(&good[..], &limits).ok();
    for at in 10..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        // A few bits of a deflate stream mean nothing; no bit of its trailer does.
        let unharmed = inspect(&bad[..], &limits).ok();
        let trailer = at + 8 >= good.len();
        assert!(
            unharmed.is_none() || !trailer && unharmed == whole,
            "byte {at}"
        );
    }
    refused(
        inspect(&[&good[..], b"garbage"].concat()[..], &limits),
        "damaged",
    );
    refused(inspect(&b"not gzip at all"[..], &limits), "damaged");
    refused(inspect(&gzip(b"not tar at all")[..], &limits), "");
    refused(inspect(&gzip(b"")[..], &limits), "no package.json");
    let tar = tar(&[("package/package.json", MANIFEST.as_bytes())]);
    let (first, second) = tar.split_at(700);
    let members = [gzip(first), gzip(second)].concat();
    assert!(inspect(&members[..], &limits).is_ok());
}

#[test]
fn bad_manifests() {
    for manifest in [
        "",
        "[]",
        "{}",
        "nonsense",
        r#"{"name":"a"}"#,
        r#"{"name":1,"version":"1.0.0"}"#,
        r#"{"name":"a","version":"1"}"#,
    ] {
        assert!(
            of(&[("package/package.json", manifest)]).is_err(),
            "{manifest}"
        );
    }
    refused(
        of(&[("package/package.json", &"[".repeat(10_000))]),
        "cannot be read",
    );
    refused(
        of(&[("package/package.json", &" ".repeat((1 << 20) + 1))]),
        "longer",
    );
}

#[test]
fn bombs() {
    let zeros = vec![0; 80 << 20];
    let bomb = gzip(&tar(&[
        ("package/package.json", MANIFEST.as_bytes()),
        ("package/x", &zeros),
    ]));
    refused(inspect(&bomb[..], &Limits::default()), "unpacks to more");
    let mut few = Limits::default();
    few.archive.entries = 2;
    let files = [("p/a", &b""[..]), ("p/b", b""), ("p/c", b"")];
    let error = inspect(&gzip(&tar(&files))[..], &few).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn an_error_of_the_reader_passes() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other(Error::not_found("mine")))
        }
    }
    assert_eq!(
        inspect(Fails, &Limits::default()).unwrap_err().to_string(),
        "mine"
    );
}
