//! Reading the file of a package's versions, and uploading, against nginx on the same bytes and the
//! bare disk.

mod package;

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::load::{self, Job, Outcome};
use super::memory::{self, Sampler};
use super::report::{Report, Target, median};
use super::{Bench, Protocol};
use crate::http::{Connection, Counter};
use crate::server::{self, Server};
use package::Release;

/// What is measured of Composer.
pub(super) const BENCHES: Protocol = Protocol {
    name: "composer",
    tools: &["nginx", "wrk"],
    benches: &[("read", read), ("publish", publish), ("memory", memory)],
};

const ROUNDS: usize = 3;
const PACKAGE: &str = "measured";
const TYPE: &str = "application/json";
const GZIP: (&str, &str) = ("accept-encoding", "gzip");
/// The bytes of a zip that is large.
const LARGE: u64 = 200_000_000;

/// Our server, with a token to upload.
struct Subject {
    server: Server,
    authorization: String,
}

impl Subject {
    fn new(bench: &Bench, name: &str) -> Result<Self> {
        if bench.peer {
            bail!("no peer is known for Composer");
        }
        let (_, server, token) = bench.ours(name, "composer:package:*:write")?;
        Ok(Self {
            server,
            authorization: format!("Bearer {token}"),
        })
    }

    /// Uploads releases that are made beforehand, by some workers at once.
    fn publish(&self, workers: usize, releases: &[Release]) -> Result<Outcome> {
        let job = |release: &Release| -> Result<Job> {
            Ok(Job {
                method: "PUT",
                content_type: "application/zip".to_owned(),
                path: release.path(),
                body: release.body()?.into(),
            })
        };
        let jobs = releases.iter().map(job).collect::<Result<Vec<_>>>()?;
        let make = |number: usize| Ok(jobs[number].clone());
        let (port, who) = (self.server.port, &self.authorization);
        let outcome = load::publish(port, who, workers, jobs.len(), &make)?;
        ensure!(
            outcome.failures.is_empty(),
            "an upload failed: {}\n{}",
            outcome.failures[0],
            self.server.log_tail()
        );
        Ok(outcome)
    }

    /// What is said of a package's releases.
    fn versions(&self, name: &str) -> Result<Vec<Value>> {
        let answer = Connection::new(self.server.port).get(&file(name), &[])?;
        let document = answer.successful("the metadata")?.json()?;
        let versions = document["packages"][format!("acme/{name}")].as_array();
        Ok(versions.context("versions")?.clone())
    }
}

/// The path of the file of a package's releases.
fn file(name: &str) -> String {
    format!("/composer/p2/acme/{name}.json")
}

/// The file of 100 versions, over 32 connections: whole, and where the client has it.
fn read(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "read")?;
    let releases = (0..100).map(|number| Release::new(PACKAGE, format!("1.{number}.0")));
    ours.publish(1, &releases.collect::<Vec<_>>())?;
    // Only when the second of the last change is over is there a time to ask with.
    thread::sleep(Duration::from_secs(2));
    let nginx = same_bytes(bench, &ours.server)?;
    let urls = [
        format!("{}{}", ours.server.url(), file(PACKAGE)),
        format!("{}/{PACKAGE}", nginx.url()),
    ];
    for (what, headers, known) in [
        ("identity", &[][..], false),
        ("gzip", &[GZIP], false),
        ("not modified", &[GZIP], true),
    ] {
        let mut rates = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            let sides = urls.iter().zip([&ours.server, &nginx]);
            for (rates, (url, server)) in rates.iter_mut().zip(sides) {
                let time = if known {
                    modified(url, server)?
                } else {
                    String::new()
                };
                let time = ("if-modified-since", &*time);
                let more = if known { &[time][..] } else { &[] };
                let seconds = if bench.full { 10 } else { 4 };
                rates.push(load::wrk(url, &[headers, more].concat(), None, seconds)?);
            }
        }
        let [ours, nginx] = &rates;
        let measure = format!("metadata of 100 versions, {what}");
        let target = Target::AtLeast(0.5);
        report.compare(&measure, "/s", ours, ("nginx", nginx), &target);
    }
    Ok(())
}

