use std::ops::Range;

use registry_testkit::zip;

use super::{Fault, read, read_streamed};
use crate::{
    archive::Limits,
    error::{Error, ErrorKind},
};

fn limits() -> Limits {
    Limits {
        unpacked: 200 << 20,
        ratio: 50,
        ..Limits::default()
    }
}

fn seen(bytes: &[u8], limits: &Limits) -> Result<Vec<(String, u64)>, Fault> {
    let mut seen = Vec::new();
    read(bytes, limits, |entry| {
        seen.push((entry.path.to_owned(), entry.size.unwrap()));
        Ok(())
    })?;
    Ok(seen)
}

fn told(bytes: &[u8]) -> String {
    seen(bytes, &limits()).unwrap_err().to_string()
}

const FILES: &[(&str, &[u8])] = &[("a.py", b"print()\n"), ("d/", b""), ("d/ü.py", b"")];

#[test]
fn files_come_out_as_they_are() {
    for packed in [false, true] {
        let bytes = zip(FILES, packed);
        let expected = [("a.py", 8), ("d/", 0), ("d/ü.py", 0)];
        let expected = expected.map(|(name, size)| (name.to_owned(), size));
        assert_eq!(seen(&bytes, &limits()).unwrap(), expected);
        let mut content = Vec::new();
        read(&bytes[..], &limits(), |entry| {
            std::io::Read::read_to_end(entry.content, &mut content).unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!(content, b"print()\n");
    }
    assert!(seen(&zip(&[], false), &limits()).unwrap().is_empty());
}

#[test]
fn every_cut_is_noticed_and_every_byte_counts() {
    let bytes = zip(FILES, true);
    for cut in 0..bytes.len() {
        assert!(seen(&bytes[..cut], &limits()).is_err(), "{cut}");
    }
    // The version that made it and that it needs, times and modes are what nobody relies on.
    let idle = idle_bytes(&bytes);
    for at in (0..bytes.len()).filter(|at| !idle.iter().any(|range| range.contains(at))) {
        let mut altered = bytes.clone();
        altered[at] ^= 0x55;
        assert!(seen(&altered, &limits()).is_err(), "byte {at}");
    }
}

fn idle_bytes(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut idle = Vec::new();
    for at in memchr::memmem::find_iter(bytes, b"PK\x03\x04") {
        idle.extend([at + 4..at + 6, at + 10..at + 14]);
    }
    for at in memchr::memmem::find_iter(bytes, b"PK\x01\x02") {
        idle.extend([at + 4..at + 8, at + 12..at + 16, at + 36..at + 42]);
    }
    idle
}

/// A zip of two files with some bytes replaced, counted from the nth record of a kind.
fn patched(signature: &[u8], nth: usize, at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = zip(&[("a.py", b"1"), ("b.py", b"2")], false);
    let start = memchr::memmem::find_iter(&bytes, signature)
        .nth(nth)
        .unwrap();
    bytes[start + at..][..with.len()].copy_from_slice(with);
    bytes
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let (local, central, end) = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06");
    let whole = zip(FILES, true);
    for (bytes, what) in [
        ([b"x", &whole[..]].concat(), "not a zip"),
        ([&whole[..], b"x"].concat(), "follows its end"),
        ([&whole[..], &whole].concat(), "follows its end"),
        (b"MZ not a zip".to_vec(), "not a zip"),
        (zip(&[("a", b"1"), ("a", b"2")], false), "twice"),
        (patched(local, 0, 6, &[8, 0]), "data descriptor"),
        (patched(local, 0, 6, &[1, 0]), "encrypted"),
        (patched(local, 0, 8, &[12, 0]), "supported compression"),
        (patched(local, 0, 30, b"c.py"), "differ on"),
        (patched(local, 0, 30, b"\xff.py"), "not UTF-8"),
        (patched(central, 1, 46, b"a.py"), "differ on"),
        (patched(central, 0, 42, &[1]), "differ on"),
        (patched(central, 0, 32, &[1]), "comment"),
        (patched(central, 0, 34, &[1]), "parts"),
        (patched(central, 0, 40, &[0xff, 0xa1]), "no file or folder"),
        (patched(end, 0, 8, &[1]), "end and its directory"),
        (patched(end, 0, 16, &[1]), "end and its directory"),
        (patched(end, 0, 20, &[1]), "comment"),
        (patched(end, 0, 0, b"PK\x07\x08"), "not known"),
    ] {
        let error = told(&bytes);
        assert!(error.contains(what), "{what}: {error}");
    }
    // A file that only the headers have.
    let mut hidden = zip(&[("a.py", b"1"), ("b.py", b"2")], false);
    let second = memchr::memmem::find_iter(&hidden, central).nth(1).unwrap();
    hidden.drain(second..second + 50);
    assert!(told(&hidden).contains("lacks a file"));
}

#[test]
fn paths_stay_inside() {
    for path in [
        "/a",
        "../a",
        "a/../../b",
        "a/..",
        "./a",
        "a//b",
        "a\\b",
        "C:a",
        "C:/a",
        "",
        "/",
        "a\nb",
        "..",
    ] {
        let error = told(&zip(&[(path, b"1")], false));
        assert!(error.contains("outside"), "{path:?}: {error}");
    }
    assert!(seen(&zip(&[("a..b/.c", b"1")], false), &limits()).is_ok());
}

#[test]
fn bounds_hold() {
    let too_large =
        |bytes: &[u8], limits: &Limits| matches!(seen(bytes, limits), Err(Fault::TooLarge(_)));
    let zeros = vec![0; 100 << 20];
    // Within 50 times 64 MiB it may be anything.
    let bomb = zip(&[("a", &zeros)], true);
    assert!(too_large(&bomb, &limits()));
    assert!(told(&bomb).contains("ratio of 50"));
    assert!(seen(&zip(&[("a", &zeros[..60 << 20])], true), &limits()).is_ok());
    assert!(seen(&zip(&[("a", &zeros)], false), &limits()).is_ok());
    let few = Limits {
        entries: 2,
        ..limits()
    };
    assert!(too_large(&zip(FILES, false), &few));
    let small = Limits {
        unpacked: 7,
        ..limits()
    };
    assert!(too_large(&zip(FILES, true), &small));
    // One that says that it is smaller than it is.
    let mut liar = zip(&[("a", &zeros[..1000])], true);
    let directory = memchr::memmem::find(&liar, b"PK\x01\x02").unwrap();
    for at in [22, directory + 24] {
        liar[at..at + 2].copy_from_slice(&[10, 0]);
    }
    assert!(told(&liar).contains("longer than it says"));
}

#[test]
fn sizes_that_do_not_fit_stand_in_an_extra_field() {
    // As Python writes a file of unknown size: the local header has both sizes elsewhere.
    let plain = zip(&[("a.py", b"1")], false);
    let directory = memchr::memmem::find(&plain, b"PK\x01\x02").unwrap();
    let mut bytes = plain[..directory].to_vec();
    bytes[18..26].fill(0xff);
    bytes[28] = 20;
    let extra = [&[1, 0, 16, 0][..], &1u64.to_le_bytes(), &1u64.to_le_bytes()].concat();
    bytes.splice(34..34, extra);
    let start = bytes.len();
    bytes.extend_from_slice(&plain[directory..]);
    let end = bytes.len() - 6;
    bytes[end..end + 4].copy_from_slice(&u32::try_from(start).unwrap().to_le_bytes());
    assert_eq!(seen(&bytes, &limits()).unwrap(), [("a.py".to_owned(), 1)]);
    for (at, value) in [(34, 2), (36, 15), (38, 2), (46, 2)] {
        let mut altered = bytes.clone();
        altered[at] = value;
        assert!(seen(&altered, &limits()).is_err(), "{at}");
    }
    // With the end of a zip64 before its own.
    let size = (bytes.len() - start - 22) as u64;
    let mut long = bytes[..bytes.len() - 22].to_vec();
    let at = long.len() as u64;
    long.extend_from_slice(b"PK\x06\x06");
    for number in [44, 0x2d_002d, 0] {
        long.extend_from_slice(&u64::to_le_bytes(number)[..]);
    }
    long.truncate(long.len() - 8);
    long.extend_from_slice(&[0; 4]);
    for number in [1, 1, size, start as u64] {
        long.extend_from_slice(&u64::to_le_bytes(number));
    }
    long.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    long.extend_from_slice(&at.to_le_bytes());
    long.extend_from_slice(&1u32.to_le_bytes());
    let locator = long.len() - 16;
    long.extend_from_slice(&bytes[bytes.len() - 22..]);
    assert_eq!(seen(&long, &limits()).unwrap(), [("a.py".to_owned(), 1)]);
    for at in [
        at as usize + 32,
        at as usize + 40,
        at as usize + 48,
        locator + 4,
    ] {
        let mut altered = long.clone();
        altered[at] ^= 1;
        assert!(seen(&altered, &limits()).is_err(), "{at}");
    }
}

#[test]
fn a_fault_is_told_with_the_name_of_what_it_is_of() {
    let error = seen(b"MZ no", &limits()).unwrap_err().told("the bundle");
    assert_eq!(error.to_string(), "the bundle: it is not a zip");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let few = Limits {
        entries: 2,
        ..limits()
    };
    let error = seen(&zip(FILES, false), &few).unwrap_err().told("it");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    // What is not its own comes back as it was, though it came through the readers.
    let said = || Error::new(ErrorKind::Denied, "no");
    let visited = read(&zip(FILES, true)[..], &limits(), |_| Err(said().into()));
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other(Error::new(ErrorKind::Denied, "no")))
        }
    }
    let whole = zip(FILES, true);
    let reader = std::io::Read::chain(&whole[..35], Broken);
    for result in [visited, read(reader, &limits(), |_| Ok(()))] {
        let error = result.unwrap_err().told("it");
        assert_eq!((error.kind(), error.message()), (ErrorKind::Denied, "no"));
    }
}

