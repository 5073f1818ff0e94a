//! RubyGems, as gem and Bundler speak it.

use bytes::Bytes;
use http::Method;
use sha2::{Digest, Sha256};

use crate::client::{Answer, Lost, Request, Site};
use crate::ecosystem::{Artifact, Ecosystem, Listing, Outcome, Release, Search};
use crate::random::Random;
use crate::tarball::{gzip, tar, tarball};

/// Where gems are put.
pub const PUSH: &str = "/rubygems/api/v1/gems";

/// RubyGems.
#[derive(Clone, Copy, Debug)]
pub struct RubyGems;

impl Ecosystem for RubyGems {
    const NAME: &'static str = "rubygems";
    const SCOPE: &'static str = "rubygems:gem:*:*";
    const LATEST: Option<&'static str> = None;

    fn build(&self, package: &str, version: &str, salt: u64) -> Bytes {
        pack(package, version, salt, 600)
    }

    fn digest(&self, bytes: &[u8]) -> String {
        let digits = Sha256::digest(bytes);
        digits.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    async fn publish(&self, at: &Site, release: &Release) -> Outcome {
        let answer = match at.try_send(&push(&release.bytes)).await {
            Ok(answer) => answer,
            Err(lost) => return Outcome::Lost(lost),
        };
        let text = text(&answer);
        let title = format!("{} ({})", release.package, release.version);
        let said = ["Successfully registered gem: ", "Gem was already pushed: "];
        if answer.status == 200 && said.iter().any(|said| text == format!("{said}{title}")) {
            return Outcome::Acknowledged;
        }
        if answer.status == 409 && text.starts_with("Repushing of gem versions is not allowed") {
            Outcome::Conflict
        } else {
            Outcome::Refused(answer.to_string())
        }
    }

    async fn listing(&self, at: &Site, package: &str) -> Result<Listing, Lost> {
        let request = Request::get(format!("/rubygems/info/{package}"));
        let answer = at.try_send(&request).await?;
        match answer.status.as_u16() {
            200 => Ok(listing(package, &answer)),
            404 => Ok(Listing::default()),
            _ => panic!("{}: {answer}", at.url),
        }
    }

    async fn search(&self, at: &Site, package: &str) -> Search {
        let answer = at.get(format!("/rubygems/api/v1/search.json?query={package}"));
        let answer = answer.await.good().json();
        let hits = answer.as_array().expect("hits");
        match hits.iter().find(|hit| hit["name"] == package) {
            Some(hit) => Search::Found(hit["version"].as_str().expect("a version").to_owned()),
            None => Search::Missing,
        }
    }
}

/// A gem with `size` bytes that do not compress, other ones for another `salt`.
pub fn pack(package: &str, version: &str, salt: u64, size: usize) -> Bytes {
    let metadata = gzip(specification(package, version).as_bytes());
    let data = tarball(&[("noise.bin", &Random::new(salt).bytes(size))]);
    let digest = |bytes: &Bytes| RubyGems.digest(bytes);
    let checksums = format!(
        "---\nSHA256:\n  metadata.gz: '{}'\n  data.tar.gz: '{}'\n",
        digest(&metadata),
        digest(&data)
    );
    let checksums = gzip(checksums.as_bytes());
    let files = [
        ("metadata.gz", &*metadata),
        ("data.tar.gz", &*data),
        ("checksums.yaml.gz", &*checksums),
    ];
    tar(&files).into()
}

/// What a gem without dependencies says of itself.
pub fn specification(package: &str, version: &str) -> String {
    format!(
        "--- !ruby/object:Gem::Specification\nname: {package}\n\
         version: !ruby/object:Gem::Version\n  version: '{version}'\nplatform: ruby\n\
         authors:\n- A. Author\ndate: 2026-11-28 00:00:00.000000000 Z\ndependencies: []\n\
         files:\n- noise.bin\nrequire_paths:\n- lib\nrubygems_version: 3.3.15\n\
         specification_version: 4\nsummary: a test\n"
    )
}

/// The request of `gem push`.
pub fn push(gem: &Bytes) -> Request {
    Request::new(Method::POST, PUSH)
        .header("content-type", "application/octet-stream")
        .body(gem.clone())
}

/// The request of `gem yank`, or of what takes that back.
pub fn yank(package: &str, version: &str, yanked: bool) -> Request {
    let (method, path) = match yanked {
        true => (Method::DELETE, "/rubygems/api/v1/gems/yank"),
        false => (Method::PUT, "/rubygems/api/v1/gems/unyank"),
    };
    let form = format!("gem_name={package}&version={version}");
    Request::new(method, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
}

/// An answer's text.
pub fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn listing(package: &str, answer: &Answer) -> Listing {
    let text = text(answer);
    let lines = text.strip_prefix("---\n").expect("the beginning");
    let mut listing = Listing::default();
    for line in lines.lines() {
        let (version, rest) = line.split_once(' ').expect("a version");
        let (_, digest) = rest.split_once("|checksum:").expect("a checksum");
        let digest = digest.split(',').next().unwrap_or_default();
        let artifact = Artifact {
            path: format!("/rubygems/gems/{package}-{version}.gem"),
            digest: digest.to_owned(),
        };
        let before = listing.versions.insert(version.to_owned(), artifact);
        assert!(before.is_none(), "a version is there twice: {line}");
    }
    listing
}
