use std::io::Write;

use registry_core::Result;
use registry_testkit::zip;
use tar::EntryType;

use super::{Inspected, Limits, inspect};
use crate::file_name::Packing;

const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n";
const WHEEL: &[u8] = b"Wheel-Version: 1.0\nGenerator: test\n";
const RECORD: &[u8] = b"foo.py,,\nfoo-1.0.dist-info/METADATA,,\nfoo-1.0.dist-info/WHEEL,,\n\
    foo-1.0.dist-info/RECORD,,\n";
/// A wheel's files.
const FILES: &[(&str, &[u8])] = &[
    ("foo.py", b"x = 1\n"),
    ("foo-1.0.dist-info/METADATA", METADATA),
    ("foo-1.0.dist-info/WHEEL", WHEEL),
    ("foo-1.0.dist-info/RECORD", RECORD),
];

fn inspected(bytes: &[u8], packing: Packing) -> Result<Inspected> {
    inspect(&mut &bytes[..], packing, &Limits::default())
}

/// A wheel with one file replaced, and one more, which is listed.
fn wheel(replaced: (&str, &[u8]), more: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut files: Vec<(&str, Vec<u8>)> = FILES
        .iter()
        .map(|(name, content)| {
            let content = if *name == replaced.0 {
                replaced.1
            } else {
                content
            };
            (*name, content.to_vec())
        })
        .collect();
    if let Some((name, content)) = more {
        let line = format!("{name},,\n");
        files[3].1.extend_from_slice(line.as_bytes());
        files.insert(0, (name, content.to_vec()));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(name, content)| (*name, &content[..]))
        .collect();
    zip(&files, true)
}

#[test]
fn what_is_in_a_wheel() {
    let found = inspected(&zip(FILES, true), Packing::Wheel).unwrap();
    assert_eq!(found.folder, "foo-1.0.dist-info");
    assert_eq!(found.metadata, METADATA);
    assert!(
        ["METADATA", "WHEEL", "RECORD"]
            .iter()
            .all(|file| found.holds(file))
    );
    assert!(!found.holds("foo.py") && !found.holds("x"));
    let more = [("foo/", &b""[..]), ("foo-1.0.dist-info/RECORD.jws", b"{}")];
    let more: Vec<_> = FILES.iter().copied().chain(more).collect();
    inspected(&zip(&more, false), Packing::Wheel).unwrap();
    let scripts = b"[console_scripts]\nfoo = foo:main\n";
    let scripts = ("foo-1.0.dist-info/entry_points.txt", &scripts[..]);
    inspected(&wheel(("", b""), Some(scripts)), Packing::Wheel).unwrap();
}

