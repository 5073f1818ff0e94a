//! Paths, names and versions: nothing panics, what was parsed parses again, and the order of versions
//! is one.
#![no_main]

use std::cmp::Ordering;

use http::Method;
use libfuzzer_sys::fuzz_target;
use registry_maven::{GroupId, Route, VersionName, version::Order};

fuzz_target!(|target: &str| {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
        let Ok(route) = Route::parse(&method, &format!("/{path}"), query) else {
            continue;
        };
        if let Route::File(file) | Route::PutFile(file) | Route::DeleteFile(file) = &route {
            let end = file.checksum.map(|checksum| format!(".{}", checksum.as_str()));
            let again = format!("/{}{}", file.path(), end.unwrap_or_default());
            assert_eq!(Route::parse(&method, &again, None).ok(), Some(route));
        }
    }
    if let Ok(group) = target.parse::<GroupId>() {
        let path = group.path();
        let segments: Vec<&str> = path.split('/').collect();
        assert_eq!(GroupId::of_path(&segments).ok(), Some(group));
    }
    let mut three = target.splitn(3, ' ');
    let (Some(a), Some(b), Some(c)) = (three.next(), three.next(), three.next()) else {
        return;
    };
    let [a, b, c] = [a, b, c].map(Order::of);
    assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    assert_eq!(a.cmp(&a), Ordering::Equal);
    if a <= b && b <= c {
        assert!(a <= c);
    }
    if let Ok(version) = target.parse::<VersionName>() {
        assert_eq!(version.to_string(), target);
    }
});
