//! Nothing that a file says of its release makes its checks panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_core::archive::paths::Paths;
use registry_pypi::{
    archive::{entry_points, record},
    metadata::{Metadata, is_requirement},
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(metadata) = Metadata::parse(bytes) {
        if metadata.check().is_ok() {
            metadata.name().unwrap();
            metadata.version().unwrap();
        }
    }
    let _ = entry_points::check(bytes);
    let mut paths = Paths::new(100);
    if record::read(&mut &bytes[..], 1 << 20, &mut paths).is_ok() {
        let _ = record::check(&paths);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = is_requirement(text);
    }
});
