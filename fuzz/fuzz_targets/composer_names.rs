//! Names of packages, versions, constraints and routes: nothing panics, and what was parsed parses again.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use registry_composer::{PackageName, Route, Version, constraint, route::advisory_query};

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<PackageName>() {
        assert_eq!(format!("{}/{}", name.vendor(), name.package()), name.as_str());
        assert_eq!(name.as_str(), name.as_str().to_lowercase());
    }
    if let Ok(version) = Version::parse(text) {
        let again = Version::parse(version.pretty()).unwrap();
        assert_eq!(again.normalized(), version.normalized());
        assert_eq!(again.cmp(&version), std::cmp::Ordering::Equal);
        let _ = version.stability();
    }
    let _ = constraint::check(text);
    let _ = advisory_query(text.as_bytes());
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        let _ = Route::parse(&method, &format!("/{path}"), Some(query));
    }
});
