//! Reading the index, and publishing, against nginx on the same bytes and the bare disk.

mod package;

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::load::{self, Job, Outcome};
use super::memory::{self, Sampler};
use super::report::{Report, Target, median};
use super::{Bench, PASSWORD, Protocol, USER};
use crate::http::{Connection, Counter};
use crate::server::{self, Registry, Server};
use package::{Release, index};

/// What is measured of Cargo.
pub(super) const BENCHES: Protocol = Protocol {
    name: "cargo",
    tools: &["nginx", "wrk"],
    benches: &[("read", read), ("publish", publish), ("memory", memory)],
};

const ROUNDS: usize = 3;
const CRATE: &str = "measured";
const ACCEPT: (&str, &str) = ("accept", "text/plain");
const GZIP: (&str, &str) = ("accept-encoding", "gzip");
/// The bytes of a crate file that is large.
const LARGE: u64 = 200_000_000;

/// Our server, with a token to publish.
struct Subject {
    server: Server,
    token: String,
}

impl Subject {
    fn new(bench: &Bench, name: &str) -> Result<Self> {
        if bench.peer {
            bail!("no peer is known for Cargo");
        }
        let registry = Registry::new(&bench.bin, &bench.folder.join(name))?
            .with("REGISTRY_CARGO_MAX_SIZE", "1G")
            .with("REGISTRY_CARGO_MAX_UNPACKED", "1G");
        registry.add_user(USER, PASSWORD, &[])?;
        let token = registry.token(USER, "cargo:crate:*:write", &[])?;
        let server = registry.serve()?;
        Ok(Self { server, token })
    }

    /// Publishes releases that are made beforehand, by some workers at once.
    fn publish(&self, workers: usize, releases: &[Release]) -> Result<Outcome> {
        let job = |release: &Release| -> Result<Job> {
            Ok(Job {
                method: "PUT",
                content_type: "application/octet-stream".to_owned(),
                path: package::NEW.to_owned(),
                body: release.body()?.into(),
            })
        };
        let jobs = releases.iter().map(job).collect::<Result<Vec<_>>>()?;
        let make = |number: usize| Ok(jobs[number].clone());
        let outcome = load::publish(self.server.port, &self.token, workers, jobs.len(), &make)?;
        ensure!(
            outcome.failures.is_empty(),
            "a publish failed: {}\n{}",
            outcome.failures[0],
            self.server.log_tail()
        );
        Ok(outcome)
    }
}

/// The index file of 100 versions, over 32 connections: whole, and where the client has it.
fn read(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "read")?;
    let releases = (0..100).map(|number| Release::new(CRATE, format!("1.{number}.0")));
    ours.publish(1, &releases.collect::<Vec<_>>())?;
    let nginx = same_bytes(bench, &ours.server)?;
    let urls = [
        format!("{}{}", ours.server.url(), index(CRATE)),
        format!("{}/{CRATE}", nginx.url()),
    ];
    for (what, headers, known) in [
        ("identity", &[ACCEPT][..], false),
        ("gzip", &[ACCEPT, GZIP], false),
        ("not modified", &[ACCEPT, GZIP], true),
    ] {
        let mut rates = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for (rates, (url, server)) in rates
                .iter_mut()
                .zip(urls.iter().zip([&ours.server, &nginx]))
            {
                let tag = if known {
                    tag(url, server, headers)?
                } else {
                    String::new()
                };
                let tag = ("if-none-match", &*tag);
                let more = if known { &[tag][..] } else { &[] };
                let seconds = if bench.full { 10 } else { 4 };
                rates.push(load::wrk(url, &[headers, more].concat(), None, seconds)?);
            }
        }
        let [ours, nginx] = &rates;
        let measure = format!("index of 100 versions, {what}");
        let target = Target::AtLeast(0.5);
        report.compare(&measure, "/s", ours, ("nginx", nginx), &target);
    }
    Ok(())
}

/// The entity tag of what a server answers.
fn tag(url: &str, server: &Server, headers: &[(&str, &str)]) -> Result<String> {
    let path = url.strip_prefix(&server.url()).context("another server")?;
    let mut connection = Connection::new(server.port);
    let answer = connection.get(path, headers)?.successful(path)?;
    let tag = answer.header("etag").context("no entity tag")?.to_owned();
    let known = [headers, &[("if-none-match", &tag)]].concat();
    let again = connection.get(path, &known)?;
    ensure!(again.status == 304, "{path} is answered {}", again.status);
    Ok(tag)
}

