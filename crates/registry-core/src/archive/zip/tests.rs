use std::ops::Range;

use registry_testkit::zip;

use super::{Allowed, Fault, read, read_allowing};
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
        seen.push((entry.path.to_owned(), entry.size));
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

const ALL: Allowed = Allowed {
    descriptors: true,
    comments: true,
    links: true,
    unmarked_names: true,
};

fn allowed(allowed: Allowed, bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let mut seen = Vec::new();
    read_allowing(allowed, bytes, &limits(), |entry| {
        let mut content = Vec::new();
        std::io::Read::read_to_end(entry.content, &mut content)?;
        seen.push((entry.path.to_owned(), content));
        Ok(())
    })?;
    Ok(seen)
}

/// A packed zip of files that tell of themselves behind them: with a signature or not, in 64 bits or
/// not.
fn described(files: &[(&str, &[u8])], signed: bool, is_64: bool) -> Vec<u8> {
    let plain = zip(files, true);
    let directory = memchr::memmem::find(&plain, b"PK\x01\x02").unwrap();
    let starts: Vec<usize> = memchr::memmem::find_iter(&plain, b"PK\x03\x04").collect();
    let mut out = Vec::new();
    let mut offsets = Vec::new();
    for (nth, start) in starts.iter().enumerate() {
        offsets.push(out.len());
        let end = *starts.get(nth + 1).unwrap_or(&directory);
        let mut record = plain[*start..end].to_vec();
        record[6] |= 8;
        let told: Vec<u8> = record.splice(14..26, [0; 12]).collect();
        if is_64 {
            record[18..26].fill(0xff);
            record[28] = 20;
            let at = 30 + usize::from(record[26]);
            record.splice(at..at, [&[1, 0, 16, 0][..], &[0; 16]].concat());
        }
        out.extend_from_slice(&record);
        out.extend_from_slice(if signed { b"PK\x07\x08" } else { b"" });
        let wide = |of: &[u8]| [of, &[0; 4][..if is_64 { 4 } else { 0 }]].concat();
        out.extend([told[..4].to_vec(), wide(&told[4..8]), wide(&told[8..])].concat());
    }
    let start = out.len();
    out.extend_from_slice(&plain[directory..]);
    let central: Vec<usize> = memchr::memmem::find_iter(&out, b"PK\x01\x02").collect();
    for (at, offset) in central.iter().zip(offsets) {
        out[at + 8] |= 8;
        out[at + 42..at + 46].copy_from_slice(&u32::try_from(offset).unwrap().to_le_bytes());
    }
    let end = out.len() - 6;
    out[end..end + 4].copy_from_slice(&u32::try_from(start).unwrap().to_le_bytes());
    out
}

#[test]
fn files_may_tell_of_themselves_behind_them() {
    let files = &[("a", &b"some text"[..]), ("empty", b""), ("b", b"more")];
    let expected = files.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    for (signed, is_64) in [(true, false), (false, false), (true, true), (false, true)] {
        let bytes = described(files, signed, is_64);
        assert_eq!(allowed(ALL, &bytes).unwrap(), expected, "{signed} {is_64}");
        let error = told(&bytes);
        assert!(error.contains("data descriptor"), "{error}");
        for cut in 0..bytes.len() {
            assert!(allowed(ALL, &bytes[..cut]).is_err(), "{cut}");
        }
        // All of a descriptor counts.
        let behind = memchr::memmem::find(&bytes, b"PK\x03\x04").unwrap();
        let next = memchr::memmem::find_iter(&bytes, b"PK\x03\x04")
            .nth(1)
            .unwrap();
        let length = if is_64 { 20 } else { 12 };
        assert!(behind < next - length);
        for at in next - length..next {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(allowed(ALL, &altered).is_err(), "{at}");
        }
    }
    // What is not packed has no end to be seen.
    let mut stored = zip(&[("a", b"1")], false);
    stored[6] |= 8;
    assert!(allowed(ALL, &stored).is_err());
    let zeros = vec![0; 300 << 20];
    let bomb = allowed(ALL, &described(&[("a", &zeros)], true, false));
    assert!(matches!(bomb, Err(Fault::TooLarge(_))));
}

#[test]
fn what_is_told_of_a_file_may_stand_before_it_in_part() {
    // As Info-ZIP writes to a pipe: the size is known, the rest is not.
    let mut bytes = described(&[("a", b"some text")], true, false);
    bytes[22] = 9;
    assert_eq!(allowed(ALL, &bytes).unwrap()[0].1, b"some text");
    bytes[22] = 8;
    assert!(allowed(ALL, &bytes).is_err());
}

#[test]
fn names_may_be_unmarked() {
    let mut bytes = zip(&[("\u{fc}", b"1")], false);
    let central = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    bytes[7] = 0;
    bytes[central + 9] = 0;
    assert_eq!(allowed(ALL, &bytes).unwrap()[0].0, "\u{fc}");
    assert!(told(&bytes).contains("not marked as UTF-8"));
}

#[test]
fn comments_hide_no_other_end() {
    let commented = |comment: &[u8]| {
        let mut bytes = zip(FILES, true);
        let at = bytes.len() - 2;
        bytes[at] = u8::try_from(comment.len()).unwrap();
        [&bytes, comment].concat()
    };
    let bytes = commented(b"0123456789abcdef0123456789abcdef01234567");
    assert_eq!(allowed(ALL, &bytes).unwrap().len(), FILES.len());
    assert!(told(&bytes).contains("comment"));
    let hiding = commented(b"xPK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert!(allowed(ALL, &hiding).is_err());
    assert!(allowed(ALL, &[&bytes[..], b"x"].concat()).is_err());
}

#[test]
fn links_are_told() {
    let link = |made_by: u8| {
        let mut bytes = zip(&[("a", b"b"), ("b", b"1")], false);
        let at = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
        bytes[at + 5] = made_by;
        bytes[at + 40..at + 42].copy_from_slice(&[0xff, 0xa1]);
        bytes
    };
    // Some believe the mode whoever wrote it.
    for made_by in [3, 0, 19] {
        let bytes = link(made_by);
        let links = read_allowing(ALL, &bytes[..], &limits(), |_| Ok(()));
        assert_eq!(links.unwrap(), ["a"]);
        assert!(told(&bytes).contains("no file or folder"));
    }
    let mut pipe = link(3);
    let at = memchr::memmem::find(&pipe, b"PK\x01\x02").unwrap();
    pipe[at + 41] = 0x11;
    assert!(allowed(ALL, &pipe).is_err());
}
