//! npm, as its clients speak it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha512};

use crate::client::{Lost, Request, Site};
use crate::ecosystem::{Artifact, Ecosystem, Listing, Outcome, Release, Search};
use crate::random::Random;
use crate::tarball::tarball;

/// What npm asks for when it installs.
pub const ABBREVIATED: &str =
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// npm.
#[derive(Clone, Copy, Debug)]
pub struct Npm;

impl Ecosystem for Npm {
    const NAME: &'static str = "npm";
    const SCOPE: &'static str = "npm:package:*:delete";
    const LATEST: Option<&'static str> = Some("latest");

    fn build(&self, package: &str, version: &str, salt: u64) -> Bytes {
        pack(package, version, salt, 600)
    }

    fn digest(&self, bytes: &[u8]) -> String {
        integrity(bytes)
    }

    async fn publish(&self, at: &Site, release: &Release) -> Outcome {
        let answer = at.try_send(&publish(release)).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(lost) => return Outcome::Lost(lost),
        };
        if answer.status.is_success() {
            return Outcome::Acknowledged;
        }
        let error = answer.json()["error"].as_str().unwrap_or("").to_lowercase();
        let conflict = answer.status == 403 && error.contains("cannot publish over");
        if conflict {
            Outcome::Conflict
        } else {
            Outcome::Refused(answer.to_string())
        }
    }

    async fn listing(&self, at: &Site, package: &str) -> Result<Listing, Lost> {
        let request = Request::get(path(package)).header("accept", ABBREVIATED);
        let answer = at.try_send(&request).await?;
        match answer.status.as_u16() {
            200 => Ok(listing(&answer.json())),
            404 => Ok(Listing::default()),
            _ => panic!("{}: {answer}", at.url),
        }
    }

    async fn search(&self, at: &Site, package: &str) -> Search {
        let answer = at.get(format!("/npm/-/v1/search?size=20&text={package}"));
        let answer = answer.await.good().json();
        let objects = answer["objects"].as_array().expect("a search has objects");
        let package = objects
            .iter()
            .map(|object| &object["package"])
            .find(|found| found["name"] == package);
        let Some(package) = package else {
            return Search::Missing;
        };
        Search::Found(text(&package["version"]).to_owned())
    }
}

/// The path of a package's document, as npm writes it.
pub fn path(package: &str) -> String {
    format!("/npm/{}", package.replace('/', "%2f"))
}

/// `sha512-` and the digest.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes)))
}

/// The SHA-1 in hexadecimal.
pub fn shasum(bytes: &[u8]) -> String {
    let digits = Sha1::digest(bytes);
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tarball with `size` bytes that do not compress, other ones for another `salt`.
pub fn pack(package: &str, version: &str, salt: u64, size: usize) -> Bytes {
    let manifest = json!({"name": package, "version": version, "description": "a test"});
    let manifest = manifest.to_string();
    let noise = Random::new(salt).bytes(size);
    tarball(&[
        ("package/package.json", manifest.as_bytes()),
        ("package/noise.bin", &noise),
    ])
}

/// The name under which npm attaches a tarball.
pub fn file_name(package: &str, version: &str) -> String {
    format!("{package}-{version}.tgz")
}

/// The document that `npm publish` puts. Without tags it takes `latest`.
pub fn document(package: &str, version: &str, tags: &[String], bytes: &[u8]) -> Value {
    let file = file_name(package, version);
    let tarball = format!("http://localhost/npm/{package}/-/{file}");
    let mut document = json!({
        "_id": package,
        "name": package,
        "description": "a test",
        "dist-tags": {},
        "versions": {version: {
            "name": package,
            "version": version,
            "description": "a test",
            "keywords": ["registry-test"],
            "dependencies": {"left": "^1.0.0"},
            "scripts": {"test": "true"},
            "_id": format!("{package}@{version}"),
            "_nodeVersion": "20.0.0",
            "_npmVersion": "11.0.0",
            "dist": {"integrity": integrity(bytes), "shasum": shasum(bytes), "tarball": tarball},
        }},
        "access": null,
        "_attachments": {file: {
            "content_type": "application/octet-stream",
            "data": STANDARD.encode(bytes),
            "length": bytes.len(),
        }},
    });
    let latest = ["latest".to_owned()];
    let tags = if tags.is_empty() { &latest } else { tags };
    for tag in tags {
        document["dist-tags"][tag] = json!(version);
    }
    document
}

/// The request of `npm publish`.
pub fn publish(release: &Release) -> Request {
    let Release {
        package,
        version,
        bytes,
        tags,
    } = release;
    Request::put(path(package), &document(package, version, tags, bytes))
        .header("npm-command", "publish")
}

/// What a document says, full or abbreviated.
///
/// # Panics
/// When it lacks what every client needs.
pub fn listing(document: &Value) -> Listing {
    let mut listing = Listing::default();
    for (version, manifest) in document["versions"].as_object().expect("versions") {
        assert_eq!(manifest["version"], **version, "{manifest}");
        let dist = &manifest["dist"];
        let artifact = Artifact {
            path: Site::path_of(text(&dist["tarball"])),
            digest: text(&dist["integrity"]).to_owned(),
        };
        listing.versions.insert(version.clone(), artifact);
    }
    for (tag, version) in document["dist-tags"].as_object().expect("dist-tags") {
        listing.tags.insert(tag.clone(), text(version).to_owned());
    }
    listing
}

/// A string in a document.
///
/// # Panics
/// When it is none.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a string: {value}"))
}
