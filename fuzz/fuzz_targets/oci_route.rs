//! No path makes the router panic, and what it gives reads back as itself.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use registry_oci::{Reference, RepositoryName, Route};

fuzz_target!(|target: &str| {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
        let Ok(route) = Route::parse(&method, path, query) else {
            continue;
        };
        if let Some(name) = route.repository() {
            assert_eq!(name.as_str().parse::<RepositoryName>().ok().as_ref(), Some(name));
        }
        if let Route::PutManifest { name, reference, tags } = &route {
            let known = reference.to_string().parse::<Reference>().ok();
            assert_eq!(known.as_ref(), Some(reference));
            // The address made of what was understood is understood in the same way.
            let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
            let path = format!("/{name}/manifests/{reference}");
            let again = Route::parse(&method, &path, Some(&query.join("&"))).ok();
            assert_eq!(again.as_ref(), Some(&route));
        }
    }
});
