//! No bytes make the walk through a zip panic, pass its bounds, or show a name twice or outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_core::archive::{Limits, zip};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        unpacked: 1 << 22,
        entries: 100,
        ..Limits::default()
    };
    let (mut names, mut unpacked) = (Vec::new(), 0);
    let read = zip::read(bytes, &limits, |entry| {
        unpacked += std::io::copy(entry.content, &mut std::io::sink()).unwrap_or_default();
        names.push(entry.path.to_owned());
        Ok(())
    });
    assert!(unpacked <= limits.unpacked);
    if read.is_ok() {
        let count = names.len();
        assert!(count as u64 <= limits.entries);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in names {
            assert!(!name.starts_with('/') && !name.split('/').any(|part| part == ".."));
        }
    }
});