/// The same zip, as it is written by who does not know sizes before: they follow each file.
fn streamed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let whole = zip(files, true);
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([whole[at], whole[at + 1]]));
    let u32_at = |at: usize| u32::from_le_bytes(whole[at..at + 4].try_into().unwrap());
    let (mut out, mut at, mut offsets) = (Vec::new(), 0, Vec::new());
    while u32_at(at) == super::header::LOCAL {
        offsets.push(u32::try_from(out.len()).unwrap());
        let packed = u32_at(at + 18) as usize;
        let end = at + 30 + u16_at(at + 26) + packed;
        let mut local = whole[at..end].to_vec();
        let sums = local[14..26].to_vec();
        local[6] |= 8;
        local[14..26].fill(0);
        out.extend_from_slice(&local);
        out.extend_from_slice(b"PK\x07\x08");
        out.extend_from_slice(&sums);
        at = end;
    }
    let directory = u32::try_from(out.len()).unwrap();
    for offset in offsets {
        let end = at + 46 + u16_at(at + 28);
        let mut central = whole[at..end].to_vec();
        central[8] |= 8;
        central[42..46].copy_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&central);
        at = end;
    }
    let mut end = whole[at..].to_vec();
    end[16..20].copy_from_slice(&directory.to_le_bytes());
    out.extend_from_slice(&end);
    out
}

