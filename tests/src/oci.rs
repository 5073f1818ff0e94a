//! OCI, as container clients speak it.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{Answer, Lost, Request, Site};
use crate::ecosystem::{Artifact, Ecosystem, Listing, Outcome, Release, Search};
use crate::random::Random;

/// What an image's manifest is sent as.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const VERSION: &str = "org.opencontainers.image.version";

/// OCI. A package is a repository, and a version is a tag that begins with a digit and is never
/// moved. What is published is an image's layer; config and manifest are made from its version.
#[derive(Clone, Copy, Debug)]
pub struct Oci;

impl Ecosystem for Oci {
    const NAME: &'static str = "oci";
    const SCOPE: &'static str = "oci:repository:*:delete";
    const LATEST: Option<&'static str> = None;
    const TAGS: bool = true;

    /// The same in every repository, so that repositories share it.
    fn build(&self, _: &str, _: &str, salt: u64) -> Bytes {
        Random::new(salt).bytes(600).into()
    }

    fn digest(&self, bytes: &[u8]) -> String {
        digest(bytes)
    }

    async fn publish(&self, at: &Site, release: &Release) -> Outcome {
        match push(at, release).await {
            Err(lost) => Outcome::Lost(lost),
            Ok(answer) if answer.status == StatusCode::CREATED => Outcome::Acknowledged,
            Ok(answer) => Outcome::Refused(answer.to_string()),
        }
    }

    async fn listing(&self, at: &Site, package: &str) -> Result<Listing, Lost> {
        listing(at, package, &tags(at, package).await?).await
    }

    async fn glimpse(&self, at: &Site, release: &Release) -> Result<Listing, Lost> {
        let Release {
            package,
            version,
            tags: own,
            ..
        } = release;
        let mut listed = tags(at, package).await?;
        listed.retain(|tag| tag == version || own.contains(tag));
        listing(at, package, &listed).await
    }

    async fn check(&self, at: &Site, artifact: &Artifact) -> Result<(), String> {
        let manifest = at.get(&artifact.path).await;
        let layers = check_image(at, &artifact.path, &manifest).await?;
        if layers.contains(&artifact.digest) {
            return Ok(());
        }
        let (path, digest) = (&artifact.path, &artifact.digest);
        Err(format!("{path} names {layers:?} and not {digest}"))
    }

    /// The catalog tells that a repository is there, and nothing of its tags.
    async fn search(&self, at: &Site, package: &str) -> Search {
        // No name stands between this and the one that is looked for.
        let (stem, last) = package.split_at(package.len() - 1);
        let before = format!("{stem}%{:02x}~", last.as_bytes()[0] - 1);
        let answer = at.get(format!("/v2/_catalog?n=1&last={before}"));
        let answer = answer.await.good().json();
        if answer["repositories"] == json!([package]) {
            Search::Listed
        } else {
            Search::Missing
        }
    }
}

/// `sha256:` and the digest.
pub fn digest(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// The code of a refusal; empty when there is none.
pub fn code(answer: &Answer) -> String {
    let json = answer.json();
    json["errors"][0]["code"].as_str().unwrap_or("").to_owned()
}

/// An image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its manifest.
    pub manifest: Bytes,
    /// The manifest's digest.
    pub digest: String,
    /// What the manifest names: the config, then the layers.
    pub blobs: Vec<Bytes>,
}

impl Image {
    /// An image of this version; another version is another image.
    pub fn new(version: &str, layers: Vec<Bytes>) -> Self {
        let digests: Vec<_> = layers.iter().map(|layer| digest(layer)).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {VERSION: version}},
            "rootfs": {"type": "layers", "diff_ids": digests},
        });
        let config = Bytes::from(config.to_string());
        let descriptor = |kind: &str, bytes: &Bytes| json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()});
        let described = layers.iter().map(|layer| descriptor(LAYER, layer));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &config),
            "layers": described.collect::<Vec<_>>(),
            "annotations": {VERSION: version},
        });
        let manifest = Bytes::from(manifest.to_string());
        Self {
            digest: digest(&manifest),
            manifest,
            blobs: [vec![config], layers].concat(),
        }
    }

    /// The image of a release.
    pub fn of(release: &Release) -> Self {
        Self::new(&release.version, vec![release.bytes.clone()])
    }
}

