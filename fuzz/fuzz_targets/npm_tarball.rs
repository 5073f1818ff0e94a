//! No bytes make the inspection of a tarball panic, or pass its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_npm::tarball::{Limits, inspect};

fuzz_target!(|bytes: &[u8]| {
    let mut limits = Limits::default();
    (limits.archive.unpacked, limits.archive.entries) = (1 << 22, 100);
    if let Ok(inspected) = inspect(bytes, &limits) {
        assert!(inspected.file_count <= limits.archive.entries);
        assert!(inspected.unpacked_size <= limits.archive.unpacked);
    }
});