/// When a server says that a file was changed, by which Composer asks whether it was since.
fn modified(url: &str, server: &Server) -> Result<String> {
    let path = url.strip_prefix(&server.url()).context("another server")?;
    let mut connection = Connection::new(server.port);
    let answer = connection.get(path, &[])?.successful(path)?;
    let time = answer
        .header("last-modified")
        .context("no time")?
        .to_owned();
    let again = connection.get(path, &[("if-modified-since", &time)])?;
    ensure!(again.status == 304, "{path} is answered {}", again.status);
    Ok(time)
}

/// nginx over the very bytes that we serve, plain and compressed.
fn same_bytes(bench: &Bench, ours: &Server) -> Result<Server> {
    let folder = bench.folder.join("composer-nginx");
    fs::create_dir_all(folder.join("files"))?;
    let mut connection = Connection::new(ours.port);
    for (headers, name) in [
        (&[][..], PACKAGE.to_owned()),
        (&[GZIP], format!("{PACKAGE}.gz")),
    ] {
        let answer = connection.get(&file(PACKAGE), headers)?;
        let answer = answer.successful("the metadata")?;
        let encoded = answer.header("content-encoding") == Some("gzip");
        ensure!(
            encoded == name.ends_with(".gz"),
            "{headers:?} was not heeded"
        );
        println!("    {name}: {} bytes", answer.body.len());
        fs::write(folder.join("files").join(name), answer.body)?;
    }
    server::nginx(&folder, &format!("/{PACKAGE}"), TYPE).context("nginx")
}

/// Uploading with 16 workers: to one package, and to many; and what one sync costs meanwhile.
fn publish(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "publish")?;
    let sync = load::one_sync(&bench.folder)?.as_secs_f64() * 1000.0;
    report.add("one fsync of 2 KiB", "ms", sync, None, &Target::None);
    for (measure, single) in [
        ("upload to one package, 16 workers", true),
        ("upload to 200 packages, 16 workers", false),
    ] {
        let mut rates = Vec::new();
        for round in 0..ROUNDS {
            let release = |number: usize| match single {
                true => Release::new(format!("hot-{round}"), format!("1.0.{number}")),
                false => Release::new(format!("many-{round}-{number}"), "1.0.0"),
            };
            let releases: Vec<_> = (0..200).map(release).collect();
            let rate = ours.publish(16, &releases)?.rate();
            println!("    {measure}, round {round}: {rate:.0}/s");
            if single {
                let listed = ours.versions(&format!("hot-{round}"))?.len();
                ensure!(listed == 200, "200 were acknowledged, {listed} are listed");
            }
            rates.push(rate);
        }
        report.add(measure, "/s", median(&rates), None, &Target::None);
    }
    Ok(())
}

/// While a zip of 200 MB is uploaded and fetched.
fn memory(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "memory")?;
    let release = Release::new("large", "1.0.0");
    let (mut body, length) = release.body_file(LARGE, &bench.folder)?;
    // A start leaves garbage behind, which is not what a server at rest holds.
    thread::sleep(Duration::from_secs(2));
    let pid = ours.server.pid();
    let idle = memory::now(pid)?.own;
    let mut connection = Connection::new(ours.server.port);
    let headers = [("authorization", &*ours.authorization)];
    let sampler = Sampler::start(pid);
    let answer = connection.send_file("PUT", &release.path(), &headers, &mut body)?;
    answer.successful("the upload of 200 MB")?;
    let upload = sampler.peak()?.own - idle;
    let version = ours.versions("large")?.remove(0);
    let url = version["dist"]["url"].as_str().context("an address")?;
    let path = url.strip_prefix(&ours.server.url());
    let path = path.with_context(|| format!("{url} is elsewhere"))?;
    let sampler = Sampler::start(pid);
    let mut received = Counter::default();
    connection.download(path, &[], &mut received)?;
    let fetch = sampler.peak()?.own - idle;
    let count = received.0;
    ensure!(count == length, "{count} of {length} bytes came back");
    for (what, held) in [("upload", upload), ("fetch", fetch)] {
        let measure = format!("{what} a zip of 200 MB, above idle");
        report.add(&measure, "MB", held, None, &Target::AtMost(64.0));
    }
    Ok(())
}
