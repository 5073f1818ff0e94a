//! No bytes make the inspection of a file panic, or pass its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_pypi::{
    archive::{Limits, inspect},
    file_name::Packing,
};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        unpacked: 1 << 22,
        entries: 100,
        metadata: 1 << 16,
        record: 1 << 16,
        ..Limits::default()
    };
    for packing in [Packing::Wheel, Packing::TarGz, Packing::Zip] {
        if let Ok(inspected) = inspect(&mut &bytes[..], packing, &limits) {
            assert!(inspected.metadata.len() as u64 <= limits.metadata);
            assert!(inspected.paths.len() as u64 <= limits.entries);
        }
    }
});
