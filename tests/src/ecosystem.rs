//! What a protocol must tell the tests that are the same for all.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;

use crate::client::{Lost, Site};

/// A release that a test publishes.
#[derive(Clone, Debug)]
pub struct Release {
    /// The package, as [`Ecosystem::package`] named it.
    pub package: String,
    /// The version, as [`Ecosystem::version`] named it.
    pub version: String,
    /// What is published.
    pub bytes: Bytes,
    /// Tags that it takes, where the protocol has tags.
    pub tags: Vec<String>,
}

/// What came of a publish.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The server said that the release is published.
    Acknowledged,
    /// The server said, in the protocol's own way, that the version exists with other content.
    Conflict,
    /// The server said something else.
    Refused(String),
    /// No answer: it may or may not be published.
    Lost(Lost),
}

/// What a package's index says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Each version with its artifact.
    pub versions: BTreeMap<String, Artifact>,
    /// Each tag with its version.
    pub tags: BTreeMap<String, String>,
}

/// An artifact as an index announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its path on the server that announced it, or on any other.
    pub path: String,
    /// Its digest, as [`Ecosystem::digest`] writes it.
    pub digest: String,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// The protocol has no search.
    Unsupported,
    /// Not the package.
    Missing,
    /// The package, by a search that says nothing of versions.
    Listed,
    /// The package, with what the search gives as its newest version.
    Found(String),
}

/// A protocol, seen as something to publish to and to read from.
pub trait Ecosystem: Clone + Debug + Send + Sync + 'static {
    /// The name of its mount.
    const NAME: &'static str;
    /// A scope that lets a token do everything in it.
    const SCOPE: &'static str;
    /// The tag that a package's first version takes by itself, and that names the newest.
    const LATEST: Option<&'static str>;
    /// Whether a release can take tags.
    const TAGS: bool = Self::LATEST.is_some();

    /// A package's name.
    fn package(&self, stem: &str) -> String {
        stem.to_owned()
    }

    /// One of many versions, in growing order.
    fn version(&self, number: usize) -> String {
        format!("1.0.{number}")
    }

    /// What to publish; other bytes for another `salt`, and always the same for the same.
    fn build(&self, package: &str, version: &str, salt: u64) -> Bytes;

    /// A release of it.
    fn release(&self, package: &str, version: &str, salt: u64) -> Release {
        Release {
            package: package.to_owned(),
            version: version.to_owned(),
            bytes: self.build(package, version, salt),
            tags: Vec::new(),
        }
    }

    /// The digest of some bytes, as an index announces it.
    fn digest(&self, bytes: &[u8]) -> String;

    /// Publishes, once.
    fn publish(&self, at: &Site, release: &Release) -> impl Future<Output = Outcome> + Send;

    /// What the index says of a package; an empty listing for one that is not there.
    fn listing(
        &self,
        at: &Site,
        package: &str,
    ) -> impl Future<Output = Result<Listing, Lost>> + Send;

    /// What the index says of one release and of its tags; it may say more.
    fn glimpse(
        &self,
        at: &Site,
        release: &Release,
    ) -> impl Future<Output = Result<Listing, Lost>> + Send {
        self.listing(at, &release.package)
    }

    /// Fetches an artifact and compares it with what its index announces.
    fn check(
        &self,
        at: &Site,
        artifact: &Artifact,
    ) -> impl Future<Output = Result<(), String>> + Send {
        async move {
            let answer = at.get(&artifact.path).await;
            let (url, path, announced) = (&at.url, &artifact.path, &artifact.digest);
            if !answer.status.is_success() {
                return Err(format!("{url} {path}: {answer}"));
            }
            let digest = self.digest(&answer.body);
            if digest != *announced {
                return Err(format!(
                    "{url} {path}: {announced} announced, {digest} served"
                ));
            }
            Ok(())
        }
    }

    /// Searches for a package by its name.
    fn search(&self, at: &Site, package: &str) -> impl Future<Output = Search> + Send;
}

/// Fetches an artifact and compares it with what its index announces; a line when they differ.
///
/// # Errors
/// What is wrong with it.
pub async fn check_artifact<E: Ecosystem>(
    ecosystem: &E,
    at: &Site,
    artifact: &Artifact,
) -> Result<(), String> {
    ecosystem.check(at, artifact).await
}

impl Outcome {
    /// Whether the server said that the release is published.
    pub fn is_acknowledged(&self) -> bool {
        matches!(self, Self::Acknowledged)
    }
}

impl Listing {
    /// Whether a release is listed with the digest of its bytes.
    pub fn has<E: Ecosystem>(&self, ecosystem: &E, release: &Release) -> bool {
        let artifact = self.versions.get(&release.version);
        artifact.is_some_and(|artifact| artifact.digest == ecosystem.digest(&release.bytes))
    }
}