/// The ways in which clients upload a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A single POST.
    Whole,
    /// A POST, and a PUT with the bytes.
    Put,
    /// A POST, a PATCH with the bytes, and a PUT.
    Patch,
    /// A POST, so many PATCHes that say where they belong, and a PUT.
    Pieces(usize),
}

impl Way {
    /// One for each number, so that all are used.
    pub fn nth(number: usize) -> Self {
        [Self::Patch, Self::Put, Self::Whole, Self::Pieces(3)][number % 4]
    }
}

/// Where a repository's uploads begin.
pub fn uploads(repository: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/")
}

/// The path of a blob.
pub fn blob_path(repository: &str, digest: &str) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

/// The path of a manifest, by tag or digest.
pub fn manifest_path(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

/// Uploads a blob; what was answered last: 201, unless something else came before that.
///
/// # Errors
/// When an answer is lost.
pub async fn upload(at: &Site, repository: &str, blob: &Bytes, way: Way) -> Result<Answer, Lost> {
    if way == Way::Whole {
        let path = format!("{}?digest={}", uploads(repository), digest(blob));
        let request = octets(Method::POST, path, blob.clone());
        return at.try_send(&request).await;
    }
    let begun = Request::new(Method::POST, uploads(repository));
    let begun = at.try_send(&begun).await?;
    upload_to(at, begun, blob, way).await
}

/// Goes on with an upload that has begun, as [`upload`] does.
///
/// # Errors
/// When an answer is lost.
pub async fn upload_to(at: &Site, begun: Answer, blob: &Bytes, way: Way) -> Result<Answer, Lost> {
    if begun.status != StatusCode::ACCEPTED {
        return Ok(begun);
    }
    let mut place = location(&begun);
    let pieces = match way {
        Way::Whole | Way::Put => 0,
        Way::Patch => 1,
        Way::Pieces(count) => count,
    };
    let length = blob.len().div_ceil(pieces.max(1)).max(1);
    let mut from = 0;
    for _ in 0..pieces {
        let until = (from + length).min(blob.len());
        let mut request = octets(Method::PATCH, place.clone(), blob.slice(from..until));
        if pieces > 1 && from < until {
            request = request.header("content-range", format!("{from}-{}", until - 1));
        }
        let answer = at.try_send(&request).await?;
        if answer.status != StatusCode::ACCEPTED {
            return Ok(answer);
        }
        (place, from) = (location(&answer), until);
    }
    let path = finish(&place, &digest(blob));
    let request = octets(Method::PUT, path, blob.slice(from..));
    at.try_send(&request).await
}

/// Where the next request of an upload goes.
pub fn location(answer: &Answer) -> String {
    Site::path_of(answer.header("location"))
}

/// Where the last request of an upload goes.
pub fn finish(place: &str, digest: &str) -> String {
    let sign = if place.contains('?') { '&' } else { '?' };
    format!("{place}{sign}digest={digest}")
}

/// A request that brings bytes.
pub fn octets(method: Method, path: String, bytes: Bytes) -> Request {
    let request = Request::new(method, path).body(bytes);
    request.header("content-type", "application/octet-stream")
}

/// Whether a repository holds a blob, as clients ask before they upload one: 200 or 404.
///
/// # Errors
/// When the answer is lost.
pub async fn head_blob(at: &Site, repository: &str, digest: &str) -> Result<Answer, Lost> {
    let request = Request::new(Method::HEAD, blob_path(repository, digest));
    at.try_send(&request).await
}

/// Puts an image's manifest.
///
/// # Errors
/// When the answer is lost.
///
/// # Panics
/// When it is taken under another digest than its own.
pub async fn put_manifest(
    at: &Site,
    repository: &str,
    reference: &str,
    image: &Image,
) -> Result<Answer, Lost> {
    let path = manifest_path(repository, reference);
    let request = Request::new(Method::PUT, path).body(image.manifest.clone());
    let request = request.header("content-type", MANIFEST);
    let answer = at.try_send(&request).await?;
    if answer.status.is_success() {
        assert_eq!(answer.status, StatusCode::CREATED, "{answer}");
        assert_eq!(answer.header("docker-content-digest"), image.digest);
    }
    Ok(answer)
}

/// Pushes a release: the blobs that are not there, then the manifest as its version, and only then
/// under its tags, so that no tag is there before the version.
async fn push(at: &Site, release: &Release) -> Result<Answer, Lost> {
    let (repository, image) = (&release.package, Image::of(release));
    for (number, blob) in image.blobs.iter().enumerate() {
        let seen = head_blob(at, repository, &digest(blob)).await?;
        match seen.status {
            StatusCode::OK => continue,
            StatusCode::NOT_FOUND => {}
            _ => return Ok(seen),
        }
        let way = Way::nth(number + usize::from(blob[0]));
        let uploaded = upload(at, repository, blob, way).await?;
        if uploaded.status != StatusCode::CREATED {
            return Ok(uploaded);
        }
    }
    let answer = put_manifest(at, repository, &release.version, &image).await?;
    if answer.status != StatusCode::CREATED || release.tags.is_empty() {
        return Ok(answer);
    }
    let reference = with_tags(&image.digest, &release.tags);
    put_manifest(at, repository, &reference, &image).await
}

/// A digest to put a manifest by, under these tags, too.
pub fn with_tags(digest: &str, tags: &[String]) -> String {
    format!("{digest}?tag={}", tags.join("&tag="))
}

/// All tags of a repository, page by page; none for one that is not there.
///
/// # Errors
/// When an answer is lost.
///
/// # Panics
/// When the answer is no list.
pub async fn tags(at: &Site, repository: &str) -> Result<Vec<String>, Lost> {
    let mut tags = Vec::new();
    let mut path = format!("/v2/{repository}/tags/list");
    loop {
        let answer = at.try_send(&Request::get(&path)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(tags);
        }
        let answer = answer.good();
        let list = answer.json();
        assert_eq!(list["name"], *repository, "{answer}");
        let page = list["tags"].as_array().expect("a list has tags");
        tags.extend(page.iter().map(|tag| text(tag).to_owned()));
        match next(&answer) {
            Some(next) => path = next,
            None => return Ok(tags),
        }
    }
}

/// The page that follows, by its `Link`.
pub fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link").strip_prefix('<')?;
    let (next, _) = link.split_once('>')?;
    Some(Site::path_of(next))
}