#[test]
fn a_wheel_is_whole() {
    let record = "foo-1.0.dist-info/RECORD";
    let twice = [RECORD, b"foo.py,,\n"].concat();
    let bad_scripts = (
        "foo-1.0.dist-info/entry_points.txt",
        &b"[console_scripts]\n../a = a:b\n"[..],
    );
    for (bytes, told) in [
        (zip(&FILES[..1], true), "no .dist-info folder"),
        (
            zip(&[&FILES[..1], &FILES[2..]].concat(), true),
            "required METADATA",
        ),
        (
            zip(&[&FILES[..2], &FILES[3..]].concat(), true),
            "required WHEEL",
        ),
        (zip(&FILES[..3], true), "required RECORD"),
        (wheel(("", b""), Some(("bar-1.0.dist-info/x", b""))), "both"),
        (
            wheel(("foo-1.0.dist-info/WHEEL", b"Wheel-Version: 2.0\n"), None),
            "Wheel-Version",
        ),
        (wheel((record, &twice), None), "twice"),
        (wheel((record, &RECORD[9..]), None), "does not name"),
        (wheel((record, b"x"), None), "does not name"),
        (wheel(("", b""), Some(bad_scripts)), "entry points"),
        (b"no zip".to_vec(), "not a zip"),
        (Vec::new(), "too early"),
    ] {
        let error = inspected(&bytes, Packing::Wheel).unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
}

/// A gzipped tar of entries: kind, path, and content or what a link leads to.
fn sdist(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, path, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        let link = kind.is_symlink() || kind.is_hard_link();
        if link {
            header.set_link_name_literal(content).unwrap();
        }
        let content = if link { "" } else { content };
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const FILE: EntryType = EntryType::Regular;
const INFO: (EntryType, &str, &str) = (FILE, "foo-1.0/PKG-INFO", "Name: foo\n");

#[test]
fn what_is_in_a_source_distribution() {
    let link = EntryType::Symlink;
    let bytes = sdist(&[
        (
            EntryType::XGlobalHeader,
            "pax_global_header",
            "13 comment=x\n",
        ),
        (EntryType::Directory, "foo-1.0/", ""),
        INFO,
        (FILE, "foo-1.0/src/foo.egg-info/PKG-INFO", "Name: other\n"),
        (FILE, "./foo-1.0/LICENSE", "MIT"),
        (link, "foo-1.0/src/LICENSE", "../LICENSE"),
        (EntryType::Link, "foo-1.0/COPY", "foo-1.0/LICENSE"),
    ]);
    let found = inspected(&bytes, Packing::TarGz).unwrap();
    assert_eq!(found.folder, "foo-1.0");
    assert_eq!(found.metadata, b"Name: foo\n");
    for held in ["PKG-INFO", "src/foo.egg-info/PKG-INFO", "LICENSE"] {
        assert!(found.holds(held), "{held}");
    }
    // A folder is no file, nor is a link.
    assert!(!found.holds("src") && !found.holds("src/LICENSE"));
    let files: &[(&str, &[u8])] = &[
        ("foo-1.0/", b""),
        ("foo-1.0/PKG-INFO", b"Name: foo\n"),
        ("foo-1.0/LICENSE", b""),
    ];
    let found = inspected(&zip(files, true), Packing::Zip).unwrap();
    assert!(found.holds("PKG-INFO") && found.holds("LICENSE"));
}

#[test]
fn a_source_distribution_stays_in_its_folder() {
    let (link, hard) = (EntryType::Symlink, EntryType::Link);
    for (more, told) in [
        ((FILE, "bar/x", ""), "top-level directories"),
        ((FILE, "foo-1.0", ""), "in no folder"),
        ((FILE, "foo-1.0/../x", ""), "outside"),
        ((FILE, "/foo-1.0/x", ""), "outside"),
        ((FILE, "foo-1.0/./PKG-INFO", ""), "twice"),
        ((link, "foo-1.0/x", "../../etc/passwd"), "leads outside"),
        ((link, "foo-1.0/x", "../bar"), "leads outside"),
        ((link, "foo-1.0/x", "/etc/passwd"), "leads outside"),
        ((link, "foo-1.0/x", "a/../b"), "leads outside"),
        ((link, "foo-1.0/x", ""), "leads outside"),
        ((hard, "foo-1.0/x", "../etc/passwd"), "leads outside"),
        ((hard, "foo-1.0/x", "LICENSE"), "leads outside"),
        ((link, "foo-1.0", "x"), "its top folder"),
        ((link, "foo-1.0/PKG-INFO", "x"), "twice"),
        ((hard, "foo-1.0/./PKG-INFO", "foo-1.0/x"), "twice"),
        ((EntryType::Fifo, "foo-1.0/x", ""), "no file or folder"),
        ((EntryType::Char, "foo-1.0/x", ""), "no file or folder"),
        ((EntryType::GNUSparse, "foo-1.0/x", ""), "sparse"),
        (
            (EntryType::XHeader, "x", "21 GNU.sparse.size=1\n"),
            "sparse",
        ),
    ] {
        let error = inspected(&sdist(&[INFO, more]), Packing::TarGz)
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{more:?}: {error}");
    }
    let through = [INFO, (link, "foo-1.0/a", "b"), (FILE, "foo-1.0/a/x", "")];
    let error = inspected(&sdist(&through), Packing::TarGz).unwrap_err();
    assert!(error.to_string().contains("below a link"), "{error}");
    let through = [INFO, (FILE, "foo-1.0/a/x", ""), (link, "foo-1.0/a", "b")];
    let error = inspected(&sdist(&through), Packing::TarGz).unwrap_err();
    assert!(error.to_string().contains("below a link"), "{error}");
    let bare = sdist(&[(FILE, "foo-1.0/setup.py", "")]);
    let error = inspected(&bare, Packing::TarGz).unwrap_err().to_string();
    assert!(
        error.contains("PKG-INFO not found at foo-1.0/PKG-INFO"),
        "{error}"
    );
    for bad in [&b"no gzip"[..], b"", &gzip(b"no tar"), &zip(FILES, true)] {
        assert!(inspected(bad, Packing::TarGz).is_err());
    }
    let two = [sdist(&[INFO]), gzip(b"")].concat();
    assert!(inspected(&two, Packing::TarGz).is_err());
}

#[test]
fn names_of_files_and_links_are_bounded() {
    let limits = Limits {
        // PKG-INFO, and 90 bytes more.
        record: 98,
        ..Limits::default()
    };
    let long = format!("foo-1.0/{}", "x".repeat(90));
    for kind in [FILE, EntryType::Symlink] {
        let one = (kind, long.as_str(), "x");
        let bytes = sdist(&[INFO, one]);
        inspect(&mut &bytes[..], Packing::TarGz, &limits).unwrap();
        let other = (kind, "foo-1.0/y", "x");
        for more in [[one, other], [one, one]] {
            let bytes = sdist(&[INFO, more[0], more[1]]);
            let error = inspect(&mut &bytes[..], Packing::TarGz, &limits).unwrap_err();
            assert_eq!(error.kind(), registry_core::ErrorKind::TooLarge, "{error}");
        }
    }
}

/// The work grows with the names and not with their depth, and what is kept with the folders.
#[test]
fn deep_folders_beside_links() {
    let mut all = Vec::new();
    for n in 0..3 {
        let path = format!("foo-1.0/{n}{}", "/a".repeat(32_000));
        all.push((EntryType::GNULongName, "x".to_owned(), path));
        all.push((FILE, "x".to_owned(), String::new()));
    }
    let link = (EntryType::Symlink, "foo-1.0/0/b", "a");
    let all = all
        .iter()
        .map(|(kind, path, content)| (*kind, &**path, &**content));
    let all: Vec<_> = [INFO, link].into_iter().chain(all).collect();
    let found = inspected(&sdist(&all), Packing::TarGz).unwrap();
    assert_eq!(found.paths.len(), 3 * 32_001 + 3);
    let path = format!("foo-1.0/z{}", "/a".repeat(32_000));
    let more = [(EntryType::GNULongName, "x", &*path), (FILE, "x", "")];
    let more = sdist(&[&all[..], &more].concat());
    let error = inspected(&more, Packing::TarGz).unwrap_err();
    assert!(error.to_string().contains("files and folders"), "{error}");
    let below = [&all[..], &[(FILE, "foo-1.0/0/b/c", "")]].concat();
    let error = inspected(&sdist(&below), Packing::TarGz).unwrap_err();
    assert!(error.to_string().contains("below a link"), "{error}");
}

#[test]
fn the_list_of_files_may_stand_anywhere_and_be_long() {
    // As large a list as some wheels have, before the files that it names.
    let names: Vec<String> = (0..40_000).map(|n| format!("foo/{n}/{n}.py")).collect();
    let digest = "0".repeat(43);
    let lines = names
        .iter()
        .map(|name| format!("{name},sha256={digest},0\n"));
    let list = lines.collect::<String>() + std::str::from_utf8(&RECORD[9..]).unwrap();
    let record = ("foo-1.0.dist-info/RECORD", list.as_bytes());
    let more = names.iter().map(|name| (&**name, &b""[..]));
    let all: Vec<_> = [record]
        .into_iter()
        .chain(more)
        .chain(FILES[1..3].iter().copied())
        .collect();
    let found = inspected(&zip(&all, true), Packing::Wheel).unwrap();
    assert_eq!(found.paths.len(), 40_003);
    let without: Vec<_> = all
        .iter()
        .copied()
        .filter(|(name, _)| *name != names[7])
        .collect();
    let error = inspected(&zip(&without, true), Packing::Wheel).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("foo/7/7.py\", which is not there"),
        "{error}"
    );
}

#[test]
fn small_files_are_small() {
    let long = [METADATA, &vec![b'\n'; 1 << 20]].concat();
    let long = wheel(("foo-1.0.dist-info/METADATA", &long), None);
    let error = inspected(&long, Packing::Wheel).unwrap_err();
    assert!(error.to_string().contains("1048576 bytes"), "{error}");

    let limits = Limits {
        metadata: 20,
        ..Limits::default()
    };
    for (bytes, packing) in [
        (zip(FILES, true), Packing::Wheel),
        (sdist(&[(FILE, INFO.1, &"x".repeat(21))]), Packing::TarGz),
    ] {
        let error = inspect(&mut &bytes[..], packing, &limits).unwrap_err();
        assert_eq!(error.kind(), registry_core::ErrorKind::TooLarge, "{error}");
    }
}
