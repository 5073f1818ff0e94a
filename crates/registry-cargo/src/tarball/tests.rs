use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};
use registry_core::Error;
use tar::EntryType;

use super::*;

const MANIFEST: &[u8] = b"[package]\nname = \"a-b\"\nversion = \"1.0.0+x\"\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar of entries, whatever their paths.
fn tar(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_entry_type(*kind);
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn check(bytes: &[u8]) -> Result<Vec<u8>> {
    let (name, version) = ("a-b".parse().unwrap(), "1.0.0+x".parse().unwrap());
    inspect(bytes, &name, &version, &Limits::default())
}

const OWN: (EntryType, &str, &[u8]) = (EntryType::Regular, "a-b-1.0.0+x/Cargo.toml", MANIFEST);

#[test]
fn what_cargo_packs() {
    let good = [
        (EntryType::Directory, "a-b-1.0.0+x/", &b""[..]),
        (EntryType::Directory, "a-b-1.0.0+x", b""),
        OWN,
        (EntryType::Regular, "a-b-1.0.0+x/Cargo.toml.orig", b"x"),
        (
            EntryType::Regular,
            "a-b-1.0.0+x/tests/inner/Cargo.toml",
            b"x",
        ),
        (EntryType::Regular, "a-b-1.0.0+x/src/\u{fc}.rs", b"x"),
    ];
    assert!(check(&gzip(&tar(&good))).is_ok());
    let mut builder = tar::Builder::new(tar(&[OWN])[..1024].to_vec());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    let long = format!("a-b-1.0.0+x/{}", "d/".repeat(100));
    builder.append_data(&mut header, &long, &b""[..]).unwrap();
    assert!(check(&gzip(&builder.into_inner().unwrap())).is_ok());
}

#[test]
fn what_cargo_would_not_unpack() {
    for (kind, path, words) in [
        (
            EntryType::Symlink,
            "a-b-1.0.0+x/link",
            "neither a file nor a folder",
        ),
        (
            EntryType::Link,
            "a-b-1.0.0+x/link",
            "neither a file nor a folder",
        ),
        (
            EntryType::Char,
            "a-b-1.0.0+x/dev",
            "neither a file nor a folder",
        ),
        (
            EntryType::Fifo,
            "a-b-1.0.0+x/pipe",
            "neither a file nor a folder",
        ),
        (EntryType::GNUSparse, "a-b-1.0.0+x/hole", "a sparse file"),
        (
            EntryType::XGlobalHeader,
            "pax_global_header",
            "neither a file nor a folder",
        ),
        (EntryType::Regular, "/etc/passwd", "outside"),
        (EntryType::Regular, "a-b-1.0.0+x/../x", "outside"),
        (EntryType::Regular, "a-b-1.0.0+x/..\\x", "outside"),
        (
            EntryType::Regular,
            "a-b-1.0.0+x/a\\b",
            "another one on Windows",
        ),
        (EntryType::Regular, "./a-b-1.0.0+x/x", "does not lie in"),
        (EntryType::Regular, "a-b-1.0.0/x", "does not lie in"),
        (EntryType::Regular, "A-B-1.0.0+x/x", "does not lie in"),
        (EntryType::Regular, "a-b-1.0.0+x", "does not lie in"),
        (
            EntryType::Regular,
            "a-b-1.0.0+x/./Cargo.toml",
            "more than one",
        ),
        (
            EntryType::Regular,
            "a-b-1.0.0+x//Cargo.toml",
            "more than one",
        ),
        (
            EntryType::Regular,
            "a-b-1.0.0+x/cargo.toml",
            "exactly that name",
        ),
        (
            EntryType::Directory,
            "a-b-1.0.0+x/Cargo.toml/",
            "exactly that name",
        ),
    ] {
        let bytes = gzip(&tar(&[OWN, (kind, path, b"")]));
        let message = check(&bytes).unwrap_err().to_string();
        assert!(message.contains(words), "{path}: {message}");
    }
}

#[test]
fn a_path_is_one_thing_and_there_once() {
    let entries = |pairs: &[(EntryType, &str)]| {
        let path = |path: &str| format!("a-b-1.0.0+x/{path}");
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(kind, name)| (*kind, path(name)))
            .collect();
        let all = pairs.iter().map(|(kind, path)| (*kind, &**path, &b""[..]));
        check(&gzip(&tar(&[OWN]
            .into_iter()
            .chain(all)
            .collect::<Vec<_>>())))
    };
    let (file, folder) = (EntryType::Regular, EntryType::Directory);
    for good in [
        &[(folder, "d/"), (file, "d/a"), (folder, "d"), (file, "d/b")][..],
        &[
            (file, "d/a"),
            (folder, "d/"),
            (file, "d/a.b"),
            (file, "d/.cargo-ok"),
        ],
        &[(file, "a"), (file, "A"), (file, "b/a")],
    ] {
        entries(good).unwrap();
    }
    for (bad, words) in [
        (&[(file, "a"), (file, "a")][..], "holds \"a\" twice"),
        (&[(file, "d/a"), (file, "d//./a")], "holds \"d/a\" twice"),
        (&[(file, "a"), (file, "a/b")], "below a file"),
        (&[(file, "a"), (file, "a/b/c")], "below a file"),
        (&[(file, "a/b"), (file, "a")], "holds \"a\" twice"),
        (&[(folder, "a/"), (file, "a")], "holds \"a\" twice"),
        (&[(file, "a"), (folder, "a/")], "holds \"a\" twice"),
        (&[(file, "Cargo.toml/a")], "below a file"),
        (&[(file, ".cargo-ok")], "holds .cargo-ok"),
        (&[(folder, ".cargo-ok/")], "holds .cargo-ok"),
        (&[(file, ".Cargo-OK/a")], "holds .cargo-ok"),
    ] {
        let error = entries(bad).unwrap_err().to_string();
        assert!(error.contains(words), "{bad:?}: {error}");
    }
}

#[test]
fn a_manifest_is_read_only_when_all_of_the_file_is_there() {
    let broken: &[u8] = b"package =";
    let entry = (EntryType::Regular, "a-b-1.0.0+x/Cargo.toml", broken);
    let whole = gzip(&tar(&[entry]));
    assert_eq!(check(&whole).unwrap(), broken);
    let cut = check(&whole[..whole.len() - 1]).unwrap_err().to_string();
    assert!(cut.contains("damaged"), "{cut}");
    let error = manifest(broken).unwrap_err().to_string();
    assert!(error.contains("its Cargo.toml cannot be read"), "{error}");
}

#[test]
fn damage_is_found() {
    let good = gzip(&tar(&[OWN]));
    assert!(check(&good).is_ok());
    for length in 0..good.len() {
        assert!(check(&good[..length]).is_err(), "{length}");
    }
    for at in good.len() - 8..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        assert!(check(&bad).is_err(), "{at}");
    }
}

#[test]
fn an_error_of_the_reader_passes() {
    struct Fails;
    impl io::Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other(Error::not_found("mine")))
        }
    }
    let (name, version) = ("a".parse().unwrap(), "1.0.0".parse().unwrap());
    let error = inspect(Fails, &name, &version, &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "mine");
}
