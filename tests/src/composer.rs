//! Composer, and who uploads to it.

use bytes::Bytes;
use http::Method;
use registry_testkit::zip;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::client::{Lost, Request, Site};
use crate::ecosystem::{Artifact, Ecosystem, Listing, Outcome, Release, Search};
use crate::npm::text;
use crate::random::Random;

/// Composer.
#[derive(Clone, Copy, Debug)]
pub struct Composer;

impl Ecosystem for Composer {
    const NAME: &'static str = "composer";
    const SCOPE: &'static str = "composer:package:*:delete";
    const LATEST: Option<&'static str> = None;

    fn package(&self, stem: &str) -> String {
        format!("acme/{stem}")
    }

    fn build(&self, package: &str, version: &str, salt: u64) -> Bytes {
        pack(package, version, salt, 600)
    }

    fn digest(&self, bytes: &[u8]) -> String {
        let digits = Sha1::digest(bytes);
        digits.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    async fn publish(&self, at: &Site, release: &Release) -> Outcome {
        let answer = match at.try_send(&publish(release)).await {
            Ok(answer) => answer,
            Err(lost) => return Outcome::Lost(lost),
        };
        match answer.status.as_u16() {
            200 | 201 => Outcome::Acknowledged,
            409 => Outcome::Conflict,
            _ => Outcome::Refused(answer.to_string()),
        }
    }

    async fn listing(&self, at: &Site, package: &str) -> Result<Listing, Lost> {
        let answer = at.try_send(&Request::get(path(package))).await?;
        match answer.status.as_u16() {
            200 => Ok(listing(&answer.json(), package)),
            404 => Ok(Listing::default()),
            _ => panic!("{}: {answer}", at.url),
        }
    }

    async fn search(&self, at: &Site, package: &str) -> Search {
        let list = at.get("/composer/packages/list.json").await.good().json();
        let names = list["packageNames"].as_array().expect("names");
        if names.iter().any(|name| name == package) {
            Search::Listed
        } else {
            Search::Missing
        }
    }
}

/// The path of the file of a package's releases.
pub fn path(package: &str) -> String {
    format!("/composer/p2/{package}.json")
}

/// The path of the file of a package's branches.
pub fn branches(package: &str) -> String {
    format!("/composer/p2/{package}~dev.json")
}

/// A zip with `size` bytes that do not compress, other ones for another `salt`.
pub fn pack(package: &str, version: &str, salt: u64, size: usize) -> Bytes {
    let manifest = json!({
        "name": package, "version": version, "description": "a test", "license": "MIT",
        "require": { "php": ">=8.1" },
    });
    let manifest = manifest.to_string();
    let noise = Random::new(salt).bytes(size);
    let files = [
        ("composer.json", manifest.as_bytes()),
        ("noise.bin", &noise[..]),
    ];
    zip(&files, true).into()
}

/// The request of an upload.
pub fn publish(release: &Release) -> Request {
    let path = format!("/composer/packages/{}", release.package);
    Request::new(Method::PUT, path)
        .header("content-type", "application/zip")
        .body(release.bytes.clone())
}

/// All that a document says of each version, as Composer reads it: what an entry does not say, the
/// one before it does.
///
/// # Panics
/// When it lacks what every client needs.
pub fn expand(document: &Value, package: &str) -> Vec<Value> {
    let entries = document["packages"][package].as_array().expect("versions");
    if document["minified"] != "composer/2.0" {
        return entries.clone();
    }
    let mut all = Vec::new();
    let mut now = serde_json::Map::new();
    for entry in entries {
        for (key, value) in entry.as_object().expect("a version") {
            if value == "__unset" {
                now.remove(key);
            } else {
                now.insert(key.clone(), value.clone());
            }
        }
        all.push(Value::Object(now.clone()));
    }
    all
}

/// What the file of a package's versions says.
///
/// # Panics
/// When it lacks what every client needs.
pub fn listing(document: &Value, package: &str) -> Listing {
    let mut listing = Listing::default();
    for version in expand(document, package) {
        assert_eq!(version["name"], package, "{version}");
        let artifact = Artifact {
            path: Site::path_of(text(&version["dist"]["url"])),
            digest: text(&version["dist"]["shasum"]).to_owned(),
        };
        let name = text(&version["version"]).to_owned();
        let before = listing.versions.insert(name, artifact);
        assert!(before.is_none(), "a version is there twice: {version}");
    }
    listing
}
