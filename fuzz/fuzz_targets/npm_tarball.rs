//! No bytes make the inspection of a tarball panic, or pass its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_npm::tarball::{Limits, inspect};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { unpacked: 1 << 22, entries: 100, ..Limits::default() };
    if let Ok(inspected) = inspect(bytes, &limits) {
        assert!(inspected.file_count <= limits.entries);
        assert!(inspected.unpacked_size <= limits.unpacked);
    }
});
