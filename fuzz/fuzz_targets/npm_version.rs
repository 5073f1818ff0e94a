//! Versions and tags: what parses reads back as itself, and nothing is both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_npm::{Tag, Version};

fuzz_target!(|text: &str| {
    let _ = Version::clean(text);
    if let Ok(version) = text.parse::<Version>() {
        assert_eq!(version.to_string(), text);
        assert!(version.same_release(&version) && version.cmp(&version).is_eq());
        assert!(text.parse::<Tag>().is_err());
        assert_eq!(Version::clean(text).ok(), Some(version));
    }
});
