//! No zip makes its reading panic, and what is read of it is within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_composer::archive::{Early, Limits, inspect};

fuzz_target!(|bytes: &[u8]| {
    let mut limits = Limits::default();
    limits.archive.unpacked = 1 << 16;
    limits.composer_json = 1 << 10;
    if let Ok(found) = inspect(&mut &*bytes, &limits, &Early::default()) {
        assert!(found.len() <= 1 << 10);
    }
});
