//! Reading a project's page, publishing, and a large wheel, against nginx, pypiserver and the bare disk.

mod subject;
mod wheel;

use std::fs::{self, File};
use std::io::Write;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::memory::{self, Sampler};
use super::report::{Report, Target, median};
use super::{Bench, Protocol, load};
use crate::http::{Connection, Counter};
use crate::server::{self, Server};
use subject::Subject;
use wheel::Wheel;

/// What is measured of PyPI.
pub(super) const BENCHES: Protocol = Protocol {
    name: "pypi",
    tools: &["pypiserver", "nginx", "wrk"],
    benches: &[("read", read), ("publish", publish), ("memory", memory)],
};

const ROUNDS: usize = 3;
const PROJECT: &str = "page";
const FILES: usize = 500;
const ACCEPT: (&str, &str) = ("accept", "application/vnd.pypi.simple.v1+json");
const GZIP: (&str, &str) = ("accept-encoding", "gzip");

/// The page of a project with 500 files, and the metadata of one of them, over 32 connections.
fn read(bench: &Bench, report: &mut Report) -> Result<()> {
    let wheels: Vec<_> = (0..FILES)
        .map(|number| Wheel::new(PROJECT, format!("1.{number}")))
        .collect();
    let ours = Subject::ours(bench, "read-ours")?;
    ours.publish(4, &wheels)?;
    let folder = bench.folder.join("read-pypiserver");
    fs::create_dir_all(folder.join("packages"))?;
    for wheel in &wheels {
        fs::write(folder.join("packages").join(wheel.file()), wheel.bytes()?)?;
    }
    let peer = server::pypiserver(&bench.root, &folder)?;
    let page = format!("/pypi/simple/{PROJECT}/");
    let file = wheels[0].file();
    let metadata = format!("/pypi/packages/{PROJECT}/{file}.metadata");
    let nginx = same_bytes(bench, &ours, &page, &metadata)?;
    let seconds = if bench.full { 10 } else { 4 };
    for (what, path, same, headers) in [
        ("page of 500 files, identity", &page, "/page", &[ACCEPT][..]),
        ("page of 500 files, gzip", &page, "/page", &[ACCEPT, GZIP]),
        ("metadata of a file", &metadata, "/metadata", &[]),
    ] {
        let mut rates = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            let urls = [
                format!("{}{path}", ours.server.url()),
                format!("{}{same}", nginx.url()),
            ];
            for (rates, url) in rates.iter_mut().zip(urls) {
                rates.push(load::wrk(&url, headers, None, seconds)?);
            }
        }
        let [ours, nginx] = &rates;
        report.compare(what, "/s", ours, ("nginx", nginx), &Target::AtLeast(0.5));
    }
    // The peer has no JSON and is slow, so that a round is enough.
    let url = format!("{}/simple/{PROJECT}/", peer.url());
    let theirs = load::wrk(&url, &[], None, seconds)?;
    let url = format!("{}{page}", ours.server.url());
    let html = load::wrk(&url, &[("accept", "text/html")], None, seconds)?;
    report.add(
        "page of 500 files, HTML",
        "/s",
        html,
        Some(("pypiserver", theirs)),
        &Target::None,
    );
    Ok(())
}

/// nginx over the very bytes that we serve, plain and compressed.
fn same_bytes(bench: &Bench, ours: &Subject, page: &str, metadata: &str) -> Result<Server> {
    let folder = bench.folder.join("nginx");
    fs::create_dir_all(folder.join("files"))?;
    let mut connection = Connection::new(ours.server.port);
    for (path, headers, file) in [
        (page, &[ACCEPT][..], "page"),
        (page, &[ACCEPT, GZIP], "page.gz"),
        (metadata, &[], "metadata"),
    ] {
        let answer = connection.get(path, headers)?.successful(path)?;
        let encoded = answer.header("content-encoding") == Some("gzip");
        ensure!(
            encoded == file.ends_with(".gz"),
            "{headers:?} was not answered as it asks"
        );
        println!("    {file}: {} bytes", answer.body.len());
        fs::write(folder.join("files").join(file), answer.body)?;
    }
    server::nginx(&folder, "/page", ACCEPT.1).context("nginx")
}

/// Publishing with 16 workers, to one project and to many, and what one durable write costs.
fn publish(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::ours(bench, "publish-ours")?;
    let ceiling =
        || load::durable_writes(&bench.folder.join("ceiling"), Duration::from_millis(1500));
    for (measure, single) in [
        ("publish to one project, 16 workers", true),
        ("publish to 200 projects, 16 workers", false),
    ] {
        let (mut rates, mut ceilings) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let wheels: Vec<_> = (0..200)
                .map(|number| match single {
                    true => Wheel::new(&format!("hot-{round}"), format!("1.{number}")),
                    false => Wheel::new(&format!("many-{round}-{number}"), "1.0".to_owned()),
                })
                .collect();
            let before = ceiling()?;
            rates.push(ours.publish(16, &wheels)?.rate());
            ceilings.push(f64::midpoint(before, ceiling()?));
            if single {
                let listed = ours.files(&format!("hot-{round}"))?;
                ensure!(listed == wheels.len(), "{listed} are listed");
            }
        }
        let fsync = 1000.0 / median(&ceilings);
        println!("    one durable write takes {fsync:.2} ms of 16 threads");
        let writes = ("durable writes", ceilings.as_slice());
        report.compare(measure, "/s", &rates, writes, &Target::None);
    }
    Ok(())
}

/// Idle, and while a large wheel is uploaded and fetched.
fn memory(bench: &Bench, report: &mut Report) -> Result<()> {
    let size: u64 = if bench.full { 1 << 30 } else { 64 << 20 };
    let subject = Subject::ours(bench, "memory-ours")?;
    let wheel = Wheel::new("large", "1.0".to_owned());
    let path = bench.folder.join("body");
    let mut body = File::create(&path)?;
    let length = wheel.form_of(&mut body, size)?;
    body.flush()?;
    let mut body = File::open(&path)?;
    // A start leaves garbage behind, which is not what a server at rest holds.
    thread::sleep(Duration::from_secs(2));
    let pid = subject.server.pid();
    let idle = memory::now(pid)?;
    let authorization = subject.authorization();
    let kind = Wheel::content_type();
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", &kind),
    ];
    let mut connection = Connection::new(subject.server.port);
    let start = std::time::Instant::now();
    let sampler = Sampler::start(pid);
    let answer = connection.send_file("POST", "/legacy/", &headers, &mut body)?;
    answer.successful("the upload of a large wheel")?;
    let upload = sampler.peak()?;
    let rate = length as f64 / 1e6 / start.elapsed().as_secs_f64();
    fs::remove_file(&path)?;
    let sampler = Sampler::start(pid);
    let mut received = Counter::default();
    let address = format!("/pypi/packages/large/{}", wheel.file());
    let start = std::time::Instant::now();
    connection.download(&address, &[], &mut received)?;
    let fetched = length as f64 / 1e6 / start.elapsed().as_secs_f64();
    let fetch = sampler.peak()?;
    ensure!(
        received.0 == length,
        "{} of {length} bytes came back",
        received.0
    );
    let name = if bench.full { "1 GiB" } else { "64 MiB" };
    for (what, memory, rate) in [("upload", upload, rate), ("fetch", fetch, fetched)] {
        report.add(
            &format!("{what} a wheel of {name}, above idle"),
            "MB",
            memory.own - idle.own,
            None,
            &Target::AtMost(64.0),
        );
        report.add(
            &format!("{what} a wheel of {name}"),
            "MB/s",
            rate,
            None,
            &Target::None,
        );
    }
    Ok(())
}