#[test]
fn sizes_may_follow_where_that_is_asked_for() {
    let bytes = streamed(FILES);
    assert!(told(&bytes).contains("data descriptor"));
    let read_all = |bytes: &[u8], limits: &Limits| -> Result<String, Fault> {
        let mut all = String::new();
        read_streamed(bytes, limits, |entry| {
            let mut content = Vec::new();
            std::io::Read::read_to_end(entry.content, &mut content)?;
            all += &format!("{} {:?} {}; ", entry.path, entry.size, content.len());
            Ok(())
        })?;
        Ok(all)
    };
    assert_eq!(
        read_all(&bytes, &limits()).unwrap(),
        "a.py None 8; d/ None 0; d/ü.py None 0; "
    );
    let plain = read_all(&zip(FILES, true), &limits()).unwrap();
    assert_eq!(plain, "a.py Some(8) 8; d/ Some(0) 0; d/ü.py Some(0) 0; ");
    for cut in 0..bytes.len() {
        assert!(read_all(&bytes[..cut], &limits()).is_err(), "{cut}");
    }
    let small = Limits {
        unpacked: 7,
        ..limits()
    };
    let fault = read_all(&bytes, &small).unwrap_err();
    assert_eq!(fault.to_string(), "it unpacks to more than 7 bytes");
    // What follows a file is not what was read, or differs from the directory.
    let after = bytes
        .windows(4)
        .position(|four| four == b"PK\x07\x08")
        .unwrap();
    for at in after..after + 16 {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        assert!(read_all(&bytes, &limits()).is_err(), "{at}");
    }
}
