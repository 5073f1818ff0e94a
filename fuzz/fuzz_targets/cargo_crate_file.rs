//! No bytes make the inspection of a crate file panic, neither gzipped by the fuzzer nor as they are
//! in a tar; and no text makes the reading of a manifest panic.
#![no_main]

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use registry_cargo::{publish::Manifest, tarball::{Limits, inspect}};

fuzz_target!(|bytes: &[u8]| {
    let mut limits = Limits::default();
    (limits.archive.unpacked, limits.archive.entries) = (1 << 22, 100);
    let (name, version) = ("a".parse().unwrap(), "1.0.0".parse().unwrap());
    let _ = inspect(bytes, &name, &version, &limits);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).unwrap();
    let packed = encoder.finish().unwrap();
    let _ = inspect(&packed[..], &name, &version, &limits);
    let new = registry_cargo::publish::parse(br#"{"name":"a","vers":"1.0.0"}"#).unwrap();
    if let Ok(manifest) = Manifest::parse(bytes) {
        let _ = manifest.check(&new);
    }
});
