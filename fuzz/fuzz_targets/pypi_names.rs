//! Names of projects and files, versions and routes: nothing panics, and what was parsed parses again.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use registry_pypi::{FileName, ProjectName, Route, Version};

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<ProjectName>() {
        let normal: ProjectName = name.as_str().parse().unwrap();
        assert!(normal.is_normal() && normal == name);
    }
    if let Ok(version) = text.parse::<Version>() {
        assert_eq!(version.to_string().parse::<Version>().unwrap(), version);
    }
    if let Ok(file) = FileName::parse(text, None) {
        assert!(file.means(&FileName::parse(&file.text, None).unwrap()));
        assert!(!file.text.contains('/'));
    }
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        let _ = Route::parse(&method, &format!("/{path}"), Some(query));
    }
});
