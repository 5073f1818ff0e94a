use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use registry_core::{
    ErrorKind,
    digest::{Algorithm, Digest},
};
use tar::{Builder, EntryType};

use super::*;
use crate::spec::tests::yaml;

const REAL: &[u8] = include_bytes!("../../tests/it/fixtures/demo-a-1.10-x86_64-linux.gem");

fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// A tar of files, each with its kind, its name, what it leads to, and its content.
fn tar_of(files: &[(EntryType, &str, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, target, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_entry_type(*kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let files = files.iter();
    let files: Vec<_> = files
        .map(|(name, content)| (EntryType::Regular, *name, "", *content))
        .collect();
    tar_of(&files)
}

fn data() -> Vec<u8> {
    gzip(tar(&[("lib/a.rb", b"A = 1\n")]))
}

/// The checksums of files.
fn checksums(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut yaml = "---\n".to_owned();
    for (name, algorithm) in [("SHA256", Algorithm::Sha256), ("SHA512", Algorithm::Sha512)] {
        yaml += &format!("{name}:\n");
        for (file, content) in files {
            let digest = Digest::of(algorithm, content);
            yaml += &format!("  {file}: '{}'\n", digest.hex());
        }
    }
    gzip(yaml)
}

/// A gem with this specification and these packed files.
fn gem(metadata: &str, data: &[u8]) -> Vec<u8> {
    let metadata = gzip(metadata);
    let files = [(METADATA_GZ, &*metadata), (DATA_TAR_GZ, data)];
    let checksums = checksums(&files);
    tar(&[files[0], files[1], (CHECKSUMS, &checksums)])
}

fn inspect(gem: &[u8]) -> Result<Spec> {
    super::inspect(&mut &*gem, &Limits::default())
}

fn refused(gem: &[u8], why: &str) {
    let error = inspect(gem).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains(why), "{error}, not {why}");
}

#[test]
fn gems() {
    let spec = inspect(REAL).unwrap();
    assert_eq!(spec.full_name(), "demo-a-1.10-x86_64-linux");
    assert_eq!(
        inspect(&gem(&yaml(""), &data())).unwrap().full_name(),
        "a-1.0"
    );
    let (metadata, data) = (yaml(""), data());
    let plain = [(METADATA, metadata.as_bytes()), (DATA_TAR_GZ, &*data)];
    assert!(inspect(&tar(&plain)).is_ok());
    let checksums = checksums(&plain);
    assert!(inspect(&tar(&[(CHECKSUMS, &checksums), plain[1], plain[0]])).is_ok());
}

#[test]
fn what_a_gem_begins_with() {
    let at = metadata(REAL).unwrap().unwrap();
    for length in [0, 511, 512, at.end - 1] {
        assert_eq!(metadata(&REAL[..length]).unwrap(), None);
    }
    assert_eq!(metadata(&REAL[..at.end]).unwrap(), Some(at.clone()));
    let limits = Limits::default();
    let begun = spec(&REAL[at], &limits).unwrap();
    let whole = inspect(REAL).unwrap();
    assert_eq!(begun.spec, whole);
    assert_eq!(inspect_begun(&mut &*REAL, begun, &limits).unwrap(), whole);
    let plain = spec(yaml("").as_bytes(), &limits).unwrap();
    assert_eq!(plain.spec.full_name(), "a-1.0");
    // What is not packed is not called so, or the other way round.
    for (name, metadata) in [
        (METADATA_GZ, yaml("").into_bytes()),
        (METADATA, gzip(yaml(""))),
    ] {
        let gem = tar(&[(name, &metadata), (DATA_TAR_GZ, &data())]);
        let begun = spec(&metadata, &limits).unwrap();
        assert!(inspect_begun(&mut &*gem, begun, &limits).is_err());
        assert!(inspect(&gem).is_err());
    }
    // Where it comes later.
    let late = tar(&[(DATA_TAR_GZ, &data()), (METADATA_GZ, &gzip(yaml("")))]);
    let at = metadata(&late).unwrap().unwrap();
    assert_eq!(spec(&late[at.clone()], &limits).unwrap(), plain);
    for length in 0..at.end {
        assert_eq!(metadata(&late[..length]).unwrap(), None);
    }
    for other in [tar(&[(DATA_TAR_GZ, b"")]), vec![0; 512], vec![b'x'; 512]] {
        assert_eq!(metadata(&other).unwrap_err().kind(), ErrorKind::Invalid);
    }
    let small = Limits {
        metadata: 10,
        ..limits
    };
    for metadata in [gzip(yaml("")), yaml("").into_bytes()] {
        assert_eq!(
            spec(&metadata, &small).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
    }
}

#[test]
fn files_of_a_gem() {
    let (metadata, data) = (gzip(yaml("")), data());
    let (first, second) = ((METADATA_GZ, &*metadata), (DATA_TAR_GZ, &*data));
    refused(&tar(&[]), "missing metadata.gz");
    refused(&tar(&[second]), "missing metadata.gz");
    refused(&tar(&[first]), "missing data.tar.gz");
    refused(&tar(&[first, second, first]), "duplicate metadata.gz");
    refused(&tar(&[first, second, second]), "duplicate data.tar.gz");
    refused(
        &tar(&[first, (METADATA, yaml("").as_bytes()), second]),
        "duplicate metadata",
    );
    for other in [
        "a",
        "./metadata.gz",
        "a.sig",
        "METADATA.gz",
        "",
        "metadata.gz/",
    ] {
        refused(
            &tar(&[first, second, (other, b"")]),
            "unexpected gem file entry",
        );
    }
    let signature = ("metadata.gz.sig", &b"x"[..]);
    refused(
        &tar(&[first, second, signature]),
        "missing signing certificate",
    );
    let signed = gzip(yaml("cert_chain:\n- x\n"));
    let signed = (METADATA_GZ, &*signed);
    refused(&tar(&[signed, second]), "missing signature for data.tar.gz");
    refused(
        &tar(&[signed, second, ("data.tar.gz.sig", b"x")]),
        "missing signature for metadata.gz",
    );
    assert!(
        inspect(&tar(&[
            signed,
            signature,
            second,
            ("data.tar.gz.sig", b"x")
        ]))
        .is_ok()
    );
    let long = vec![b'x'; 65 << 10];
    let error = inspect(&tar(&[signed, second, ("data.tar.gz.sig", &long)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn checksums_are_compared() {
    let (metadata, data) = (gzip(yaml("")), data());
    let files = [(METADATA_GZ, &*metadata), (DATA_TAR_GZ, &*data)];
    let with = |yaml: String| tar(&[files[0], files[1], (CHECKSUMS, &gzip(yaml))]);
    let of = |algorithm, content: &[u8]| Digest::of(algorithm, content).hex().to_owned();
    let (one, two) = (
        of(Algorithm::Sha256, &metadata),
        of(Algorithm::Sha256, &data),
    );
    let good = format!("---\nSHA256:\n  metadata.gz: '{one}'\n  data.tar.gz: '{two}'\n");
    assert!(inspect(&with(good.clone())).is_ok());
    assert!(inspect(&with(good.clone() + "MD5:\n  metadata.gz: x\n")).is_ok());
    refused(&with("---\nMD5: {}\n".to_owned()), "none by SHA1");
    refused(
        &with(good.replace(&two, &one)),
        "SHA256 checksum mismatch for data.tar.gz",
    );
    refused(
        &with(good.to_uppercase().replace(".GZ", ".gz")),
        "no such file",
    );
    refused(
        &with(good.clone() + "SHA512:\n  metadata.gz: x\n"),
        "SHA512 checksum mismatch",
    );
    refused(
        &with("---\nSHA512: {}\n".to_owned()),
        "SHA512 checksum for data.tar.gz but found none",
    );
    refused(&with(good.clone() + "  other: x\n"), "no such file");
    refused(
        &with(good.clone() + "  checksums.yaml.gz: x\n"),
        "no such file",
    );
    let all_names: String = (0..40).map(|n| format!("  f{n}: x\n")).collect();
    for malformed in [
        "---\n",
        "--- []\n",
        "---\nSHA256: x\n",
        "---\nSHA256:\n  metadata.gz: 1\n",
        "--- !x\nSHA256: {}\n",
        &(good.clone() + &all_names),
    ] {
        refused(&with(malformed.to_owned()), "malformed");
    }
    refused(&tar(&[files[0], files[1], (CHECKSUMS, b"x")]), "damaged");
}

#[test]
fn what_only_some_would_see_is_refused() {
    let good = gem(&yaml(""), &data());
    refused(&[&good[..], &good].concat(), "after its end");
    refused(&[&good[..], b"x"].concat(), "after its end");
    let metadata = gzip(yaml(""));
    for more in [&b"x"[..], &gzip(""), &gzip(yaml(""))] {
        let metadata = [&metadata, more].concat();
        refused(
            &tar(&[(METADATA_GZ, &metadata), (DATA_TAR_GZ, &data())]),
            "metadata.gz goes on",
        );
        let data = [&data(), more].concat();
        refused(
            &tar(&[(METADATA_GZ, &gzip(yaml(""))), (DATA_TAR_GZ, &data)]),
            "after its end",
        );
    }
    for (kind, name, target) in [
        (EntryType::XHeader, "metadata.gz", ""),
        (EntryType::XGlobalHeader, "metadata.gz", ""),
        (EntryType::GNULongName, "metadata.gz", ""),
        (EntryType::Symlink, "metadata.gz", ""),
        (EntryType::Directory, "metadata.gz", ""),
        (EntryType::Regular, "metadata.gz", "data.tar.gz"),
        (EntryType::Regular, "metadata.gz\0x", ""),
    ] {
        let data = data();
        let all = [
            (kind, name, target, &*metadata),
            (EntryType::Regular, DATA_TAR_GZ, "", &*data),
        ];
        refused(&tar_of(&all), "no plain file");
    }
    // Clients look for a folder there whatever the form of the header.
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    header.as_old_mut().name[..METADATA_GZ.len()].copy_from_slice(METADATA_GZ.as_bytes());
    for (folder, why) in [(0, "damaged"), (b'x', "no plain file")] {
        header.as_mut_bytes()[345] = folder;
        header.set_cksum();
        refused(&[header.as_bytes(), &[0; 1024][..]].concat(), why);
    }
    for (at, byte) in [(345, b'x'), (124, b'8'), (148, b'7'), (100, b'x')] {
        let mut changed = good.clone();
        changed[at] = byte;
        assert_eq!(
            inspect(&changed).unwrap_err().kind(),
            ErrorKind::Invalid,
            "{at}"
        );
    }
}

#[test]
fn damaged_gems() {
    for length in [0, 1, 511, 512, 600, 1500, REAL.len() / 2, REAL.len() - 1024] {
        refused(&REAL[..length], "damaged");
    }
    assert!(inspect(&REAL[..REAL.len() - 512]).is_ok());
    for at in (512..REAL.len() - 1024).step_by(37) {
        let mut changed = REAL.to_vec();
        changed[at] ^= 0x55;
        let error = inspect(&changed);
        // What fills up the last block of a file is nobody's.
        let padding = changed[at] == 0x55;
        assert!(error.is_err() || padding, "{at}");
    }
}

#[test]
fn files_within() {
    let with = |files: &[(EntryType, &str, &str, &[u8])]| gem(&yaml(""), &gzip(tar_of(files)));
    let (file, link) = (EntryType::Regular, EntryType::Symlink);
    for good in [
        &[
            (file, "./a", "", &b"1"[..]),
            (EntryType::Directory, "d/", "", b""),
        ][..],
        &[(link, "d/l", "../a", b""), (link, "l", "d/./x/../a", b"")],
        &[],
    ] {
        assert!(inspect(&with(good)).is_ok());
    }
    for (bad, why) in [
        ((file, "../a", "", &b"1"[..]), "outside"),
        ((file, "/a", "", b"1"), "outside"),
        ((link, "l", "/etc/passwd", b""), "leads outside"),
        ((link, "l", "../a", b""), "leads outside"),
        ((link, "d/l", "../../a", b""), "leads outside"),
        ((link, "l", ".", b""), "leads outside"),
        ((link, "d/l", "..", b""), "leads outside"),
        ((EntryType::Link, "l", "a", b""), "neither"),
        ((EntryType::Fifo, "p", "", b""), "neither"),
    ] {
        refused(&with(&[bad]), why);
    }
    refused(
        &gem(&yaml(""), b"x"),
        "data.tar.gz of the gem was refused: it is damaged",
    );
    let small = Limits {
        data: archive::Limits {
            unpacked: 1 << 10,
            ..archive::Limits::default()
        },
        ..Limits::default()
    };
    let error = super::inspect(&mut &*with(&[(file, "a", "", &[b'x'; 2000])]), &small).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}
