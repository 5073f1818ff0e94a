//! Reading a packument, and publishing, against nginx, Verdaccio and the bare disk.

mod memory;
mod package;
mod scale;
mod subject;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::report::{Report, Target, median};
use super::{Bench, Protocol, load};
use crate::http::Connection;
use crate::server::{self, Server};
use package::Release;
use subject::Subject;

/// What is measured of npm.
pub(super) const BENCHES: Protocol = Protocol {
    name: "npm",
    tools: &["verdaccio", "nginx", "wrk"],
    benches: &[
        ("read", read),
        ("publish", publish),
        ("memory", memory::memory),
        ("start", memory::start),
        ("scale", scale::scale),
    ],
};

const ROUNDS: usize = 3;
const PACKAGE: &str = "packument";
const ACCEPT: (&str, &str) = ("accept", "application/vnd.npm.install-v1+json");
const GZIP: (&str, &str) = ("accept-encoding", "gzip");

/// The abbreviated packument of 100 versions, over 32 connections.
fn read(bench: &Bench, report: &mut Report) -> Result<()> {
    let releases: Vec<_> = (0..100)
        .map(|number| Release::new(PACKAGE, format!("1.{number}.0")))
        .collect();
    let ours = Subject::ours(bench, "read-ours")?;
    let peer = Subject::verdaccio(bench, "read-verdaccio")?;
    for subject in [&ours, &peer] {
        let outcome = subject.publish(1, &releases)?;
        ensure!(
            outcome.failures.is_empty(),
            "a peer refused: {}",
            outcome.failures[0]
        );
    }
    let nginx = same_bytes(bench, &ours)?;
    let seconds = if bench.full { 10 } else { 4 };
    for (what, headers) in [("identity", &[ACCEPT][..]), ("gzip", &[ACCEPT, GZIP])] {
        let mut rates = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let urls = [
                format!("{}{}", ours.server.url(), ours.path(PACKAGE)),
                format!("{}/{PACKAGE}", nginx.url()),
                format!("{}{}", peer.server.url(), peer.path(PACKAGE)),
            ];
            for (rates, url) in rates.iter_mut().zip(urls) {
                rates.push(load::wrk(&url, headers, None, seconds)?);
            }
        }
        let [ours, nginx, verdaccio] = &rates;
        let measure = format!("read 100 versions, {what}");
        report.compare(
            &measure,
            "/s",
            ours,
            ("nginx", nginx),
            &Target::AtLeast(0.5),
        );
        report.compare(
            &measure,
            "/s",
            ours,
            ("verdaccio", verdaccio),
            &Target::AtLeast(10.0),
        );
    }
    Ok(())
}

/// nginx over the very bytes that we serve, plain and compressed.
fn same_bytes(bench: &Bench, ours: &Subject) -> Result<Server> {
    let folder = bench.folder.join("nginx");
    fs::create_dir_all(folder.join("files"))?;
    let mut connection = Connection::new(ours.server.port);
    for (headers, file) in [
        (&[ACCEPT][..], PACKAGE.to_owned()),
        (&[ACCEPT, GZIP], format!("{PACKAGE}.gz")),
    ] {
        let answer = connection
            .get(&ours.path(PACKAGE), headers)?
            .successful("a packument")?;
        let encoded = answer.header("content-encoding") == Some("gzip");
        ensure!(
            encoded == file.ends_with(".gz"),
            "{headers:?} was not answered as it asks"
        );
        println!("    {file}: {} bytes", answer.body.len());
        fs::write(folder.join("files").join(file), answer.body)?;
    }
    server::nginx(&folder, &format!("/{PACKAGE}"), ACCEPT.1).context("nginx")
}

/// Publishing with 16 workers: to one package, and to many.
fn publish(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::ours(bench, "publish-ours")?;
    let peer = Subject::verdaccio(bench, "publish-verdaccio")?;
    hot(report, &ours, &peer)?;
    many(bench, report, &ours, &peer)
}

fn hot(report: &mut Report, ours: &Subject, peer: &Subject) -> Result<()> {
    let mut rates = [const { Vec::new() }; 2];
    for round in 0..ROUNDS {
        let name = format!("hot-{round}");
        let releases: Vec<_> = (0..500)
            .map(|number| Release::new(&name, format!("1.0.{number}")))
            .collect();
        for (subject, rates) in [ours, peer].into_iter().zip(&mut rates) {
            let outcome = subject.publish(16, &releases)?;
            let (done, failed) = (outcome.latencies.len(), outcome.failures.len());
            let listed = subject.versions(&name)?;
            println!(
                "    hot, round {round}: {:.0}/s, {failed} failed, {listed} listed",
                outcome.rate()
            );
            if std::ptr::eq(subject, ours) {
                ensure!(
                    listed == done,
                    "{done} were acknowledged, {listed} are listed"
                );
            }
            rates.push(outcome.rate());
        }
    }
    let [ours, peer] = &rates;
    let measure = "publish to one package, 16 workers";
    report.compare(
        measure,
        "/s",
        ours,
        ("verdaccio", peer),
        &Target::AtLeast(10.0),
    );
    report.add(measure, "/s", median(ours), None, &Target::AtLeast(600.0));
    Ok(())
}

fn many(bench: &Bench, report: &mut Report, ours: &Subject, peer: &Subject) -> Result<()> {
    let folder = bench.folder.join("ceiling");
    let ceiling = || load::durable_writes(&folder, Duration::from_millis(1500));
    let mut rates = [const { Vec::new() }; 2];
    let mut ceilings = Vec::new();
    // A round of ours is a fraction of a second, so there are more of them.
    for round in 0..2 * ROUNDS - 1 {
        let releases: Vec<_> = (0..200)
            .map(|number| Release::new(format!("many-{round}-{number}"), "1.0.0"))
            .collect();
        let before = ceiling()?;
        let own = ours.publish(16, &releases)?.rate();
        let around = f64::midpoint(before, ceiling()?);
        let outcome = peer.publish(16, &releases)?;
        let (other, failed) = (outcome.rate(), outcome.failures.len());
        println!(
            "    many, round {round}: {own:.0}/s, durable writes {around:.0}/s, \
             verdaccio {other:.0}/s, {failed} failed"
        );
        ceilings.push(around);
        rates[0].push(own);
        rates[1].push(other);
    }
    let [ours, peer] = &rates;
    let measure = "publish to 200 packages, 16 workers";
    report.compare(measure, "/s", ours, ("verdaccio", peer), &Target::None);
    for (writes, name) in [(2.0, "ceiling/2"), (3.0, "ceiling/3")] {
        let part: Vec<_> = ceilings.iter().map(|ceiling| ceiling / writes).collect();
        report.compare(measure, "/s", ours, (name, &part), &Target::AtLeast(0.6));
    }
    Ok(())
}
