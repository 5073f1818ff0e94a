//! Maven, as its clients speak it.

use bytes::Bytes;
use http::Method;
use sha2::{Digest, Sha256};

use crate::client::{Answer, Lost, Request, Site};
use crate::ecosystem::{Artifact, Ecosystem, Listing, Outcome, Release, Search};
use crate::random::Random;

/// The group of all artifacts.
pub const GROUP: &str = "org.acme";

/// Maven. A release is a jar and a POM, which are put one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Maven;

impl Ecosystem for Maven {
    const NAME: &'static str = "maven";
    const SCOPE: &'static str = "maven:artifact:org.acme:*:write";
    const LATEST: Option<&'static str> = None;

    fn build(&self, package: &str, version: &str, salt: u64) -> Bytes {
        let noise = Random::new(salt).bytes(600);
        [format!("{package} {version}\n").as_bytes(), &noise]
            .concat()
            .into()
    }

    fn digest(&self, bytes: &[u8]) -> String {
        let digits = Sha256::digest(bytes);
        digits.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    async fn publish(&self, at: &Site, release: &Release) -> Outcome {
        let (package, version) = (&release.package, &release.version);
        let pom = pom(package, version).into();
        for (extension, bytes) in [("jar", release.bytes.clone()), ("pom", pom)] {
            let path = file(package, version, extension);
            let answer = match at.try_send(&put(path, bytes)).await {
                Ok(answer) => answer,
                Err(lost) => return Outcome::Lost(lost),
            };
            match answer.status.as_u16() {
                200 | 201 | 204 => {}
                409 => return Outcome::Conflict,
                _ => return Outcome::Refused(answer.to_string()),
            }
        }
        Outcome::Acknowledged
    }

    async fn listing(&self, at: &Site, package: &str) -> Result<Listing, Lost> {
        let mut listing = Listing::default();
        for version in versions(at, package).await? {
            let artifact = announced(at, package, &version).await?;
            let before = listing.versions.insert(version.clone(), artifact);
            assert!(before.is_none(), "{package} {version} is there twice");
        }
        Ok(listing)
    }

    async fn glimpse(&self, at: &Site, release: &Release) -> Result<Listing, Lost> {
        let Release {
            package, version, ..
        } = release;
        let mut listing = Listing::default();
        if versions(at, package).await?.contains(version) {
            let artifact = announced(at, package, version).await?;
            listing.versions.insert(version.clone(), artifact);
        }
        Ok(listing)
    }

    async fn search(&self, at: &Site, package: &str) -> Search {
        let query = format!("q=g:{GROUP}+AND+a:{package}&rows=1&wt=json");
        let answer = at.get(format!("/maven/solrsearch/select?{query}")).await;
        let first = answer.good().json()["response"]["docs"][0].clone();
        if first["a"] != package {
            return Search::Missing;
        }
        let version = first["latestVersion"].as_str();
        Search::Found(version.expect("a version").to_owned())
    }
}

/// The path of an artifact's folder.
pub fn folder(package: &str) -> String {
    format!("/maven/{}/{package}", GROUP.replace('.', "/"))
}

/// The path of a release's file.
pub fn file(package: &str, version: &str, extension: &str) -> String {
    format!(
        "{}/{version}/{package}-{version}.{extension}",
        folder(package)
    )
}

/// A `PUT` of a file.
pub fn put(path: impl Into<String>, bytes: impl Into<Bytes>) -> Request {
    Request::new(Method::PUT, path).body(bytes)
}

/// The POM of a release.
pub fn pom(package: &str, version: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n\
         <modelVersion>4.0.0</modelVersion>\n<groupId>{GROUP}</groupId>\n\
         <artifactId>{package}</artifactId>\n<version>{version}</version>\n</project>\n"
    )
}

/// The contents of an XML document's elements of this name, wherever they are.
pub fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(&open).skip(1);
    let inner = parts.filter_map(|part| Some(part.split_once(&close)?.0.trim().to_owned()));
    inner.collect()
}

/// The versions in an artifact's metadata, which is checked against the digest that came with it.
async fn versions(at: &Site, package: &str) -> Result<Vec<String>, Lost> {
    let path = format!("{}/maven-metadata.xml", folder(package));
    let answer = at.try_send(&Request::get(path)).await?;
    if answer.status == 404 {
        return Ok(Vec::new());
    }
    assert_eq!(answer.status, 200, "{}: {answer}", at.url);
    assert_eq!(sha256(&answer), Maven.digest(&answer.body), "{}", at.url);
    let xml = String::from_utf8(answer.body.to_vec()).expect("metadata is text");
    Ok(elements(&xml, "version"))
}

/// What the server says of a release's jar.
async fn announced(at: &Site, package: &str, version: &str) -> Result<Artifact, Lost> {
    let path = file(package, version, "jar");
    let answer = at.try_send(&Request::new(Method::HEAD, &*path)).await?;
    assert_eq!(answer.status, 200, "{} {path}: {answer}", at.url);
    let digest = sha256(&answer).to_owned();
    Ok(Artifact { path, digest })
}

fn sha256(answer: &Answer) -> &str {
    answer.header("x-checksum-sha256")
}