/// What some tags of a repository name.
async fn listing(at: &Site, repository: &str, tags: &[String]) -> Result<Listing, Lost> {
    let mut listing = Listing::default();
    for tag in tags {
        let path = manifest_path(repository, tag);
        // What is listed is there.
        let manifest = at.try_send(&Request::get(&path)).await?.good().json();
        let version = text(&manifest["annotations"][VERSION]);
        if !tag.starts_with(|first: char| first.is_ascii_digit()) {
            listing.tags.insert(tag.clone(), version.to_owned());
            continue;
        }
        assert_eq!(version, tag, "{path}");
        let digest = text(&manifest["layers"][0]["digest"]).to_owned();
        listing
            .versions
            .insert(tag.clone(), Artifact { path, digest });
    }
    Ok(listing)
}

/// Whether a manifest that was got at `path` is what it says that it is, and each of its blobs can
/// be got; the digests of its layers.
///
/// # Errors
/// What is wrong with it.
pub async fn check_image(at: &Site, path: &str, manifest: &Answer) -> Result<Vec<String>, String> {
    let place = format!("{}{path}", at.url);
    if manifest.status != StatusCode::OK {
        return Err(format!("{place}: {manifest}"));
    }
    let (is, said) = (
        digest(&manifest.body),
        manifest.header("docker-content-digest"),
    );
    if is != said || manifest.header("content-type") != MANIFEST {
        let kind = manifest.header("content-type");
        return Err(format!("{place}: {said} announced as {kind}, {is} served"));
    }
    let json = manifest.json();
    let layers = json["layers"].as_array().expect("an image has layers");
    let (repository, _) = path
        .strip_prefix("/v2/")
        .and_then(|path| path.rsplit_once("/manifests/"))
        .expect("it is the path of a manifest");
    for named in [&json["config"]].into_iter().chain(layers) {
        let named = text(&named["digest"]);
        let blob = at.get(blob_path(repository, named)).await;
        if blob.status != StatusCode::OK || digest(&blob.body) != named {
            return Err(format!("{place} names {named}, which is {}", blob.status));
        }
    }
    let digests = layers.iter().map(|layer| text(&layer["digest"]).to_owned());
    Ok(digests.collect())
}

#[track_caller]
fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a string: {value}"))
}
