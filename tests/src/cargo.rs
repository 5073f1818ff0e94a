//! Cargo, as cargo speaks it.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{Answer, Lost, Request, Site};
use crate::ecosystem::{Artifact, Ecosystem, Listing, Outcome, Release, Search};
use crate::random::Random;
use crate::tarball::tarball;

/// Where crates are put.
pub const NEW: &str = "/cargo/api/v1/crates/new";

/// Cargo.
#[derive(Clone, Copy, Debug)]
pub struct Cargo;

impl Ecosystem for Cargo {
    const NAME: &'static str = "cargo";
    const SCOPE: &'static str = "cargo:crate:*:write";
    const LATEST: Option<&'static str> = None;

    fn build(&self, package: &str, version: &str, salt: u64) -> Bytes {
        pack(package, version, salt, 600)
    }

    fn digest(&self, bytes: &[u8]) -> String {
        let digits = Sha256::digest(bytes);
        digits.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    async fn publish(&self, at: &Site, release: &Release) -> Outcome {
        let answer = match at.try_send(&publish(release)).await {
            Ok(answer) => answer,
            Err(lost) => return Outcome::Lost(lost),
        };
        // cargo takes an answer with errors for a failure, whatever its status.
        if answer.status == 200 && answer.json()["warnings"].is_object() {
            return Outcome::Acknowledged;
        }
        let taken = detail(&answer).contains("is already uploaded");
        if answer.status == 400 && taken {
            Outcome::Conflict
        } else {
            Outcome::Refused(answer.to_string())
        }
    }

    async fn listing(&self, at: &Site, package: &str) -> Result<Listing, Lost> {
        let request = Request::get(index(package)).header("accept", "text/plain");
        let answer = at.try_send(&request).await?;
        match answer.status.as_u16() {
            200 => Ok(listing(&answer)),
            404 => Ok(Listing::default()),
            _ => panic!("{}: {answer}", at.url),
        }
    }

    async fn search(&self, at: &Site, package: &str) -> Search {
        let answer = at.get(format!("/cargo/api/v1/crates?per_page=1&q={package}"));
        let answer = answer.await.good().json();
        let first = &answer["crates"][0];
        if first["name"] != package {
            return Search::Missing;
        }
        let version = first["max_version"].as_str();
        Search::Found(version.expect("a version").to_owned())
    }
}

/// The path of a crate in the index.
pub fn index(package: &str) -> String {
    let lower = package.to_lowercase();
    let folder = match lower.len() {
        length @ 1..=2 => length.to_string(),
        3 => format!("3/{}", &lower[..1]),
        _ => format!("{}/{}", &lower[..2], &lower[2..4]),
    };
    format!("/cargo/{folder}/{lower}")
}

/// A crate file with `size` bytes that do not compress, other ones for another `salt`.
pub fn pack(package: &str, version: &str, salt: u64, size: usize) -> Bytes {
    let manifest = format!("[package]\nname = \"{package}\"\nversion = \"{version}\"\n");
    let folder = format!("{package}-{version}");
    let noise = Random::new(salt).bytes(size);
    tarball(&[
        (&format!("{folder}/Cargo.toml"), manifest.as_bytes()),
        (&format!("{folder}/noise.bin"), &noise),
    ])
}

/// The body of a publish: metadata and crate file, each behind its length.
pub fn body(metadata: &Value, file: &[u8]) -> Vec<u8> {
    let metadata = metadata.to_string();
    let length = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
    [
        &length(metadata.as_bytes())[..],
        metadata.as_bytes(),
        &length(file),
        file,
    ]
    .concat()
}

/// The metadata of a crate without dependencies.
pub fn metadata(package: &str, version: &str) -> Value {
    json!({
        "name": package, "vers": version, "deps": [], "features": {}, "authors": [],
        "description": "a test", "documentation": null, "homepage": null, "readme": null,
        "readme_file": null, "keywords": [], "categories": [], "license": "MIT",
        "license_file": null, "repository": null, "badges": {}, "links": null,
        "rust_version": null,
    })
}

/// The request of `cargo publish`.
pub fn publish(release: &Release) -> Request {
    let metadata = metadata(&release.package, &release.version);
    Request::new(Method::PUT, NEW).body(body(&metadata, &release.bytes))
}

/// What cargo prints of a refusal; empty when it is none.
pub fn detail(answer: &Answer) -> String {
    let detail = answer.json()["errors"][0]["detail"].clone();
    detail.as_str().unwrap_or_default().to_owned()
}

/// The lines of an index file.
///
/// # Panics
/// When one is no JSON.
pub fn lines(answer: &Answer) -> Vec<Value> {
    let lines = answer.body.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).expect("a line is JSON"))
        .collect()
}

fn listing(answer: &Answer) -> Listing {
    let mut listing = Listing::default();
    for line in lines(answer) {
        let text = |key: &str| line[key].as_str().expect("a line is whole").to_owned();
        let (name, version) = (text("name"), text("vers"));
        let artifact = Artifact {
            path: format!("/cargo/api/v1/crates/{name}/{version}/download"),
            digest: text("cksum"),
        };
        let before = listing.versions.insert(version, artifact);
        assert!(before.is_none(), "a version is there twice: {line}");
    }
    listing
}
