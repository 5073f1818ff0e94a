//! PyPI, as its clients speak it.

use bytes::Bytes;
use http::Method;
use registry_testkit::zip;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::client::{Lost, Request, Site};
use crate::ecosystem::{Artifact, Ecosystem, Listing, Outcome, Release, Search};
use crate::npm::text;
use crate::random::Random;

/// What pip asks for when it looks for a project.
pub const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
                          application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";

/// What delimits the parts of a form.
pub const BOUNDARY: &str = "f5c3a1b2d4e6978012345678";

/// PyPI.
#[derive(Clone, Copy, Debug)]
pub struct Pypi;

impl Ecosystem for Pypi {
    const NAME: &'static str = "pypi";
    const SCOPE: &'static str = "pypi:package:*:delete";
    const LATEST: Option<&'static str> = None;

    fn build(&self, package: &str, version: &str, salt: u64) -> Bytes {
        wheel(package, version, salt, 600)
    }

    fn digest(&self, bytes: &[u8]) -> String {
        sha256(bytes)
    }

    async fn publish(&self, at: &Site, release: &Release) -> Outcome {
        let answer = match at.try_send(&publish(release)).await {
            Ok(answer) => answer,
            Err(lost) => return Outcome::Lost(lost),
        };
        if answer.status.is_success() {
            return Outcome::Acknowledged;
        }
        let code = answer.json()["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if code.starts_with("400 File already exists") {
            Outcome::Conflict
        } else {
            Outcome::Refused(answer.to_string())
        }
    }

    async fn listing(&self, at: &Site, package: &str) -> Result<Listing, Lost> {
        let request = Request::get(path(package)).header("accept", ACCEPT);
        let answer = at.try_send(&request).await?;
        match answer.status.as_u16() {
            200 => Ok(listing(&answer.json())),
            404 => Ok(Listing::default()),
            _ => panic!("{}: {answer}", at.url),
        }
    }

    async fn search(&self, at: &Site, package: &str) -> Search {
        let request = Request::get("/pypi/simple/").header("accept", ACCEPT);
        let answer = at.send(request).await.good().json();
        let projects = answer["projects"]
            .as_array()
            .expect("an index has projects");
        if projects.iter().any(|project| project["name"] == package) {
            Search::Listed
        } else {
            Search::Missing
        }
    }
}

/// The path of a project's page.
pub fn path(package: &str) -> String {
    format!("/pypi/simple/{package}/")
}

/// The SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a wheel.
pub fn file_name(package: &str, version: &str) -> String {
    format!("{}-{version}-py3-none-any.whl", package.replace('-', "_"))
}

/// A wheel with `size` bytes that do not compress, other ones for another `salt`.
pub fn wheel(package: &str, version: &str, salt: u64, size: usize) -> Bytes {
    let folder = format!("{}-{version}.dist-info", package.replace('-', "_"));
    let [metadata, wheel, record] =
        ["METADATA", "WHEEL", "RECORD"].map(|file| format!("{folder}/{file}"));
    let about = format!("Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n");
    let list = format!("noise.bin,,\n{metadata},,\n{wheel},,\n{record},,\n");
    let files = [
        ("noise.bin", &Random::new(salt).bytes(size)[..]),
        (&metadata, about.as_bytes()),
        (&wheel, b"Wheel-Version: 1.0\n"),
        (&record, list.as_bytes()),
    ];
    zip(&files, true).into()
}

/// The request of `twine upload`.
pub fn publish(release: &Release) -> Request {
    let (kind, body) = form(release);
    Request::new(Method::POST, "/pypi/legacy/")
        .header("content-type", kind)
        .body(body)
}

/// The form of `twine upload`, with its media type.
pub fn form(release: &Release) -> (String, Vec<u8>) {
    let Release {
        package,
        version,
        bytes,
        ..
    } = release;
    let digest = sha256(bytes);
    let fields = [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("metadata_version", "2.1"),
        ("name", package),
        ("version", version),
        ("filetype", "bdist_wheel"),
        ("pyversion", "py3"),
        ("sha256_digest", &digest),
    ];
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        file_name(package, version)
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

/// What a project's page says: an artifact for each version, of which there is one file.
///
/// # Panics
/// When it lacks what every client needs.
pub fn listing(page: &Value) -> Listing {
    let mut listing = Listing::default();
    for file in page["files"].as_array().expect("files") {
        let name = text(&file["filename"]);
        let version = name
            .split('-')
            .nth(1)
            .expect("a wheel's name has a version");
        let artifact = Artifact {
            path: Site::path_of(text(&file["url"])),
            digest: text(&file["hashes"]["sha256"]).to_owned(),
        };
        listing.versions.insert(version.to_owned(), artifact);
    }
    let versions = page["versions"].as_array().expect("versions");
    assert_eq!(versions.len(), listing.versions.len(), "{page}");
    listing
}
