//! No path makes the router panic, and a name that it gives reads back as itself.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use registry_npm::{PackageName, Route};

fuzz_target!(|target: &str| {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
        if let Ok(Route::Packument { name, .. }) = Route::parse(&method, path, query) {
            assert_eq!(name.as_str().parse::<PackageName>().ok(), Some(name));
        }
    }
});
