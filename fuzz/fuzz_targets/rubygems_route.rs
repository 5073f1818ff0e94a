//! No path makes the router panic, and what it gives reads back as itself.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use registry_rubygems::{GemName, Route};

fuzz_target!(|target: &str| {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
        let Ok(route) = Route::parse(&method, path, query) else {
            continue;
        };
        let own = |name: &GemName| {
            assert_eq!(name.as_str().parse::<GemName>().as_ref().ok(), Some(name));
            name.to_string()
        };
        let again = match &route {
            Route::Info(name) => format!("/info/{}", own(name)),
            Route::Page(name) => format!("/api/v1/gems/{}.json", own(name)),
            Route::Rows(name) => format!("/api/v1/versions/{}.json", own(name)),
            Route::Latest(name) => format!("/api/v1/versions/{}/latest.json", own(name)),
            _ => continue,
        };
        assert_eq!(Route::parse(&method, &again, None).ok(), Some(route));
    }
});
