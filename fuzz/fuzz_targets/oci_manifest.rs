//! No text makes the reading of manifests panic, and what is taken is bounded and names content by
//! digests of content, each once.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use registry_oci::wire::{Kind, MAX_NAMED, Manifest, What};

fuzz_target!(|data: &[u8]| {
    let (first, text) = data.split_first().unwrap_or((&0, b""));
    let content_type = match first % 4 {
        0 => None,
        1 => Some("application/vnd.oci.image.manifest.v1+json"),
        2 => Some("application/vnd.oci.image.index.v1+json; x=y"),
        _ => Some("application/vnd.docker.distribution.manifest.v2+json"),
    };
    let Ok(manifest) = Manifest::parse(content_type, text) else {
        return;
    };
    assert_eq!(Kind::of(&manifest.media_type), Some(manifest.kind));
    assert!(manifest.named.len() <= MAX_NAMED);
    let digests: HashSet<_> = manifest.named.iter().map(|named| &named.digest).collect();
    assert_eq!(digests.len(), manifest.named.len());
    for digest in digests.into_iter().chain(&manifest.subject) {
        assert!(registry_oci::name::digest(&digest.to_string()).is_ok());
    }
    let index = |what: What| matches!(what, What::Manifest | What::Either);
    for named in &manifest.named {
        assert_eq!(index(named.what), manifest.kind == Kind::Index);
    }
    // It is kept as a string of JSON, which holds it to the byte.
    let text = std::str::from_utf8(text).expect("a manifest is UTF-8");
    let kept = serde_json::to_vec(text).expect("a string is JSON");
    assert_eq!(serde_json::from_slice::<String>(&kept).expect("it was written"), text);
});
