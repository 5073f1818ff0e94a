//! Small things, over 32 connections that stay open: blobs of 64 KiB, and manifests by tag.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::report::{Report, Target};
use super::super::{Bench, load};
use super::ROUNDS;
use super::content::digest;
use super::subject::{Client, Subject};
use crate::http::Connection;
use crate::random::Random;
use crate::server::{self, Server};

const REPOSITORY: &str = "bench/small";
const BLOBS: usize = 256;
const SIZE: u64 = 64 << 10;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Some bytes and their digest.
struct Blob {
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(seed: &str, size: u64) -> Result<Self> {
        let mut bytes = Vec::new();
        Random::new(seed).take(size).read_to_end(&mut bytes)?;
        Ok(Self::of(bytes))
    }

    fn of(bytes: Vec<u8>) -> Self {
        let digest = digest(Sha256::new_with_prefix(&bytes));
        Self { digest, bytes }
    }
}

/// Blobs of 64 KiB, against nginx over the same bytes at the same paths.
pub(super) fn blobs(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::ours(bench, "small-ours")?;
    let peer = Subject::peer(bench, "small-peer")?;
    let made = (0..BLOBS).map(|number| Blob::new(&format!("small-{number}"), SIZE));
    let made = made.collect::<Result<Vec<_>>>()?;
    for subject in [&ours, &peer] {
        let mut client = subject.client(REPOSITORY)?;
        for blob in &made {
            client.push_small(&blob.digest, &blob.bytes)?;
        }
    }
    let client = ours.client(REPOSITORY)?;
    let paths: Vec<_> = made
        .iter()
        .map(|blob| client.path(&format!("blobs/{}", blob.digest)))
        .collect();
    let nginx = same_bytes(bench, &paths, &made)?;
    check(&ours, &paths, &made, &[])?;
    let rates = race(
        bench,
        &paths,
        &client,
        [&ours.server, &peer.server, &nginx],
        &[],
    )?;
    let measure = "blobs of 64 KiB, 32 connections";
    let [ours, peer, nginx] = &rates;
    let nginx = ("nginx", nginx.as_slice());
    report.compare(measure, "/s", ours, nginx, &Target::AtLeast(0.6));
    let peer = ("docker-registry", peer.as_slice());
    report.compare(measure, "/s", ours, peer, &Target::None);
    Ok(())
}

/// nginx over the bytes at the paths.
fn same_bytes(bench: &Bench, paths: &[String], blobs: &[Blob]) -> Result<Server> {
    let folder = bench.folder.join("small-nginx");
    for (path, blob) in paths.iter().zip(blobs) {
        let file = folder.join(format!("files{path}"));
        fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        fs::write(file, &blob.bytes)?;
    }
    server::nginx(&folder, &paths[0], "application/octet-stream").context("nginx")
}

/// Whether each path answers with its bytes.
fn check(subject: &Subject, paths: &[String], blobs: &[Blob], more: &[(&str, &str)]) -> Result<()> {
    let client = subject.client(REPOSITORY)?;
    let mut connection = Connection::new(subject.server.port);
    for (path, blob) in paths.iter().zip(blobs) {
        let headers = [&client.headers()[..], more].concat();
        let answer = connection.get(path, &headers)?.successful(path)?;
        ensure!(answer.body == blob.bytes, "{path} has other bytes");
    }
    Ok(())
}

/// Rounds of wrk over the paths, on several servers in turn.
fn race<const COUNT: usize>(
    bench: &Bench,
    paths: &[String],
    client: &Client,
    servers: [&Server; COUNT],
    more: &[(&str, &str)],
) -> Result<[Vec<f64>; COUNT]> {
    let script: PathBuf = bench.folder.join("paths.lua");
    load::in_turn(&script, paths)?;
    let seconds = if bench.full { 10 } else { 4 };
    // Who needs no credentials does not look at them.
    let headers = [&client.headers()[..], more].concat();
    let mut rates = [const { Vec::new() }; COUNT];
    for _ in 0..ROUNDS {
        for (rates, server) in rates.iter_mut().zip(servers) {
            rates.push(load::wrk(&server.url(), &headers, Some(&script), seconds)?);
        }
    }
    Ok(rates)
}

/// Manifests by tag: a hundred images of eight layers.
pub(super) fn manifests(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::ours(bench, "manifests-ours")?;
    let peer = Subject::peer(bench, "manifests-peer")?;
    let mut images = Vec::new();
    let config = Blob::of(
        json!({"architecture": "amd64", "os": "linux"})
            .to_string()
            .into(),
    );
    let layers = (0..8).map(|number| Blob::new(&format!("layer-{number}"), 1000 + number));
    let layers = layers.collect::<Result<Vec<_>>>()?;
    for number in 0..100 {
        images.push((format!("tag-{number}"), image(&config, &layers, number)));
    }
    for subject in [&ours, &peer] {
        let mut client = subject.client(REPOSITORY)?;
        for blob in layers.iter().chain([&config]) {
            client.push_small(&blob.digest, &blob.bytes)?;
        }
        for (tag, image) in &images {
            client.tag(tag, MANIFEST, image)?;
        }
    }
    let client = ours.client(REPOSITORY)?;
    let path = |(tag, _): &(String, Vec<u8>)| client.path(&format!("manifests/{tag}"));
    let paths: Vec<_> = images.iter().map(path).collect();
    let made: Vec<_> = images
        .into_iter()
        .map(|(_, image)| Blob::of(image))
        .collect();
    let accept = [("accept", MANIFEST)];
    check(&ours, &paths, &made, &accept)?;
    let servers = [&ours.server, &peer.server];
    let rates = race(bench, &paths, &client, servers, &accept)?;
    let [ours, peer] = &rates;
    let peer = ("docker-registry", peer.as_slice());
    let measure = "manifests by tag, 32 connections";
    report.compare(measure, "/s", ours, peer, &Target::AtLeast(10.0));
    Ok(())
}

fn image(config: &Blob, layers: &[Blob], number: usize) -> Vec<u8> {
    let descriptor = |kind: &str, blob: &Blob| {
        let kind = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": kind, "digest": blob.digest, "size": blob.bytes.len()})
    };
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| descriptor("layer.v1.tar+gzip", layer))
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("config.v1+json", config),
        "layers": layers,
        "annotations": {"org.opencontainers.image.version": number.to_string()},
    });
    manifest.to_string().into_bytes()
}
