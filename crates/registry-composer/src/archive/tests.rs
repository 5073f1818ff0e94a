use registry_core::ErrorKind;
use registry_testkit::zip;

use super::*;

const JSON: &[u8] = br#"{"name":"acme/lib"}"#;

fn read(bytes: &[u8]) -> Result<Bytes> {
    inspect(&mut &*bytes, &Limits::default(), &Early::default())
}

fn told(files: &[(&str, &[u8])]) -> String {
    read(&zip(files, true)).unwrap_err().to_string()
}

#[test]
fn composer_json_is_where_composer_looks() {
    for files in [
        &[("composer.json", JSON)][..],
        &[("src/A.php", b"<?php"), ("composer.json", JSON)],
        &[
            ("lib-1.0/", b""),
            ("lib-1.0/composer.json", JSON),
            ("lib-1.0/a/b", b""),
        ],
        &[(".DS_Store", b""), ("x/composer.json", JSON)],
        &[("vendor/composer.json", b"{}"), ("composer.json", JSON)],
        &[("composer.json", JSON), ("vendor/composer.json", b"{}")],
    ] {
        for packed in [false, true] {
            assert_eq!(read(&zip(files, packed)).unwrap(), JSON, "{files:?}");
        }
    }
    for files in [
        &[][..],
        &[("a/b/composer.json", JSON)],
        &[("a/composer.json", JSON), ("b/x", b"")],
        &[("b/x", b""), ("a/composer.json", JSON)],
        &[("a/composer.json", JSON), ("README", b"")],
        &[("Composer.json", JSON)],
        &[("composer.json/", b"")],
    ] {
        let error = told(files);
        assert!(
            error.contains("no composer.json at its top"),
            "{files:?}: {error}"
        );
    }
}

#[test]
fn it_is_known_early() {
    let zip = zip(&[("composer.json", JSON), ("a", &[7; 9000])], false);
    let early = Early::default();
    let cut = &zip[..zip.len() / 2];
    assert!(inspect(&mut &*cut, &Limits::default(), &early).is_err());
    assert_eq!(early.get().map(|json| &**json), Some(JSON));
}

#[test]
fn bounds_hold() {
    let limits = Limits {
        composer_json: JSON.len() as u64,
        ..Limits::default()
    };
    let of = |json: &[u8]| {
        let zip = zip(&[("composer.json", json)], true);
        inspect(&mut &*zip, &limits, &Early::default())
    };
    assert!(of(JSON).is_ok());
    let error = of(&[JSON, b" "].concat()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let deep = "a/".repeat(600);
    assert!(told(&[("composer.json", JSON), (&deep, b"")]).contains("1024 bytes"));
}

/// A zip of a `composer.json` and a link.
fn with_link(folder: &str, path: &str, target: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let json = format!("{folder}composer.json");
    let mut files: Vec<(&str, &[u8])> = vec![(path, target.as_bytes()), (&json, JSON)];
    files.extend(more);
    let mut bytes = zip(&files, false);
    let signature = bytes.windows(4).position(|at| at == b"PK\x01\x02");
    let at = signature.unwrap();
    bytes[at + 40..at + 42].copy_from_slice(&[0xff, 0xa1]);
    bytes
}

#[test]
fn links_stay_inside() {
    for (folder, path, target) in [
        ("", "bin/tool", "../src/tool.php"),
        ("", "a", "b/c"),
        ("", "a/b/c", ".././../x"),
        ("", "a", "./b"),
        ("top/", "top/a/b", "../c"),
    ] {
        let zip = with_link(folder, path, target, &[]);
        assert_eq!(read(&zip).unwrap(), JSON, "{path} {target}");
    }
    for (folder, path, target) in [
        ("", "a", "../b"),
        ("", "a", "/etc/passwd"),
        ("", "a/b", "../../c"),
        ("", "a/b", "x/../../c"),
        ("", "a", "C:/x"),
        ("", "a", "..\\x"),
        ("", "a", ""),
        // The folder goes when it is unpacked.
        ("top/", "top/a", "../b"),
        ("top/", "top/a/b", "../../c"),
    ] {
        let error = read(&with_link(folder, path, target, &[])).unwrap_err();
        assert!(
            error.to_string().contains("leads out of it"),
            "{path} {target}: {error}"
        );
    }
    let through = with_link("", "a", "b", &[("a/x/y", b"")]);
    assert!(
        read(&through)
            .unwrap_err()
            .to_string()
            .contains("leads out of it")
    );
    // A link is no composer.json.
    let own = with_link("x/", "composer.json", "x/composer.json", &[]);
    assert!(read(&own).is_err());
}
