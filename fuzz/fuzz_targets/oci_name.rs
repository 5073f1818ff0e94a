//! Names of repositories and tags are those that the specification's regular expressions match.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use regex::Regex;
use registry_oci::{RepositoryName, Tag};

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("it is one")
}

static NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z")
});
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z"));
static DIGEST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\A(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\z"));

fuzz_target!(|text: &str| {
    let name = text.len() <= 255 && NAME.is_match(text);
    assert_eq!(text.parse::<RepositoryName>().is_ok(), name);
    assert_eq!(text.parse::<Tag>().is_ok(), TAG.is_match(text));
    assert_eq!(registry_oci::name::digest(text).is_ok(), DIGEST.is_match(text));
});
