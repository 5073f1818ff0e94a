//! No bytes make the inspection of a gem panic, or pass its bounds, and what a gem begins with says
//! the same as the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_core::archive;
use registry_rubygems::gem::{Limits, inspect, inspect_begun, metadata, spec};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        metadata: 1 << 16,
        data: archive::Limits {
            unpacked: 1 << 22,
            entries: 100,
            ..archive::Limits::default()
        },
    };
    let whole = inspect(&mut &bytes[..], &limits).ok();
    let begin = metadata(bytes);
    if let Ok(Some(at)) = &begin {
        assert!(at.end <= bytes.len());
        let early = spec(&bytes[at.clone()], &limits).ok();
        let rest = early.and_then(|begun| inspect_begun(&mut &bytes[..], begun, &limits).ok());
        assert_eq!(rest, whole);
    }
});
