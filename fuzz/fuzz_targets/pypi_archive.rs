//! No bytes make the inspection of a file panic, or pass its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_pypi::{
    archive::{Limits, inspect, zip},
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
            assert!(inspected.files.len() as u64 <= limits.entries);
        }
    }
    let (mut names, mut unpacked) = (Vec::new(), 0);
    let read = zip::read(bytes, &limits, |entry| {
        unpacked += std::io::copy(entry.content, &mut std::io::sink()).unwrap_or_default();
        names.push(entry.path.to_owned());
        Ok(())
    });
    assert!(unpacked <= limits.unpacked);
    if read.is_ok() {
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in names {
            assert!(!name.starts_with('/') && !name.split('/').any(|part| part == ".."));
        }
    }
});
