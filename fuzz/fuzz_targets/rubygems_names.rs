//! Names, versions, platforms and requirements read back as themselves; the order of versions is
//! one; every reading of a full name writes that name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_rubygems::{
    GemName, Platform, Requirement, Version,
    name::{full_name, releases},
};

fuzz_target!(|texts: (&str, &str, &str)| {
    let (one, two, three) = texts;
    if let Ok(name) = one.parse::<GemName>() {
        assert_eq!(name.to_string(), one);
    }
    if let Ok(platform) = one.parse::<Platform>() {
        assert_eq!(platform.to_string(), one);
        // What clients write is what they read.
        let resolved = platform.resolved();
        if let Ok(again) = resolved.parse::<Platform>() {
            assert!(!again.resolved().is_empty());
        }
    }
    if let Ok(requirement) = one.parse::<Requirement>() {
        let again = requirement.to_string().parse::<Requirement>();
        assert_eq!(again.ok().as_ref(), Some(&requirement));
    }
    for (name, version, platform) in releases(one) {
        assert_eq!(full_name(&name, &version, &platform).to_string(), one);
    }
    let versions = [one, two, three].map(str::parse::<Version>);
    if let [Ok(a), Ok(b), Ok(c)] = versions {
        assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        if a <= b && b <= c {
            assert!(a <= c);
        }
    }
});
