//! Nothing that a file says of its release makes its checks panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
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
    let _ = record::check(bytes, &["a".to_owned()], &[]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = is_requirement(text);
    }
});
