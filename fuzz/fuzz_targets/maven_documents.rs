//! POMs, metadata, module metadata and checksum files: nothing panics, and metadata that is rendered is
//! read as what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_maven::{checksum, metadata, module::Module, name::Place, pom::Pom};

fuzz_target!(|bytes: &[u8]| {
    let segments = ["org", "acme", "lib", "1.0", "lib-1.0.pom"];
    let Ok(Place::File(path)) = Place::parse(&segments, false) else {
        panic!("that is a file");
    };
    if let Ok(pom) = Pom::read(&mut &*bytes) {
        let _ = pom.check(&path);
    }
    if let Ok(module) = Module::read(&mut &*bytes) {
        let _ = module.check(&path);
    }
    if let Ok(plugins) = metadata::read(bytes) {
        let again = metadata::Metadata {
            plugins: &plugins,
            ..metadata::Metadata::default()
        };
        if let Some(text) = again.render() {
            let read = metadata::read(text.as_bytes());
            assert_eq!(read.ok(), Some(plugins));
        }
    }
    for algorithm in checksum::ALGORITHMS {
        let _ = checksum::parse(bytes, algorithm);
    }
});
