//! No path makes the router panic, and what it gives reads back as itself.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use registry_cargo::{CrateName, Route, Version, name::prefix};

fuzz_target!(|target: &str| {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
        let Ok(route) = Route::parse(&method, path, query) else {
            continue;
        };
        let again = match &route {
            // Only in lower case, and only in its own folder.
            Route::Index(name) => {
                assert_eq!(name.lower(), name.as_str());
                format!("/{}/{name}", prefix(name.as_str()))
            }
            Route::Download(name, version) => {
                assert_eq!(name.as_str().parse::<CrateName>().as_ref().ok(), Some(name));
                assert_eq!(version.to_string().parse::<Version>().as_ref().ok(), Some(version));
                format!("/api/v1/crates/{name}/{version}/download")
            }
            Route::Search(query) => {
                assert!((1..=100).contains(&query.size));
                continue;
            }
            _ => continue,
        };
        assert_eq!(Route::parse(&method, &again, None).ok(), Some(route));
    }
});