/// nginx over the very bytes that we serve, plain and compressed.
fn same_bytes(bench: &Bench, ours: &Server) -> Result<Server> {
    let folder = bench.folder.join("cargo-nginx");
    fs::create_dir_all(folder.join("files"))?;
    let mut connection = Connection::new(ours.port);
    for (headers, file) in [
        (&[ACCEPT][..], CRATE.to_owned()),
        (&[ACCEPT, GZIP], format!("{CRATE}.gz")),
    ] {
        let answer = connection.get(&index(CRATE), headers)?;
        let answer = answer.successful("the index")?;
        let encoded = answer.header("content-encoding") == Some("gzip");
        ensure!(
            encoded == file.ends_with(".gz"),
            "{headers:?} was not heeded"
        );
        println!("    {file}: {} bytes", answer.body.len());
        fs::write(folder.join("files").join(file), answer.body)?;
    }
    server::nginx(&folder, &format!("/{CRATE}"), ACCEPT.1).context("nginx")
}

/// Publishing with 16 workers: to one crate, and to many; and what one sync costs meanwhile.
fn publish(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "publish")?;
    let sync = load::one_sync(&bench.folder)?.as_secs_f64() * 1000.0;
    report.add("one fsync of 2 KiB", "ms", sync, None, &Target::None);
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("hot-{round}");
        let releases = (0..500).map(|number| Release::new(&name, format!("1.0.{number}")));
        let outcome = ours.publish(16, &releases.collect::<Vec<_>>())?;
        let mut connection = Connection::new(ours.server.port);
        let listed = connection
            .get(&index(&name), &[])?
            .successful("the index")?;
        let listed = listed.text().lines().count();
        println!(
            "    hot, round {round}: {:.0}/s, {listed} listed",
            outcome.rate()
        );
        ensure!(listed == 500, "500 were acknowledged, {listed} are listed");
        rates.push(outcome.rate());
    }
    let measure = "publish to one crate, 16 workers";
    report.add(measure, "/s", median(&rates), None, &Target::AtLeast(500.0));
    many(bench, report, &ours)
}

fn many(bench: &Bench, report: &mut Report, ours: &Subject) -> Result<()> {
    let folder = bench.folder.join("ceiling");
    let ceiling = || load::durable_writes(&folder, Duration::from_millis(1500));
    let (mut rates, mut ceilings) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let releases =
            (0..200).map(|number| Release::new(format!("many-{round}-{number}"), "1.0.0"));
        let before = ceiling()?;
        let rate = ours.publish(16, &releases.collect::<Vec<_>>())?.rate();
        let around = f64::midpoint(before, ceiling()?);
        println!("    many, round {round}: {rate:.0}/s, durable writes {around:.0}/s");
        rates.push(rate);
        ceilings.push(around / 3.0);
    }
    let measure = "publish to 200 crates, 16 workers";
    let peer = ("ceiling/3", ceilings.as_slice());
    report.compare(measure, "/s", &rates, peer, &Target::AtLeast(0.6));
    Ok(())
}

/// While a crate file of 200 MB is published and fetched.
fn memory(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "memory")?;
    let release = Release::new("large", "1.0.0");
    let (mut body, length) = release.body_file(LARGE, &bench.folder)?;
    // A start leaves garbage behind, which is not what a server at rest holds.
    thread::sleep(Duration::from_secs(2));
    let pid = ours.server.pid();
    let idle = memory::now(pid)?.own;
    let mut connection = Connection::new(ours.server.port);
    let headers = [("authorization", &*ours.token)];
    let sampler = Sampler::start(pid);
    let answer = connection.send_file("PUT", package::NEW, &headers, &mut body)?;
    answer.successful("the publish of 200 MB")?;
    let publish = sampler.peak()?.own - idle;
    let sampler = Sampler::start(pid);
    let mut received = Counter::default();
    connection.download(&release.download(), &[], &mut received)?;
    let fetch = sampler.peak()?.own - idle;
    let count = received.0;
    ensure!(count == length, "{count} of {length} bytes came back");
    for (what, held) in [("publish", publish), ("fetch", fetch)] {
        let measure = format!("{what} a crate of 200 MB, above idle");
        report.add(&measure, "MB", held, None, &Target::AtMost(64.0));
    }
    Ok(())
}
